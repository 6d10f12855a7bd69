"""Kernels of the compiler's fusion: many steps on elements in one pass over memory.

A fused program is a list of steps over a space of up to six dimensions. One kernel reads every input once,
computes every step once, and writes the outputs, with the bits that the steps give one after the other. Sums
along rows of memory, or across all of them, are collected in the same pass; random numbers are drawn in it.

    x, y = (Operand(name, f32, (100, 1)) for name in "xy")
    p = plan((64, 100), [Step("y", relu(var("x") + 1), f32, f32)], [x], [y, Reduction("y", f32, (None, 1))])
    run(p, [out, sums_of_columns], [array])

An output may be an input's memory, element for element: each is read before it is written. Any other overlap
of an output with an array of the program is an error of the caller; that of a reduction is always.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

import rushlight.scalar as scalar

from . import fused_loops, philox
from .fused_form import ALIGNED, ANYWHERE, Form, Place, is_heavy
from .fused_layout import Finish, Layout, Operand, Reduction, lay_out
from .fused_steps import Step, Uniform, types_of
from .fused_sums import collected, finish
from .fused_types import in_register, is_known
from .launch import Kernel
from .targets import host

__all__ = ["Launch", "Operand", "Plan", "Reduction", "Step", "Uniform", "plan", "run", "supported"]

MOST_DIMS = 6
#: elements that are worth waking a thread for
CHEAP, COSTLY = 1 << 14, 1 << 13
_LINE = 64  # bytes of a line of the caches
_TOGETHER = 4  # rows that are added to sums of columns at a time

#: what a slot behind the table is: the address of an output or input, by number; a number; an address in the
#: scratch memory, by bytes
OUTPUT, INPUT, NUMBER, SCRATCH = "output", "input", "number", "scratch"


class Launch(NamedTuple):
    """Run `kernel` on items 0..total in chunks of `grain`; its slots are the table, and what `slots` say."""

    kernel: Kernel
    total: int
    grain: int
    table: np.ndarray
    slots: tuple[tuple[str, int], ...]


class Plan(NamedTuple):
    """How to run a fused program: launches one after the other, and bytes of memory they share."""

    launches: tuple[Launch, ...]
    scratch: int


def supported(
    shape: Sequence[int],
    steps: Sequence[Step | Uniform],
    inputs: Sequence[Operand],
    outputs: Sequence[Operand | Reduction],
    numbers: Sequence[str] = (),
) -> bool:
    """Whether there is machine code for all steps, types and reductions, on this processor."""
    steps, outputs = _without_copies(shape, steps, outputs)
    types = types_of(steps, {p.name: p.type for p in inputs}, numbers)
    used = [*types.values(), *(s.computes for s in steps), *(p.type for p in outputs)]
    if not outputs or len(shape) > MOST_DIMS or not all(is_known(t, host()) for t in used):
        return False
    return all(s.is_known for s in steps) and _laid_out(shape, steps, inputs, outputs) is not None


def plan(
    shape: Sequence[int],
    steps: Sequence[Step | Uniform],
    inputs: Sequence[Operand],
    outputs: Sequence[Operand | Reduction],
    numbers: Sequence[str] = (),
) -> Plan:
    """How to compute steps for all elements of a space; `numbers` are floats (integers for random numbers)
    that change from call to call.

    The code depends on the types and on how arrays go along rows; sizes and strides are in the table.
    """
    steps, outputs = _without_copies(shape, steps, outputs)
    types = types_of(steps, {p.name: p.type for p in inputs}, numbers)
    assert all(p.type == types[p.name] for p in outputs if isinstance(p, Operand)), "not a step's type"
    layout = _laid_out(shape, steps, inputs, outputs)
    assert layout is not None, "reductions along dimensions that `supported` refuses"
    scratch, launches, slots = 0, [], [(OUTPUT, k) for k in range(len(outputs))]
    for k, rest in layout.finishes.items():
        if not rest.done:
            slots[k] = SCRATCH, scratch
            launches.append(_finishing(outputs[k], rest, k, scratch))
            scratch += -(-rest.p * rest.q * rest.s * collected(outputs[k].type).size // _LINE) * _LINE
    slots += [(INPUT, k) for k in range(len(inputs))] + [(NUMBER, k) for k in range(len(numbers))]
    kernel = _kernel(_form(steps, inputs, outputs, numbers, layout))
    return Plan((Launch(kernel, *layout[2:5], tuple(slots)), *launches), scratch)


def run(
    plan: Plan, outputs: Sequence[Any], inputs: Sequence[Any], numbers: Sequence[float | int] = ()
) -> None:
    """Run a plan whose launches have at most 40 slots, on arrays of the strides it was made for."""
    scratch = np.empty(plan.scratch + _LINE, np.uint8)
    start = -(-scratch.ctypes.data // _LINE) * _LINE
    values = {OUTPUT: outputs, INPUT: inputs, NUMBER: numbers}
    for launch in plan.launches:
        slots = [start + k if kind == SCRATCH else values[kind][k] for kind, k in launch.slots]
        launch.kernel(launch.total, launch.grain, launch.table, *slots)


def _laid_out(
    shape: Sequence[int],
    steps: Sequence[Step | Uniform],
    inputs: Sequence[Operand],
    outputs: Sequence[Operand | Reduction],
) -> Layout | None:
    counted = philox.BLOCK if any(isinstance(s, Uniform) for s in steps) else 0
    return lay_out(shape, outputs, inputs, COSTLY if any(s.is_costly for s in steps) else CHEAP, counted)


def _without_copies(
    shape: Sequence[int], steps: Sequence[Step | Uniform], outputs: Sequence[Operand | Reduction]
) -> tuple[list[Step | Uniform], list[Operand | Reduction]]:
    """Reductions along dimensions of size 1 as what they are."""
    more, found = list(steps), list(outputs)
    for k, r in enumerate(outputs):
        if isinstance(r, Reduction) and all(
            n == 1 or s is not None for n, s in zip(shape, r.strides, strict=True)
        ):
            more.append(Step(f"output {k}", scalar.var(r.name), in_register(r.type), r.type))
            found[k] = Operand(f"output {k}", r.type, tuple(s or 0 for s in r.strides))
    return more, found


def _form(
    steps: Sequence[Step | Uniform],
    inputs: Sequence[Operand],
    outputs: Sequence[Operand | Reduction],
    numbers: Sequence[str],
    layout: Layout,
) -> Form:
    """What the code depends on."""
    written = tuple(
        Place(p.name, collected(p.type), walk, p.kind)
        if isinstance(p, Reduction)
        else Place(p.name, p.type, walk)
        for p, walk in zip(outputs, layout.walks)
    )
    read = tuple(Place(p.name, p.type, walk) for p, walk in zip(inputs, layout.walks[len(outputs) :]))
    is_random = any(isinstance(s, Uniform) for s in steps)
    index = "" if not is_random else ALIGNED if layout.is_aligned else ANYWHERE
    together = _TOGETHER if layout.is_even and not is_heavy(steps) else 1
    nest = layout.space.outer, layout.space.block, together, index
    return Form(tuple(steps), written, read, tuple(numbers), *nest)


def _finishing(r: Operand | Reduction, rest: Finish, k: int, scratch: int) -> Launch:
    """The launch that makes an output of partial results."""
    assert isinstance(r, Reduction)
    kernel = finish(r.kind, r.type, rest.s == rest.step == 1)
    grain = max(1, CHEAP // max(1, rest.p * rest.s))
    return Launch(kernel, rest.q, grain, rest.table, ((OUTPUT, k), (SCRATCH, scratch)))


_kernels: dict[object, Kernel] = {}


def _kernel(form: Form) -> Kernel:
    """The kernel of a form, one for all programs that have it."""
    key = form.key
    if key not in _kernels:
        _kernels[key] = Kernel(key, lambda target: fused_loops.write(form, target))
    return _kernels[key]
