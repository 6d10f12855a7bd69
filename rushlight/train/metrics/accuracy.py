"""The share of right answers."""

from __future__ import annotations

from typing import Any

import rushlight.dtypes as dtypes

from .base import Metric, ratio
from .predictions import above, check_task, scores_by_row


class Accuracy(Metric):
    """How many of the predictions are right, from 0 to 1.

    multiclass: output (N, C, ...) of scores, target (N, ...) of classes; right is where the target is among
    the `top_k` greatest scores (for one: the first of equals, nan being greatest); targets equal to `ignore`
    do not count. binary: output and target of one shape, an output above `threshold` (0: of logits; give 0.5
    for probabilities) is a yes. multilabel: the same, and all labels of a row must be right (`exact`), or
    each counts alone.
    """

    def __init__(
        self,
        task: str = "multiclass",
        top_k: int = 1,
        threshold: float = 0.0,
        ignore: int | None = None,
        exact: bool = True,
        name: str | None = None,
    ) -> None:
        check_task(task, "Accuracy")
        super().__init__(name or (f"top_{top_k}_accuracy" if top_k > 1 else "accuracy"))
        self.task, self.top_k, self.threshold = task, top_k, threshold
        self.ignore, self.exact = ignore, exact

    def update(self, output: Any, target: Any) -> None:
        right = self.right(output, target)
        self.add("right", right.sum().to(dtypes.float64))  # float64 adds fastest, and exactly to 2**53
        self.add("all", right.numel())

    def right(self, output: Any, target: Any) -> Any:
        """Whether each prediction is right."""
        if self.task != "multiclass":
            predicted, wanted = above(output, target, "Accuracy", self.threshold)
            right = predicted == wanted
            is_by_row = self.task == "multilabel" and self.exact and right.dim() > 1
            return right.all(-1) if is_by_row else right
        scores, classes = scores_by_row(output, target, "Accuracy", self.ignore)
        if self.top_k == 1:
            return scores.argmax(1) == classes
        best = scores.topk(min(self.top_k, scores.shape[1]), dim=1)[1]
        return (best == classes.unsqueeze(1)).any(1)

    def compute(self) -> float:
        return ratio(self.total("right"), self.total("all"))
