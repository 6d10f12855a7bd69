"""Which places of an axis each output of a pooling meets, and reductions over them.

Regular windows visit evenly spaced places (slices, hence views); adaptive and fractional bins visit listed
ones.  Maxima and sums are separable, so values are reduced one axis at a time, in blocks that fit the cache.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import prod

import numpy as np

from .axis_map import Places, places
from .windows import grown, pad, tap

# Leading rows are pooled together until they hold about this many numbers, to stay in cache.
BLOCK_ELEMENTS = 1 << 16


@dataclass(frozen=True, eq=False)
class Bins:
    """How one axis is pooled: `positions[tap, output]` is a place on the axis, outside it where padded."""

    size: int
    positions: np.ndarray
    pads: tuple[int, int]
    #: The same positions, tap by tap, on the padded axis.
    visits: list[Places]

    @property
    def count(self) -> int:
        """The number of outputs."""
        return self.positions.shape[1]


def pooled_size(size: int, kernel: int, stride: int, padding: int, dilation: int, ceil_mode: bool) -> int:
    """The number of windows; with `ceil_mode` also those cut off at the end, if they start inside."""
    span = size + 2 * padding - dilation * (kernel - 1) - 1
    if not ceil_mode:
        return span // stride + 1
    count = -(-span // stride) + 1
    return count - 1 if (count - 1) * stride >= size + padding else count


@lru_cache(maxsize=1024)
def window_bins(
    size: int, kernel: int, stride: int, padding: int = 0, dilation: int = 1, ceil_mode: bool = False
) -> Bins:
    """The bins of a sliding window."""
    count = pooled_size(size, kernel, stride, padding, dilation, ceil_mode)
    steps, starts = np.arange(kernel) * dilation, np.arange(count) * stride - padding
    reach = (count - 1) * stride + dilation * (kernel - 1) + 1
    visits: list[Places] = [tap(k * dilation, stride, count) for k in range(kernel)]
    return Bins(size, steps[:, None] + starts, (padding, max(0, reach - padding - size)), visits)


@lru_cache(maxsize=1024)
def adaptive_bins(size: int, count: int) -> Bins:
    """Bin i covers the places from floor(i * size / count) up to ceil((i + 1) * size / count)."""
    if count and size % count == 0:
        return window_bins(size, size // count, size // count)
    starts, ends = adaptive_edges(size, count)
    # Shorter bins visit their last place again, which changes no maximum.
    longest = int((ends - starts).max(initial=0))
    return listed_bins(size, np.minimum(starts + np.arange(longest)[:, None], ends - 1))


def adaptive_edges(size: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The first place of each adaptive bin, and the place after its last."""
    outputs = np.arange(count)
    return outputs * size // max(count, 1), -(-(outputs + 1) * size // max(count, 1))


def listed_bins(size: int, positions: np.ndarray) -> Bins:
    """Bins that visit the given `positions[tap, output]`, all of them inside the axis."""
    return Bins(size, positions, (0, 0), [places(row) for row in positions])


def reduce_bins(x: np.ndarray, bins: Sequence[Bins], combine: np.ufunc, outside: float) -> np.ndarray:
    """Combine the numbers of every bin over the last axes of `x`; `outside` stands in the padding."""
    rows, y = as_rows(x, len(bins)), np.empty((*x.shape[: -len(bins)], *(b.count for b in bins)), x.dtype)
    flat = as_rows(y, len(bins))
    for block in row_blocks(rows, bins):
        flat[block] = _reduce(pad(rows[block], [b.pads for b in bins], outside), bins, combine)
    return y


def as_rows(x: np.ndarray, axes: int) -> np.ndarray:
    """`x` with all but its last `axes` axes flattened into one."""
    return x.reshape(prod(x.shape[:-axes]), *x.shape[-axes:])


def row_blocks(rows: np.ndarray, bins: Sequence[Bins]) -> list[slice]:
    """Runs of rows that together fill the cache."""
    width = prod(grown(rows.shape[1:], [b.pads for b in bins]))
    step = max(1, BLOCK_ELEMENTS // max(1, width))
    return [slice(first, first + step) for first in range(0, rows.shape[0], step)]


def _reduce(x: np.ndarray, bins: Sequence[Bins], combine: np.ufunc) -> np.ndarray:
    """One axis after the other; the slices of the first ones are whole rows, which is fastest."""
    for axis, b in zip(range(-len(bins), 0), bins, strict=True):
        after = (slice(None),) * (-axis - 1)
        total = x[(..., b.visits[0], *after)]
        for n, visit in enumerate(b.visits[1:]):
            total = combine(total, x[(..., visit, *after)], out=total if n else None)
        x = total
    return x
