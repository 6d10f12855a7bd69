"""Advice on a classic trap: `zero_grad()` is never called, and steps follow the sum of all gradients.

One gradient is looked at, once a step. If at the next step it is the same tensor, has been added to, and
nobody has written to it or taken its `.data`, then nothing has set it to zero. Several backwards before one
step (gradient accumulation) are no such case: between steps the gradient is cleared.
"""

from __future__ import annotations

import weakref
from typing import Any

from ..errors import advice_on, advise
from ..tensor import Tensor


def look(optimizer: Any) -> None:
    """Called by `step()` when all gradients are there."""
    if not advice_on():
        return
    grad = _first_gradient(optimizer)
    if grad is None:
        return
    if grad._b is None:
        grad._b = [0, None, None]  # from now on, what is added to it is counted
    version, writer = grad._b[0], grad._b[2]
    before = getattr(optimizer, "_looked_at", None)
    if before is not None and before[0]() is grad and version > before[1] and writer is None:
        if len(grad._b) == 3:  # else its `.data` was taken
            advise("zero_grad", _ADVICE.format(type(optimizer).__name__))
    grad._b[2] = None  # so that the next writer is seen, whoever it is
    optimizer._looked_at = weakref.ref(grad), version


_ADVICE = (
    "{}.step: the gradients hold those of earlier steps too: they have not been cleared since the last step; "
    "call optimizer.zero_grad() once for each step, before loss.backward()"
)


def _first_gradient(optimizer: Any) -> Any:
    for group in optimizer.param_groups:
        for p in group["params"]:
            if p.grad is not None:
                return p.grad if type(p.grad) is Tensor else None
    return None
