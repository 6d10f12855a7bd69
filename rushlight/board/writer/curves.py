"""Precision against recall, over the threshold from which a prediction counts as a yes."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...io import protobuf
from ..events import messages
from .values import Values, numeric

MOST = 127  # thresholds, as PyTorch limits them
_SMALL = 1e-7  # in place of no cases at all
_ROWS = ("true_positive_counts", "false_positive_counts", "true_negative_counts", "false_negative_counts")


def pr_curve(tag: str, labels: Any, predictions: Any, thresholds: int, weights: Any) -> Values:
    """From labels (0 or 1) and predictions (0 .. 1) of one shape; weights of that shape, or one number."""
    truth, guess = (numeric(x, "add_pr_curve").reshape(-1) for x in (labels, predictions))
    if truth.shape != guess.shape:
        raise ValueError(f"add_pr_curve was given {len(truth)} labels and {len(guess)} predictions")
    weight = np.float64(1) if weights is None else numeric(weights, "add_pr_curve").reshape(-1)
    if weight.size not in (1, len(truth)):
        raise ValueError(f"add_pr_curve was given {weight.size} weights for {len(truth)} labels")
    count = _count(thresholds)
    return Values(lambda: [_value(tag, curve(truth, guess, weight, count), count)], 2 * guess.nbytes)


def pr_curve_raw(tag: str, rows: tuple[Any, ...], thresholds: int) -> Values:
    """From counts and rates that are known: true and false positives and negatives, precision, recall."""
    lines = [numeric(row, "add_pr_curve_raw").reshape(-1) for row in rows]
    if len({len(line) for line in lines}) != 1:
        sizes = ", ".join(f"{len(line)} {what}" for line, what in zip(lines, (*_ROWS, "precision", "recall")))
        raise ValueError(f"the rows of a PR curve have one length, but these are {sizes}")
    data = np.stack(lines)
    return Values(lambda: [_value(tag, data, _count(thresholds))], data.nbytes)


def curve(truth: np.ndarray, guess: np.ndarray, weight: Any, count: int) -> np.ndarray:
    """[6, count]: true and false positives, true and false negatives, precision, recall, by threshold."""
    place = np.floor(guess * (count - 1)).astype(np.int32)
    right = truth.astype(np.float64) * weight
    wrong = (1.0 - truth.astype(np.float64)) * weight
    tp, fp = (_at_least(place, part, count) for part in (right, wrong))
    tn, fn = fp[0] - fp, tp[0] - tp
    return np.stack(
        [tp, fp, tn, fn, tp / np.maximum(_SMALL, tp + fp), tp / np.maximum(_SMALL, tp + fn)]
    )  # fmt: skip


def _at_least(place: np.ndarray, weight: np.ndarray, count: int) -> np.ndarray:
    """The sum of weights at each place and beyond it; places that there aren't are left out."""
    inside = (place >= 0) & (place < count)
    sums = np.bincount(place[inside], weight[inside], count)
    return np.cumsum(sums[::-1])[::-1]


def _count(thresholds: int) -> int:
    if thresholds < 2:
        raise ValueError(f"num_thresholds is {thresholds}; a curve has at least 2")
    return min(int(thresholds), MOST)


def _value(tag: str, data: np.ndarray, count: int) -> bytes:
    described = messages.metadata("pr_curves", protobuf.uint(2, count))
    return messages.tensor_value(tag, data.astype(np.float32), described)
