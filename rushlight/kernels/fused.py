"""Kernels of the compiler's pointwise fusion: many steps on elements in one pass over memory.

A fused program is a list of steps over a space of up to six dimensions. One kernel reads every input once,
computes every step once, and writes the outputs, with the bits that the steps give one after the other. (Only
`power` with an exponent that is an array may differ in the last one: it looks at the lanes beside it.)

    x, y = (Operand(name, f32, (100, 1)) for name in "xy")
    p = plan((64, 100), [Step("y", relu(var("x") + 1), f32, f32)], [x], [y])
    run(p, [out], [array])

An output may be an input's memory, element for element: each is read before it is written. Any other overlap
of an output with an array of the program is an error of the caller.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from . import fused_loops
from .fused_loops import DENSE, SINGLE, STEPS, STILL, Form, Place
from .fused_space import Space, collapse
from .fused_steps import Step, types_of
from .fused_types import is_known
from .launch import Kernel
from .targets import host
from .types import Type

__all__ = ["Operand", "Plan", "Step", "plan", "run", "supported"]

MOST_DIMS = 6
#: elements that are worth waking a thread for
CHEAP, COSTLY = 1 << 14, 1 << 13
_TILE = 64  # elements of a row where an array lies across it: as many lines stay in the level-1 cache


class Operand(NamedTuple):
    """An array as the kernel sees it: its type, and its strides in elements along the dimensions of the space
    (0 where it is stretched). An output is named after the step, or input, whose value it gets.
    """

    name: str
    type: Type
    strides: tuple[int, ...]


class Plan(NamedTuple):
    """How to run a fused program: `kernel` on items 0..total in chunks of `grain`, with the slots `table`,
    outputs, inputs and numbers in order.
    """

    kernel: Kernel
    total: int
    grain: int
    table: np.ndarray


def supported(
    steps: Sequence[Step], inputs: Sequence[Operand], outputs: Sequence[Operand], numbers: Sequence[str] = ()
) -> bool:
    """Whether there is machine code for all steps and types, on this processor."""
    types = types_of(steps, {p.name: p.type for p in inputs}, numbers)
    shallow = all(len(p.strides) <= MOST_DIMS for p in (*inputs, *outputs))
    known = all(is_known(t, host()) for t in (*types.values(), *(s.computes for s in steps)))
    return known and shallow and bool(outputs) and all(s.is_known for s in steps)


def plan(
    shape: Sequence[int],
    steps: Sequence[Step],
    inputs: Sequence[Operand],
    outputs: Sequence[Operand],
    numbers: Sequence[str] = (),
) -> Plan:
    """How to compute steps for all elements of a space; `numbers` are floats that change from call to call.

    The code depends on the types and on how arrays go along rows; sizes and strides are in the table.
    """
    types = types_of(steps, {p.name: p.type for p in inputs}, numbers)
    assert all(p.type == types[p.name] for p in outputs), "an output has the type of its step"
    operands = (*outputs, *inputs)
    space = collapse(shape, [p.strides for p in operands])
    grain = COSTLY if any(s.is_costly for s in steps) else CHEAP
    is_flat = len(space.sizes) == 1 and all(s in ((0,), (1,)) for s in space.strides)
    length = space.sizes[-1]
    block = -1
    if not is_flat:
        space, block = _rows(space, grain)
    places = [Place(p.name, p.type, _walk(s)) for p, s in zip(operands, space.strides, strict=True)]
    split = len(outputs)
    outer = len(space.sizes) - 1
    form = Form(tuple(steps), tuple(places[:split]), tuple(places[split:]), tuple(numbers), outer, block)
    if is_flat:
        return Plan(_kernel(form), space.count, grain, np.zeros(1, np.int64))
    rows = space.count // max(space.sizes[-1], 1)
    return Plan(_kernel(form), rows, max(1, grain // max(space.sizes[-1], 1)), _table(space, block, length))


def run(plan: Plan, outputs: Sequence[Any], inputs: Sequence[Any], numbers: Sequence[float] = ()) -> None:
    """Run a plan that has at most 40 slots, on arrays of the strides it was made for."""
    plan.kernel(plan.total, plan.grain, plan.table, *outputs, *inputs, *numbers)


def _walk(strides: tuple[int, ...]) -> str:
    """How an operand goes along a row."""
    if not any(strides):
        return SINGLE
    return {0: STILL, 1: DENSE}.get(strides[-1], STEPS)


def _rows(space: Space, grain: int) -> tuple[Space, int]:
    """The space with its rows cut into blocks, and which dimension counts these.

    Long rows become a few items. Where an array is dense across the rows, blocks are narrow, and the rows of
    one block follow each other: what they read of that array are the same lines.
    """
    outer = len(space.sizes) - 1
    across = outer > 0 and any(s[-2] in (1, -1) and s[-1] not in (0, 1) for s in space.strides)
    space = space.split(_TILE if across else grain)
    return (space.moved(outer, outer - 1), outer - 1) if across else (space, outer)


def _table(space: Space, block: int, length: int) -> np.ndarray:
    """Sizes and strides as the loops read them; `length` is that of a row before it was cut."""
    *sizes, most = space.sizes
    words = [*sizes, most, length - (sizes[block] - 1) * most]
    for *outer, inner in space.strides:
        carried = np.cumsum([0, *((n - 1) * s for n, s in zip(sizes, outer, strict=True))])
        steps = [s - (carried[-1] - carried[d + 1]) for d, s in enumerate(outer)]
        words += [*outer, *steps, inner]
    return np.array(words, np.int64)


_kernels: dict[object, Kernel] = {}


def _kernel(form: Form) -> Kernel:
    """The kernel of a form, one for all programs that have it."""
    key = form.key
    if key not in _kernels:
        _kernels[key] = Kernel(key, lambda target: fused_loops.write(form, target))
    return _kernels[key]
