"""Views of arrays made in machine code: another shape of contiguous memory, a matrix transposed, a number
stretched.

All take (ptr unused, ptr arguments, i64 count), the array first, and give a new array, or None where the
arguments are not what they take: then NumPy makes the view, or says what is wrong.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from . import layout, llvm, objects
from .ir import Function, Module
from .launch import register
from .types import i32, i64, ptr, void
from .values import Value

MOST_DIMS = 32


def address(name: str) -> int:
    """Where the code for "reshaped", "transposed" or "stretched" is."""
    if f"rushlight_{name}" not in llvm.symbols:
        register()
        llvm.symbols.update(llvm.build("views", _module))
    return llvm.symbols[f"rushlight_{name}"]


@cache
def builtin(name: str) -> Any:
    """The same as a Python builtin."""
    return layout.builtin(name, address(name))


def _module() -> Module:
    m = Module()
    _view(m)
    _reshaped(m)
    _transposed(m)
    _stretched(m)
    return m


def _miss(f: Function, condition: Any) -> None:
    with f.when(condition):
        f.ret(objects.none(f))


def _view(m: Module) -> None:
    """A view of `a` with these sizes, strides and flags; null where memory is out."""
    types = dict(a=ptr, ndim=i64, sizes=i64.pointer, steps=i64.pointer, flags=i32)
    f = m.function("view", ptr, internal=True, **types)
    a, ndim, sizes, steps, flags = f.args
    kind = objects.retained(objects.field(a, layout.DTYPE, ptr))
    null = f.const(ptr, 0)
    made = f.call(
        *("PyArray_NewFromDescr", ptr, objects.symbol(f, "py_ndarray"), kind, ndim.to(i32), sizes),
        *(steps, objects.field(a, layout.DATA, ptr), flags, null),
    )
    with f.when(made != 0):
        f.call("PyArray_SetBaseObject", i32, made, objects.retained(a))
    f.ret(made)


def _writeable(a: Value) -> Value:
    """Whether an array may be written to, as a flag."""
    return objects.field(a, layout.FLAGS, i32) & layout.WRITEABLE


def _reshaped(m: Module) -> None:
    """Another shape of contiguous memory; the sizes are ints behind the array, or one tuple of them."""
    f = m.function("rushlight_reshaped", ptr, head=ptr, args=ptr.pointer, count=i64)
    _, args, count = f.args
    a = args[0]
    _miss(f, ~objects.is_a(a, "ndarray") | (count < 2))
    _miss(f, ~objects.has_flags(a, layout.C_CONTIGUOUS))
    given, n = f.var(args.at(1)), f.var(count - 1)
    with f.when((count == 2) & objects.is_a(args[1], "tuple")):
        n.set(objects.field(args[1], layout.TUPLE_SIZE, i64))
        given.set(args[1].of(objects.i8).at(layout.TUPLE_ITEMS).of(ptr))
    _miss(f, n > MOST_DIMS)
    sizes = f.stack(i64, MOST_DIMS)
    total, known, open_at = f.var(1), f.var(1), f.var(-1)
    for d in f.range(0, objects.ndim(a)):
        total *= objects.dims(a)[d]
    for d in f.range(0, n):
        o = given.now.of(ptr)[d]
        _miss(f, ~objects.is_a(o, "int"))
        size = f.call("PyLong_AsLongLong", i64, o)
        with f.when(size < 0):
            with f.when(f.call("PyErr_Occurred", ptr) != 0):  # too large a number
                f.call("PyErr_Clear", void)
                f.ret(objects.none(f))
            _miss(f, (size != -1) | (open_at >= 0))
            open_at.set(d)
        with f.otherwise():
            known *= size
        sizes[d] = size
    with f.when(open_at >= 0):
        _miss(f, known == 0)
        sizes[open_at] = total // known
        known *= sizes[open_at]
    _miss(f, known != total)
    f.ret(f.call("view", ptr, a, n, sizes, f.const(ptr, 0).of(i64), _writeable(a)))


def _transposed(m: Module) -> None:
    """A matrix transposed."""
    f = m.function("rushlight_transposed", ptr, head=ptr, args=ptr.pointer, count=i64)
    _, args, count = f.args
    a = args[0]
    _miss(f, ~objects.is_a(a, "ndarray") | (count != 1))
    _miss(f, objects.ndim(a) != 2)
    sizes, steps = f.stack(i64, 2), f.stack(i64, 2)
    for d in range(2):
        sizes[d] = objects.dims(a)[1 - d]
        steps[d] = objects.strides(a)[1 - d]
    f.ret(f.call("view", ptr, a, 2, sizes, steps, _writeable(a)))


def _stretched(m: Module) -> None:
    """An array of no dimensions, read-only, as one of the sizes in a tuple."""
    f = m.function("rushlight_stretched", ptr, head=ptr, args=ptr.pointer, count=i64)
    _, args, count = f.args
    _miss(f, count != 2)
    a, shape = args[0], args[1]
    _miss(f, ~objects.is_a(a, "ndarray") | ~objects.is_a(shape, "tuple"))
    n = objects.field(shape, layout.TUPLE_SIZE, i64)
    _miss(f, (objects.ndim(a) != 0) | (n > MOST_DIMS))
    sizes, steps = f.stack(i64, MOST_DIMS), f.stack(i64, MOST_DIMS)
    for d in f.range(0, n):
        o = shape.of(objects.i8).at(layout.TUPLE_ITEMS).of(ptr)[d]
        _miss(f, ~objects.is_a(o, "int"))
        sizes[d] = f.call("PyLong_AsLongLong", i64, o)
        steps[d] = 0
        _miss(f, sizes[d] < 0)
    f.ret(f.call("view", ptr, a, n, sizes, steps, 0))
