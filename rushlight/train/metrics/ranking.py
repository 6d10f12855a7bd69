"""How well scores put the positives before the negatives: AUROC and average precision, exactly."""

from __future__ import annotations

from typing import Any

import numpy as np

from .base import Metric
from .predictions import check_same_shape, check_task, scores_by_row


class _Ranking(Metric):
    """A number about the order of scores, for one class against the rest."""

    costly = True

    def __init__(
        self, task: str = "binary", average: str = "macro", ignore: int | None = None, name: str | None = None
    ) -> None:
        check_task(task, type(self).__name__)
        if average not in ("macro", "weighted", "none"):
            raise ValueError(f"{type(self).__name__}: average is 'macro', 'weighted' or 'none'")
        super().__init__(name)
        self.task, self.average, self.ignore = task, average, ignore

    def update(self, output: Any, target: Any) -> None:
        kind = type(self).__name__
        if self.task == "multiclass":
            output, target = scores_by_row(output, target, kind, self.ignore)
        else:
            if output.dim() == target.dim() + 1 and output.shape[-1] == 1:
                output = output.squeeze(-1)
            check_same_shape(output, target, kind)
            shape = (-1, target.shape[-1]) if self.task == "multilabel" else (-1,)
            output, target = output.reshape(shape), target.reshape(shape)
        self.append("scores", output)
        self.append("targets", target)

    def compute(self) -> Any:
        scores = self.rows("scores").double().numpy()
        targets = self.rows("targets").numpy()
        if not len(scores):
            return float("nan")
        if self.task == "binary":
            return self.of(scores, targets > 0)
        columns = range(scores.shape[1])
        wanted = targets > 0 if self.task == "multilabel" else targets[:, None] == np.arange(len(columns))
        each = np.array([self.of(scores[:, k], wanted[:, k]) for k in columns])
        if self.average == "none":
            return each.tolist()
        return (
            float(np.average(each, weights=wanted.sum(0)))
            if self.average == "weighted"
            else float(each.mean())
        )

    def of(self, scores: np.ndarray, wanted: np.ndarray) -> float:
        """The number for one class; nan where scores are nan."""
        if np.isnan(scores).any():
            return float("nan")
        return self.ranked(*steps(scores, wanted))

    def ranked(self, hits: np.ndarray, alarms: np.ndarray) -> float:
        """The number, from how many positives and negatives have at least the k-th greatest score."""
        raise NotImplementedError


class AUROC(_Ranking):
    """The area under the curve of true over false positives: the chance that a positive has a greater score
    than a negative, a tie counting one half (Hanley, McNeil 1982). nan if there are only positives, or none.

    binary: scores and targets of one shape; multiclass: output (N, C, ...), each class against the rest;
    multilabel: (..., C) both. average: "macro", "weighted" (by positives), "none" (a list). All scores are
    kept until they are forgotten by `reset`.
    """

    def ranked(self, hits: np.ndarray, alarms: np.ndarray) -> float:
        positives, negatives = hits[-1], alarms[-1]
        if not positives or not negatives:
            return float("nan")
        heights = (hits[1:] + hits[:-1]) / 2
        return float(np.diff(alarms) @ heights / (positives * negatives))


class AveragePrecision(_Ranking):
    """Σₖ (Rₖ - Rₖ₋₁) Pₖ over all thresholds, with precision P and recall R; nan if there are no positives.

    Arguments as those of AUROC.
    """

    def ranked(self, hits: np.ndarray, alarms: np.ndarray) -> float:
        if not hits[-1]:
            return float("nan")
        precision = hits[1:] / (hits[1:] + alarms[1:])
        return float(np.diff(hits) @ precision / hits[-1])


def steps(scores: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How many positives and negatives are at or above each different score, from the greatest; 0 first."""
    order = np.argsort(-scores, kind="stable")
    scores, wanted = scores[order], wanted[order]
    last = np.flatnonzero(np.append(scores[1:] != scores[:-1], True))  # of those with equal scores
    hits = np.cumsum(wanted, dtype=np.float64)[last]
    return np.append(0.0, hits), np.append(0.0, last + 1 - hits)
