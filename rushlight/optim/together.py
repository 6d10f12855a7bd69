"""All parameters of a group stepped in one call of machine code, where an optimiser states its formula."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from functools import partial
from typing import Any

from ..arrays.tracing import EAGER, onlooker
from ..autograd.lists import builtins
from ..kernels import native
from ..kernels.updates import Update
from ..scalar import Expr
from ..tensor import Parameter, Tensor

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def step(optimizer: Any, group: dict[str, Any]) -> Sequence[Tensor]:
    """Step those parameters that can be; returns the others that have a gradient.

    All of them in one call, or each in one of its own where something sets one apart: a first step, a count
    of steps, a dtype, an order of memory.
    """
    if native.on() and not group.get("differentiable"):
        formula = optimizer.formula(group)
        if formula is not None and not EAGER and (traced := onlooker()) is not None:
            return () if traced.step(optimizer, group, formula) else _with_gradient(group)
        if formula is not None:
            mark = (f"{type(optimizer).__name__}.step", *_users_place())
            run = partial(_run, optimizer, group, formula, mark)
            return () if run(group["params"]) else [p for p in _with_gradient(group) if not run([p])]
    return _with_gradient(group)


def _with_gradient(group: dict[str, Any]) -> list[Tensor]:
    return [p for p in group["params"] if p.grad is not None]


def _run(
    optimizer: Any, group: dict[str, Any], formula: Update, mark: tuple[Any, ...], params: list[Tensor]
) -> bool:
    """Whether one call could step those of these parameters that have a gradient."""
    gather, count_changes = builtins(Parameter)
    counted = optimizer.counts_steps
    found = gather(params, optimizer.state, formula.arrays[2:] + ("step",) * counted)
    if found is None:
        return False
    changed, *lists = found
    if not changed:
        return True
    steps = lists.pop() if counted else None
    count = 0.0 if steps is None else float(steps[0]) + 1.0
    if not formula(lists, optimizer.numbers(group, count), steps, count):
        return False
    count_changes(changed, mark)
    return True


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
