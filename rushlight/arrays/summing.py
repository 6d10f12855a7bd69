"""Sums of NumPy arrays that stay accurate.

NumPy adds pairwise along contiguous memory only; along any other axis it adds one element after the other, and a
float32 sum of 10⁶ terms loses three digits. Here such axes are summed in blocks, and then the blocks' sums.
"""

from __future__ import annotations

import numpy as np

BLOCK = 64
_add = np.add.reduce


def add_reduce(x: np.ndarray, axes: tuple[int, ...], keepdims: bool = False) -> np.ndarray:
    """Σ x over `axes`, in x's own type; the rounding error grows with the logarithm of the number of terms."""
    if x.size < 4096 or x.dtype.kind not in "fc" or _is_tail(x, axes):
        return _add(x, axes, None, None, keepdims)
    total = _sum_tail(x, axes)
    done = {i for i in axes if total.shape[i] == 1}
    for axis in sorted((i for i in axes if i not in done), key=lambda i: abs(x.strides[i])):
        total = _sum_axis(total, axis)
    return total if keepdims else total.reshape([n for i, n in enumerate(x.shape) if i not in axes])


def _is_tail(x: np.ndarray, axes: tuple[int, ...]) -> bool:
    """Whether what is added together lies together."""
    return x.flags.c_contiguous and (not axes or min(axes) == x.ndim - len(axes))


def _sum_tail(x: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    """Summed over those of `axes` that are last, if memory is contiguous."""
    first = x.ndim
    while first - 1 in axes:
        first -= 1
    if first == x.ndim or not x.flags.c_contiguous:
        return x
    return _add(x, tuple(range(first, x.ndim)), keepdims=True)


def _sum_axis(x: np.ndarray, axis: int) -> np.ndarray:
    while x.shape[axis] > 2 * BLOCK and x.strides[axis] != x.itemsize:
        n = x.shape[axis] // BLOCK * BLOCK
        ahead = (slice(None),) * axis
        head, rest = x[(*ahead, slice(0, n))], x[(*ahead, slice(n, None))]
        blocks = head.reshape((*x.shape[:axis], n // BLOCK, BLOCK, *x.shape[axis + 1 :]))
        sums = _add(blocks, axis + 1)
        x = np.concatenate([sums, _add(rest, axis, keepdims=True)], axis) if rest.shape[axis] else sums
    return _add(x, axis, keepdims=True)
