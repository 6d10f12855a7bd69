"""Products of float matrices by our own kernels."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import numpy as np

import rushlight.dtypes as dtypes
import rushlight.threads as threads

from ..kernels import gemm_calls, native
from ..kernels.gemm_plan import Layout, Plan, copy_pays, plan
from ..kernels.halves import multiplies
from ..kernels.targets import host
from ..kernels.types import bf16, f32, f64
from .copying import row_major
from .tracing import WATCHED

Array = Any
Strides = tuple[int, ...]

TYPES = {np.dtype(np.float32): f32, np.dtype(np.float64): f64, dtypes.bfloat16.np: bf16}


class Call(NamedTuple):
    """What to do with arrays of certain shapes and strides."""

    plan: Plan
    shape: tuple[int, ...]  # of the product
    turned: bool  # the product's transpose is computed
    copied: tuple[bool, bool, bool]  # which of the operands and the addend must be contiguous first
    rest: tuple[int, ...]  # the kernel's arguments behind alpha and beta


def takes(kind: np.dtype) -> bool:
    """Whether kernels multiply matrices of this type here: float32, float64, and bfloat16 where that pays."""
    return native.on() and (kind.char in "fd" or (kind == dtypes.bfloat16.np and multiplies(host())))


_calls: dict[tuple[Any, ...], Call | None] = {}
_scratch: list[Array] = []  # what no call uses at this moment; a call takes one out and puts it back


@functools.cache
def _watch() -> None:
    """Plan anew when the number of threads changes."""
    threads.followers.append(lambda _: (_calls.clear(), gemm_calls.forget()))


def known(*arrays: Any) -> Any:
    """x @ y (+ addend) if such a product was made before and machine code may be used; else None.

    A builtin takes this name when it is first called: ask the module for it.
    """
    _globals["known"] = gemm_calls.builtin() if native.on() else _nothing
    return _globals["known"](*arrays)


_globals = globals()


def _nothing(*arrays: Any) -> None:
    """What the table knows where there is no machine code."""


def product(x: Array, y: Array, addend: Array | None = None, alpha: float = 1.0, beta: float = 1.0) -> Any:
    """α·x @ y + β·addend for stacks of matrices of a type that `takes`; None where NumPy must do it.

    The operands have one dtype and sizes that fit; the addend broadcasts to the product.
    """
    if alpha == 1.0 and beta == 1.0 and not WATCHED:
        found = known(x, y) if addend is None else known(x, y, addend)
        if found is not None:
            return found
    return planned(x, y, addend, alpha, beta)


def planned(x: Array, y: Array, addend: Array | None = None, alpha: float = 1.0, beta: float = 1.0) -> Any:
    """`product`, by the plan for its shapes and strides, which is made where there is none."""
    key = (x.shape, x.strides, y.shape, y.strides, x.dtype.char)
    if addend is not None or alpha != 1.0:
        key += (None, True) if addend is None else (addend.shape, addend.strides, alpha != 1.0)
    try:
        call = _calls[key]
    except KeyError:
        call = _calls[key] = _prepared(x, y, addend, alpha != 1.0)
    if call is None:
        return None
    out = np.empty(call.shape, x.dtype)
    given = (x, y) if addend is None else (x, y, addend)
    if True in call.copied:
        x, y, addend = _copies(call, x, y, addend)
    if call.turned:
        x, y = y, x
    made = call.plan
    if made.scratch:
        with_scratch(made, x, y, out, addend, alpha, beta, *call.rest)
        return out
    made.kernel.run(made.total, made.grain, x, y, out, addend, alpha, beta, *call.rest)
    if True not in call.copied and alpha == beta == 1.0:
        entry = gemm_calls.Entry(
            *(made.kernel.address, made.total, made.grain, call.turned, call.shape, call.rest)
        )
        gemm_calls.remember(given, entry)
    return out


def of_vectors(x: Array, y: Array) -> Any:
    """x @ y where one is a vector, which stands for a row on the left, for a column on the right; or None."""
    rows, columns = x if x.ndim == 2 else x[None], y if y.ndim == 2 else y[:, None]
    found = product(rows, columns)
    if found is None:
        return None
    shape = x.shape[:-1] + y.shape[1:]
    gemm_calls.remember_alike((x, y), (rows, columns), shape)
    return found.reshape(shape)


def with_scratch(plan: Plan, x: Array, y: Array, out: Array, addend: Any, *rest: Any) -> None:
    """Run a plan that lays out panels: with memory that is kept from one call to the next."""
    size = plan.scratch * threads.get()
    memory = _scratch.pop() if _scratch else None
    if memory is None or memory.nbytes < size:
        memory = np.empty(size, np.uint8)
    plan.kernel.run(plan.total, plan.grain, x, y, out, addend, *rest, memory)
    _scratch.append(memory)


def _copies(call: Call, x: Array, y: Array, addend: Array | None) -> tuple[Array, Array, Array | None]:
    """The operands, contiguous where they must be."""
    first, second, third = call.copied
    if third and addend is not None:
        addend = row_major(np.broadcast_to(addend, call.shape))
    return row_major(x) if first else x, row_major(y) if second else y, addend


# -- what is prepared once for a key ----------------------------------------------------------------------


def _prepared(x: Array, y: Array, addend: Array | None, scaled: bool) -> Call | None:
    """The call for arrays like these; None where a size is 0, or a stride no whole number of elements.

    Raises ValueError where the sizes do not fit.
    """
    _watch()
    if x.shape[-1] != y.shape[-2]:
        raise ValueError("the inner sizes differ")
    shape = (*np.broadcast_shapes(x.shape[:-2], y.shape[:-2]), x.shape[-2], y.shape[-1])
    operands = [x, y] if addend is None else [x, y, addend]
    if not x.size or not y.size or any(s % a.itemsize for a in operands for s in a.strides):
        return None
    if addend is None:
        return _tried(x, y, None, shape, scaled, False)
    wide = np.broadcast_to(addend, shape)
    lines = wide.strides[-2 if shape[-1] == 1 else -1] == x.itemsize or shape[-1] == shape[-2] == 1
    if lines:
        return _tried(x, y, wide, shape, scaled, False)
    return _tried(x, y, np.empty(shape, x.dtype), shape, scaled, True)


def _tried(
    x: Array, y: Array, addend: Array | None, shape: tuple[int, ...], scaled: bool, copied: bool
) -> Call | None:
    """The call with as few of the operands copied as it takes, or as pay."""
    turned = shape[-1] == 1 and shape[-2] > 1
    cheap, dear = (1, 0) if turned else (0, 1)
    ways = [(), (cheap,), (cheap, dear)]
    if copy_pays(host(), TYPES[x.dtype], _layout(x, y)):
        ways.insert(0, (1,))
    for also in ways:
        now = [x, y]
        for k in also:
            now[k] = np.empty(now[k].shape, x.dtype)
        call = _call(now[0], now[1], addend, shape, turned, scaled, (0 in also, 1 in also, copied))
        if call is not None:
            return call
    return None


def _call(
    x: Array, y: Array, d: Array | None, shape: tuple[int, ...], turned: bool, scaled: bool, copied: Any
) -> Call | None:
    """The call for these operands as they are, if a kernel takes them."""
    n = _layout(x, y)
    stacks = _stacks(shape[:-2], [_lead(x, shape), _lead(y, shape), _lead(d, shape)])
    if len(stacks) > 2:
        return None
    if turned:
        n = n.turned
        stacks = [(size, (b, a, d)) for size, (a, b, d) in stacks]
    stacks = [(1, (0, 0, 0))] * (2 - len(stacks)) + stacks
    (outer, steps), (inner, small) = stacks
    made = plan(host(), TYPES[x.dtype], n, outer * inner, threads.get(), d is not None, scaled)
    if made is None:
        return None
    d_row = 0 if d is None or turned else d.strides[-2] // d.itemsize
    strides = (n.a_row, n.a_step, n.b_step, n.columns, d_row)
    steps = tuple(s for pair in zip(steps, small, strict=True) for s in pair)
    rest = (n.rows, n.columns, n.depth, *strides, *made.blocks, inner, *steps, n.rows * n.columns, *made.tail)
    return Call(made, shape, turned, copied, rest)


def _layout(x: Array, y: Array) -> Layout:
    """Sizes, and strides in elements; those along sizes of 1 as suits the kernels best."""
    (rows, depth), columns, size = x.shape[-2:], y.shape[-1], x.itemsize
    a_row, a_step = (s // size for s in x.strides[-2:])
    b_step, b_column = (s // size for s in y.strides[-2:])
    if depth == 1:
        a_step = b_step = 1
    if columns == 1:
        b_column = 1 if rows > 1 else 0
    if rows == 1:
        a_row = 1
    return Layout(rows, columns, depth, a_row, a_step, b_step, b_column)


def _lead(x: Array | None, shape: tuple[int, ...]) -> Strides:
    """Strides in elements along the stacks' dimensions, 0 where an operand is broadcast."""
    n = len(shape) - 2
    if x is None:
        return (0,) * n
    wide = np.broadcast_to(x, (*shape[:-2], *x.shape[-2:]))
    return tuple(s // x.itemsize for s in wide.strides[:n])


def _stacks(sizes: tuple[int, ...], strides: list[Strides]) -> list[tuple[int, Strides]]:
    """Dimensions as (size, stride of every operand), neighbours merged where all operands allow it."""
    found: list[tuple[int, Strides]] = []
    for size, steps in zip(sizes, zip(*strides, strict=True), strict=True):
        if size == 1:
            continue
        if found and all(outer == size * step for outer, step in zip(found[-1][1], steps, strict=True)):
            found[-1] = (found[-1][0] * size, steps)
        else:
            found.append((size, steps))
    return found
