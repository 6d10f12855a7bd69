"""Resizing the last axes of an array: nearest, linear, cubic, area, with or without antialiasing.

Every mode is separable, and linear along each axis, so a mode is one `AxisMap` per axis and the gradient is
the transposed map.  Source positions are computed as torch's CPU kernels compute them, in the same
precision, since a rounding decides which neighbour is nearest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np

from .averaging import adaptive_averages
from .axis_map import AxisMap
from .halves import narrow, wide
from .windows import Sizes

# Keys' cubic convolution: torch (like OpenCV) interpolates with -0.75, and antialiases (like PIL) with -0.5.
CUBIC, CUBIC_ANTIALIAS = -0.75, -0.5


def resize(x: np.ndarray, maps: Sequence[AxisMap]) -> np.ndarray:
    """Apply one map to each of the last axes, those that shrink most first."""
    y, axes = wide(x), sorted(range(-len(maps), 0), key=lambda axis: maps[axis].size_out / maps[axis].size_in)
    for axis in axes:
        y = maps[axis](y, axis)
    return narrow(y, x.dtype)


def resize_gradient(g: np.ndarray, maps: Sequence[AxisMap]) -> np.ndarray:
    """The transpose of `resize`."""
    return resize(g, [one.transposed for one in maps])


@lru_cache(maxsize=256)
def resize_map(
    mode: str,
    size: int,
    count: int,
    scale: float | None = None,
    align_corners: bool = False,
    antialias: bool = False,
    precise: bool = False,
) -> AxisMap:
    """The map from an axis of `size` to one of `count`.

    mode: nearest, nearest-exact, linear, cubic or area.  scale: the user's scale factor where positions are
    to follow it, and not the ratio of the sizes.  precise: positions and weights in float64, not float32.
    """
    if mode == "area":
        return adaptive_averages(size, count)
    step = _step(size, count, scale, align_corners, np.float64 if precise else np.float32)
    if mode in ("nearest", "nearest-exact"):
        sources = _nearest(count, step, size, exact=mode == "nearest-exact")
        return AxisMap(np.arange(count), sources, None, count, size)
    if size == count and (antialias or mode == "linear"):
        return AxisMap(np.arange(count), np.arange(count), None, count, size)
    if antialias:
        return _antialiased(mode, size, count, step)
    interpolate = _linear if mode == "linear" else _cubic
    sources, weights = interpolate(_positions(count, step, align_corners), size)
    return _map_of_taps(sources, weights, size)


def _map_of_taps(sources: np.ndarray, weights: np.ndarray, size: int) -> AxisMap:
    """The map whose output i is the sum over k of weights[k, i] * x[sources[k, i]]."""
    taps, count = sources.shape
    return AxisMap(np.tile(np.arange(count), taps), sources.ravel(), weights.ravel(), count, size)


def _nearest(count: int, step: np.floating, size: int, exact: bool) -> np.ndarray:
    """The input under the corner of each output; under its centre where `exact`."""
    positions = _positions(count, step, align_corners=not exact)
    if exact:
        positions = np.maximum(positions, 0) + step.dtype.type(0.5)
    return np.minimum(np.floor(positions).astype(np.int64), size - 1)


def _step(
    size: int, count: int, scale: float | None, align_corners: bool, real: type[np.floating]
) -> np.floating:
    """How far apart two neighbouring outputs lie on the input."""
    if align_corners:
        return real(size - 1) / real(count - 1) if count > 1 else real(0)
    return real(1 / scale) if scale else real(size) / real(count)


def _positions(count: int, step: np.floating, align_corners: bool) -> np.ndarray:
    """Where the outputs lie on the input: ends on ends, or pixel centres on pixel centres."""
    outputs = np.arange(count).astype(step.dtype)
    half = step.dtype.type(0.5)
    return outputs * step if align_corners else (outputs + half) * step - half


def _linear(positions: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    positions = np.maximum(positions, 0)
    low = np.minimum(positions.astype(np.int64), size - 1)
    fraction = np.clip(positions - low.astype(positions.dtype), 0, 1)
    high = np.minimum(low + 1, size - 1)
    return np.stack([low, high]), np.stack([1 - fraction, fraction])


def _cubic(positions: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    low = np.floor(positions)
    fraction = positions - low
    distances = np.stack([fraction + 1, fraction, 1 - fraction, 2 - fraction])
    sources = low.astype(np.int64) + np.arange(-1, 3)[:, None]
    return np.clip(sources, 0, size - 1), cubic_kernel(distances, CUBIC)


def cubic_kernel(distance: np.ndarray, a: float) -> np.ndarray:
    """Keys' piecewise cubic of a distance; R. Keys, IEEE Trans. ASSP 29 (1981)."""
    t = np.abs(distance)
    near = ((a + 2) * t - (a + 3)) * t * t + 1
    far = ((a * t - 5 * a) * t + 8 * a) * t - 4 * a
    return np.where(t <= 1, near, np.where(t < 2, far, 0)).astype(distance.dtype)


def _triangle(distance: np.ndarray) -> np.ndarray:
    return np.maximum(1 - np.abs(distance), 0)


def _cubic_antialias(distance: np.ndarray) -> np.ndarray:
    return cubic_kernel(distance, CUBIC_ANTIALIAS)


def _antialiased(mode: str, size: int, count: int, step: np.floating) -> AxisMap:
    """Each output is a mean under a filter as wide as the step, cut off at the ends (as PIL does it)."""
    kernel, radius = _FILTERS[mode]
    real, widen = step.dtype.type, max(step, step.dtype.type(1))
    centers = step * (np.arange(count).astype(step.dtype) + real(0.5))
    first = np.maximum((centers - radius * widen + real(0.5)).astype(np.int64), 0)
    last = np.minimum((centers + radius * widen + real(0.5)).astype(np.int64), size)
    lengths = last - first
    targets = np.repeat(np.arange(count), lengths)
    sources = np.arange(len(targets)) - np.repeat(np.cumsum(lengths) - lengths - first, lengths)
    distances = (sources - centers[targets] + real(0.5)) * (real(1) / widen)
    weights = kernel(distances.astype(step.dtype))
    totals = np.zeros(count, step.dtype)
    np.add.at(totals, targets, weights)
    return AxisMap(targets, sources, weights / totals[targets], count, size)


_FILTERS: dict[str, tuple[Callable[[np.ndarray], np.ndarray], int]] = {
    "linear": (_triangle, 1),
    "cubic": (_cubic_antialias, 2),
}


def output_sizes(sizes: Sizes, scales: Sequence[float]) -> Sizes:
    """floor(size * scale) for each axis."""
    return tuple(int(np.floor(float(n) * s)) for n, s in zip(sizes, scales, strict=True))
