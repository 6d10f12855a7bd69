"""Counting into bins."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import rushlight.dtypes as dtypes

from ..arrays.numpy import cast
from ..dtypes import OF_NUMPY
from ..errors import shape_text
from .along import no_derivative
from .declare import primitive

Array = Any


def _require_real(name: str, input: Array) -> None:
    if OF_NUMPY[input.dtype].category != dtypes.FLOAT:
        raise NotImplementedError(f"\"{name}\" not implemented for '{OF_NUMPY[input.dtype]}'; use .float()")


def _outer_edges(name: str, x: np.ndarray, low: float, high: float) -> tuple[float, float]:
    """The range of a histogram: that of the data when none is given, widened when it is empty."""
    if low == high and x.size:
        low, high = float(x.min()), float(x.max())
    if not (math.isfinite(low) and math.isfinite(high)):
        raise RuntimeError(f"torch.{name}: range of [{low:g}, {high:g}] is not finite")
    if low > high:
        raise RuntimeError(
            f"torch.{name}: max must be larger than min: min should not exceed max, but got min {low:g} max "
            f"{high:g}"
        )
    return (low - 1, high + 1) if low == high else (low, high)


def _into_bins(x: np.ndarray, edges: np.ndarray, weight: np.ndarray | None) -> np.ndarray:
    """How many of `x` (or how much weight) fall between neighbouring edges; the last bin holds its right
    edge too.
    """
    bins = len(edges) - 1
    inside = (x >= edges[0]) & (x <= edges[-1])
    place = np.minimum(np.searchsorted(edges, x[inside], "right") - 1, bins - 1)
    return np.bincount(place, None if weight is None else weight[inside], bins)


def _check_bins(bins: int) -> None:
    if bins <= 0:
        raise RuntimeError(f"torch.histogram(): bins must be > 0, but got {bins} for dimension 0")


@primitive(forms="mo", differentiable=False)
def histc(input: Array, /, bins: int = 100, min: float = 0, max: float = 0) -> Array:
    """How many elements fall into each of `bins` equal bins from `min` to `max` (the data's own range if
    both are 0).
    """
    _require_real("histogram_cpu", input)
    _check_bins(bins)
    x = input.reshape(-1)
    low, high = (np.asarray(v, x.dtype) for v in _outer_edges("histc", x, min, max))
    inside = x[(x >= low) & (x <= high)]
    place = np.minimum(((inside - low) * np.asarray(bins, x.dtype) / (high - low)).astype(np.int64), bins - 1)
    return cast(np.bincount(place, None, bins), input.dtype)


@primitive(forms="mo", outputs=("hist", "bin_edges"))
def histogram(
    input: Array, bins: Any, weight: Array = None, /, *, range: Any = None, density: bool = False
) -> tuple[Array, Array]:
    """Counts (or sums of `weight`) in bins, and the bins' edges.

    `bins` is a number of equal bins (over `range`, or the data's own), or the edges themselves; `density`
    scales the histogram to an integral of 1.
    """
    _require_real("histogramdd", input)
    if input.dtype.itemsize < 4 and range is None and not (hasattr(bins, "shape") and bins.ndim):
        raise NotImplementedError(
            f"\"histogramdd\" not implemented for '{OF_NUMPY[input.dtype]}'; use .float()"
        )
    x = input.reshape(-1)
    if weight is not None and weight.shape != input.shape:
        raise RuntimeError(
            "histogram: if weight tensor is provided it should have the same shape as the input tensor, but "
            "got "
            f"input with shape {shape_text(input.shape)} and weight with shape {shape_text(weight.shape)}"
        )
    edges = _edges(x, bins, range)
    counts = _into_bins(x, edges, None if weight is None else weight.reshape(-1)).astype(np.float64)
    if density:
        counts = counts / counts.sum() / np.diff(edges.astype(np.float64))
    return cast(counts, input.dtype), edges


def _edges(x: np.ndarray, bins: Any, range: Any) -> np.ndarray:
    if hasattr(bins, "shape") and bins.ndim:
        return np.array(bins)
    _check_bins(int(bins))
    low, high = (0, 0) if range is None else range
    if low == high and x.size:
        low, high = float(x.min()), float(x.max())
    if low == high:
        low, high = low - 0.5, high + 0.5
    low, high = _outer_edges("histogramdd", x, low, high)
    return np.linspace(low, high, int(bins) + 1, dtype=x.dtype)


@primitive(forms="m")
def bincount(input: Array, weights: Array = None, /, minlength: int = 0) -> Array:
    """How often each of 0, 1, 2 ... occurs in a vector of integers, or the sums of their `weights`."""
    if input.dtype.kind not in "biu":
        raise NotImplementedError(
            f"\"bincount_cpu\" not implemented for '{OF_NUMPY[input.dtype]}'; use .long()"
        )
    if minlength < 0:
        raise RuntimeError(f"bincount: minlength should be >= 0, got {minlength}")
    if input.ndim != 1 or (input.size and input.min() < 0):
        raise RuntimeError(
            "bincount: bincount only supports 1-d non-negative integral inputs, got shape "
            f"{shape_text(input.shape)}"
        )
    if weights is None:
        return np.bincount(input.astype(np.int64), None, minlength).astype(np.int64)
    if weights.shape != input.shape:
        raise RuntimeError(
            "bincount: weights should be 1-d and have the same length as input, got "
            f"{shape_text(weights.shape)}"
        )
    total = np.bincount(input.astype(np.int64), weights.astype(np.float64), minlength)
    return total.astype(np.float32 if weights.dtype == np.float32 else np.float64)


bincount.sized_by_numbers()
no_derivative(histogram)
no_derivative(bincount)
