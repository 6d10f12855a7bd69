"""Depthwise convolution (one input channel per group): each channel has a kernel of its own.

Along the last axis a row of the kernel is a banded matrix, so that a tile of outputs is one small matrix
product per kernel row. Most of its factors are zero, and still it is five times as fast as a sum over taps
in NumPy (measured). Zero times infinity is NaN, though: a result that is not finite is computed again tap by
tap.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from math import prod

import numpy as np

from .windows import Sizes, Window, tap

# Outputs along the last axis in one product: fewer pay more for calls, more waste more on zeros.
TILE = 32


def correlate(x: np.ndarray, w: np.ndarray, window: Window) -> np.ndarray:
    """The convolution of the padded x (N, C, *sizes) with w (C * multiplier, 1, *kernel)."""
    if x.ndim == 3:
        return _images(correlate(_rows(x), w[:, :, None], _row_window(window)))
    counts = window.counts(x.shape[2:])
    y = np.zeros((x.shape[0], x.shape[1], w.shape[0] // x.shape[1], *counts), np.result_type(x, w))
    for bands, places, span in _tiles(w, x.shape[1], window, counts):
        for image, out in zip(x, y, strict=True):
            for band, place in zip(bands, places, strict=True):
                out[..., span] += np.matmul(image[:, None][(..., *place)], band)
    if not np.isfinite(y).all():
        y = _by_taps(x, w, window, counts)
    return y.reshape(x.shape[0], w.shape[0], *counts)


def spread(g: np.ndarray, w: np.ndarray, window: Window, channels: int, padded: Sizes) -> np.ndarray:
    """The transpose of `correlate`: g (N, C * multiplier, *counts) -> (N, C, *padded)."""
    if g.ndim == 3:
        rows = spread(_rows(g), w[:, :, None], _row_window(window), channels, (g.shape[0], *padded))
        return _images(rows)
    cotangents = _by_channel(g, channels)
    out = np.zeros((g.shape[0], channels, *padded), np.result_type(g, w))
    for bands, places, span in _tiles(w, channels, window, g.shape[2:]):
        for image, dx in zip(cotangents[..., span], out, strict=True):
            for band, place in zip(bands, places, strict=True):
                dx[(..., *place)] += np.matmul(image, band.swapaxes(-1, -2)).sum(1)
    return out if np.isfinite(out).all() else _spread_by_taps(cotangents, w, window, padded)


def weights(x: np.ndarray, g: np.ndarray, window: Window) -> np.ndarray:
    """The gradient (C * multiplier, 1, *kernel) of the weight; x is padded."""
    if x.ndim == 3:
        return weights(_rows(x), _rows(g), _row_window(window))[:, :, 0]
    channels, kernel = x.shape[1], window.kernel
    cotangents = _by_channel(g, channels)
    multiplier, others = cotangents.shape[2], tuple(range(2, g.ndim - 2))
    dw = np.zeros((prod(kernel[:-1]), channels, multiplier, kernel[-1]), np.result_type(x, g))
    for places, span in _places(window, g.shape[2:]):
        for image, cotangent in zip(x, cotangents[..., span], strict=True):
            for row, place in enumerate(places):
                pairs = np.matmul(image[:, None][(..., *place)].swapaxes(-1, -2), cotangent)
                dw[row] += _along_band(pairs.sum(others), window)
    return np.moveaxis(dw, 0, 2).reshape(channels * multiplier, 1, *kernel)


# -- bands ------------------------------------------------------------------------------------------


def _tiles(
    w: np.ndarray, channels: int, window: Window, counts: Sizes
) -> Iterator[tuple[np.ndarray, list[tuple[slice, ...]], slice]]:
    """For each tile: banded matrices (rows, C, multiplier, 1.., inputs, outputs), input places, outputs."""
    kernel, made = window.kernel, {}
    rows = w.reshape(
        channels, w.shape[0] // channels, *(1 for _ in counts[2:]), prod(kernel[:-1]), kernel[-1]
    )
    rows = np.moveaxis(rows, -2, 0)
    for places, span in _places(window, counts):
        tile = span.stop - span.start
        if tile not in made:
            made[tile] = _bands(rows, tile, window)
        yield made[tile], places, span


def _places(window: Window, counts: Sizes) -> Iterator[tuple[list[tuple[slice, ...]], slice]]:
    """For each tile along the last axis: the input's places for every kernel row, and the outputs."""
    stride, reach = window.stride[-1], window.dilation[-1] * (window.kernel[-1] - 1) + 1
    lead = zip(window.kernel[:-1], window.stride[:-1], window.dilation[:-1], counts[:-1], strict=True)
    rows = list(product(*([tap(k * d, s, n) for k in range(size)] for size, s, d, n in lead)))
    for start in range(0, counts[-1], TILE):
        stop = min(start + TILE, counts[-1])
        inputs = slice(start * stride, (stop - 1) * stride + reach)
        yield [(*row, inputs) for row in rows], slice(start, stop)


def _band(tile: int, window: Window) -> tuple[np.ndarray, np.ndarray]:
    """Input and output of every factor in a banded matrix: (taps, outputs) and (outputs)."""
    outputs = np.arange(tile)
    taps = np.arange(window.kernel[-1])[:, None] * window.dilation[-1]
    return outputs * window.stride[-1] + taps, outputs


def _bands(rows: np.ndarray, tile: int, window: Window) -> np.ndarray:
    """Kernel rows (..., taps) as banded matrices (..., inputs, outputs)."""
    inputs, outputs = _band(tile, window)
    found = np.zeros((*rows.shape[:-1], int(inputs[-1, -1]) + 1, tile), rows.dtype)
    found[..., inputs, outputs] = rows[..., None]
    return found


def _along_band(pairs: np.ndarray, window: Window) -> np.ndarray:
    """The transpose of `_bands`: (..., inputs, outputs) summed along the band, (..., taps)."""
    inputs, outputs = _band(pairs.shape[-1], window)
    return pairs[..., inputs, outputs].sum(-1)


# -- taps -------------------------------------------------------------------------------------------


def _by_taps(x: np.ndarray, w: np.ndarray, window: Window, counts: Sizes) -> np.ndarray:
    """`correlate` as a sum over taps: what is not finite stays in the windows that see it."""
    factors = _factors(w, x.shape[1], window)
    y = np.zeros((x.shape[0], *factors.shape[:2], *counts), np.result_type(x, w))
    for k, place in enumerate(window.taps(counts)):
        y += x[(slice(None), slice(None), None, *place)] * factors[:, :, k]
    return y


def _spread_by_taps(cotangents: np.ndarray, w: np.ndarray, window: Window, padded: Sizes) -> np.ndarray:
    """`spread` as a sum over taps."""
    images, channels, _, *counts = cotangents.shape
    factors = _factors(w, channels, window)
    out = np.zeros((images, channels, *padded), np.result_type(cotangents, w))
    for k, place in enumerate(window.taps(tuple(counts))):
        out[(..., *place)] += (cotangents * factors[:, :, k]).sum(2)
    return out


def _factors(w: np.ndarray, channels: int, window: Window) -> np.ndarray:
    """The weight as (C, multiplier, taps, 1..)."""
    return w.reshape(channels, w.shape[0] // channels, prod(window.kernel), *(1 for _ in window.kernel))


def _by_channel(g: np.ndarray, channels: int) -> np.ndarray:
    return g.reshape(g.shape[0], channels, g.shape[1] // channels, *g.shape[2:])


# -- one spatial axis: the images of a batch are the rows of one image ------------------------------


def _rows(x: np.ndarray) -> np.ndarray:
    return x.swapaxes(0, 1)[None]


def _images(y: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(y[0].swapaxes(0, 1))


def _row_window(window: Window) -> Window:
    return Window((1, *window.kernel), (1, *window.stride), (1, *window.dilation))
