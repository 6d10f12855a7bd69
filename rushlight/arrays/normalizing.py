"""Normalisation of NumPy arrays: (x - mean) / sqrt(var + eps) over some axes, scaled and shifted along others; its adjoint.

An array comes as a view in which the axes to average `over` and those with one weight each (`per`) are separate:
layer norm (rows, m) over 1 per 1, group norm (N, G, C/G, S) over 2, 3 per 1, 2, batch norm (N, C, S) over 0, 2 per 1.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from .summing import add_reduce

Axes = tuple[int, ...]


class Layout(NamedTuple):
    """How an array is seen while it is normalised: its shape there, the axes averaged over, those with weights."""

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
    """What normalising found: the normalised array (fresh), mean and variance and 1 / sqrt(var + eps), kept in dims."""

    normed: np.ndarray
    mean: np.ndarray | None
    var: np.ndarray
    scale: np.ndarray


def normalize(x: np.ndarray, layout: Layout, eps: float, center: bool = True) -> Moments:
    """`x` (in the layout's view) with mean 0 and variance 1 over its axes; without `center`, with mean square 1."""
    n = layout.count
    mean = add_reduce(x, layout.over, True) / x.dtype.type(n) if center else None
    centered = x if mean is None else x - mean
    var = _products(centered, centered, layout.over) / x.dtype.type(n)
    scale = 1 / np.sqrt(var + x.dtype.type(eps))
    normed = x * scale if mean is None else np.multiply(centered, scale, centered)
    return Moments(normed, mean, var, scale)


def scale_and_shift(
    normed: np.ndarray, layout: Layout, weight: np.ndarray | None, bias: np.ndarray | None
) -> np.ndarray:
    """normed · weight + bias, written into `normed`."""
    if weight is not None:
        normed *= layout.along_weights(weight)
    if bias is not None:
        normed += layout.along_weights(bias)
    return normed


def _products(a: np.ndarray, b: np.ndarray, over: Axes) -> np.ndarray:
    """Σ a · b over axes, kept in dims; what lies together at the end is summed by BLAS."""
    first = a.ndim
    while first - 1 in over:
        first -= 1
    if first == a.ndim or not (a.flags.c_contiguous and b.flags.c_contiguous):
        return add_reduce(a * b, over, True)
    rows = (*a.shape[:first], math.prod(a.shape[first:]))
    sums = np.vecdot(a.reshape(rows), b.reshape(rows)).reshape(*a.shape[:first], *(1 for _ in a.shape[first:]))
    rest = tuple(i for i in over if i < first)
    return add_reduce(sums, rest, True) if rest else sums


def normalize_backward(
    g: np.ndarray, x: np.ndarray, weight: np.ndarray | None, layout: Layout, eps: float, center: bool, affine: bool
) -> tuple[np.ndarray, np.ndarray | None, np.ndarray | None]:
    """The cotangents of x, and (with `affine`) of weight and bias, for the cotangent g of x̂ · weight + bias.

    With s the scale and gw = g · weight: dx = s · (gw - mean(gw) - x̂ · mean(gw · x̂)).
    """
    n = x.dtype.type(layout.count)
    normed, _, _, scale = normalize(x, layout, eps, center)
    inner = tuple(i for i in layout.over if i not in layout.per)
    products = _products(g, normed, inner) if inner else g * normed
    sums = add_reduce(g, inner, True) if inner else g
    w = None if weight is None else layout.along_weights(weight)
    normed *= _weighted_sum(products, w, layout) / n
    dx = np.subtract(g, normed) if w is None else g * w
    if w is not None:
        dx -= normed
    if center:
        dx -= _weighted_sum(sums, w, layout) / n
    dx *= scale
    return (dx, *(_per_weight(v, layout) if affine else None for v in (products, sums)))


def _weighted_sum(v: np.ndarray, w: np.ndarray | None, layout: Layout) -> np.ndarray:
    """Σ v · w over the axes that are averaged over and have weights."""
    shared = tuple(i for i in layout.over if i in layout.per)
    if w is not None and v.ndim == 2 and shared == (1,):
        return np.dot(v, w.reshape(-1))[:, None]
    v = v if w is None else v * w
    return add_reduce(v, shared, True) if shared else v


def _per_weight(v: np.ndarray, layout: Layout) -> np.ndarray:
    """Σ v over the axes without weights, flat."""
    rest = tuple(i for i in range(v.ndim) if i not in layout.per and v.shape[i] != 1)
    return (add_reduce(v, rest) if rest else v).reshape(-1)
