"""Normalisation of NumPy arrays, (x - mean) / sqrt(var + eps) · weight + bias, and its adjoint.

Three kernels for three ways in which elements share statistics: `rows` (the statistics of a row are its own,
weights go along it: layer and RMS norm), `planes` (places of a channel that share a weight lie together:
group, instance and batch norm of images) and `columns` (batch norm of vectors). Rows and planes go in blocks
that stay in the cache.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from ..kernels.images import is_last, to_first, to_last
from . import by_items, by_rows
from .copying import row_major
from .summing import add_reduce

Axes = tuple[int, ...]
Array = Any

BATCH = (0, 2)  # what batch norm of images (N, C, S) averages over
_BLOCK = 32768  # elements worked on at a time; the temporaries then stay in the level-2 cache


class Layout(NamedTuple):
    """How an array is seen: its shape there, the axes averaged over, and those with one weight each.

    Layer norm (rows, m), over 1, per 1; group norm (N, G, C/G, S), over 2, 3, per 1, 2; batch norm (N, C, S),
    over 0, 2, per 1, or (N, C), over 0, per 1; instance norm (N, C, S), over 2, per 1.
    """

    view: tuple[int, ...]
    over: Axes
    per: Axes

    @property
    def count(self) -> int:
        """How many elements share a mean (at least 1, so that empty arrays divide by something)."""
        return max(math.prod(self.view[i] for i in self.over), 1)

    def along_weights(self, weight: np.ndarray) -> np.ndarray:
        """The weights in a shape that broadcasts over the view."""
        return weight.reshape([n if i in self.per else 1 for i, n in enumerate(self.view)])


class Moments(NamedTuple):
    """Mean (None: not subtracted), variance (None for rows) and 1 / sqrt(var + eps), in kernel shape."""

    mean: Array
    var: Array
    scale: Array


def forward(
    x: np.ndarray, layout: Layout, weight: Array, bias: Array, eps: float, center: bool = True
) -> tuple[np.ndarray, Moments]:
    """The normalised `x` times weight plus bias (a fresh array in the layout's view), and the moments."""
    if layout.over == BATCH and is_last(x):
        made, moments = _columns(_pixels(x), weight, bias, eps)
        return _images(made, x), moments
    x = x.reshape(layout.view)
    if layout.over == layout.per:
        return _rows(x, weight, bias, eps, center)
    if layout.over == (0,):
        return _columns(x, weight, bias, eps)
    return _planes(x, layout, weight, bias, eps)


def backward(
    g: np.ndarray, x: np.ndarray, weight: Array, layout: Layout, moments: Moments, affine: bool
) -> tuple[Array, Array, Array]:
    """The cotangents of x (in the view), and with `affine` those of weight and bias (flat), for the output's
    g.

    With x̂ the normalised x and gw = g · weight: dx = scale · (gw - mean(gw) - x̂ · mean(gw · x̂)).
    """
    if layout.over == BATCH and is_last(x):
        g = g if is_last(g) else to_first(row_major(to_last(g.reshape(x.shape))))
        dx, dw, db = _columns_backward(_pixels(g), _pixels(x), weight, moments, affine)
        return _images(dx, x), dw, db
    g, x = g.reshape(layout.view), x.reshape(layout.view)
    if layout.over == layout.per:
        return _rows_backward(g, x, weight, moments, affine)
    if layout.over == (0,):
        return _columns_backward(g, x, weight, moments, affine)
    return _planes_backward(g, x, weight, layout, moments, affine)


def by_channel(x: np.ndarray, layout: Layout, factor: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """x · factor + shift, one of each for a channel of (N, C, ...), in the layout's view."""
    if layout.over == BATCH and is_last(x):
        pixels = _pixels(x)
        flat = Layout(pixels.shape, (0,), (1,))
        return _images(by_channel(pixels, flat, factor.reshape(-1), shift.reshape(-1)), x)
    if by_items.fits(x, factor, shift):
        return by_items.affine(x, layout.view, factor, shift)
    out = x.reshape(layout.view) * layout.along_weights(factor)
    out += layout.along_weights(shift)
    return out


def _pixels(x: np.ndarray) -> np.ndarray:
    """Images with channels last as (N · H · W, C), in place."""
    return to_last(x).reshape(-1, x.shape[1])


def _images(pixels: np.ndarray, like: np.ndarray) -> np.ndarray:
    """The reverse."""
    return to_first(pixels.reshape(to_last(like).shape))


def _blocks(rows: int, length: int) -> Iterator[slice]:
    step = max(_BLOCK // max(length, 1), 1)
    return (slice(i, i + step) for i in range(0, rows, step))


def _inverse_root(var: np.ndarray, eps: float) -> np.ndarray:
    return 1 / np.sqrt(var + var.dtype.type(eps))


# -- rows -----------------------------------------------------------------------------------------------


def _rows(x: np.ndarray, weight: Array, bias: Array, eps: float, center: bool) -> tuple[np.ndarray, Moments]:
    """(rows, m): each row by its own moments, weights along it."""
    if by_rows.fits(x, *(v for v in (weight, bias) if v is not None)):
        made, mean, scale = by_rows.norm(x, weight, bias, eps, center)
        return made, Moments(mean, None, scale)
    rows, m = x.shape
    n, eps = x.dtype.type(max(m, 1)), x.dtype.type(eps)
    ones = np.ones(m, x.dtype)
    out = np.empty(x.shape, x.dtype)
    mean, scale = (np.empty((rows, 1), x.dtype) if center else None), np.empty((rows, 1), x.dtype)
    for b in _blocks(rows, m):
        part, to = x[b], out[b]
        if mean is not None:
            mean[b] = found = np.dot(part, ones)[:, None] / n
            part = np.subtract(part, found, to)
        scale[b] = found = 1 / np.sqrt(np.vecdot(part, part)[:, None] / n + eps)
        np.multiply(part, found, to)
        if weight is not None:
            to *= weight
        if bias is not None:
            to += bias
    return out, Moments(mean, None, scale)


def _rows_backward(
    g: np.ndarray, x: np.ndarray, weight: Array, moments: Moments, affine: bool
) -> tuple[Array, Array, Array]:
    mean, _, scale = moments
    if by_rows.fits(x, g, scale, *(v for v in (weight, mean) if v is not None)):
        return by_rows.norm_back(g, x, weight, mean, scale, affine)
    rows, m = x.shape
    n = x.dtype.type(max(m, 1))
    dx = np.empty(x.shape, x.dtype)
    dw, db = (np.zeros(m, x.dtype), np.zeros(m, x.dtype)) if affine else (None, None)
    for b in _blocks(rows, m):
        gb, s = g[b], scale[b]
        normed = x[b] * s if mean is None else np.subtract(x[b], mean[b])
        if mean is not None:
            normed *= s
        products = gb * normed
        if affine:
            ones = np.ones(len(gb), x.dtype)
            dw += np.dot(ones, products)
            db += np.dot(ones, gb)
        to = np.multiply(gb, 1 if weight is None else weight, dx[b])
        normed *= _row_sums(products, weight) / n
        to -= normed
        if mean is not None:
            to -= _row_sums(gb, weight) / n
        to *= s
    return dx, dw, db


def _row_sums(v: np.ndarray, weight: Array) -> np.ndarray:
    """Σ v · weight of each row."""
    return np.dot(v, np.ones(v.shape[1], v.dtype) if weight is None else weight)[:, None]


# -- planes ---------------------------------------------------------------------------------------------


class _Planes:
    """An array as rows of one channel of one example each, and how rows share statistics."""

    def __init__(self, layout: Layout) -> None:
        self.layout, self.places = layout, layout.view[-1]
        self.channels = math.prod(layout.view[i] for i in layout.per)
        self.examples = layout.view[0]

    def rows(self, x: np.ndarray) -> np.ndarray:
        return x.reshape(self.examples * self.channels, self.places)

    def combined(self, sums: np.ndarray) -> np.ndarray:
        """From sums over planes (N, C) to means over all that share a statistic, broadcastable to (N, C)."""
        over, n = self.layout.over, sums.dtype.type(self.layout.count)
        if over == (2,):
            return sums / n
        if over == (0, 2):
            return add_reduce(sums, (0,), True) / n
        grouped = sums.reshape(self.layout.view[:3])
        return np.repeat(np.add.reduce(grouped, 2) / n, grouped.shape[2], 1)

    def each(self, v: np.ndarray) -> np.ndarray:
        """What broadcasts to (N, C) as one value for each row."""
        return np.broadcast_to(v, (self.examples, self.channels)).reshape(-1, 1)

    def dots(self, a: np.ndarray | None, x: np.ndarray, mean: np.ndarray) -> np.ndarray:
        """Σ a · (x - mean) of each plane, (N, C); `a` None: Σ (x - mean)²."""
        found = np.empty(len(x), x.dtype)
        for b in _blocks(*x.shape):
            centered = x[b] - mean[b]
            np.vecdot(centered if a is None else a[b], centered, found[b])
        return found.reshape(self.examples, self.channels)

    def sums(self, x: np.ndarray) -> np.ndarray:
        """Σ x of each plane, (N, C)."""
        return np.add.reduce(x, 1).reshape(self.examples, self.channels)


def _planes(
    x: np.ndarray, layout: Layout, weight: Array, bias: Array, eps: float
) -> tuple[np.ndarray, Moments]:
    if by_items.fits(x, weight, bias):
        out, mean, var, scale = by_items.forward(x, layout.view, layout.over, weight, bias, eps)
        return out, Moments(mean, var, scale)
    planes = _Planes(layout)
    rows = planes.rows(x)
    mean = planes.combined(planes.sums(rows))
    means = planes.each(mean)
    var = planes.combined(planes.dots(None, rows, means))
    scale = _inverse_root(var, eps)
    factor = planes.each(scale if weight is None else scale * weight)
    shift = None if bias is None else planes.each(bias)
    out = np.empty(rows.shape, x.dtype)
    for b in _blocks(*rows.shape):
        to = np.subtract(rows[b], means[b], out[b])
        to *= factor[b]
        if shift is not None:
            to += shift[b]
    return out, Moments(mean, var, scale)


def _planes_backward(
    g: np.ndarray, x: np.ndarray, weight: Array, layout: Layout, moments: Moments, affine: bool
) -> tuple[Array, Array, Array]:
    if by_items.fits(g, x, weight, moments.mean, moments.scale):
        return by_items.backward(g, x, layout.view, layout.over, weight, moments.mean, moments.scale, affine)
    planes = _Planes(layout)
    rows, gs = planes.rows(x), planes.rows(g)
    means, scale = planes.each(moments.mean), moments.scale
    products = planes.dots(gs, rows, means) * scale
    sums = planes.sums(gs)
    w = 1 if weight is None else weight
    from_product = planes.each(-scale * scale * planes.combined(products * w))
    from_sum = planes.each(-scale * planes.combined(sums * w))
    factor = planes.each(scale * w)
    dx = np.empty(rows.shape, x.dtype)
    for b in _blocks(*rows.shape):
        to = np.multiply(gs[b], factor[b], dx[b])
        centered = rows[b] - means[b]
        centered *= from_product[b]
        to += centered
        to += from_sum[b]
    return (dx, add_reduce(products, (0,)), add_reduce(sums, (0,))) if affine else (dx, None, None)


# -- columns --------------------------------------------------------------------------------------------


def _columns(x: np.ndarray, weight: Array, bias: Array, eps: float) -> tuple[np.ndarray, Moments]:
    """(N, C): each column by its own moments."""
    if by_items.fits(x, weight, bias):
        out, mean, var, scale = by_items.forward(x, x.shape, (0,), weight, bias, eps)
        return out, Moments(mean, var, scale)
    n = x.dtype.type(max(len(x), 1))
    mean = add_reduce(x, (0,), True) / n
    out = x - mean
    var = add_reduce(out * out, (0,), True) / n
    scale = _inverse_root(var, eps)
    out *= scale if weight is None else scale * weight
    if bias is not None:
        out += bias
    return out, Moments(mean, var, scale)


def _columns_backward(
    g: np.ndarray, x: np.ndarray, weight: Array, moments: Moments, affine: bool
) -> tuple[Array, Array, Array]:
    mean, _, scale = moments
    if by_items.fits(g, x, weight, mean, scale):
        return by_items.backward(g, x, x.shape, (0,), weight, mean, scale, affine)
    n = x.dtype.type(max(len(x), 1))
    normed = x - mean
    normed *= scale
    dw, db = add_reduce(g * normed, (0,)), add_reduce(g, (0,))
    normed *= dw / n
    dx = g - normed
    dx -= db / n
    dx *= scale if weight is None else scale * weight
    return (dx, dw, db) if affine else (dx, None, None)
