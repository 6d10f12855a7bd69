"""Which class was taken for which, and what follows from it: precision, recall, F1."""

from __future__ import annotations

from typing import Any

import numpy as np

import rushlight.dtypes as dtypes

from ...creation import zeros
from ...tensor import Tensor, from_numpy
from .base import Metric, ratio
from .predictions import above, check_task, scores_by_row

AVERAGES = ("macro", "micro", "weighted", "binary", None)


class ConfusionMatrix(Metric):
    """How often class i (row) was taken for class j (column): counts, int64.

    multiclass: output (N, C, ...), target (N, ...); binary: outputs above `threshold` (0: of logits) are
    class 1. normalize: "true" divides rows by their sums, "pred" columns, "all" everything; 0/0 is 0.
    """

    def __init__(
        self,
        task: str = "multiclass",
        threshold: float = 0.0,
        ignore: int | None = None,
        normalize: str | None = None,
        name: str | None = None,
    ) -> None:
        check_task(task, type(self).__name__)
        if normalize not in (None, "true", "pred", "all"):
            raise ValueError(f"ConfusionMatrix: normalize is 'true', 'pred' or 'all', not {normalize!r}")
        super().__init__(name)
        self.task, self.threshold, self.ignore, self.normalize = task, threshold, ignore, normalize

    def update(self, output: Any, target: Any) -> None:
        if self.task == "multilabel":
            raise ValueError("ConfusionMatrix: labels do not exclude each other; give one for each label")
        self.add("counts", self.counted(output, target))

    def counted(self, output: Tensor, target: Tensor) -> Tensor:
        """The matrix of one batch."""
        if self.task == "binary":
            predicted, wanted = above(output, target, type(self).__name__, self.threshold)
            return _matrix(predicted.reshape(-1), wanted.reshape(-1), 2)
        scores, classes = scores_by_row(output, target, type(self).__name__, self.ignore)
        return _matrix(scores.argmax(1), classes, scores.shape[1])

    def compute(self) -> Tensor:
        counts: Any = self.state.get("counts", zeros(0, 0, dtype=dtypes.int64))
        if self.normalize is None:
            return counts
        dims = {"true": 1, "pred": 0, "all": (0, 1)}[self.normalize]
        sums = counts.sum(dims, keepdim=True)
        return counts / sums.clamp(min=1)


def _matrix(predicted: Tensor, wanted: Tensor, size: int) -> Tensor:
    predicted, wanted = predicted.to(dtypes.int64), wanted.to(dtypes.int64)
    if wanted.numel() and not (0 <= int(wanted.min()) and int(wanted.max()) < size):
        raise ValueError(
            f"a target lies outside of the {size} classes that the output has scores for; for targets that "
            "do not count give ignore="
        )
    return (wanted * size + predicted).bincount(minlength=size * size).reshape(size, size)


class _OfCounts(ConfusionMatrix):
    """A number made of true positives, false positives and false negatives of each class or label."""

    def __init__(
        self,
        average: str | None = None,
        task: str = "multiclass",
        threshold: float = 0.0,
        ignore: int | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(task, threshold, ignore, None, name)
        average = average or ("binary" if task == "binary" else "macro")
        self.average = None if average == "none" else average
        if self.average not in AVERAGES:
            raise ValueError(f"{type(self).__name__}: average is one of {AVERAGES[:-1]} or 'none'")
        if (self.average == "binary") != (task == "binary"):
            raise ValueError(f"{type(self).__name__}: average='binary' is for task='binary', and only it")

    def update(self, output: Any, target: Any) -> None:
        if self.task != "multilabel":
            self.add("counts", self.counted(output, target))
            return
        predicted, wanted = above(output, target, type(self).__name__, self.threshold)
        rows = [v.reshape(-1, v.shape[-1]) for v in (predicted & wanted, predicted, wanted)]
        for name, value in zip(("hits", "predicted", "wanted"), rows, strict=True):
            self.add(name, value.sum(0))

    def by_class(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """How often each class was rightly predicted, predicted, and wanted."""
        if self.task == "multilabel":
            found: Any = [self.state.get(name, zeros(0)) for name in ("hits", "predicted", "wanted")]
            hits, predicted, wanted = [v.numpy().astype(np.float64) for v in found]
        else:
            matrix = super().compute().numpy().astype(np.float64)
            hits, predicted, wanted = matrix.diagonal(), matrix.sum(0), matrix.sum(1)
        return hits, predicted, wanted

    def score(self, hits: Any, predicted: Any, wanted: Any) -> Any:
        """The number of each class; 0 where it is 0/0, as in scikit-learn."""
        raise NotImplementedError

    def compute(self) -> Any:
        hits, predicted, wanted = self.by_class()
        if not wanted.sum():
            return float("nan")
        scores = self.score(hits, predicted, wanted)
        if self.average == "binary":
            return float(scores[1])
        if self.average == "micro":
            return float(self.score(hits.sum(), predicted.sum(), wanted.sum()))
        if self.average == "weighted":
            return float(scores @ wanted / wanted.sum())
        if self.average is None:
            return from_numpy(np.asarray(scores))
        met = np.ones_like(wanted) if self.task == "multilabel" else predicted + wanted > 0
        return ratio(float(scores @ met), float(met.sum()))


class Precision(_OfCounts):
    """TP / (TP + FP), of what was predicted how much is right.

    average: "macro" (mean over the classes that occur), "micro" (of all counts together), "weighted" (by how
    often a class is wanted), "binary" (of class 1), "none" (a tensor, one number for each class).
    """

    def score(self, hits: Any, predicted: Any, wanted: Any) -> Any:
        return hits / np.maximum(predicted, 1)


class Recall(_OfCounts):
    """TP / (TP + FN), of what was wanted how much was found. average: as for Precision."""

    def score(self, hits: Any, predicted: Any, wanted: Any) -> Any:
        return hits / np.maximum(wanted, 1)


class F1(_OfCounts):
    """2 TP / (2 TP + FP + FN), the harmonic mean of precision and recall. average: as for Precision."""

    def score(self, hits: Any, predicted: Any, wanted: Any) -> Any:
        return 2 * hits / np.maximum(predicted + wanted, 1)
