"""LU factorisation with partial pivoting on NumPy arrays: right-looking, in panels, over stacks of matrices.

NumPy has LAPACK's solvers but not its factors. Golub and Van Loan, Matrix Computations (2013), algorithm
3.4.1 in
blocks: each panel is factored column by column for the whole stack at once, the rest is matrix products.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from .triangular import solve_triangular

Array = Any
PANEL = 32
FEW = 2  # matrices up to which one after another is faster than all together


def lu_factor(A: Array) -> tuple[Array, Array]:
    """L and U in one matrix (the ones of L's diagonal left out), and the row each step exchanged, counted
    from 1.

    A is (…, m, n); pivots are int32 (…, min(m, n)).
    """
    *lead, m, n = A.shape
    steps = min(m, n)
    work = np.array(A.reshape(prod(lead), m, n))
    pivots = np.empty((work.shape[0], steps), np.int32)
    if work.size:
        factor = _factor_columns if len(work) <= FEW else _factor_panel
        with np.errstate(divide="ignore", invalid="ignore"):
            for start in range(0, steps, PANEL):
                stop = min(steps, start + PANEL)
                factor(work, pivots, start, stop)
                _update(work, start, stop)
    return work.reshape(A.shape), pivots.reshape(*lead, steps)


def _factor_panel(work: Array, pivots: Array, start: int, stop: int) -> None:
    """Factor columns start:stop of all matrices together."""
    every = np.arange(work.shape[0])
    for j in range(start, stop):
        chosen = _size(work[:, j:, j]).argmax(1) + j
        pivots[:, j] = chosen + 1
        row = work[every, chosen]
        work[every, chosen] = work[:, j]
        work[:, j] = row
        pivot = row[:, j, None]
        column = work[:, j + 1 :, j]
        np.divide(column, pivot, column, where=pivot != 0)
        work[:, j + 1 :, j + 1 : stop] -= column[:, :, None] * work[:, j, None, j + 1 : stop]


def _factor_columns(work: Array, pivots: Array, start: int, stop: int) -> None:
    """The same, matrix by matrix: for a few it is several times as fast."""
    for A, chosen in zip(work, pivots, strict=True):
        for j in range(start, stop):
            r = j + int(_size(A[j:, j]).argmax())
            chosen[j] = r + 1
            if r != j:
                row = A[j].copy()
                A[j] = A[r]
                A[r] = row
            column = A[j + 1 :, j]
            if A[j, j] != 0:
                column /= A[j, j]
            A[j + 1 :, j + 1 : stop] -= column[:, None] * A[j, j + 1 : stop]


def _update(work: Array, start: int, stop: int) -> None:
    """Bring what is right of a factored panel up to date."""
    if stop < work.shape[2]:
        right = work[:, start:stop, stop:]
        right[...] = solve_triangular(work[:, start:stop, start:stop], right, False, True)
        work[:, stop:, stop:] -= np.matmul(work[:, stop:, start:stop], right)


def _size(x: Array) -> Array:
    """|re| + |im|: how LAPACK compares complex pivots."""
    return np.abs(x.real) + np.abs(x.imag) if x.dtype.kind == "c" else np.abs(x)


def permutation(pivots: Array, m: int) -> Array:
    """The order of rows that the exchanges lead to: (P A)[i] = A[permutation[i]]; (…, m) of int64."""
    *lead, steps = pivots.shape
    flat = pivots.reshape(prod(lead), steps) - 1
    order = np.tile(np.arange(m), (flat.shape[0], 1))
    every = np.arange(flat.shape[0])
    for j in range(steps):
        chosen = flat[:, j]
        moved = order[every, chosen]
        order[every, chosen] = order[:, j]
        order[:, j] = moved
    return order.reshape(*lead, m)


def first_zero_pivot(LU: Array) -> Array:
    """For each matrix the first j (from 1) with U[j, j] = 0, or 0; int32, of the stack's shape."""
    diagonal = np.diagonal(LU, 0, -2, -1) == 0
    if not diagonal.shape[-1]:
        return np.zeros(diagonal.shape[:-1], np.int32)
    return np.where(diagonal.any(-1), diagonal.argmax(-1) + 1, 0).astype(np.int32)
