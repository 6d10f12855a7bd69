"""Average pooling over the last axes of an array: sliding windows, adaptive bins, and their gradients."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import prod

import numpy as np

from . import pooling_native
from .axis_map import AxisMap
from .bins import Bins, adaptive_bins, adaptive_edges, reduce_bins
from .halves import narrow, wide
from .windows import Sizes


def avg_pool(x: np.ndarray, bins: Sequence[Bins], divisors: np.ndarray) -> np.ndarray:
    """The sum of each window over its divisor; integers are divided towards zero."""
    found = pooling_native.mean_pool(wide(x), bins, divisors)
    if found is not None:
        return narrow(found, x.dtype)
    sums = reduce_bins(wide(x), bins, np.add, 0)
    if x.dtype.kind in "iu":
        return (np.sign(sums) * (np.abs(sums) // divisors)).astype(x.dtype)
    return narrow(sums / divisors.astype(sums.dtype), x.dtype)


def avg_pool_gradient(g: np.ndarray, bins: Sequence[Bins], divisors: np.ndarray) -> np.ndarray:
    """The transpose of `avg_pool`: each number, divided, goes to every place of its window."""
    found = pooling_native.spread(wide(g), bins, divisors)
    if found is not None:
        return narrow(found, g.dtype)
    spread = wide(g) / divisors.astype(wide(g[:0]).dtype)
    for axis, b in zip(range(-len(bins), 0), bins, strict=True):
        spread = _spread_axis(spread, axis, b)
    return narrow(np.ascontiguousarray(spread), g.dtype)


def window_divisors(
    bins: Sequence[Bins], padding: Sizes, count_include_pad: bool, divisor_override: int | None
) -> np.ndarray:
    """By what each window's sum is divided, one number per output position.

    Padding counts where `count_include_pad`, but never what `ceil_mode` added beyond it.
    """
    if divisor_override is not None:
        return np.full(tuple(b.count for b in bins), divisor_override)
    divisors = np.ones((), np.int64)
    for b, p in zip(bins, padding, strict=True):
        extra = p if count_include_pad else 0
        inside = (b.positions >= -extra) & (b.positions < b.size + extra)
        divisors = np.multiply.outer(divisors, inside.sum(0))
    return divisors


@lru_cache(maxsize=1024)
def adaptive_averages(size: int, count: int) -> AxisMap:
    """The map that averages an axis over its adaptive bins."""
    starts, ends = adaptive_edges(size, count)
    lengths = ends - starts
    targets = np.repeat(np.arange(count), lengths)
    sources = np.arange(len(targets)) - np.repeat(np.cumsum(lengths) - lengths - starts, lengths)
    return AxisMap(targets, sources, 1 / np.repeat(lengths, lengths), count, size)


def adaptive_avg_pool(x: np.ndarray, counts: Sizes) -> np.ndarray:
    """The mean of each adaptive bin over the last axes of `x`."""
    sizes, y = x.shape[-len(counts) :], wide(x)
    bins = [adaptive_bins(size, n) for size, n in zip(sizes, counts, strict=True)]
    found = pooling_native.mean_pool(y, bins, _lengths(sizes, counts))
    if found is not None:
        return narrow(found, x.dtype)
    if all(n and size % n == 0 for size, n in zip(sizes, counts, strict=True)):
        y = _block_means(y, sizes, counts)
    else:
        for axis, size, n in zip(range(-len(counts), 0), sizes, counts, strict=True):
            y = adaptive_averages(size, n)(y, axis)
    return narrow(y, x.dtype)


def adaptive_avg_pool_gradient(g: np.ndarray, sizes: Sizes) -> np.ndarray:
    """The transpose of `adaptive_avg_pool` for an input whose last axes had these sizes."""
    counts, dx = g.shape[-len(sizes) :], wide(g)
    bins = [adaptive_bins(size, n) for size, n in zip(sizes, counts, strict=True)]
    found = pooling_native.spread(dx, bins, _lengths(sizes, counts))
    if found is not None:
        return narrow(found, g.dtype)
    if all(n and size % n == 0 for size, n in zip(sizes, counts, strict=True)):
        dx = _block_fill(dx / np.asarray(prod(sizes) // prod(counts), dx.dtype), sizes)
    else:
        for axis, size in zip(range(-len(sizes), 0), sizes, strict=True):
            dx = adaptive_averages(size, g.shape[axis]).transposed(dx, axis)
    return narrow(dx, g.dtype)


@lru_cache(maxsize=256)
def _lengths(sizes: Sizes, counts: Sizes) -> np.ndarray:
    """How many places each adaptive bin has."""
    lengths = np.ones((), np.int64)
    for size, count in zip(sizes, counts, strict=True):
        starts, ends = adaptive_edges(size, count)
        lengths = np.multiply.outer(lengths, ends - starts)
    return lengths


def _spread_axis(g: np.ndarray, axis: int, b: Bins) -> np.ndarray:
    after = (slice(None),) * (-axis - 1)
    shape = list(g.shape)
    shape[axis] = b.size + sum(b.pads)
    out = np.zeros(shape, g.dtype)
    for visit in b.visits:
        out[(..., visit, *after)] += g
    return out[(..., slice(b.pads[0], b.pads[0] + b.size), *after)]


def _block_means(x: np.ndarray, sizes: Sizes, counts: Sizes) -> np.ndarray:
    """Means of equal blocks that tile the last axes."""
    if all(n == 1 for n in counts):
        lead = x.shape[: -len(sizes)]
        return x.reshape(*lead, prod(sizes)).mean(-1).reshape(*lead, *counts)
    bins = [adaptive_bins(size, n) for size, n in zip(sizes, counts, strict=True)]
    return reduce_bins(x, bins, np.add, 0) / np.asarray(prod(sizes) // prod(counts), x.dtype)


def _block_fill(g: np.ndarray, sizes: Sizes) -> np.ndarray:
    """Each number fills its block of the last axes."""
    lead, counts = g.shape[: -len(sizes)], g.shape[-len(sizes) :]
    ones = [part for n in counts for part in (n, 1)]
    split = [part for size, n in zip(sizes, counts, strict=True) for part in (n, size // n)]
    filled = np.broadcast_to(g.reshape(*lead, *ones), (*lead, *split))
    return np.ascontiguousarray(filled).reshape(*lead, *sizes)
