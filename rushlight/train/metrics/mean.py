"""The mean of numbers, and of what a function says of each batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...tensor import Tensor
from .base import Metric, ratio


class Mean(Metric):
    """Σ wᵢ xᵢ / Σ wᵢ over update(x, w): a tensor counts as its mean. nan for none.

    The sums are Python's float64 numbers, so that an epoch's loss costs nothing per batch.
    """

    def __init__(self, name: str | None = None) -> None:
        super().__init__(name)
        self.reset()

    def update(self, output: Any, target: Any = 1) -> None:
        """Count a value in, with a weight."""
        value = output.mean().item() if isinstance(output, Tensor) else float(output)
        self.sum += value * float(target)
        self.weight += float(target)

    def compute(self) -> float:
        return ratio(self.sum, self.weight)

    def reset(self) -> None:
        super().reset()
        self.sum = self.weight = 0.0

    def state_dict(self) -> dict[str, Any]:
        return {"sum": self.sum, "weight": self.weight}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.sum, self.weight = state["sum"], state["weight"]


class MeanOf(Metric):
    """The mean over samples of function(output, target), a mean of its batch itself: a loss, for one."""

    def __init__(self, function: Callable[[Any, Any], Any], name: str | None = None) -> None:
        called = getattr(function, "__name__", type(function).__name__)
        super().__init__(name or called.strip("<>"))
        self.function = function

    def update(self, output: Any, target: Any) -> None:
        samples = target.shape[0] if isinstance(target, Tensor) and target.dim() else 1
        self.add("sum", float(self.function(output, target)) * samples)
        self.add("samples", samples)

    def compute(self) -> float:
        return ratio(self.total("sum"), self.total("samples"))
