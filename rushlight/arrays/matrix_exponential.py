"""The exponential of matrices on NumPy arrays: Padé approximants with scaling and squaring.

N. Higham, "The Scaling and Squaring Method for the Matrix Exponential Revisited", SIAM J. Matrix Anal. Appl.
26 (2005).
"""

from __future__ import annotations

from math import factorial
from typing import Any

import numpy as np

Array = Any

# Degree of the approximant and the norm up to which it is exact to rounding (Higham's tables 2.3 and 2.4).
_DOUBLE, _SINGLE = (13, 5.371920351148152), (7, 3.925724783138660)


def matrix_exp(A: Array) -> Array:
    """eᴬ of each matrix (…, n, n) of float32, float64, complex64 or complex128."""
    if not A.size:
        return A.copy()
    degree, bound = _SINGLE if A.dtype.char in "fF" else _DOUBLE
    norms = np.abs(A).sum(-2).max(-1)
    finite = np.isfinite(norms)
    ratio = np.where(finite, norms, 0) / bound
    squarings = np.maximum(np.ceil(np.log2(np.maximum(ratio, 1e-30))), 0).astype(int)
    scaled = A / (2.0**squarings).astype(norms.dtype)[..., None, None]
    out = _pade(np.where(finite[..., None, None], scaled, 0).astype(A.dtype), degree)
    for step in range(int(squarings.max(initial=0))):
        out = np.where((squarings > step)[..., None, None], np.matmul(out, out), out)
    return np.where(finite[..., None, None], out, np.nan).astype(A.dtype)


def _coefficients(degree: int) -> list[float]:
    """Numerator of the diagonal Padé approximant of eˣ: (2m - j)! m! / ((2m)! (m - j)! j!)."""
    m = degree
    return [
        factorial(2 * m - j) * factorial(m) / (factorial(2 * m) * factorial(m - j) * factorial(j))
        for j in range(m + 1)
    ]


def _pade(A: Array, degree: int) -> Array:
    """(V - U)⁻¹ (V + U), U the odd and V the even part of the numerator."""
    c = _coefficients(degree)
    square, power = np.matmul(A, A), np.broadcast_to(np.eye(A.shape[-1], dtype=A.dtype), A.shape)
    even, odd = c[0] * power, c[1] * power
    for j in range(2, degree + 1, 2):
        power = np.matmul(power, square)
        even = even + c[j] * power
        if j < degree:
            odd = odd + c[j + 1] * power
    odd = np.matmul(A, odd)
    return np.linalg.solve(even - odd, even + odd).astype(A.dtype, copy=False)
