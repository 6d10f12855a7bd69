"""How far numbers are from those wanted."""

from __future__ import annotations

import math
from typing import Any

import rushlight.dtypes as dtypes

from ...tensor import Tensor
from .base import Metric, ratio
from .predictions import check_same_shape, scores_by_row


def _both(metric: Metric, output: Any, target: Any) -> tuple[Tensor, Tensor]:
    check_same_shape(output, target, type(metric).__name__)
    return output.to(dtypes.float64), target.to(dtypes.float64)


class MeanAbsoluteError(Metric):
    """mean |output - target| over all elements."""

    def update(self, output: Any, target: Any) -> None:
        output, target = _both(self, output, target)
        self.add("sum", (output - target).abs().sum())
        self.add("count", target.numel())

    def compute(self) -> float:
        return ratio(self.total("sum"), self.total("count"))


class MeanSquaredError(Metric):
    """mean (output - target)² over all elements; its root if `root`."""

    def __init__(self, root: bool = False, name: str | None = None) -> None:
        super().__init__(name or ("root_mean_squared_error" if root else None))
        self.root = root

    def update(self, output: Any, target: Any) -> None:
        output, target = _both(self, output, target)
        self.add("sum", (output - target).square().sum())
        self.add("count", target.numel())

    def compute(self) -> float:
        found = ratio(self.total("sum"), self.total("count"))
        return found**0.5 if self.root else found


class R2(Metric):
    """1 - Σ (target - output)² / Σ (target - mean target)², of all elements together; nan for fewer than two.

    Where all targets are equal it is 1 if all outputs are right, else 0, as in scikit-learn. Means are taken
    apart from sums (Chan, Golub, LeVeque 1979), so that targets far from 0 lose no digits.
    """

    def update(self, output: Any, target: Any) -> None:
        output, target = _both(self, output, target)
        if not target.numel():
            return
        new, mean = float(target.numel()), target.mean()
        spread = (target - mean).square().sum()
        old = self.total("count")
        if old:
            step = mean - self.state["mean"]  # type: ignore[operator]
            spread = spread + step * step * (old * new / (old + new))
            mean_step = step * (new / (old + new))
        else:
            mean_step = mean
        self.add("residual", (target - output).square().sum())
        self.add("spread", spread)
        self.add("mean", mean_step)
        self.add("count", target.numel())

    def compute(self) -> float:
        if self.total("count") < 2:
            return float("nan")
        residual, spread = self.total("residual"), self.total("spread")
        if not spread:
            return float(not residual)
        return 1 - residual / spread


class CosineSimilarity(Metric):
    """The mean over all vectors along `dim` of output·target / (|output| |target|); 0 with a zero vector."""

    def __init__(self, dim: int = -1, name: str | None = None) -> None:
        super().__init__(name)
        self.dim = dim

    def update(self, output: Any, target: Any) -> None:
        output, target = _both(self, output, target)
        lengths = (output.square().sum(self.dim) * target.square().sum(self.dim)).sqrt()
        found = (output * target).sum(self.dim) / lengths.clamp(min=1e-300)
        self.add("sum", found.sum())
        self.add("count", found.numel())

    def compute(self) -> float:
        return ratio(self.total("sum"), self.total("count"))


class Perplexity(Metric):
    """exp of the mean of -log p(target): output (N, C, ...) or (..., C) of logits, target of classes.

    Which of both is told by the shapes; (N, C, ...) where both fit. Targets equal to `ignore` do not count.
    """

    def __init__(self, ignore: int | None = -100, name: str | None = None) -> None:
        super().__init__(name)
        self.ignore = ignore

    def update(self, output: Any, target: Any) -> None:
        if output.shape[2:] != target.shape[1:] and output.shape[:-1] == target.shape:
            output = output.movedim(-1, 1) if target.dim() > 0 else output
        scores, classes = scores_by_row(output, target, "Perplexity", self.ignore)
        scores = scores.to(dtypes.float64)
        logs = scores.logsumexp(1) - scores.gather(1, classes.unsqueeze(1)).squeeze(1)
        self.add("sum", logs.sum())
        self.add("count", classes.numel())

    def compute(self) -> float:
        mean = ratio(self.total("sum"), self.total("count"))
        return math.exp(mean) if not mean > 700 else math.inf
