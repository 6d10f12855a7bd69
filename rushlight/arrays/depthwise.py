"""Depthwise convolution (one input channel per group) as a sum over the taps of the kernel.

A matrix product would have one row per group, so here each tap is one multiply and one add over blocks of
channels that stay in cache.  At stride 1 a padded channel is read as one long row: tap `k` is then the
same row, shifted.  The places between two image rows are computed too and thrown away, which costs less
than many short loops.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from math import prod

import numpy as np

from .windows import Sizes, Window

# Channels are taken together until they hold about this many numbers: a tap's operands then stay in cache.
BLOCK_ELEMENTS = 1 << 15


def correlate(x: np.ndarray, w: np.ndarray, window: Window) -> np.ndarray:
    """The convolution of the padded x (N, C, *sizes) with w (C * multiplier, 1, *kernel)."""
    images, channels, counts = x.shape[0], x.shape[1], window.counts(x.shape[2:])
    multiplier = w.shape[0] // channels
    factors = w.reshape(channels, multiplier, prod(window.kernel))
    y = np.empty((images, channels, multiplier, *counts), np.result_type(x, w))
    sum_taps = _sum_shifted if all(s == 1 for s in window.stride) else _sum_strided
    for n, some in _channel_blocks(x):
        for m in range(multiplier):
            y[n, some, m] = sum_taps(x[n, some], factors[some, m], window, counts)
    return y.reshape(images, channels * multiplier, *counts)


def spread(g: np.ndarray, w: np.ndarray, window: Window, channels: int, padded: Sizes) -> np.ndarray:
    """The transpose of `correlate`: g (N, C * multiplier, *counts) -> (N, C, *padded)."""
    counts, multiplier = g.shape[2:], w.shape[0] // channels
    cotangents = g.reshape(g.shape[0], channels, multiplier, *counts)
    factors = w.reshape(channels, multiplier, prod(window.kernel), *(1 for _ in counts))
    out = np.zeros((g.shape[0], channels, *padded), np.result_type(g, w))
    for k, place in enumerate(window.taps(counts)):
        for m in range(multiplier):
            out[(..., *place)] += cotangents[:, :, m] * factors[:, m, k]
    return out


def weights(x: np.ndarray, g: np.ndarray, window: Window) -> np.ndarray:
    """The gradient (C * multiplier, 1, *kernel) of the weight; x is padded."""
    images, channels, counts = x.shape[0], x.shape[1], g.shape[2:]
    multiplier = g.shape[1] // channels
    cotangents = g.reshape(images, channels, multiplier, prod(counts))
    dw = np.zeros((channels, multiplier, prod(window.kernel)), np.result_type(x, g))
    places = window.taps(counts)
    for n, some in _channel_blocks(x):
        for k, place in enumerate(places):
            part = np.ascontiguousarray(x[(n, some, *place)]).reshape(-1, 1, prod(counts))
            dw[some, :, k] += np.vecdot(part, cotangents[n, some])
    return dw.reshape(channels * multiplier, 1, *window.kernel)


def _channel_blocks(x: np.ndarray) -> Iterator[tuple[int, slice]]:
    """Each image and each run of channels that together hold about `BLOCK_ELEMENTS` numbers."""
    step = max(1, BLOCK_ELEMENTS // max(1, prod(x.shape[2:])))
    for n in range(x.shape[0]):
        for first in range(0, x.shape[1], step):
            yield n, slice(first, first + step)


def _sum_strided(x: np.ndarray, w: np.ndarray, window: Window, counts: Sizes) -> np.ndarray:
    """The sum over taps of x (C, *padded sizes) times w (C, taps), on strided views: (C, *counts)."""
    factors = w.reshape(*w.shape, *(1 for _ in counts))
    total = np.zeros((x.shape[0], *counts), np.result_type(x, w))
    for k, place in enumerate(window.taps(counts)):
        total += x[(slice(None), *place)] * factors[:, k]
    return total


def _sum_shifted(x: np.ndarray, w: np.ndarray, window: Window, counts: Sizes) -> np.ndarray:
    """The same at stride 1, each channel read as one long row."""
    jumps = [prod(x.shape[axis + 1 :]) for axis in range(1, x.ndim)]
    length = sum((n - 1) * jump for n, jump in zip(counts, jumps, strict=True)) + 1
    rows = x.reshape(x.shape[0], prod(x.shape[1:]))
    total = np.zeros((x.shape[0], counts[0] * jumps[0]), np.result_type(x, w))
    kept, scratch = total[:, :length], np.empty((x.shape[0], length), total.dtype)
    for k, at in enumerate(product(*map(range, window.kernel))):
        start = sum(i * d * jump for i, d, jump in zip(at, window.dilation, jumps, strict=True))
        kept += np.multiply(rows[:, start : start + length], w[:, k, None], out=scratch)
    grid = total.reshape(x.shape[0], counts[0], *x.shape[2:])
    return grid[(slice(None), slice(None), *(slice(n) for n in counts[1:]))]
