"""From positions in [-1, 1] to the pixels that lie around them, and their weights."""

from __future__ import annotations

from typing import Any

from .comparison import where
from .pointwise import fmod
from .rounding import abs, clamp, floor, round

Array = Any
Taps = list[tuple[Array, Array | None]]


def pixels(x: Array, n: int, align_corners: bool) -> Array:
    """Positions in [-1, 1] in units of the n pixels, the first at 0."""
    return (x + 1) * ((n - 1) / 2) if align_corners else (x + 1) * (n / 2) - 0.5


def taps(at: Array, n: int, mode: str, padding: str, align_corners: bool) -> Taps:
    """The whole positions around `at` along one dimension, each with its weight (None: 1)."""
    if mode == "bicubic":
        low = floor(at)
        weights = _cubic(at - low)
        return [(_padded(low + (i - 1), n, padding, align_corners), w) for i, w in enumerate(weights)]
    at = _padded(at, n, padding, align_corners)
    if mode == "nearest":
        return [(round(at), None)]
    low = floor(at)
    high = at - low
    return [(low, 1 - high), (low + 1, high)]


def _padded(at: Array, n: int, padding: str, align_corners: bool) -> Array:
    """Positions outside moved to where their values come from; for zeros, left outside."""
    if padding == "zeros":
        return at
    if padding == "reflection":
        at = _reflected(at, 0.0, n - 1.0) if align_corners else _reflected(at, -0.5, n - 0.5)
    return clamp(at, 0.0, n - 1.0)


def _reflected(at: Array, low: float, high: float) -> Array:
    """Positions folded back at `low` and `high` until they lie between."""
    span = high - low
    if span <= 0:
        return at * 0
    beyond = fmod(abs(at - low), 2 * span)
    return where(beyond > span, 2 * span - beyond, beyond) + low


def _cubic(t: Array) -> list[Array]:
    """Weights of the pixels at -1, 0, 1, 2 for t in [0, 1): cubic convolution, a = -3/4 (Keys 1981)."""
    a = -0.75
    near = lambda x: ((a + 2) * x - (a + 3)) * x * x + 1  # noqa: E731
    far = lambda x: ((a * x - 5 * a) * x + 8 * a) * x - 4 * a  # noqa: E731
    return [far(t + 1), near(t), near(1 - t), far(2 - t)]
