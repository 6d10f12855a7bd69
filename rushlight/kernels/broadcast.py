"""Shapes at run time: what arrays broadcast to, in which order to walk them, and the walk itself.

Three functions that all pointwise builtins share, compiled once. Strides and steps are in bytes.
"""

from __future__ import annotations

from typing import Any

from . import launch, layout, llvm, objects
from .ir import Function, Module
from .launch import entry
from .types import i1, i8, i64, ptr, void
from .values import Value

MOST_DIMS = 32  # of an array, and of the rows of the tables below
MOST_ARRAYS = 8
USUAL = 3  # an output and two inputs: rows of so many arrays take their steps without a loop
NO_COMMON_SHAPE, NO_MEMORY = -1, -2  # what `rushlight_broadcast` returns where it fails


def register() -> None:
    """Give generated code the functions of this file, and those they call."""
    launch.register()
    if "rushlight_broadcast" not in llvm.symbols:
        llvm.symbols.update(llvm.build("broadcast", _module))


def _module() -> Module:
    m = Module()
    _shape(m)
    _steps(m)
    _further(m)
    _order(m)
    _merge(m)
    _broadcast(m)
    _nest(m)
    _apart(m)
    return m


def _row(table: Value, k: Any) -> Value:
    """Row `k` of a table of MOST_DIMS words a row."""
    return table.at(k * MOST_DIMS)


def _shape(m: Module) -> None:
    """The number of dimensions that `count` arrays broadcast to, and the sizes into `shape`; -1 if they do
    not.

    A null among the arrays is a number.
    """
    f = m.function("shape", i64, internal=True, arrays=ptr.pointer, count=i64, shape=i64.pointer)
    arrays, count, shape = f.args
    most = f.var(0)
    for k in f.range(0, count):
        a = arrays[k]
        with f.when(a != 0):
            n = objects.ndim(a)
            most.set((n > most).select(n, most))
    with f.when(most > MOST_DIMS):
        f.ret(NO_COMMON_SHAPE)
    for d in f.range(0, most):
        shape[d] = 1
    for k in f.range(0, count):
        a = arrays[k]
        with f.when(a != 0):
            n, sizes = objects.ndim(a), objects.dims(a)
            for d in f.range(0, n):
                size, at = sizes[d], shape.at(most - n + d)
                with f.when(size != 1):
                    with f.when((at[0] != 1) & (at[0] != size)):
                        f.ret(NO_COMMON_SHAPE)
                    at.store(size)
    f.ret(most)


def _steps(m: Module) -> None:
    """An array's strides along the dimensions of the common shape: 0 where it is stretched."""
    f = m.function("steps", internal=True, a=ptr, ndim=i64, steps=i64.pointer)
    a, ndim, steps = f.args
    for d in f.range(0, ndim):
        steps[d] = 0
    with f.when(a != 0):
        n, sizes, strides = objects.ndim(a), objects.dims(a), objects.strides(a)
        for d in f.range(0, n):
            steps[ndim - n + d] = (sizes[d] == 1).select(0, strides[d])
    f.ret()


def _order(m: Module) -> None:
    """Sort the dimensions so that the walk goes through memory as the inputs lie: the first input decides.

    A stable insertion sort of `order` (0, 1, ...) by falling steps; 0 says nothing (as in TensorIterator).
    """
    f = m.function("order", internal=True, steps=i64.pointer, count=i64, ndim=i64, order=i64.pointer)
    steps, count, ndim, order = f.args
    for d in f.range(1, ndim):
        at = f.var(d)
        for _ in f.forever():
            f.leave(at == 0)
            here, before = order.at(at), order.at(at - 1)
            mine, other = here[0], before[0]
            f.leave(f.call("further", i64, steps, count, mine, other) != 1)
            here.store(other)
            before.store(mine)
            at -= 1
    f.ret()


def _further(m: Module) -> None:
    """1 where dimension `d` has larger steps than dimension `e`, by the first input that walks along both."""
    f = m.function("further", i64, internal=True, steps=i64.pointer, count=i64, d=i64, e=i64)
    steps, count, d, e = f.args
    for k in f.range(1, count):
        a, b = _row(steps, k)[d], _row(steps, k)[e]
        a, b = (a < 0).select(-a, a), (b < 0).select(-b, b)
        with f.when((a != 0) & (b != 0) & (a != b)):
            f.ret((a > b).to(i64))
    f.ret(0)


def _merge(m: Module) -> None:
    """Drop dimensions of size 1, and join neighbours that every array walks as one; how many are left.

    `order` names the dimensions from the outermost; `sizes` and `walk` get the sizes and steps that remain.
    """
    f = m.function(
        "merge",
        i64,
        internal=True,
        shape=i64.pointer,
        steps=i64.pointer,
        count=i64,
        ndim=i64,
        order=i64.pointer,
        sizes=i64.pointer,
        walk=i64.pointer,
    )
    shape, steps, count, ndim, order, sizes, walk = f.args
    left = f.var(0)
    for o in f.range(0, ndim):
        d = order[o]
        size = shape[d]
        with f.when(size != 1):
            joins = f.var(left > 0)
            for k in f.range(0, count):
                with f.when(left > 0):
                    joins.set(joins & (_row(walk, k)[left - 1] == _row(steps, k)[d] * size))
            with f.when(joins):
                sizes[left - 1] = sizes[left - 1] * size
            with f.otherwise():
                sizes[left] = size
                left += 1
            for k in f.range(0, count):
                _row(walk, k)[left - 1] = _row(steps, k)[d]
    f.ret(left)


def _broadcast(m: Module) -> None:
    """How to walk `count` arrays, of which the first is the output; -1 where they do not broadcast.

    The output is made here, in the order in which the inputs lie, unless there is one: then its shape must be
    the common one. Returns the number of loops; `sizes` and `walk` get their sizes and steps, outermost
    first.
    """
    f = m.function(
        "rushlight_broadcast",
        i64,
        arrays=ptr.pointer,
        count=i64,
        dtype=ptr,
        itemsize=i64,
        sizes=i64.pointer,
        walk=i64.pointer,
    )
    arrays, count, dtype, itemsize, sizes, walk = f.args
    shape, order = f.stack(i64, MOST_DIMS), f.stack(i64, MOST_DIMS)
    steps = f.stack(i64, MOST_DIMS * MOST_ARRAYS)
    ndim = f.call("shape", i64, arrays.at(1), count - 1, shape)
    with f.when(ndim == NO_COMMON_SHAPE):
        f.ret(NO_COMMON_SHAPE)
    for k in f.range(0, count):
        f.call("steps", void, arrays[k], ndim, _row(steps, k))
    for d in f.range(0, ndim):
        order[d] = d
    sorted_already = f.var(f.const(i1, 1))
    for k in f.range(1, count):
        with f.when(arrays[k] != 0):
            sorted_already.set(sorted_already & objects.has_flags(arrays[k], layout.C_CONTIGUOUS))
    with f.when(~sorted_already.now):
        f.call("order", void, steps, count, ndim, order)
    with f.when(arrays[0] == 0):
        _make_output(f, arrays, dtype, itemsize, ndim, shape, order, steps, sorted_already.now)
    with f.otherwise():
        own = objects.ndim(arrays[0])
        with f.when(own != ndim):
            f.ret(NO_COMMON_SHAPE)
        for d in f.range(0, ndim):
            with f.when(objects.dims(arrays[0])[d] != shape[d]):
                f.ret(NO_COMMON_SHAPE)
    with f.when(arrays[0] == 0):
        f.ret(NO_MEMORY)
    loops = f.call("merge", i64, shape, steps, count, ndim, order, sizes, walk)
    with f.when(loops == 0):  # a single element: one loop over it
        sizes[0] = 1
        for k in f.range(0, count):
            _row(walk, k)[0] = 0
    f.ret((loops == 0).select(1, loops))


def _make_output(
    f: Function,
    arrays: Value,
    dtype: Value,
    itemsize: Value,
    ndim: Value,
    shape: Value,
    order: Value,
    steps: Value,
    sorted_already: Value,
) -> None:
    """The output: dense, its dimensions nested in `order`; NumPy need not be told of the usual one."""
    step = f.var(itemsize)
    for o in f.range(0, ndim):
        d = order[ndim - 1 - o]
        steps[d] = step
        size = shape[d]
        step *= (size == 0).select(1, size)
    usual = f.const(ptr, 0).of(i64)
    arrays[0] = objects.new_array_of(f, dtype, ndim, shape, sorted_already.select(usual, steps))


def _nest(m: Module) -> None:
    """A kernel over rows: all loops but the innermost, which is `row`, itself a kernel over elements.

    Slots: the row's kernel, how many arrays, their addresses, the number of loops, their sizes, their steps.
    """
    f, lo, hi, tid, (row, count, bases, loops, sizes, walk) = entry(
        m,
        "rushlight_nest",
        row=ptr,
        count=i64,
        bases=i64.pointer,
        loops=i64,
        sizes=i64.pointer,
        walk=i64.pointer,
    )
    slots = f.stack(i64, 2 * MOST_ARRAYS)
    last = loops - 1
    length, left = sizes[last], f.var(0)
    for k in f.range(0, count):
        slots[k * 2 + 1] = _row(walk, k)[last]
    for i in f.range(lo, hi):
        with f.when(left == 0):
            left.set(_begin(f, slots, i, count, bases, last, sizes, walk))
        with f.otherwise():
            with f.when(count == USUAL):
                for k in range(USUAL):
                    slots[k * 2] = slots[k * 2] + _row(walk, k)[last - 1]
            with f.otherwise():
                for k in f.range(0, count):
                    slots[k * 2] = slots[k * 2] + _row(walk, k)[last - 1]
        left -= 1
        f.call_pointer(row, void, slots, 0, length, tid)
    f.ret()


def _begin(
    f: Function, slots: Value, i: Value, count: Value, bases: Value, last: Value, sizes: Value, walk: Value
) -> Value:
    """Write the addresses of row `i`; how many rows from it on lie one step of the next loop apart."""
    for k in f.range(0, count):
        slots[k * 2] = bases[k]
    rest, run = f.var(i), f.var(1)
    for back in f.range(0, last):
        d = last - 1 - back
        size = sizes[d]
        place = rest.now % size
        rest.set(rest.now // size)
        run.set((back == 0).select(size - place, run))
        for k in f.range(0, count):
            slots[k * 2] = slots[k * 2] + place * _row(walk, k)[d]
    return run.now


def _apart(m: Module) -> None:
    """1 where what is written to `out` cannot change what is read of `a`: the same memory, or none in
    common.
    """
    f = m.function("rushlight_apart", i64, out=ptr, a=ptr)
    out, a = f.args
    low, high = _extent(f, out)
    start, end = _extent(f, a)
    with f.when((low >= end) | (start >= high)):
        f.ret(1)
    n, alike = objects.ndim(out), f.var((low == start) & (objects.ndim(out) == objects.ndim(a)))
    with f.when(alike):
        for d in f.range(0, n):
            same_size = objects.dims(out)[d] == objects.dims(a)[d]
            alike.set(alike & same_size & (objects.strides(out)[d] == objects.strides(a)[d]))
    f.ret(alike.now.to(i64))


def _extent(f: Function, a: Value) -> tuple[Value, Value]:
    """The addresses of the first byte that an array reaches, and of the one behind its last."""
    low = f.var(objects.data(a, i8).to(i64))
    high = f.var(low)
    for d in f.range(0, objects.ndim(a)):
        far = (objects.dims(a)[d] - 1) * objects.strides(a)[d]
        low += (far < 0).select(far, 0)
        high += (far > 0).select(far, 0)
    return low.now, high + 16
