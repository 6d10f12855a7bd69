"""Pooling over one or two last axes by kernels. Every function gives None where NumPy has to do it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, lru_cache
from math import prod
from typing import Any, NamedTuple

import numpy as np

from ..kernels import native
from ..kernels.targets import host
from . import gathering, memory
from .bins import Bins, window_bins
from .copying import row_major
from .tracing import WATCHED

_CHUNK = 1 << 15  # bytes a thread reads at a time


_KNOWN = {np.dtype(name): name for name in ("float32", "float64")}


@cache
def _kernels() -> Any:
    from ..kernels import pooling

    return pooling


@cache
def _squares() -> Any:
    from ..kernels import pooling_squares

    return pooling_squares


class Axis(NamedTuple):
    """One axis: where the places of each output start and end, how far they are apart, what is even of it.

    The outputs first..last meet `taps` places each, evenly spaced by `stride`; none where stride is 0.
    """

    table: np.ndarray
    size: int
    count: int
    step: int
    taps: int
    stride: int
    first: int
    last: int


@lru_cache(maxsize=1024)
def _axis(bins: Bins) -> Axis | None:
    """The places of `bins` as runs; None where they are none."""
    taps, count = bins.positions.shape
    inside = (bins.positions >= 0) & (bins.positions < bins.size)
    if not count or not taps or not inside.any(0).all():
        return None
    start = np.where(inside, bins.positions, bins.size).min(0)
    end = np.where(inside, bins.positions, -1).max(0) + 1
    step = int((bins.positions[1] - bins.positions[0]).max()) if taps > 1 else 1
    runs = np.minimum(
        bins.positions[0] + step * np.arange(taps)[:, None], np.where(inside[-1], end - 1, 1 << 40)
    )
    if step < 1 or not np.array_equal(runs[inside], bins.positions[inside]):
        return None
    apart = np.unique(np.diff(bins.positions[0]))
    whole = np.flatnonzero(inside.all(0) & (end - start == (taps - 1) * step + 1))
    stride = int(apart[0]) if len(apart) == 1 and len(whole) else 0
    first, last = (int(whole[0]), int(whole[-1]) + 1) if stride else (0, 0)
    return Axis(np.concatenate([start, end]), bins.size, count, step, taps, stride, first, last)


class Job(NamedTuple):
    """What a kernel pools: planes (n, height, width), or with channels last (n, height, width, channels)."""

    row: Axis
    column: Axis
    count: int
    channels: int  # 0: planes
    shape: tuple[int, ...]

    @property
    def squares(self) -> bool:
        """Whether windows of 2 x 2 tile the planes."""
        return not self.channels and host().masks and _pairs(self.row) and _pairs(self.column)

    @property
    def sizes(self) -> np.ndarray:
        """The kernel's numbers."""
        row, column = self.row, self.column
        even = (column.first, column.last) if _lanes(column) > 1 else (column.count, column.count)
        sizes = (row.size, column.size, row.count, column.count, self.channels, row.step, column.step, *even)
        return np.array(sizes)

    def new(self, x: np.ndarray, sizes: Sequence[int], kind: Any, zero: bool = False) -> np.ndarray:
        """An array laid out as `x` is, with last axes of these `sizes`."""
        shape = (*self.shape, *sizes)
        if self.channels:
            out = np.empty_like(x, kind, shape=shape)
            return memory.filled(out, 0) if zero else out
        return memory.zeros(shape, kind) if zero else np.empty(shape, kind)


def _lanes(column: Axis) -> int:
    """How many outputs side by side a vector holds; only of neighbours, or of every second column."""
    outputs = column.last - column.first
    return min(16, 1 << outputs.bit_length() - 1) if column.stride in (1, 2) and outputs > 1 else 1


def _tiles(axis: Axis) -> bool:
    """Whether every place of the axis belongs to one output."""
    return bool((axis.table[1 : axis.count] == axis.table[axis.count : -1]).all()) and (
        (axis.step, axis.table[0], axis.table[-1]) == (1, 0, axis.size)
    )


def _pairs(axis: Axis) -> bool:
    """Whether every two places of the axis belong to one output."""
    return axis.taps == axis.stride == 2 and axis.last - axis.first == axis.count and _tiles(axis)


def _job(x: np.ndarray, bins: Sequence[Bins], fewest: int = 64) -> Job | None:
    """How to pool the last axes of `x`; None where no kernel can."""
    if len(bins) > 2 or x.dtype not in _KNOWN or x.size < (1 if WATCHED else fewest) or not native.on():
        return None
    axes = [_axis(b) for b in ((window_bins(1, 1, 1), *bins) if len(bins) == 1 else bins)]
    row, column = axes
    if row is None or column is None:
        return None
    lead = x.shape[: -len(bins)]
    if x.flags.c_contiguous:
        return Job(row, column, prod(lead), 0, lead)
    if x.ndim == 4 and len(bins) == 2 and x.transpose(0, 2, 3, 1).flags.c_contiguous:
        return Job(row, column, lead[0], lead[1], lead)
    return None


def max_pool(x: np.ndarray, bins: Sequence[Bins], indices: bool = False) -> Any:
    """The largest number of each bin; with `indices` where each lies, instead."""
    job = _job(x, bins)
    if job is None:
        return None
    if job.squares and not indices:
        return _over_squares(job, "maxima", job.new(x, [b.count for b in bins], x.dtype), x)
    out, places = _pool(job, x, bins, True, indices, None)
    return places if indices else out


def mean_pool(x: np.ndarray, bins: Sequence[Bins], divisors: np.ndarray) -> np.ndarray | None:
    """The sum of each bin over its divisor."""
    job = _job(x, bins)
    if job is None:
        return None
    if not job.channels and all(a.count == 1 and a.taps == a.size for a in (job.row, job.column)):
        return _plane_means(job, x, divisors, len(bins))
    return _pool(job, x, bins, False, False, divisors)[0]


def _pool(
    job: Job, x: np.ndarray, bins: Sequence[Bins], maximum: bool, indices: bool, divisors: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray | None]:
    pooling = _kernels()
    counts = [b.count for b in bins]
    out = job.new(x, counts, x.dtype)
    places = job.new(x, counts, np.int64) if indices else None
    divisors = None if divisors is None else np.ascontiguousarray(divisors, x.dtype)
    if job.channels:
        lanes = pooling.wide(_KNOWN[x.dtype], job.channels, host())
        kernel, total = pooling.channels(_KNOWN[x.dtype], maximum, indices, lanes), job.count * job.row.count
    else:
        even = pooling.Columns(_lanes(job.column), job.column.taps, job.column.step, job.column.stride)
        kernel, total = pooling.planes(_KNOWN[x.dtype], maximum, indices, even), job.count
    grain = max(1, _CHUNK * total // max(1, x.nbytes))
    kernel.run(total, grain, x, out, places, divisors, job.row.table, job.column.table, job.sizes)
    return out, places


def _over_squares(job: Job, name: str, out: np.ndarray, *arrays: np.ndarray) -> np.ndarray:
    """`out`, filled by a kernel for squares."""
    squares, element, lines = _squares(), _KNOWN[out.dtype], job.count * job.row.count
    kernel = getattr(squares, name)(element, squares.lanes_of(element, job.column.count, host()))
    grain = max(1, _CHUNK * lines // max(1, arrays[-1].nbytes))
    kernel.run(lines, grain, *arrays, out, job.column.count)
    return out


def _plane_means(job: Job, x: np.ndarray, divisors: np.ndarray, axes: int) -> np.ndarray:
    pooling = _kernels()
    out = job.new(x, (1,) * axes, x.dtype)
    size = job.row.size * job.column.size
    sizes = np.array([1, size, 1, 1, 0, 1, 1, 0, 0])
    grain = max(1, _CHUNK // (size * x.itemsize))
    divisor = np.ascontiguousarray(divisors, x.dtype)
    pooling.means(_KNOWN[x.dtype]).run(job.count, grain, x, out, None, divisor, sizes, sizes, sizes)
    return out


def spread(g: np.ndarray, bins: Sequence[Bins], divisors: np.ndarray) -> np.ndarray | None:
    """The transpose of `mean_pool`."""
    job = _job(g, bins)
    if job is None:
        return None
    pooling = _kernels()
    row, column = job.row, job.column
    tiles = _tiles(row) and _tiles(column)
    out = job.new(g, [b.size for b in bins], g.dtype, zero=not tiles)
    divisors = np.ascontiguousarray(divisors, g.dtype)
    if job.channels:
        kernel = pooling.spread_channels(
            _KNOWN[g.dtype], pooling.wide(_KNOWN[g.dtype], job.channels, host()), tiles
        )
    else:
        pairs = column.taps == column.stride == 2 and column.last - column.first == column.count
        lanes = _lanes(column) if pairs else 1
        kernel = pooling.spread_planes(_KNOWN[g.dtype], pooling.Columns(lanes, 2, 1, 2), tiles)
    grain = max(1, _CHUNK * job.count // max(1, out.nbytes))
    kernel.run(job.count, grain, g, out, None, divisors, row.table, column.table, job.sizes)
    return out


def spread_maxima(g: np.ndarray, x: np.ndarray, bins: Sequence[Bins]) -> np.ndarray | None:
    """The transpose of `max_pool` at `x`: with channels last, or by squares."""
    job = _job(x, bins)
    if job is None or g.dtype != x.dtype:
        return None
    if job.squares:
        given = g if g.flags.c_contiguous else row_major(g)
        return _over_squares(job, "spread", job.new(x, [b.size for b in bins], x.dtype), given, x)
    if not job.channels:
        return None
    pooling = _kernels()
    row, column, name = job.row, job.column, _KNOWN[x.dtype]
    tiles = _tiles(row) and _tiles(column)
    out = job.new(x, [b.size for b in bins], x.dtype, zero=not tiles)
    given = g.transpose(0, 2, 3, 1)
    given = given if given.flags.c_contiguous else row_major(given)
    kernel = pooling.spread_maxima(name, pooling.wide(name, job.channels, host()), tiles)
    kernel.run(job.count, 1, given, out, None, x, row.table, column.table, job.sizes)
    return out


def scatter(g: np.ndarray, indices: np.ndarray, sizes: tuple[int, ...]) -> np.ndarray | None:
    """Numbers added at flat indices of zeros with last axes `sizes`."""
    axes, lead = len(sizes), g.shape[: -len(sizes)]
    if indices.flags.c_contiguous:
        out, places, rows = memory.zeros((*lead, *sizes), g.dtype), indices, prod(lead)
        seen, shape = out.reshape(rows, prod(sizes)), (rows, prod(g.shape[-axes:]))
    elif axes == 2 and g.ndim == 4 and indices.transpose(0, 2, 3, 1).flags.c_contiguous:
        out = memory.filled(np.empty_like(indices, g.dtype, shape=(*lead, *sizes)), 0)
        places = indices.transpose(0, 2, 3, 1)
        g = g.transpose(0, 2, 3, 1)
        seen, shape = out.transpose(0, 2, 3, 1).reshape(lead[0], -1, lead[1]), (lead[0], -1, lead[1])
    else:
        return None
    given = g if g.flags.c_contiguous else row_major(g)
    given, places = given.reshape(shape), places.reshape(shape)
    return out if gathering.scatter(seen, places, 1, given, adds=True, inside=True) else None
