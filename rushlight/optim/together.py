"""All parameters of a group stepped in one call of machine code, where an optimiser states its formula."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from itertools import repeat
from operator import attrgetter, getitem
from typing import Any

from ..autograd.inference import UNTRACKED
from ..kernels import native
from ..kernels.updates import Update
from ..scalar import Expr
from ..tensor import Tensor

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_array = attrgetter("_a")


def step(optimizer: Any, group: dict[str, Any], params: list[Tensor]) -> Sequence[Tensor]:
    """Step those parameters that can be; returns the others.

    All of them in one call, or each in one of its own where something sets one apart: a first step, a count
    of steps, a dtype, an order of memory.
    """
    if not native.on() or group.get("differentiable"):
        return params
    formula = optimizer.formula(group)
    if formula is None or not params:
        return params
    mark = (f"{type(optimizer).__name__}.step", *_users_place())
    if _run(optimizer, group, formula, params, mark):
        return ()
    return [p for p in params if not _run(optimizer, group, formula, [p], mark)]


def _run(
    optimizer: Any, group: dict[str, Any], formula: Update, params: list[Tensor], mark: tuple[Any, ...]
) -> bool:
    """Whether one call could step all of these."""
    boxes = [p._b for p in params]
    if UNTRACKED in boxes:
        return False
    grads = tuple([p.grad._a for p in params])
    try:
        states, steps, count = _state(optimizer.state, formula, params)
    except (KeyError, TypeError, AttributeError):  # a first step, or a state unlike ours
        return False
    lists = (tuple(map(_array, params)), grads, *states)
    if not formula(lists, optimizer.numbers(group, count), steps, count):
        return False
    count_changes(params, boxes, mark)
    return True


def _state(
    state: dict[Any, dict[str, Any]], formula: Update, params: list[Tensor]
) -> tuple[list[tuple[Any, ...]], tuple[Any, ...] | None, float]:
    """The arrays that the formula names, the counts of steps, and what they will be."""
    names = formula.arrays[2:]
    if not names:
        return [], None, 0.0
    held = list(map(state.get, params))
    arrays = [tuple(map(_array, map(getitem, held, repeat(name)))) for name in names]  # type: ignore[arg-type]
    if "step" not in held[0]:  # type: ignore[operator]
        return arrays, None, 0.0
    steps = tuple(map(_array, map(getitem, held, repeat("step"))))  # type: ignore[arg-type]
    return arrays, steps, steps[0].item() + 1.0


def count_changes(tensors: Sequence[Tensor], boxes: Sequence[Any], mark: tuple[Any, ...]) -> None:
    """Count a change in place of every tensor, as `record.bump` does."""
    for t, box in zip(tensors, boxes, strict=True):
        if box is None:
            t._b = [1, None, mark]
        else:
            box[0] += 1
            box[2] = mark


def _users_place() -> tuple[Any, int]:
    """The code and the instruction that the user's frame is at."""
    frame = sys._getframe(2)
    while frame.f_code.co_filename.startswith(_PACKAGE) and frame.f_back is not None:
        frame = frame.f_back
    return frame.f_code, frame.f_lasti


def lerp(start: Expr, end: Expr, weight: Expr, near: bool) -> Expr:
    """start + weight · (end - start) as `Tensor.lerp` rounds it; `near`: |weight| < ½."""
    way = end - start
    return start + weight * way if near else end - way * (1 - weight)
