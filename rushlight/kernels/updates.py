"""The same change made to many arrays in one call: the steps of optimisers, and the norm of all gradients.

A change states new values of an element's numbers as expressions (Adam's: of a parameter and its averages).
Its builtin takes one tuple for each name, of one array for each parameter. It looks at them all, and only
then writes: the arrays laid end to end are one range of elements, cut into chunks that the pool shares, and a
table tells a chunk in which arrays it lies.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

import rushlight.scalar as scalar

from ..scalar import CONST, VAR, Expr
from . import layout, llvm, objects, pointwise
from .ir import Function, Module
from .launch import MOST_SLOTS, Kernel, entry, run
from .lower import lower_all
from .targets import Target, host
from .types import Type, f32, f64, i32, i64, ptr, void
from .values import Value

TYPES = {np.dtype(np.float32): f32, np.dtype(np.float64): f64}
#: elements that are worth waking a thread for
CHEAP, DEAR = 1 << 15, 1 << 14

#: the words of a plan: how many arrays and numbers, the arrays' dtype, whether they are written to, the code
ARRAYS, NUMBERS, DTYPE, SIZE, WRITES, KERNEL, GRAIN = range(7)


class Update:
    """New values of arrays, by name, as expressions of arrays and numbers; the names' order is the call's."""

    def __init__(self, new: Mapping[str, Expr], arrays: Sequence[str], numbers: Sequence[str]) -> None:
        assert len(numbers) + 2 <= MOST_SLOTS and arrays[0] in new
        self.new, self.arrays, self.numbers = dict(new), tuple(arrays), tuple(numbers)
        self._builtins: dict[np.dtype, Any] = {}

    def __call__(
        self,
        lists: Sequence[tuple[Any, ...]],
        numbers: Sequence[float],
        counts: Any = None,
        count: float = 0.0,
    ) -> bool:
        """Whether it was done: not where arrays differ in dtype or shape, or overlap; then nothing changes.

        `counts` are arrays of one number that are to become `count`, and must be one less.
        """
        kind: Any = getattr(lists[0][0], "dtype", None) if lists[0] else None
        if kind not in TYPES:
            return False
        builtin = self._builtins.get(kind) or self._make(kind)
        return builtin(*lists, counts, count, *numbers) is True

    def _make(self, kind: np.dtype) -> Any:
        plan = _plan(kind, len(self.arrays), len(self.numbers), True, self.kernel(kind).address, self.grain)
        made = self._builtins[kind] = _builtin("update", plan)
        return made

    def kernel(self, kind: np.dtype) -> Kernel:
        """kernel(table of rows, their count, numbers ...): a row has an element count and addresses."""
        element = TYPES[kind]
        shown = [(name, repr(scalar.program(e))) for name, e in self.new.items()]
        key = ("update", shown, self.arrays, self.numbers, str(element))
        return Kernel(key, lambda target: self._module(element, target)).ready()

    @property
    def grain(self) -> int:
        """Elements that are worth waking a thread for."""
        return DEAR if self._is_dear else CHEAP

    @cached_property
    def _is_dear(self) -> bool:
        inner = [e for root in self.new.values() for e in scalar.nodes(root) if e.fn not in (VAR, CONST)]
        return any(e.fn.kind is scalar.REAL for e in inner)

    # -- the kernel ---------------------------------------------------------------------------------

    def _module(self, element: Type, target: Target) -> Module:
        """kernel(table, rows, numbers ...): the new values of elements lo..hi of all arrays."""
        m = Module()
        f, lo, hi, _, slots = entry(m, "kernel", False, **_slots(self.numbers))
        table, rows, *given = slots
        lanes = target.lanes(element)
        numbers = {name: v.to(element) for name, v in zip(self.numbers, given, strict=True)}
        wide = {name: v.splat(lanes) for name, v in numbers.items()}
        for start, length, arrays in pieces(f, table, rows, lo, hi, len(self.arrays), element):
            at = {name: p.at(start) for name, p in zip(self.arrays, arrays, strict=True)}
            middle = length & -lanes
            for i in f.range(0, middle, lanes):
                self._write(f, at, wide, i, lanes, None)
            if target.masks:
                with f.when(middle < length):
                    self._write(f, at, wide, middle, lanes, f.below(length - middle, lanes))
            else:
                for i in f.range(middle, length):
                    self._write(f, at, numbers, i, 1, None)
        f.ret()
        return m

    def _write(
        self, f: Function, at: dict[str, Value], numbers: dict[str, Value], i: Value, lanes: int, mask: Any
    ) -> None:
        """The new values of elements i .. i + lanes."""
        values = {name: p.load(i, lanes, mask) for name, p in at.items()} | numbers
        element = next(iter(at.values())).type.target
        assert element is not None
        results = lower_all(f, list(self.new.values()), values, element)
        for name, v in zip(self.new, results, strict=True):
            at[name].store(v, i, mask)


def _slots(numbers: Sequence[str]) -> dict[str, Type]:
    return {"table of rows": i64.pointer, "count of rows": i64} | dict.fromkeys(numbers, f64)


def pieces(f: Function, table: Value, rows: Value, lo: Value, hi: Value, arrays: int, element: Type) -> Any:
    """The arrays that elements lo..hi lie in: per row the first element in it, how many, the addresses."""
    width = arrays + 1
    row, at = f.var(_row_of(f, table, rows, lo, width)), f.var(lo)
    for _ in f.forever():
        f.leave(at >= hi)
        words = table.at(row * width)
        end = smaller(words[width], hi)
        yield at - words[0], end - at, [words[1 + k].to(element.pointer) for k in range(arrays)]
        at.set(end)
        row += 1


def smaller(x: Value, y: Value) -> Value:
    """min(x, y)."""
    return (x < y).select(x, y)


def _row_of(f: Function, table: Value, rows: Value, place: Value, width: int) -> Value:
    """The last row that starts at or before `place`, by halving."""
    low, high = f.var(0), f.var(rows)
    for _ in f.forever():
        f.leave(high - low <= 1)
        middle = (low + high) >> 1
        before = table[middle * width] <= place
        low.set(before.select(middle, low.now))
        high.set(before.select(high.now, middle))
    return low.now


# -- the sum of all squares ----------------------------------------------------------------------------


class Squares:
    """The sum of the squares of all elements of a tuple of arrays, in float64; None where they differ."""

    def __init__(self) -> None:
        self._builtins: dict[np.dtype, Any] = {}

    def __call__(self, arrays: tuple[Any, ...]) -> float | None:
        kind: Any = getattr(arrays[0], "dtype", None) if arrays else None
        if kind not in TYPES:
            return None
        return (self._builtins.get(kind) or self._make(kind))(arrays)

    def _make(self, kind: np.dtype) -> Any:
        element = TYPES[kind]
        kernel = llvm.build(("squares", str(element)), lambda: _squares_module(element, host()))["kernel"]
        made = self._builtins[kind] = _builtin("squares", _plan(kind, 1, 0, False, kernel, CHEAP))
        return made


squares = Squares()


def _squares_module(element: Type, target: Target) -> Module:
    """kernel(table, rows, sums): sums[chunk] = Σ x² over elements lo..hi of all arrays."""
    m = Module()
    f, lo, hi, _, (table, rows, sums) = entry(m, table=i64.pointer, rows=i64, sums=f64.pointer)
    lanes = target.lanes(f64)
    wide = 4 * lanes  # as many additions under way as their latency takes
    total, rest = f.var(f.const(f64.x(wide), 0)), f.var(f.const(f64, 0))
    for start, length, (p,) in pieces(f, table, rows, lo, hi, 1, element):
        x, middle = p.at(start), length & -wide
        for i in f.range(0, middle, wide):
            v = x.load(i, wide).to(f64)
            total += v * v
        for i in f.range(middle, length):
            v = x[i].to(f64)
            rest += v * v
    sums[lo // CHEAP] = total.now.fold(lambda a, b: a + b) + rest
    f.ret()
    return m


# -- the builtins --------------------------------------------------------------------------------------

_kept: list[Any] = []


def _plan(kind: np.dtype, arrays: int, numbers: int, writes: bool, kernel: int, grain: int) -> np.ndarray:
    return np.array([arrays, numbers, id(kind), kind.itemsize, writes, kernel, grain], np.int64)


def _builtin(name: str, plan: np.ndarray) -> Any:
    """The builtin that looks at its arguments as the plan says, and runs the plan's kernel."""
    if "rushlight_update" not in llvm.symbols:
        pointwise.register()
        llvm.symbols.update(llvm.build("updates", _module))
    _kept.append(plan)
    return layout.builtin(name, llvm.symbols[f"rushlight_{name}"], layout.capsule(plan.ctypes.data))


def _module() -> Module:
    m = Module()
    _row(m)
    _overlap(m)
    _tabulate(m)
    _count(m)
    _attempt_update(m)
    _attempt_squares(m)
    for name in ("update", "squares"):
        _entry(m, name)
    return m


def _refuse(f: Function, condition: Any) -> None:
    """Return -1: the arguments are not what the builtin takes."""
    with f.when(condition):
        f.ret(-1)


def _item(tuple: Any, k: Any) -> Value:
    return tuple.of(objects.i8).at(layout.TUPLE_ITEMS).of(ptr)[k]


def _size(tuple: Any) -> Value:
    return objects.field(tuple, layout.TUPLE_SIZE, i64)


def _row(m: Module) -> None:
    """Look at the arrays of one row, of one shape and order of memory, and note their addresses.

    Returns the number of elements in each.
    """
    f = m.function(
        "row",
        i64,
        internal=True,
        plan=i64.pointer,
        args=ptr.pointer,
        i=i64,
        words=i64.pointer,
    )
    plan, args, i, words = f.args
    lead = _item(args[0], i)
    need = (plan[WRITES] != 0).select(f.const(i32, layout.ALIGNED | layout.WRITEABLE), layout.ALIGNED)
    orders = f.var(f.const(i32, layout.C_CONTIGUOUS | layout.F_CONTIGUOUS))
    for k in f.range(0, plan[ARRAYS]):
        o = _item(args[k], i)
        _refuse(f, ~objects.is_a(o, "ndarray"))
        _refuse(f, objects.field(o, layout.DTYPE, i64) != plan[DTYPE])
        flags = objects.field(o, layout.FLAGS, i32)
        _refuse(f, (flags & need) != need)
        with f.when(k > 0):
            _refuse(f, f.call("rushlight_same_shape", i64, lead, o) == 0)
        orders.set(orders & flags)
        words[k + 1] = objects.field(o, layout.DATA, i64)
    _refuse(f, orders == 0)
    size, dims = f.var(1), objects.dims(lead)
    for d in f.range(0, objects.ndim(lead)):
        size *= dims[d]
    f.ret(size)


def _overlap(m: Module) -> None:
    """1 where an array of row `i` overlaps another one of the row, or its first that of an earlier row."""
    f = m.function("overlap", i64, internal=True, plan=i64.pointer, table=i64.pointer, i=i64)
    plan, table, i = f.args
    width, element = plan[ARRAYS] + 1, plan[SIZE]
    words = table.at(i * width)
    bytes = (words[width] - words[0]) * element
    for k in f.range(1, width):
        for j in f.range(1, k):
            with f.when((words[j] < words[k] + bytes) & (words[k] < words[j] + bytes)):
                f.ret(1)
    first = words[1]
    for j in f.range(0, i):
        other = table.at(j * width)
        others = (other[width] - other[0]) * element
        with f.when((first < other[1] + others) & (other[1] < first + bytes)):
            f.ret(1)
    f.ret(0)


def _tabulate(m: Module) -> None:
    """Fill the table: for each row the number of elements before it, and addresses. Returns that of all."""
    f = m.function("tabulate", i64, internal=True, plan=i64.pointer, args=ptr.pointer, table=i64.pointer)
    plan, args, table = f.args
    width, total = plan[ARRAYS] + 1, f.var(0)
    table[0] = 0
    for i in f.range(0, _size(args[0])):
        found = f.call("row", i64, plan, args, i, table.at(i * width))
        _refuse(f, found < 0)
        total += found
        table[(i + 1) * width] = total.now
        with f.when(plan[WRITES] != 0):
            _refuse(f, f.call("overlap", i64, plan, table, i) != 0)
    f.ret(total)


def _count(m: Module) -> None:
    """1 where an array is a single number one below `count`, which becomes it if `write`."""
    f = m.function("count", i64, internal=True, o=ptr, count=f64, write=i64)
    o, count, write = f.args
    with f.when(~objects.is_a(o, "ndarray")):
        f.ret(0)
    with f.when((objects.ndim(o) != 0) | ~objects.has_flags(o, layout.ALIGNED | layout.WRITEABLE)):
        f.ret(0)
    for dtype, t in (("float32", f32), ("float64", f64)):
        with f.when(objects.is_array(o, dtype)):
            p = objects.data(o, t)
            with f.when((p[0] + 1.0).to(f64) != count):
                f.ret(0)
            with f.when(write != 0):
                p[0] = count.to(t)
            f.ret(1)
    f.ret(0)


def _attempt_update(m: Module) -> None:
    """Look at everything, then write; None, with nothing written, or True."""
    f = _attempt(m, "update")
    plan, args, table = f.args
    total = f.call("tabulate", i64, plan, args, table)
    _give_up(f, total < 0)
    slots, arrays = f.stack(i64, MOST_SLOTS), plan[ARRAYS]
    for k in f.range(0, plan[NUMBERS] + 1):
        o = args[arrays + 1 + k]
        _give_up(f, ~objects.is_a(o, "float"))
        slots.of(f64)[1 + k] = objects.float_value(o)
    count = slots.of(f64)[1]  # the first; the kernel has no use for it
    slots[0] = table.to(i64)
    slots[1] = _size(args[0])
    counts = args[arrays]
    with f.when(counts != objects.symbol(f, "py_None")):
        _give_up(f, ~objects.is_a(counts, "tuple"))
        for write in (0, 1):
            for i in f.range(0, _size(counts)):
                _give_up(f, f.call("count", i64, _item(counts, i), count, write) == 0)
    run(f, plan[KERNEL].to(ptr), slots, total, plan[GRAIN])
    f.ret(objects.retained(objects.symbol(f, "py_True")))


def _attempt_squares(m: Module) -> None:
    """The sum of all squares, chunk by chunk, then of the chunks in order; or None."""
    f = _attempt(m, "squares")
    plan, args, table = f.args
    total = f.call("tabulate", i64, plan, args, table)
    _give_up(f, total < 0)
    chunks = (total + (CHEAP - 1)) // CHEAP
    sizes, slots, sum = f.stack(i64, 1), f.stack(i64, 3), f.var(f.const(f64, 0))
    sizes[0] = chunks
    held = objects.new_array(f, "float64", 1, sizes)
    with f.when(held == 0):
        f.ret(held)
    sums = objects.data(held, f64)
    for k, value in enumerate([table.to(i64), _size(args[0]), sums.to(i64)]):
        slots[k] = value
    run(f, plan[KERNEL].to(ptr), slots, total, CHEAP)
    for k in f.range(0, chunks):
        sum += sums[k]
    f.call("Py_DecRef", void, held)
    f.ret(f.call("PyFloat_FromDouble", ptr, sum.now))


def _attempt(m: Module, name: str) -> Function:
    return m.function(
        f"attempt_{name}", ptr, internal=True, plan=i64.pointer, args=ptr.pointer, table=i64.pointer
    )


def _give_up(f: Function, condition: Any) -> None:
    with f.when(condition):
        f.ret(objects.none(f))


def _entry(m: Module, name: str) -> None:
    """The builtin: as many tuples as the plan says, all of one length, and room for the table."""
    f = m.function(f"rushlight_{name}", ptr, owner=ptr, args=ptr.pointer, given=i64)
    owner, args, given = f.args
    plan = objects.field(owner, layout.POINTER, i64.pointer)
    arrays = plan[ARRAYS]
    others = (plan[WRITES] != 0).select(plan[NUMBERS] + 2, 0)  # counts, the count, and the numbers
    _give_up(f, given != arrays + others)
    for k in f.range(0, arrays):
        _give_up(f, ~objects.is_a(args[k], "tuple"))
        _give_up(f, _size(args[k]) != _size(args[0]))
    sizes = f.stack(i64, 1)
    sizes[0] = _size(args[0]) * (arrays + 1) + 1
    held = objects.new_array(f, "int64", 1, sizes)
    with f.when(held == 0):
        f.ret(held)
    result = f.call(f"attempt_{name}", ptr, plan, args, objects.data(held, i64))
    f.call("Py_DecRef", void, held)
    f.ret(result)
