"""Padding the last axes of an array by its own values: reflected, replicated or circular, and the gradients.

Constant padding, which also crops by negative amounts, is `windows.pad`.  Here each axis is one `AxisMap`
that only copies, so that the gradient is the transposed map.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from .axis_map import AxisMap
from .halves import narrow, wide
from .windows import Pads


def pad_by(x: np.ndarray, pads: Pads, mode: str) -> np.ndarray:
    """Pad the last axes by (low, high) places; mode: reflect, replicate or circular; negative pads crop."""
    for axis, one in _maps(x.shape[-len(pads) :], pads, mode):
        x = one(x, axis)
    return x


def pad_by_gradient(g: np.ndarray, pads: Pads, mode: str) -> np.ndarray:
    """The transpose of `pad_by`: what was copied is added back where it came from."""
    dx, sizes = wide(g), [n - low - high for n, (low, high) in zip(g.shape[-len(pads) :], pads, strict=True)]
    for axis, one in _maps(sizes, pads, mode):
        dx = one.transposed(dx, axis)
    return narrow(dx, g.dtype)


def _maps(sizes: Sequence[int], pads: Pads, mode: str) -> list[tuple[int, AxisMap]]:
    axes = zip(range(-len(pads), 0), sizes, pads, strict=True)
    return [(axis, pad_map(mode, n, *ends)) for axis, n, ends in axes if any(ends)]


@lru_cache(maxsize=256)
def pad_map(mode: str, size: int, low: int, high: int) -> AxisMap:
    """The map from an axis of `size` to one with `low` places before it and `high` after it."""
    places = np.arange(-low, size + high)
    if mode == "reflect":
        # The ends are not repeated: ... 2 1 | 0 1 2 ... n-1 | n-2 n-3 ...
        sources = np.abs(places)
        sources = np.where(sources >= size, 2 * (size - 1) - sources, sources)
    elif mode == "replicate":
        sources = np.clip(places, 0, max(size - 1, 0))
    else:
        # A negative end is cut off first; what is left goes round.
        first, kept = max(0, -low), size - max(0, -low) - max(0, -high)
        sources = first + (places - first) % max(kept, 1)
    return AxisMap(np.arange(len(places)), sources, None, len(places), size)
