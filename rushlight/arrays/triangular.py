"""Triangular systems on NumPy arrays: exact substitution in blocks, for stacks of matrices that broadcast."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = Any

# Rows of a diagonal block. LAPACK's general solver on an upper triangular block pivots nowhere and eliminates
# nothing:
# what it does is back substitution, and a block of 48 costs it about 20 us.
BLOCK = 48


def solve_triangular(T: Array, B: Array, upper: bool, unit: bool = False) -> Array:
    """X with T X = B; only the triangle of T (…, n, n) that is asked for is read, B is (…, n, m)."""
    if not upper:  # reversing rows and columns makes an upper triangle of a lower one
        return solve_triangular(T[..., ::-1, ::-1], B[..., ::-1, :], True, unit)[..., ::-1, :]
    n = T.shape[-1]
    lead = np.broadcast_shapes(T.shape[:-2], B.shape[:-2])
    X = np.empty((*lead, *B.shape[-2:]), B.dtype)
    X[...] = B
    if not X.size:
        return X
    for stop in range(n, 0, -BLOCK):
        start = max(0, stop - BLOCK)
        rows = X[..., start:stop, :]
        rows[...] = _solve_block(T[..., start:stop, start:stop], rows, unit)
        if start:
            X[..., :start, :] -= np.matmul(T[..., :start, start:stop], rows)
    return X


def _solve_block(T: Array, B: Array, unit: bool) -> Array:
    T = np.triu(T)
    places = np.arange(T.shape[-1])
    if unit:
        T[..., places, places] = 1
    elif not T[..., places, places].all():
        return _substitute(T, B)
    return np.linalg.solve(T, B)


def _substitute(T: Array, B: Array) -> Array:
    """Row by row, dividing by zero where the diagonal is zero: infinities and nan, as LAPACK's trtrs leaves
    them.
    """
    X = np.array(np.broadcast_to(B, (*np.broadcast_shapes(T.shape[:-2], B.shape[:-2]), *B.shape[-2:])))
    with np.errstate(divide="ignore", invalid="ignore"):
        for i in range(T.shape[-1] - 1, -1, -1):
            known = np.matmul(T[..., i : i + 1, i + 1 :], X[..., i + 1 :, :])[..., 0, :]
            X[..., i, :] = (X[..., i, :] - known) / T[..., i, i, None]
    return X
