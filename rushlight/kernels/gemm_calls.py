"""Products of arrays of sizes and strides seen before: from the arrays to their kernel in machine code.

A product of small matrices takes less time than Python needs to look at their shapes. Whoever has planned a
product writes it into the table here, under what the plan depends on; the next of its like finds it.
"""

from __future__ import annotations

import operator
import random
from collections.abc import Sequence
from functools import reduce
from typing import Any, NamedTuple

import numpy as np

from . import layout, llvm, objects
from .ir import Function, Module
from .launch import register, run
from .types import f64, i64, ptr
from .values import Value

MOST_DIMS = 3
_ARRAY = 2 + 2 * MOST_DIMS  # words of a key for an array: dtype, dimensions, sizes, strides
_KEY = 3 * _ARRAY
MOST_REST = 24
#: the words of an entry, behind its key
KERNEL, TOTAL, GRAIN, TURNED, NDIM, DIMS = (_KEY + k for k in range(6))
COUNT = DIMS + MOST_DIMS
REST = COUNT + 1
_WORDS = REST + MOST_REST
_ENTRIES = 512  # a power of 2
_random = random.Random(1)
_FACTORS = [
    (_random.getrandbits(63) | 1) for _ in range(_KEY)
]  # of a multilinear hash (Lemire and Kaser 2014)
_HIGH = 40  # the bits from here on are well mixed

table = np.zeros((_ENTRIES, _WORDS), np.int64)


class Entry(NamedTuple):
    """What to run for a key: the kernel's address, its chunks, the product's shape, the arguments behind."""

    kernel: int
    total: int
    grain: int
    turned: bool  # the product's transpose is computed
    shape: tuple[int, ...]
    rest: Sequence[int]


def remember(arrays: Sequence[Any], entry: Entry) -> None:
    """Let the next product of two (or, with an addend, three) arrays like these go straight to its kernel."""
    if max(len(entry.shape), *(a.ndim for a in arrays)) > MOST_DIMS or len(entry.rest) > MOST_REST:
        return
    if any(a.dtype.isbuiltin != 1 or a.dtype is not np.dtype(a.dtype.char) for a in arrays):
        return  # the key is the address of the dtype, which must be there for ever
    key = _key_of(arrays)
    words = [*key, entry.kernel, entry.total, entry.grain, entry.turned, len(entry.shape)]
    words += [*_padded(entry.shape), len(entry.rest), *entry.rest]
    place = table[_place(key)]
    place[: len(words)] = words


def remember_alike(arrays: Sequence[Any], others: Sequence[Any], shape: tuple[int, ...]) -> None:
    """Let a product like that of `arrays` do what one like that of `others` does, if that is known."""
    words = table[_place(_key_of(others))]
    if words[:_KEY].tolist() == _key_of(others):
        kernel, total, grain, turned = words[KERNEL : TURNED + 1].tolist()
        rest = words[REST : REST + words[COUNT]].tolist()
        remember(arrays, Entry(kernel, total, grain, turned, shape, rest))


def forget() -> None:
    """Empty the table: plans depend on the number of threads."""
    for words in table:  # one by one: NumPy clears much with the interpreter released, under readers
        words[0] = 0


def _padded(sizes: Sequence[int]) -> list[int]:
    return [*sizes, *[0] * (MOST_DIMS - len(sizes))]


def _key_of(arrays: Sequence[Any]) -> list[int]:
    key: list[int] = []
    for a in arrays:
        key += [id(a.dtype), a.ndim, *_padded(a.shape), *_padded(a.strides)]
    return [*key, *[0] * (_KEY - len(key))]


def _place(key: Sequence[int]) -> int:
    return sum(word * factor for word, factor in zip(key, _FACTORS, strict=True)) >> _HIGH & _ENTRIES - 1


# -- the code ------------------------------------------------------------------------------------------


#: what the first argument of the code says: the second array is meant transposed; all have so many dimensions
TURNED_SECOND, RANK = 1, 4


def address() -> int:
    """ptr product(i64 how, ptr arrays, i64 count): x @ y (+ addend) as a new array, or None."""
    if "rushlight_product" not in llvm.symbols:
        register()
        code = llvm.build("product calls", _module, product_table=table.ctypes.data)
        llvm.symbols.update(code)
    return llvm.symbols["rushlight_product"]


def builtin() -> Any:
    """The builtin product(x, y) or product(x, y, addend); None where the table knows nothing like them."""
    address()
    return layout.builtin("product", llvm.symbols["rushlight_product_builtin"])


def _module() -> Module:
    m = Module()
    f = m.function("rushlight_product", ptr, how=i64, arrays=ptr.pointer, count=i64)
    how, arrays, count = f.args
    key = f.stack(i64, _KEY)
    for k in range(0, _KEY, 8):
        key.store(f.const(i64.x(8), 0), k)
    present = f.var(count)
    with f.when((count == 3) & (arrays[count - 1] == objects.symbol(f, "py_None"))):
        present.set(2)
    _describe(f, key, arrays, present.now)
    rank = how // RANK
    _miss(f, (rank != 0) & ((key[1] != rank) | (key[_ARRAY + 1] != rank)))
    with f.when((how & TURNED_SECOND) != 0):
        _turn(key.at(_ARRAY))
    entry = m.external(f, "product_table").of(i64).at(_place_in_code(key) * _WORDS)
    for k in range(0, _KEY, 8):
        differs = (key.load(k, 8) ^ entry.load(k, 8, align=8)).fold(lambda a, b: a | b)
        _miss(f, differs != 0)
    f.ret(_run(f, entry, arrays, present.now))
    f = m.function("rushlight_product_builtin", ptr, owner=ptr, arrays=ptr.pointer, count=i64)
    _, arrays, count = f.args
    _miss(f, (count < 2) | (count > 3))
    f.ret(f.call("rushlight_product", ptr, 0, arrays, count))
    return m


def _turn(words: Value) -> None:
    """Exchange the sizes and the strides of a matrix in its part of a key."""
    for first in (2, 2 + MOST_DIMS):
        a, b = words[first], words[first + 1]
        words[first], words[first + 1] = b, a


def _miss(f: Function, condition: Any) -> None:
    with f.when(condition):
        f.ret(objects.none(f))


def _describe(f: Function, key: Value, arrays: Value, count: Value) -> None:
    """Write the key of the arrays."""
    for k in f.range(0, count):
        a = arrays[k]
        _miss(f, ~objects.is_a(a, "ndarray"))
        _miss(f, ~objects.has_flags(a, layout.ALIGNED))
        words, ndim = key.at(k * _ARRAY), objects.ndim(a)
        _miss(f, ndim > MOST_DIMS)
        words[0] = objects.field(a, layout.DTYPE, i64)
        words[1] = ndim
        for d in f.range(0, ndim):
            words[d + 2] = objects.dims(a)[d]
            words[d + (2 + MOST_DIMS)] = objects.strides(a)[d]


def _place_in_code(key: Value) -> Value:
    """`_place` of a key in memory."""
    products = [key[k] * factor for k, factor in enumerate(_FACTORS)]
    return (reduce(operator.add, products) >> _HIGH) & (_ENTRIES - 1)


def _run(f: Function, entry: Value, arrays: Value, count: Value) -> Value:
    """A new array, and the kernel run; null where memory is out."""
    x, y = arrays[0], arrays[1]
    out = objects.new_array_of(f, objects.field(x, layout.DTYPE, ptr), entry[NDIM], entry.at(DIMS))
    with f.when(out == 0):
        f.ret(out)
    slots = f.stack(i64, 6 + MOST_REST)
    turned = entry[TURNED] != 0
    a, b = (objects.field(o, layout.DATA, i64) for o in (x, y))
    slots[0], slots[1] = turned.select(b, a), turned.select(a, b)
    slots[2] = objects.field(out, layout.DATA, i64)
    slots[3] = 0
    with f.when(count == 3):
        slots[3] = objects.field(arrays[2], layout.DATA, i64)
    slots.of(f64).at(4).store(1.0)
    slots.of(f64).at(5).store(1.0)
    for k in f.range(0, entry[COUNT]):
        slots[k + 6] = entry.at(REST)[k]
    run(f, entry[KERNEL].to(ptr), slots, entry[TOTAL], entry[GRAIN])
    return out
