"""A pointwise expression as two builtins: one makes its output, the other writes into an array that is there.

Either looks at its arguments, finds that they are arrays of dtypes it has loops for (numbers may stand in for
some), runs a loop and returns the array; or returns None, and somebody slower must know what to do. The code
of
the builtins is the same for all expressions, and reads what it has to know from tables of words: a head, and
a
plan for each dtype that was met so far.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import rushlight.scalar as scalar

from . import broadcast, layout, llvm, objects
from .broadcast import MOST_ARRAYS, MOST_DIMS
from .elements import Elements, flat, stored, strided
from .ir import Function, Module
from .launch import run
from .lower import supported
from .targets import host
from .types import Type, f32, f64, i1, i8, i16, i32, i64, ptr, u8, void
from .values import Value

#: the words of a head: the first plan, and what to call with arguments that no plan fits
FIRST, ASK_NEW, ASK_INTO = range(3)
#: the words of a plan: the next one, the number of inputs, the kernels, the grain; then three for each
#: operand
NEXT, COUNT, FLAT, STRIDED, GRAIN, OPERANDS = range(6)
DTYPE, SIZE, NUMBER = range(3)  # the dtype, bytes per element, and how a Python number becomes one
#: how a number is written: not at all, as a double, as a float, as an integer
NEVER, DOUBLE, FLOAT, INTEGER = range(4)

_DTYPES = {
    **{"float": "float32", "double": "float64", "half": "float16", "i1": "bool"},
    **{f"i{bits}": f"int{bits}" for bits in (8, 16, 32, 64)},
}
#: the types of arrays that there are loops for
TYPES = {np.dtype(name): t for name, t in (("float32", f32), ("float64", f64), ("bool", i1), ("uint8", u8))}
TYPES |= {np.dtype(f"i{t.size}"): t for t in (i8, i16, i32, i64)}


class Builtins:
    """`new(*inputs)` and `into(out, *inputs)`: an array, or None where the arguments are not what they take.

    Loops for a dtype are made when it is first met; `spec_of(type)` says what they compute.
    """

    def __init__(self, spec_of: Callable[[Type], Elements | None], label: str) -> None:
        self.spec_of = spec_of
        self.plans: dict[np.dtype, np.ndarray | None] = {}
        register()
        self._ask_new, self._ask_into = self._asked("new", 0), self._asked("into", 1)
        self._head = np.array([0, id(self._ask_new), id(self._ask_into)], np.int64)
        self.head: int = self._head.ctypes.data  # for code that calls rushlight_make_new
        owner = layout.capsule(self.head)
        self.new = layout.builtin(label, llvm.symbols["rushlight_new"], owner)
        self.into = layout.builtin(f"{label}_", llvm.symbols["rushlight_into"], owner)
        _kept.append(self)

    def _asked(self, which: str, skip: int) -> Callable[..., Any]:
        """What a builtin calls where no plan fits: makes one for a new dtype, and tries again."""

        def ask(*args: Any) -> Any:
            kind = _common([a.dtype for a in args[skip:] if isinstance(a, np.ndarray)])
            if kind in TYPES and kind not in self.plans and self._has(kind):
                return getattr(self, which)(*args)
            return None

        return ask

    def _has(self, kind: np.dtype) -> bool:
        """Whether there is a plan of a dtype; it is made, by one thread, where there was none."""
        with llvm.lock:
            return self.plans[kind] is not None if kind in self.plans else self._add(kind)

    def _add(self, kind: np.dtype) -> bool:
        """Make the plan of a dtype; whether there is one."""
        spec = self.spec_of(TYPES[kind])
        possible = spec is not None and len(spec.names) < MOST_ARRAYS and supported(spec.root, spec.computes)
        earlier = [p for p in self.plans.values() if p is not None]
        plan = self.plans[kind] = _plan(spec) if spec is not None and possible else None
        if plan is None:
            return False
        (earlier[-1] if earlier else self._head)[0] = plan.ctypes.data  # NEXT and FIRST are both word 0
        return True


def _common(kinds: list[np.dtype]) -> Any:
    """The one dtype of arrays, beside which conditions may stand; None of several."""
    found = {*kinds} - {np.dtype(np.bool_)} or {*kinds}
    return found.pop() if len(found) == 1 else None


_kept: list[Builtins] = []


def register() -> None:
    """Make the code that all pointwise builtins share."""
    if "rushlight_new" not in llvm.symbols:
        broadcast.register()
        llvm.symbols.update(llvm.build("pointwise", _module))


def _shown(spec: Elements) -> str:
    """The expression with its inputs numbered: ops that compute the same share their code."""
    renamed = {scalar.var(n): scalar.var(f"x{k}") for k, n in enumerate(spec.names)}
    return repr(scalar.program(scalar.replace(spec.root, renamed)))


def _loops(spec: Elements) -> Module:
    m = Module()
    flat(m, "flat", spec, host())
    strided(m, "strided", spec)
    return m


def _plan(spec: Elements) -> np.ndarray:
    """What the shared builtins must know of an expression."""
    types = (spec.output, *spec.inputs)
    key = ("elements", _shown(spec), [(str(t), t.unsigned) for t in (*types, spec.element)])
    kernels = llvm.build(key, lambda: _loops(spec))
    grain = 1 << (13 if spec.is_costly else 14)  # elements that are worth waking a thread for
    words = [0, len(spec.inputs), kernels["flat"], kernels["strided"], grain]
    for t in types:
        words += [id(np.dtype(dtype_name(t))), stored(t).size, _number(t)]
    return np.array(words, np.int64)


def dtype_name(t: Type) -> str:
    """NumPy's name of a type."""
    return f"u{_DTYPES[t.name]}" if t.unsigned else _DTYPES[t.name]


def _number(t: Type) -> int:
    if t == f32 or t == f64:
        return FLOAT if t == f32 else DOUBLE
    return NEVER if t == i1 or t.is_float or t.unsigned else INTEGER


# -- the builtins --------------------------------------------------------------------------------------


def _module() -> Module:
    m = Module()
    _same_shape(m)
    _write_number(m)
    _take(m)
    _walk_rows(m)
    _walk_any(m)
    for name, into in (("new", 0), ("into", 1)):
        _attempt(m, name, into)
        _builtin(m, name, into)
    return m


def _operand(plan: Value, k: Any, what: int) -> Value:
    """A word about the output (k = 0) or an input (from 1 on)."""
    return plan.at(OPERANDS + what)[k * 3]


def _miss(f: Function, condition: Any) -> None:
    """Return None (no reference: it is never handed out) if `condition` holds."""
    with f.when(condition):
        f.ret(objects.symbol(f, "py_None"))


def _same_shape(m: Module) -> None:
    """1 where two arrays have one shape."""
    f = m.function("rushlight_same_shape", i64, a=ptr, b=ptr)
    a, b = f.args
    n = objects.ndim(a)
    with f.when(n != objects.ndim(b)):
        f.ret(0)
    ours, others = objects.dims(a), objects.dims(b)
    for d in f.range(0, n):
        with f.when(ours[d] != others[d]):
            f.ret(0)
    f.ret(1)


def _write_number(m: Module) -> None:
    """Write a Python number into `cell` as the plan says; 0 where it is none, or does not fit."""
    f = m.function("write_number", i64, internal=True, o=ptr, cell=i64.pointer, kind=i64, size=i64)
    o, cell, kind, size = f.args
    whole = objects.is_a(o, "int")
    with f.when((kind == NEVER) | ~(whole | objects.is_a(o, "float"))):
        f.ret(0)
    with f.when(kind == INTEGER):
        with f.when(~whole):
            f.ret(0)
        _write_integer(f, o, cell, size)
    value = f.var(f.const(f64, 0))
    with f.when(whole):
        value.set(f.call("PyLong_AsDouble", f64, o))
        with f.when(f.call("PyErr_Occurred", ptr) != 0):
            f.call("PyErr_Clear", void)
            f.ret(0)
    with f.otherwise():
        value.set(objects.float_value(o))
    with f.when(kind == FLOAT):
        cell.of(f32).store(value.now.to(f32))
    with f.otherwise():
        cell.of(f64).store(value)
    f.ret(1)


def _write_integer(f: Function, o: Value, cell: Value, size: Value) -> None:
    over = f.stack(i32, 1)
    value = f.call("PyLong_AsLongLongAndOverflow", i64, o, over)
    unused = 64 - size * 8
    with f.when((over[0] != 0) | (((value << unused) >> unused) != value)):
        f.ret(0)
    cell.store(value)  # little-endian: the low bytes stand first
    f.ret(1)


#: what `take` finds: something else, a number, an array in a row, an array of other strides
NOTHING, A_NUMBER, A_ROW, AN_ARRAY = range(4)


def _take(m: Module) -> None:
    """Look at one argument, operand `k` of the plan, and fill in its address and step."""
    f = m.function(
        "take",
        i64,
        internal=True,
        plan=i64.pointer,
        k=i64,
        o=ptr,
        arrays=ptr.pointer,
        slots=i64.pointer,
        cells=i64.pointer,
    )
    plan, k, o, arrays, slots, cells = f.args
    size, slot, cell = _operand(plan, k, SIZE), slots.at(k * 2), cells.at(k)
    with f.when(objects.is_a(o, "ndarray")):
        flags = objects.field(o, layout.FLAGS, i32)
        right = objects.field(o, layout.DTYPE, i64) == _operand(plan, k, DTYPE)
        with f.when(~right | ((flags & layout.ALIGNED) == 0)):
            f.ret(NOTHING)
        arrays[k] = o
        slot[0] = objects.field(o, layout.DATA, i64)
        slot[1] = size
        f.ret(((flags & layout.C_CONTIGUOUS) != 0).select(A_ROW, f.const(i64, AN_ARRAY)))
    arrays[k] = f.const(ptr, 0)
    slot[0] = cell.to(i64)
    slot[1] = 0
    f.ret(f.call("write_number", i64, o, cell, _operand(plan, k, NUMBER), size))


def _builtin(m: Module, name: str, into: int) -> None:
    """The builtin, and what it does, given its head: the first plan that fits, or whom the head says to
    ask.
    """
    f = m.function(f"rushlight_make_{name}", ptr, head=i64.pointer, args=ptr.pointer, given=i64)
    head, args, given = f.args
    plan = f.var(head[FIRST].to(i64.pointer))
    for _ in f.forever():
        f.leave(plan == 0)
        made = f.call(f"attempt_{name}", ptr, plan, args, given)
        with f.when(made != objects.symbol(f, "py_None")):
            f.ret(made)
        plan.set(plan[NEXT].to(i64.pointer))
    whom = head[ASK_INTO if into else ASK_NEW].to(ptr)
    f.ret(f.call("PyObject_Vectorcall", ptr, whom, args, given, f.const(ptr, 0)))
    f = m.function(f"rushlight_{name}", ptr, owner=ptr, args=ptr.pointer, given=i64)
    owner, args, given = f.args
    head = objects.field(owner, layout.POINTER, i64.pointer)
    f.ret(f.call(f"rushlight_make_{name}", ptr, head, args, given))


def _attempt(m: Module, name: str, into: int) -> None:
    """The array that a plan makes of the arguments, or None; `into`: the first is the output."""
    f = m.function(f"attempt_{name}", ptr, internal=True, plan=i64.pointer, args=ptr.pointer, given=i64)
    plan, args, given = f.args
    count = plan[COUNT]
    _miss(f, given != count + into)
    arrays, slots, cells = f.stack(ptr, MOST_ARRAYS), f.stack(i64, 2 * MOST_ARRAYS), f.stack(i64, MOST_ARRAYS)
    lead, alike = f.var(f.const(ptr, 0)), f.var(f.const(i1, 1))
    for k in f.range(1 - into, count + 1):
        o = args[k - (1 - into)]
        found = f.call("take", i64, plan, k, o, arrays, slots, cells)
        _miss(f, found == NOTHING)
        with f.when(found != A_NUMBER):
            alike.set(alike & (found == A_ROW))
            with f.when(lead == 0):
                lead.set(o)
            with f.when(lead != o):
                alike.set(alike & (f.call("rushlight_same_shape", i64, lead, o) == 1))
    _miss(f, lead == 0)
    if into:
        _refuse_overlap(f, arrays, count)
    else:
        arrays[0] = f.const(ptr, 0)
    with f.when(alike):
        f.ret(f.call("walk_rows", ptr, plan, lead, arrays, slots))
    f.ret(f.call("walk_any", ptr, plan, arrays, slots))


def _refuse_overlap(f: Function, arrays: Value, count: Value) -> None:
    """Return None where the output cannot be written, or writing it would change an input still to be
    read.
    """
    out = arrays[0]
    _miss(f, out == 0)
    _miss(f, ~objects.has_flags(out, layout.WRITEABLE))
    for k in f.range(1, count + 1):
        with f.when((arrays[k] != 0) & (arrays[k] != out)):
            _miss(f, f.call("rushlight_apart", i64, out, arrays[k]) == 0)


def _walk_rows(m: Module) -> None:
    """All arrays contiguous and of one shape, that of `lead`: a single row."""
    f = m.function(
        "walk_rows",
        ptr,
        internal=True,
        plan=i64.pointer,
        lead=ptr,
        arrays=ptr.pointer,
        slots=i64.pointer,
    )
    plan, lead, arrays, slots = f.args
    ndim, dims = objects.ndim(lead), objects.dims(lead)
    out = f.var(arrays[0])
    with f.when(out == 0):
        out.set(objects.new_array_of(f, _operand(plan, 0, DTYPE).to(ptr), ndim, dims))
        with f.when(out == 0):
            f.ret(out)
        slots[0] = objects.field(out, layout.DATA, i64)
        slots[1] = _operand(plan, 0, SIZE)
    with f.otherwise():
        objects.retained(out)
    total = f.var(1)
    for d in f.range(0, ndim):
        total *= dims[d]
    run(f, plan[FLAT].to(ptr), slots, total.now, plan[GRAIN])
    f.ret(out)


def _walk_any(m: Module) -> None:
    """Arrays of any strides and shapes that broadcast: rows, nested in loops."""
    f = m.function("walk_any", ptr, internal=True, plan=i64.pointer, arrays=ptr.pointer, slots=i64.pointer)
    plan, arrays, slots = f.args
    count = plan[COUNT] + 1
    sizes, walk = f.stack(i64, MOST_DIMS), f.stack(i64, MOST_DIMS * MOST_ARRAYS)
    given = arrays[0]
    dtype, size = _operand(plan, 0, DTYPE).to(ptr), _operand(plan, 0, SIZE)
    loops = f.call("rushlight_broadcast", i64, arrays, count, dtype, size, sizes, walk)
    with f.when(loops == broadcast.NO_MEMORY):
        f.ret(f.const(ptr, 0))
    _miss(f, loops == broadcast.NO_COMMON_SHAPE)
    with f.when(given != 0):
        objects.retained(given)
    _run_nest(f, plan, arrays, slots, loops, sizes, walk)
    f.ret(arrays[0])


def _run_nest(
    f: Function, plan: Value, arrays: Value, slots: Value, loops: Value, sizes: Value, walk: Value
) -> None:
    """Run the rows, by the loop that suits the innermost steps: all of one element or none, or any."""
    count, last = plan[COUNT] + 1, loops - 1
    nest, bases = f.stack(i64, 6), f.stack(i64, MOST_ARRAYS)
    slots[0] = objects.field(arrays[0], layout.DATA, i64)
    flat_steps = f.var(f.const(i1, 1))
    for k in f.range(0, count):
        bases[k] = slots[k * 2]
        step, size = walk[k * MOST_DIMS + last], _operand(plan, k, SIZE)
        stands = (step == 0) & (k != 0) & (count > 2)  # the loop of a single input has none that stands still
        flat_steps.set(flat_steps & ((step == size) | stands))
    kernel = flat_steps.now.select(plan[FLAT], plan[STRIDED])
    for k, value in enumerate([kernel, count, bases.to(i64), loops, sizes.to(i64), walk.to(i64)]):
        nest[k] = value
    rows, length = f.var(1), sizes[last]
    for d in f.range(0, last):
        rows *= sizes[d]
    with f.when(length > 0):
        grain = plan[GRAIN] // length
        nest_kernel = f.module.external(f, "rushlight_nest")
        run(f, nest_kernel, nest, rows.now, (grain < 1).select(1, grain))
