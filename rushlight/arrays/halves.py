"""Types of one or two bytes are only for storage: sums over them are kept in float32."""

from __future__ import annotations

import numpy as np


def wide(x: np.ndarray) -> np.ndarray:
    """`x` in the type its sums are kept in: float32 for float16, bfloat16 and float8, else its own."""
    is_half = x.dtype.itemsize <= 2 and x.dtype.kind not in "biu"
    return x.astype(np.float32) if is_half else x
