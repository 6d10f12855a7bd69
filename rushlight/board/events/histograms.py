"""Histograms as events hold them: HistogramProto, and tensors of (left, right, count) rows."""

from __future__ import annotations

import numpy as np

from ...io import protobuf
from .decoding import Value, decode_tensor

MOST_BUCKETS = 512  # more are joined: a page has no more pixels for them
#: what the bands of a distribution are: the share of numbers below, that of a normal's -1.5 .. 1.5 sigma
QUANTILES = (0.0, 0.0668, 0.1587, 0.3085, 0.5, 0.6915, 0.8413, 0.9332, 1.0)


def decode_histogram(value: Value) -> np.ndarray:
    """[k, 3] float64: left and right edge and count of each bucket that holds something, from left to right.

    At most MOST_BUCKETS of them. Raises ValueError for what is no histogram.
    """
    if not isinstance(value.data, bytes):
        raise ValueError("a histogram is a message, not a number")
    return _sound(_legacy(value.data) if value.field == 5 else _tensor(value.data))


def _legacy(message: bytes) -> np.ndarray:
    """The rows of a HistogramProto {min 1, max 2, bucket_limit 6, bucket 7}."""
    ends, limits, counts = {1: -np.inf, 2: np.inf}, [], []
    for number, value in protobuf.fields(message):
        if number in (1, 2):
            ends[number] = float(protobuf.numbers(value, "<f8")[0])
        elif number == 6:
            limits.append(protobuf.numbers(value, "<f8"))
        elif number == 7:
            counts.append(protobuf.numbers(value, "<f8"))
    right, count = _joined(limits), _joined(counts)
    if len(right) != len(count):
        raise ValueError(f"a histogram of {len(right)} bucket limits has {len(count)} counts")
    left = np.concatenate([[-np.inf], right[:-1]])[: len(right)]
    rows = np.stack([np.maximum(left, ends[1]), np.minimum(right, ends[2]), count], 1)
    return rows[count > 0]


def _joined(parts: list[np.ndarray]) -> np.ndarray:
    return np.concatenate(parts) if parts else np.zeros(0)


def _tensor(message: bytes) -> np.ndarray:
    array = decode_tensor(message)
    if array.dtype.kind not in "fiu" or array.ndim != 2 or array.shape[1] != 3:
        raise ValueError(f"a histogram is a [k, 3] tensor of numbers, not {array.shape} of {array.dtype}")
    return array.astype(np.float64)


def _sound(rows: np.ndarray) -> np.ndarray:
    """Those rows that are finite and hold something, in order and not too many."""
    rows = rows[np.isfinite(rows).all(1) & (rows[:, 2] > 0) & (rows[:, 1] >= rows[:, 0])]
    rows = rows[np.argsort(rows[:, 0], kind="stable")]
    step = -(-len(rows) // MOST_BUCKETS)
    if step <= 1:
        return rows
    starts = np.arange(0, len(rows), step)
    right = np.maximum.reduceat(rows[:, 1], starts)
    return np.stack([rows[starts, 0], right, np.add.reduceat(rows[:, 2], starts)], 1)


def rebinned(rows: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """The counts between `edges`, each bucket's spread evenly over its width. The sum stays the same.

    Buckets must lie within the edges, but may overlap.
    """
    if not len(rows):
        return np.zeros(len(edges) - 1)
    left, right, count = rows.T
    width = np.maximum(right - left, np.finfo(float).tiny)
    with np.errstate(over="ignore", invalid="ignore"):
        below = np.clip((edges[:, None] - left) / width, 0, 1)
    below[0], below[-1] = 0, 1
    return np.diff(np.nan_to_num(below) @ count)


def quantiles(rows: np.ndarray, shares: tuple[float, ...] = QUANTILES) -> np.ndarray:
    """The numbers below which these shares of the histogram lie; NaN where it is empty."""
    if not len(rows):
        return np.full(len(shares), np.nan)
    total = np.cumsum(rows[:, 2])
    passed = np.stack([total - rows[:, 2], total], 1).reshape(-1)
    return np.interp(np.array(shares) * total[-1], passed, rows[:, :2].reshape(-1))
