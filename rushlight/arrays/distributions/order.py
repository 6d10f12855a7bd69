"""The order in which an array's elements receive their samples."""

from __future__ import annotations

import numpy as np


def fill_axes(array: np.ndarray) -> list[int]:
    """Return the axes of `array` by falling stride: the order torch fills it in, last axis fastest."""
    axes = range(array.ndim)
    # an axis of length 1 may have any stride, and its place does not matter
    single = [axis for axis in axes if array.shape[axis] == 1]
    others = sorted((axis for axis in axes if array.shape[axis] != 1), key=lambda axis: -array.strides[axis])
    return single + others


def fill_order(array: np.ndarray) -> np.ndarray:
    """Return a view of `array` whose row-major order is the order torch fills it in: by falling stride."""
    return array.transpose(fill_axes(array))
