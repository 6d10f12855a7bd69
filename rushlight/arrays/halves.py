"""Types of one or two bytes are only for storage: sums over them are kept in float32."""

from __future__ import annotations

import numpy as np

from .converting import converted

_FLOAT32 = np.dtype(np.float32)


def is_half(x: np.ndarray) -> bool:
    """Whether the numbers are float16, bfloat16 or float8."""
    return x.dtype.itemsize <= 2 and x.dtype.kind not in "biu"


def wide(x: np.ndarray) -> np.ndarray:
    """`x` in the type its sums are kept in: float32 for float16, bfloat16 and float8, else its own."""
    return converted(x, _FLOAT32) if is_half(x) else x


def narrow(x: np.ndarray, to: np.dtype) -> np.ndarray:
    """What was computed in the type of `wide`, rounded to type `to`."""
    return x if x.dtype == to else converted(x, to)
