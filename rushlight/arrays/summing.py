"""Sums of NumPy arrays that are accurate, and fast along contiguous memory.

NumPy adds pairwise along contiguous memory only; along any other axis it adds one element after the other,
and a float32 sum of 10⁶ terms loses two digits. Here such axes are summed in blocks, and then the blocks'
sums. Rows of contiguous memory are multiplied with a vector of ones: as accurate in blocks of 2048, and
faster than add.reduce (measured on 4096x1000 float32: 0.53 ms against 0.93 ms; on 64x10: 0.6 us against 2.3
us).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

BLOCK = 32
ROW = 2048
ONE_THREAD = 9216  # elements from which OpenBLAS splits a product over threads: dearer than the sum
_add: Any = np.add.reduce


@lru_cache(maxsize=64)
def ones(n: int, storage: np.dtype) -> np.ndarray:
    """A kept vector of n ones."""
    return np.ones(n, storage)


def add_reduce(x: np.ndarray, axes: tuple[int, ...], keepdims: bool = False) -> np.ndarray:
    """Σ x over `axes`, in x's own type; the rounding error grows as the logarithm of the number of terms."""
    if x.dtype.char not in "fd":
        return _add(x, axes, None, None, keepdims)
    if _is_tail(x, axes):
        return _sum_contiguous(x, axes, keepdims)
    if x.size < 4096:
        return _add(x, axes, None, None, keepdims)
    total = _sum_tail(x, axes)
    for axis in sorted((i for i in axes if total.shape[i] != 1), key=lambda i: abs(x.strides[i])):
        total = _sum_axis(total, axis)
    return total if keepdims else total.reshape([n for i, n in enumerate(x.shape) if i not in axes])


def _is_tail(x: np.ndarray, axes: tuple[int, ...]) -> bool:
    """Whether what is added together lies together."""
    return x.flags.c_contiguous and (not axes or min(axes) == x.ndim - len(axes))


def _sum_contiguous(x: np.ndarray, axes: tuple[int, ...], keepdims: bool) -> np.ndarray:
    """Σ over the last dimensions of contiguous memory."""
    kept = x.ndim - len(axes)
    if not x.size or not axes or (not kept and x.size < 4 * ROW):
        return _add(x, axes, None, None, keepdims)
    shape = x.shape[:kept] + (1,) * len(axes) * keepdims
    rows = 1
    for n in x.shape[:kept]:
        rows *= n
    return sum_rows(x.reshape(rows, -1)).reshape(shape)


def sum_rows(x: np.ndarray) -> np.ndarray:
    """Σ of each row of a contiguous (rows, n) array of floats."""
    n = x.shape[1]
    if n <= ROW:
        return x.dot(ones(n, x.dtype)) if x.size < ONE_THREAD else np.vecdot(x, ones(n, x.dtype))
    blocks = n // ROW
    sums = np.vecdot(x[:, : blocks * ROW].reshape(len(x), blocks, ROW), ones(ROW, x.dtype))
    return sum_rows(sums) + _add(x[:, blocks * ROW :], 1)


def _sum_tail(x: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    """Summed over those of `axes` that are last, if memory is contiguous; dimensions kept."""
    first = x.ndim
    while first - 1 in axes:
        first -= 1
    if first == x.ndim or not x.flags.c_contiguous:
        return x
    return _sum_contiguous(x, tuple(range(first, x.ndim)), True)


def _sum_axis(x: np.ndarray, axis: int) -> np.ndarray:
    while x.shape[axis] > 2 * BLOCK and x.strides[axis] != x.itemsize:
        n = x.shape[axis] // BLOCK * BLOCK
        ahead = (slice(None),) * axis
        head, rest = x[(*ahead, slice(0, n))], x[(*ahead, slice(n, None))]
        blocks = head.reshape((*x.shape[:axis], n // BLOCK, BLOCK, *x.shape[axis + 1 :]))
        sums = _add(blocks, axis + 1)
        x = np.concatenate([sums, _add(rest, axis, keepdims=True)], axis) if rest.shape[axis] else sums
    return _add(x, axis, keepdims=True)
