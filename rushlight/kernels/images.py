"""Images (N, C, H, W) whose channels are last in memory, as PyTorch's `channels_last` has them."""

from __future__ import annotations

import numpy as np


def is_last(x: np.ndarray) -> bool:
    """Whether the channels are last in memory, and nowhere else as well."""
    return x.ndim == 4 and not x.flags.c_contiguous and to_last(x).flags.c_contiguous


def to_last(x: np.ndarray) -> np.ndarray:
    """(N, C, H, W) as (N, H, W, C)."""
    return x.transpose(0, 2, 3, 1)


def to_first(x: np.ndarray) -> np.ndarray:
    """(N, H, W, C) as (N, C, H, W)."""
    return x.transpose(0, 3, 1, 2)
