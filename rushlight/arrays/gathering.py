"""Elements and slices by position: kernels in front of NumPy's indexing. Positions are in range, from 0 on.

Every function takes `at`, the dimension along which positions count.
"""

from __future__ import annotations

from functools import cache
from math import prod
from typing import Any

import numpy as np

import rushlight.threads as threads

from ..kernels import native
from ..kernels.targets import host
from . import memory
from .positions import settled
from .tracing import WATCHED

_FEW = 256  # elements; below, NumPy's call is done sooner
_CHUNK = 1 << 15  # bytes a thread moves at a time
_ADDED = {np.dtype(name): name for name in ("float32", "float64", "int64", "int32")}


def take(x: np.ndarray, index: np.ndarray, at: int = 0, inside: bool = False) -> np.ndarray:
    """x[:, index, :]: the slices at `index`, whose dimensions come where `at` was.

    `inside`: indices are known to be in range, also while launches are noted.
    """
    outer, n, inner = _around(x.shape, at)
    size = outer * index.size * inner
    if WATCHED and n:
        x, index, size = memory.contiguous(x), index if inside else settled(index, n), max(size, _FEW)
    if size < _FEW or not (_is_plain(x) and _is_index(index) and native.on()):
        return x.take(index, at)
    kernels = _kernels()
    out = np.empty((*x.shape[:at], *index.shape, *x.shape[at + 1 :]), x.dtype)
    kernel = kernels.take(x.itemsize, index.itemsize, inner, outer > 1, host())
    total, grain = _shares(outer, index.size, inner * x.itemsize)
    kernel.run(total, grain, out, x, index, n, index.size, inner)
    return out


def take_wrapped(x: np.ndarray, index: np.ndarray, at: int) -> np.ndarray:
    """`take` where negative positions count from the end. Raises IndexError for those out of range."""
    if WATCHED:
        return take(x, index, at)
    if index.size < _FEW or not _is_index(index):
        return x.take(index, at)
    inside = index.view(_UNSIGNED[index.itemsize]).max() < x.shape[at]  # negative numbers are seen as huge
    return take(x, index, at) if inside else x.take(index, at)


_UNSIGNED = {4: np.uint32, 8: np.uint64}


def gather(x: np.ndarray, index: np.ndarray, at: int) -> np.ndarray | None:
    """x[o, index[o, j, k], k]; None where NumPy has to."""
    if WATCHED and index.size and index.ndim == x.ndim:
        around = tuple([slice(None) if d == at else slice(n) for d, n in enumerate(index.shape)])
        x, index = memory.contiguous(x[around]), settled(index, x.shape[at])
    if not _is_along(x, index, at) or not native.on():
        return None
    kernels = _kernels()
    outer, n, inner = _around(x.shape, at)
    out, count = np.empty(index.shape, x.dtype), index.shape[at]
    kernel = kernels.gather(x.itemsize, index.itemsize, outer > 1, inner == 1)
    total, grain = _shares(outer, count, inner * x.itemsize)
    kernel.run(total, grain, out, x, index, n, count, inner)
    return out


def scatter(
    out: np.ndarray, index: np.ndarray, at: int, values: np.ndarray, adds: bool, inside: bool = False
) -> bool:
    """out[o, index[o, j, k], k] = values[o, j, k], or += where it `adds`; False where NumPy has to.

    `inside`: indices are known to be in range.
    """
    if WATCHED and not inside and index.size and index.ndim == out.ndim:
        index = settled(index, out.shape[at])
        part = out[tuple([slice(None) if d == at else slice(n) for d, n in enumerate(index.shape)])]
        if not part.flags.c_contiguous:
            dense = memory.copied(part)
            done = scatter(dense, index, at, values, adds)
            memory.copy_into(part, dense)
            return done
    if not _is_along(out, index, at) or not native.on() or (adds and out.dtype not in _ADDED):
        return False
    if values.dtype != out.dtype or np.may_share_memory(out, values):
        return False
    kernels = _kernels()
    values = memory.contiguous(np.broadcast_to(values, index.shape))
    outer, n, inner = _around(out.shape, at)
    count, by_lines = index.shape[at], outer > 1 or inner == 1
    how = (index.itemsize, by_lines, inner == 1)
    kernel = kernels.scatter_add(_ADDED[out.dtype], *how) if adds else kernels.scatter(out.itemsize, *how)
    total, size = (outer, count * inner * out.itemsize) if by_lines else (inner, count * out.itemsize)
    kernel.run(total, max(_grain(size), 1 if by_lines else 64), out, values, index, n, count, inner)
    return True


def add(out: np.ndarray, index: np.ndarray, at: int, values: np.ndarray, inside: bool = False) -> bool:
    """out[o, index[j], :] += values[o, j, :] for a vector `index`; False where NumPy has to."""
    if out.dtype not in _ADDED:
        return False
    return _written(out, index, at, values, inside, lambda *how: _kernels().add(_ADDED[out.dtype], *how))


def put(out: np.ndarray, index: np.ndarray, at: int, values: np.ndarray, inside: bool = False) -> bool:
    """out[o, index[j], :] = values[o, j, :], of several for one place the last; False where NumPy has to."""
    return _written(out, index, at, values, inside, lambda *how: _kernels().put(out.itemsize, *how))


def _written(
    out: np.ndarray, index: np.ndarray, at: int, values: np.ndarray, inside: bool, kernel_of: Any
) -> bool:
    """What `add` and `put` have in common."""
    if WATCHED and out.size and not out.flags.c_contiguous:
        dense = memory.copied(out)
        done = _written(dense, index, at, values, inside, kernel_of)
        memory.copy_into(out, dense)
        return done
    if WATCHED and out.size and not inside:
        index = settled(index, out.shape[at])
    if not (_is_plain(out) and _is_index(index) and native.on()):
        return False
    few = values.size < _FEW and not (WATCHED and values.size)
    if few or values.dtype != out.dtype or np.may_share_memory(out, values):
        return False
    values = memory.contiguous(values)
    outer, n, inner = _around(out.shape, at)
    by_place, count = outer == 1, index.size
    kernel = kernel_of(index.itemsize, inner, by_place, host())
    sets = _sets() if values.nbytes > 2 * _CHUNK and inner >= 8 else 1
    total, grain = (sets, 1) if by_place else (outer, _grain(count * inner * out.itemsize))
    kernel.run(total, grain, out, values, index, n, count, inner, sets)
    return True


def _sets() -> int:
    """Of places that threads share out, a power of 2. Each reads all positions: one for every thread."""
    return 1 << (threads.get() - 1).bit_length()


@cache
def _kernels() -> Any:
    from ..kernels import gather

    return gather


def _around(shape: tuple[int, ...], at: int) -> tuple[int, int, int]:
    """How many elements lie before, along and behind a dimension."""
    return prod(shape[:at]), shape[at], prod(shape[at + 1 :])


def _shares(outer: int, count: int, size: int) -> tuple[int, int]:
    """Items, and how many a thread takes: lines of `count` slices of `size` bytes, or slices of one."""
    return (outer, _grain(count * size)) if outer > 1 else (count, _grain(size))


def _grain(size: int) -> int:
    """Items of so many bytes that a thread takes at a time."""
    return max(1, _CHUNK // max(size, 1))


def _is_plain(x: np.ndarray) -> bool:
    """Whether kernels can read it: dense, elements of 1, 2, 4 or 8 bytes."""
    return x.flags.c_contiguous and x.itemsize in (1, 2, 4, 8) and x.dtype.kind != "O"


def _is_index(index: np.ndarray) -> bool:
    return index.flags.c_contiguous and index.dtype.char in "ilq"


def _is_along(x: np.ndarray, index: np.ndarray, at: int) -> Any:
    """Whether `index` names an element along `at` for all places of the other dimensions."""
    few = index.size < _FEW and not (WATCHED and index.size)
    if few or index.ndim != x.ndim or not (_is_plain(x) and _is_index(index)):
        return False
    return index.shape[:at] == x.shape[:at] and index.shape[at + 1 :] == x.shape[at + 1 :]
