"""Which transforms are running: what a compiled function asks before it uses a plan."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

Duals = list[tuple[Any, Any, bool]]

#: how many of grad, vjp, jvp are being applied, one inside of the other
depth = ContextVar("func_depth", default=0)
#: (level, size) of the vmaps that are running, outermost first
running: ContextVar[tuple[tuple[int, int], ...]] = ContextVar("running_vmaps", default=())
#: the duals of forward mode that were made: (dual, tangent, whether something outside is differentiated too)
duals: ContextVar[Duals | None] = ContextVar("dual_level", default=None)


def transformed() -> bool:
    """Whether what is called now is transformed: its arrays may be batches, its gradients differentiated."""
    return bool(depth.get() or running.get() or duals.get())
