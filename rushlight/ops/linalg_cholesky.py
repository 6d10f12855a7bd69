"""Cholesky factors of positive definite matrices, and what is solved with them."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays.triangular import solve_triangular as substitute
from ..errors import LinAlgError
from .declare import composite, primitive
from .linalg_checks import (
    batch_prefix,
    check_matrices,
    check_same_type,
    check_square,
    half_diagonal,
    in_linalg,
    tril,
)
from .linalg_solve import solve_triangular
from .matmul import matmul, mH, unbroadcast

Array = Any


def _factor(A: Array, upper: bool) -> tuple[Array, Array]:
    """The factors, and for each matrix 0 or the order of the first minor that is not positive."""
    try:
        return np.linalg.cholesky(A, upper=upper), np.zeros(A.shape[:-2], np.int32)
    except np.linalg.LinAlgError:
        return _factor_each(np.conjugate(A.swapaxes(-2, -1)) if upper else A, upper)


def _factor_each(A: Array, upper: bool) -> tuple[Array, Array]:
    """Matrix by matrix, where one fails: the columns before the failure are factored, the rest is left as it
    was.
    """
    L, infos = np.tril(A), np.zeros(A.shape[:-2], np.int32)
    for i in np.ndindex(A.shape[:-2]):
        infos[i] = _factor_columns(L[i])
    return (np.conjugate(L.swapaxes(-2, -1)) if upper else L), infos


def _factor_columns(L: Array) -> int:
    """Factor one lower triangle in place, column by column; 0, or the order of the minor that is not
    positive.
    """
    for j in range(L.shape[0]):
        row = L[j, :j]
        pivot = (L[j, j] - row @ np.conjugate(row)).real
        if not pivot > 0:
            L[j, j] = pivot
            return j + 1
        L[j, j] = np.sqrt(pivot)
        L[j + 1 :, j] = (L[j + 1 :, j] - L[j + 1 :, :j] @ np.conjugate(row)) / L[j, j]
    return 0


def _raise_unless_positive(infos: Array) -> None:
    wrong = np.flatnonzero(infos)
    if wrong.size:
        at = int(wrong[0])
        raise LinAlgError(
            f"linalg.cholesky: {batch_prefix(at, infos.ndim > 0)}The factorization could not be completed "
            "because the input "
            f"is not positive-definite (the leading minor of order {infos.reshape(-1)[at]} is not "
            "positive-definite)."
        )


def _cotangent(g: Any, factor: Any, upper: bool) -> Any:
    """L⁻ᴴ Φ(Lᴴ g) L⁻¹ made Hermitian, Φ taking the lower triangle and half the diagonal; I. Murray (2016)."""
    L, gL = (mH(factor), mH(g)) if upper else (factor, g)
    phi = half_diagonal(tril(matmul(mH(L), gL)))
    symmetric = (phi + mH(phi)) * 0.5
    left = solve_triangular(mH(L), symmetric, upper=True)
    return solve_triangular(L, left, upper=False, left=False)


@primitive(**in_linalg("cholesky"))
def linalg_cholesky(A: Array, /, *, upper: bool = False) -> Array:
    """L with A = L Lᴴ (U with A = Uᴴ U for `upper`), of A only that triangle read. Raises LinAlgError if
    there is none.
    """
    check_square("linalg.cholesky", A)
    L, infos = _factor(A, upper)
    _raise_unless_positive(infos)
    return L


linalg_cholesky.vjp(A=lambda g, out, upper: _cotangent(g, out, upper))


@primitive(**in_linalg("cholesky_ex", outputs=("L", "info")))
def cholesky_ex(A: Array, /, *, upper: bool = False, check_errors: bool = False) -> tuple[Array, Array]:
    """The Cholesky factor, and for each matrix 0 or the order of the first minor that is not positive."""
    check_square("linalg.cholesky_ex", A)
    L, infos = _factor(A, upper)
    if check_errors:
        _raise_unless_positive(infos)
    return L, infos


cholesky_ex.backward(lambda g, L, upper: _cotangent(g[0], L, upper))


@composite(forms="mo")
def cholesky(input: Array, /, upper: bool = False) -> Array:
    """L with input = L Lᴴ; linalg.cholesky is the newer form."""
    return linalg_cholesky(input, upper=upper)


@primitive(forms="mo")
def cholesky_solve(B: Array, L: Array, /, upper: bool = False) -> Array:
    """X with A X = B, given the Cholesky factor of A."""
    check_square("cholesky_solve", L, "L")
    check_matrices("cholesky_solve", B, "B")
    check_same_type("cholesky_solve", L, B)
    if B.shape[-2] != L.shape[-1]:
        raise RuntimeError(
            f"cholesky_solve: Incompatible matrix sizes for cholesky_solve: each A matrix is {L.shape[-1]} "
            "by "
            f"{L.shape[-1]} but each b matrix is {B.shape[-2]} by {B.shape[-1]}"
        )
    lower = np.conjugate(L.swapaxes(-2, -1)) if upper else L
    half = substitute(lower, B, False)
    return substitute(np.conjugate(lower.swapaxes(-2, -1)), half, True)


@cholesky_solve.backward
def _(g: Any, L: Any, out: Any, B_shape: Any, L_shape: Any, upper: bool, need: Any) -> Any:
    gB = cholesky_solve(g, L, upper)
    gL = None
    if "L" in need:
        product = matmul(gB, mH(out))
        gL = unbroadcast(_factor_cotangent(-(product + mH(product)), L, upper), L_shape)
    return unbroadcast(gB, B_shape), gL


def _factor_cotangent(gA: Any, L: Any, upper: bool) -> Any:
    """That of the factor, given the Hermitian one of A = L Lᴴ or Uᴴ U."""
    return matmul(L, gA) if upper else matmul(gA, L)


@primitive(forms="mo")
def cholesky_inverse(L: Array, /, upper: bool = False) -> Array:
    """A⁻¹, given the Cholesky factor of A."""
    check_square("cholesky_inverse", L, "L")
    return cholesky_solve.body(np.broadcast_to(np.eye(L.shape[-1], dtype=L.dtype), L.shape), L, upper)


@cholesky_inverse.backward
def _(g: Any, L: Any, out: Any, upper: bool) -> Any:
    return _factor_cotangent(-matmul(matmul(out, g + mH(g)), out), L, upper)
