"""Convolution whose one window is the whole input, and its gradients: products of matrices.

With the channels and taps of an image in one row, x (N, C·K), w (O, C·K) and y (N, O) are

    y = x wᵀ + bias,        dx = dy w,        dw = dyᵀ x

None where the operands are anything else, or not for machine code.
"""

from __future__ import annotations

import numpy as np

from ..kernels import conv
from .products_native import product
from .windows import Sizes


def _fits(whole: Sizes, kernel: Sizes, padding: Sizes, groups: int) -> bool:
    return whole == kernel and groups == 1 and not any(padding) and max(kernel) > 1


def _rows(x: np.ndarray) -> np.ndarray:
    return x.reshape(len(x), -1)


def _ready(*arrays: np.ndarray) -> bool:
    return conv.suits(*arrays) and all(a.flags.c_contiguous for a in arrays)


def convolution(
    x: np.ndarray, w: np.ndarray, bias: np.ndarray | None, padding: Sizes, groups: int
) -> np.ndarray | None:
    """y (N, O, 1..)."""
    if not _fits(x.shape[2:], w.shape[2:], padding, groups) or not _ready(x, w):
        return None
    y = product(_rows(x), _rows(w).T, bias)
    return y if y is None else y.reshape(len(x), len(w), *(1 for _ in padding))


def input_gradient(
    g: np.ndarray, w: np.ndarray, padding: Sizes, groups: int, sizes: Sizes
) -> np.ndarray | None:
    """dx (N, C, *sizes)."""
    one = max(g.shape[2:]) == 1
    if not one or not _fits(sizes, w.shape[2:], padding, groups) or not _ready(g, w):
        return None
    dx = product(_rows(g), _rows(w))
    return dx if dx is None else dx.reshape(len(g), w.shape[1], *sizes)


def weight_gradient(
    x: np.ndarray, g: np.ndarray, padding: Sizes, groups: int, kernel: Sizes
) -> np.ndarray | None:
    """dw (O, C, *kernel)."""
    if not _fits(x.shape[2:], kernel, padding, groups) or not _ready(x, g):
        return None
    dw = product(_rows(g).T, _rows(x))
    return dw if dw is None else dw.reshape(g.shape[1], x.shape[1], *kernel)
