"""The mean loss and the metrics of the batches of an epoch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..autograd.mode import no_grad
from ..tensor import Tensor
from .metrics.base import Metric
from .metrics.mean import Mean


class Totals:
    """The loss, weighted by the number of samples, and some metrics, all from the batches since `reset`."""

    def __init__(self, metrics: Sequence[Metric]) -> None:
        self.metrics = {"loss": Mean(name="loss")} | {metric.name: metric for metric in metrics}
        if len(self.metrics) <= len(metrics):
            names = [metric.name for metric in metrics]
            raise ValueError(f"two metrics have one name among {names}, or one is called 'loss': give name=")

    @no_grad()
    def update(self, loss: float, samples: int, output: Any, target: Any) -> None:
        """Count a batch in."""
        mean, *metrics = self.metrics.values()
        mean.update(loss, samples)
        for metric in metrics:
            metric.update(output, target)

    def compute(self, costly: bool = True) -> dict[str, Any]:
        """{"loss": number, the metric's name: number, or a list of numbers in lists}."""
        found = {k: metric.compute() for k, metric in self.metrics.items() if costly or not metric.costly}
        return {k: v.tolist() if isinstance(v, Tensor) else v for k, v in found.items()}

    def reset(self) -> None:
        """Forget all batches."""
        for metric in self.metrics.values():
            metric.reset()

    def state_dict(self) -> dict[str, Any]:
        """What was counted, by metric."""
        return {name: metric.state_dict() for name, metric in self.metrics.items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on counting from a state. Raises ValueError for a state of other metrics."""
        if state.keys() != self.metrics.keys():
            raise ValueError(f"the state has the metrics {sorted(state)}, the trainer {sorted(self.metrics)}")
        for name, metric in self.metrics.items():
            metric.load_state_dict(state[name])
