"""Histograms, as TensorFlow's histogram.cc makes them: buckets that grow by a tenth."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from ..events import messages
from .values import Values, array, numeric

_METHODS = ("auto", "fd", "doane", "scott", "stone", "rice", "sturges", "sqrt")


@cache
def default_edges() -> np.ndarray:
    """0, and ±1e-12 · 1.1^k up to 1e20."""
    edge, edges = 1e-12, []
    while edge < 1e20:
        edges.append(edge)
        edge *= 1.1
    found = np.array(edges)
    return np.concatenate([-found[::-1], [0], found])


def histogram(tag: str, values: Any, bins: Any, max_bins: int | None) -> Values:
    """The distribution of `values`. Infinities and NaNs are left out; ValueError if nothing else is there."""
    data = numeric(values, "add_histogram").reshape(-1)
    if not data.size:
        raise ValueError("a histogram of no values: the array is empty")
    finite = np.isfinite(data)
    if not finite.all():
        data = data[finite]
        if not data.size:
            raise ValueError("a histogram of no values: all of them are NaN or infinite")
    edges = _edges(bins)
    if max_bins is not None and max_bins < 1:
        raise ValueError(f"max_bins is {max_bins}; it must be at least 1")
    return Values(lambda: [_made(tag, data.astype(np.float64), edges, max_bins)], data.nbytes)


def raw(tag: str, moments: tuple[float, float, float, float, float], limits: Any, counts: Any) -> Values:
    """A histogram whose buckets are known."""
    limits, counts = (np.array(array(x), np.float64).reshape(-1) for x in (limits, counts))
    if len(limits) != len(counts):
        raise ValueError(f"{len(limits)} bucket_limits and {len(counts)} bucket_counts: give one for each")
    return Values(lambda: [messages.histogram(tag, moments, limits, counts)], limits.nbytes * 2)


def _edges(bins: Any) -> Any:
    """What np.histogram takes as bins. Raises ValueError for what it would not take."""
    if isinstance(bins, str):
        if bins == "tensorflow":
            return default_edges()
        if bins not in _METHODS:
            raise ValueError(
                f"bins is {bins!r}; it is a number, edges, 'tensorflow' or {', '.join(_METHODS)}"
            )
        return bins
    found = np.array(array(bins))
    if found.ndim == 0 and int(found) >= 1:
        return int(found)
    if found.ndim != 1 or len(found) < 2 or not (np.diff(found) >= 0).all():
        raise ValueError("bins are a number of at least 1, or two or more edges that never go down")
    return found


def _made(tag: str, data: np.ndarray, edges: Any, max_bins: int | None) -> bytes:
    counts, limits = np.histogram(data, edges)
    if max_bins is not None and len(counts) > max_bins:
        counts, limits = _coarser(counts, limits, len(counts) // max_bins)
    filled = np.flatnonzero(counts)
    if not len(filled):  # all lie outside of the edges
        counts, limits = np.zeros(1), limits[-1:]
    else:  # TensorBoard knows right edges only: an empty bucket gives the first its left one
        first, last = int(filled[0]), int(filled[-1]) + 1
        counts = np.concatenate([[0], counts[first:last]])
        limits = limits[first : last + 1]
    moments = (data.min(), data.max(), len(data), data.sum(), data.dot(data))
    return messages.histogram(tag, moments, limits, counts)


def _coarser(counts: np.ndarray, limits: np.ndarray, step: int) -> tuple[np.ndarray, np.ndarray]:
    """Every `step` buckets as one."""
    padded = np.pad(counts, (0, -len(counts) % step))
    return padded.reshape(-1, step).sum(1), np.append(limits[:-1:step], limits[-1])
