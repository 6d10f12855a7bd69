"""LDL factors of symmetric and Hermitian matrices with Bunch-Kaufman pivoting, in LAPACK's lower storage.

J. Bunch and L. Kaufman, "Some Stable Methods for Calculating Inertia and Solving Symmetric Linear Systems",
Mathematics of Computation 31 (1977); the storage and pivots are those of LAPACK's sytrf and hetrf.
"""

from __future__ import annotations

from math import sqrt
from typing import Any

import numpy as np

Array = Any
_ALPHA = (1 + sqrt(17)) / 8  # bounds the growth of elements over a step best


def ldl_factor(A: Array, hermitian: bool) -> tuple[Array, Array, Array]:
    """The factors L and D in one lower triangle, the pivots (from 1; twice negative for a 2 by 2 block of D),
    infos.
    """
    LD = np.tril(A)
    pivots, infos = np.zeros(A.shape[:-1], np.int32), np.zeros(A.shape[:-2], np.int32)
    for i in np.ndindex(A.shape[:-2]):
        infos[i] = _factor(LD[i], pivots[i], hermitian)
    return LD, pivots, infos


def _factor(A: Array, pivots: Array, hermitian: bool) -> int:
    """Factor one lower triangle in place; 0, or the first column (from 1) in which D is zero."""
    k, info, n = 0, 0, A.shape[0]
    while k < n:
        if hermitian:
            A[k, k] = A[k, k].real
        step, chosen = _choose(A, k)
        if step == 0:
            info = info or k + 1
            pivots[k] = k + 1
            k += 1
            continue
        last = k + step - 1
        if chosen != last:
            _exchange(A, last, chosen, hermitian)
            if step == 2:
                A[k + 1, k], A[chosen, k] = A[chosen, k], A[k + 1, k]
        _eliminate(A, k, step, hermitian)
        pivots[k : k + step] = chosen + 1 if step == 1 else -(chosen + 1)
        k += step
    return info


def _size(x: Array) -> Array:
    """|re| + |im|, as LAPACK compares."""
    return np.abs(x.real) + np.abs(x.imag) if x.dtype.kind == "c" else np.abs(x)


def _choose(A: Array, k: int) -> tuple[int, int]:
    """The size of the next block (0 for a column of zeros), and the row that comes into it."""
    here = _size(A[k, k])
    below = _size(A[k + 1 :, k])
    largest = below.max(initial=0)
    if not max(here, largest) > 0:
        return 0, k
    if here >= _ALPHA * largest:
        return 1, k
    r = k + 1 + int(below.argmax())
    row = max(_size(A[r, k:r]).max(initial=0), _size(A[r + 1 :, r]).max(initial=0))
    if here >= _ALPHA * largest * (largest / row):
        return 1, k
    return (1, r) if _size(A[r, r]) >= _ALPHA * row else (2, r)


def _exchange(A: Array, i: int, j: int, hermitian: bool) -> None:
    """Rows and columns i < j of the matrix behind the lower triangle exchanged."""
    flip = np.conjugate if hermitian else np.asarray
    A[j + 1 :, [i, j]] = A[j + 1 :, [j, i]]
    between = A[i + 1 : j, i].copy()
    A[i + 1 : j, i] = flip(A[j, i + 1 : j])
    A[j, i + 1 : j] = flip(between)
    A[j, i] = flip(A[j, i])
    A[i, i], A[j, j] = A[j, j], A[i, i]


def _eliminate(A: Array, k: int, step: int, hermitian: bool) -> None:
    """Take the block's part out of what is right of and below it."""
    below = A[k + step :, k : k + step].copy()
    if not below.size:
        return
    D = _block(A, k, step, hermitian)
    factors = np.linalg.solve(D.T, below.T).T if step == 2 else below / D
    A[k + step :, k + step :] -= np.tril(factors @ (np.conjugate(below.T) if hermitian else below.T))
    A[k + step :, k : k + step] = factors


def _block(A: Array, k: int, step: int, hermitian: bool) -> Array:
    """A diagonal block of D, whole."""
    D = A[k : k + step, k : k + step].copy()
    if step == 2:
        D[0, 1] = np.conjugate(D[1, 0]) if hermitian else D[1, 0]
    return D


def ldl_solve(LD: Array, pivots: Array, B: Array, hermitian: bool) -> Array:
    """X with A X = B, given A's factors; stacks broadcast."""
    lead = np.broadcast_shapes(LD.shape[:-2], B.shape[:-2])
    LD, pivots = (
        np.broadcast_to(LD, (*lead, *LD.shape[-2:])),
        np.broadcast_to(pivots, (*lead, pivots.shape[-1])),
    )
    X = np.array(np.broadcast_to(B, (*lead, *B.shape[-2:])))
    for i in np.ndindex(lead):
        _solve(LD[i], pivots[i], X[i], hermitian)
    return X


def _solve(A: Array, pivots: Array, X: Array, hermitian: bool) -> None:
    """Down through L and D, then up through the transpose of L, in place."""
    k, n = 0, A.shape[0]
    starts = []
    while k < n:
        step = 1 if pivots[k] > 0 else 2
        starts.append((k, step))
        _swap(X, k + step - 1, abs(int(pivots[k])) - 1)
        X[k + step :] -= A[k + step :, k : k + step] @ X[k : k + step]
        X[k : k + step] = np.linalg.solve(_block(A, k, step, hermitian), X[k : k + step])
        k += step
    for k, step in reversed(starts):
        L = A[k + step :, k : k + step].T
        X[k : k + step] -= (np.conjugate(L) if hermitian else L) @ X[k + step :]
        _swap(X, k + step - 1, abs(int(pivots[k])) - 1)


def _swap(X: Array, i: int, j: int) -> None:
    if i != j:
        X[[i, j]] = X[[j, i]]
