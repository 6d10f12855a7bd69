"""Row-major copies of strided arrays, by kernels where NumPy's element-by-element loop is slow."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, lru_cache
from math import prod
from typing import Any, NamedTuple

import numpy as np

from ..kernels import native
from .tracing import WATCHED

_FEW = 2048  # elements; below, NumPy's call is done sooner
_MANY = 1 << 16  # elements; below, joining arrays is sooner done by NumPy
_LARGE = 1 << 16  # bytes; vectors across two lines of the caches cost a third of a row kernel's time
_CHUNK = 1 << 16  # bytes a thread copies at a time
_MOST = 5  # dimensions, once those that can be are merged

Dim = tuple[int, int, int]  # size, stride in the source, stride in the destination


def copied(x: np.ndarray) -> np.ndarray:
    """A copy in NumPy's order, a large one in memory of ours: it starts at a line of the caches."""
    if x.nbytes >= _LARGE and native.on():
        _memory_of_ours()
    return x.copy()


@cache
def _memory_of_ours() -> None:
    from ..kernels.launch import register

    register()


def row_major(x: np.ndarray) -> np.ndarray:
    """A copy of `x` in row-major order."""
    out = np.empty(x.shape, x.dtype)
    fill(out, x)
    return out


def fill(out: np.ndarray, x: np.ndarray) -> None:
    """out[...] = x, for two arrays of one shape and type, which share no memory."""
    found = None
    if WATCHED and x.size:
        found = _any_plan(x.shape, x.strides, out.strides, x.dtype)
    elif x.size >= _FEW and native.on():
        found = _plan(x.shape, x.strides, out.strides, x.dtype)
    if found is None:
        out[...] = x
    else:
        found.kernel.run(found.total, found.grain, x, out, found.numbers)


def joined(parts: Sequence[np.ndarray], at: int) -> np.ndarray:
    """The arrays, of one dtype, end to end along `at`. Raises NumPy's ValueError where they do not fit."""
    first = parts[0]
    few = first.size < _MANY and not WATCHED
    if few or not native.on() or not all(_joins(first, p, at) for p in parts):
        return np.concatenate(parts, at)
    at %= first.ndim
    shape = (*first.shape[:at], sum(p.shape[at] for p in parts), *first.shape[at + 1 :])
    out, start = np.empty(shape, first.dtype), 0
    for p in parts:
        stop = start + p.shape[at]
        fill(out[(slice(None),) * at + (slice(start, stop),)], p)
        start = stop
    return out


def _joins(first: np.ndarray, part: np.ndarray, at: int) -> bool:
    """Whether two arrays fit together along `at`, and kernels copy them."""
    if part.ndim != first.ndim or not -first.ndim <= at < first.ndim:
        return False
    if not (part.flags.c_contiguous or WATCHED):
        return False
    at %= first.ndim
    return part.shape[:at] == first.shape[:at] and part.shape[at + 1 :] == first.shape[at + 1 :]


class Plan(NamedTuple):
    """A kernel, the number of its items, how many of them a thread takes, and its sizes and strides."""

    kernel: Any
    total: int
    grain: int
    numbers: np.ndarray | None


@lru_cache(maxsize=4096)
def _any_plan(
    shape: tuple[int, ...], source: tuple[int, ...], target: tuple[int, ...], kind: np.dtype
) -> Plan | None:
    """`_plan`, for small arrays and any strides as well."""
    size = kind.itemsize
    found = _plan(shape, source, target, kind)
    if found is not None or kind.kind == "O" or size not in (1, 2, 4, 8):
        return found
    if any(s % size for s in source + target):
        return None
    dims = _merged(shape, [s // size for s in source], [s // size for s in target]) or [(1, 1, 1)]
    if dims[-1][1:] == (1, 1) and len(dims) == 1:
        return _dense(dims[0][0], size)
    return _strided(dims, size)


def _dense(columns: int, size: int) -> Plan:
    """The plan of one short row."""
    from ..kernels import copies
    from ..kernels.targets import host

    return _counted(copies.straight(size, columns, host()), (1, 0, 0), (columns, 1), [], size)


def _strided(dims: list[Dim], size: int) -> Plan:
    """The plan of a copy by elements, row after row."""
    from ..kernels.strided import strided

    sizes, sources, targets = zip(*dims, strict=True)
    total = prod(sizes[:-1])
    grain = max(1, _CHUNK // max(sizes[-1] * size, 1))
    return Plan(strided(size, len(dims)), total, grain, np.array((*sizes, *sources, *targets)))


@lru_cache(maxsize=4096)
def _plan(
    shape: tuple[int, ...], source: tuple[int, ...], target: tuple[int, ...], kind: np.dtype
) -> Plan | None:
    """How to copy between these strides (in bytes); None where NumPy should."""
    size = kind.itemsize
    if kind.kind == "O" or size not in (1, 2, 4, 8) or any(s % size for s in source + target):
        return None
    dims = _merged(shape, [s // size for s in source], [s // size for s in target])
    if not dims or dims[-1][2] != 1 or len(dims) > _MOST or 0 in [d[2] for d in dims]:
        return None
    return _planned(dims, size)


def _merged(shape: tuple[int, ...], source: list[int], target: list[int]) -> list[Dim]:
    """The dimensions by falling stride of the destination, those joined that are one run in both."""
    dims = sorted(zip(shape, source, target, strict=True), key=lambda d: (-abs(d[2]), -d[0]))
    found: list[Dim] = []
    for n, x, y in dims:
        if n == 1:
            continue
        if found and found[-1][1] == n * x and found[-1][2] == n * y:
            found[-1] = (found[-1][0] * n, x, y)
        else:
            found.append((n, x, y))
    return found


def _planned(dims: list[Dim], size: int) -> Plan | None:
    from ..kernels import copies
    from ..kernels.targets import host

    *outer, (columns, column, _) = dims
    tile = copies.tile_of(size, host())
    dense = [d for d in outer if d[1] == 1 and d[0] >= tile]
    if column in (1, -1):
        if not outer and column == 1:
            return _run(columns, size)
        kernel = copies.straight(size, columns, host(), column == -1)
        chosen = min(outer, key=lambda d: (d[0] < 8, abs(d[1])), default=(1, 0, 0))
    elif dense and columns >= tile:
        kernel, chosen = copies.transposed(size), dense[0]
    elif dense and columns <= 4 and dense[0][2] == columns:
        kernel, chosen = copies.pixels(size, columns, False), dense[0]
    elif 1 < column <= 4 and (pixels := [d for d in outer if d[:2] == (column, 1)]) and columns >= tile:
        kernel, chosen = copies.pixels(size, column, True), pixels[0]
    else:
        kernel, chosen = copies.scattered(size), max(outer, default=(1, 0, 0))
    if chosen in outer:
        outer.remove(chosen)
    return _counted(kernel, chosen, (columns, column), outer, size)


def _counted(kernel: Any, rows: Dim, columns: tuple[int, int], outer: list[Dim], size: int) -> Plan:
    """The plan of a kernel for planes rows x columns, counted by `outer`."""
    from ..kernels.copies import STRIP

    n, x, y = rows
    outer = [(1, 0, 0)] * (3 - len(outer)) + outer
    counts, sources, targets = zip(*outer, strict=True)
    total = prod(counts) * -(-n // STRIP)
    grain = max(1, _CHUNK // (min(n, STRIP) * columns[0] * size))
    numbers = (n, columns[0], x, columns[1], y, *counts[1:], *sources, *targets)
    return Plan(kernel, total, grain, np.array(numbers))


def _run(n: int, size: int) -> Plan | None:
    """The plan of one dense run; None for short ones."""
    from ..kernels import copies

    return None if n * size < 4 * _CHUNK else Plan(copies.run(size), n, _CHUNK // size, None)
