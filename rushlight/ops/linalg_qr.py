"""QR factors and Householder reflectors: linalg.qr, geqrf, householder_product, ormqr."""

from __future__ import annotations

from typing import Any

import numpy as np

from .along import late
from .declare import composite, primitive
from .linalg_checks import check_matrices, half_diagonal, in_linalg, tril, triu
from .linalg_solve import solve_triangular
from .matmul import conj, matmul, mH
from .views import narrow, select, unsqueeze

Array = Any
cat, real_of = late("cat"), late("real")

_MODES = ("reduced", "complete", "r")


def _factor(name: str, A: Array, mode: str) -> tuple[Array, Array]:
    check_matrices(name, A)
    if mode not in _MODES:
        raise RuntimeError(
            f"{name}: qr received unrecognized mode '{mode}' but expected one of 'reduced' (default), 'r', "
            "or 'complete'"
        )
    if mode == "r":
        return np.zeros(0, A.dtype), np.linalg.qr(A, "r")
    found = np.linalg.qr(A, mode)
    return found[0], found[1]


def _cotangent(g: Any, A: Any, Q: Any, R: Any, mode: str) -> Any:
    """From those of Q and R; for wide matrices the left square has the factors, the rest is Qᴴ A."""
    if mode == "r":
        raise RuntimeError(
            "linalg_qr_backward: The derivative of linalg.qr depends on Q, which is not computed when "
            "mode='r'. Please use "
            "linalg.qr(A, mode='reduced') if you are going to differentiate through linalg.qr."
        )
    m, n = tuple(A.shape)[-2:]
    gQ, gR = g
    if m > n and Q.shape[-1] == m:
        if mode == "complete" and m != n:
            raise RuntimeError(
                "linalg_qr_backward: The QR decomposition is not differentiable when mode='complete' and "
                "nrows > ncols."
            )
    if m >= n:
        return _tall_cotangent(gQ, gR, Q, R)
    rest, g_rest = narrow(A, -1, m, n - m), narrow(gR, -1, m, n - m)
    gQ = gQ + matmul(rest, mH(g_rest))
    square = _tall_cotangent(gQ, narrow(gR, -1, 0, m), Q, narrow(R, -1, 0, m))
    return cat([square, matmul(Q, g_rest)], -1)


def _tall_cotangent(gQ: Any, gR: Any, Q: Any, R: Any) -> Any:
    """(gQ + Q · copyltu(triu(gR Rᴴ - Qᴴ gQ))) R⁻ᴴ; M. Seeger et al., "Auto-Differentiating Linear Algebra"
    (2017).
    """
    M = triu(matmul(gR, mH(R)) - matmul(mH(Q), gQ))
    symmetric = half_diagonal(M + mH(M))
    return solve_triangular(mH(R), gQ + matmul(Q, symmetric), upper=False, left=False)


@primitive(**in_linalg("qr", outputs=("Q", "R")))
def linalg_qr(A: Array, /, mode: str = "reduced") -> tuple[Array, Array]:
    """A = Q R with orthonormal columns in Q and R upper triangular; "complete" gives a square Q, "r" leaves Q
    out.
    """
    return _factor("linalg.qr", A, mode)


linalg_qr.backward(lambda g, A, Q, R, mode: _cotangent(g, A, Q, R, mode))


@primitive(forms="mo", outputs=("Q", "R"))
def qr(input: Array, /, some: bool = True) -> tuple[Array, Array]:
    """input = Q R, reduced if `some`; linalg.qr is the newer form."""
    return _factor("qr", input, "reduced" if some else "complete")


qr.backward(lambda g, input, Q, R, some: _cotangent(g, input, Q, R, "reduced" if some else "complete"))


# -- reflectors ---------------------------------------------------------------------------------------------


@primitive(forms="mo", outputs=("a", "tau"), differentiable=False)
def geqrf(input: Array, /) -> tuple[Array, Array]:
    """LAPACK's compact QR: R above the diagonal, below it the reflectors v, and their factors tau."""
    check_matrices("geqrf", input)
    h, tau = np.linalg.qr(input, "raw")
    return h.swapaxes(-2, -1), tau


def _check_reflectors(name: str, A: Any, tau: Any) -> None:
    m, n = tuple(A.shape)[-2:]
    if len(A.shape) < 2:
        raise RuntimeError(f"{name}: input must have at least 2 dimensions.")
    if m < n:
        raise RuntimeError(
            f"{name}: input.shape[-2] must be greater than or equal to input.shape[-1]; got {m} by {n}"
        )
    if n < tau.shape[-1]:
        raise RuntimeError(
            f"{name}: input.shape[-1] must be greater than or equal to tau.shape[-1]; got {n} and "
            f"{tau.shape[-1]}"
        )
    if A.dtype != tau.dtype:
        raise RuntimeError(f"{name}: tau dtype {tau.dtype} does not match input dtype {A.dtype}")


def _reflected(vectors: Any, tau: Any, i: int, x: Any) -> Any:
    """(I - τᵢ vᵢ vᵢᴴ) x."""
    v = narrow(vectors, -1, i, 1)
    weight = unsqueeze(unsqueeze(select(tau, -1, i), -1), -1)
    return x - matmul(v * weight, matmul(mH(v), x))


def _reflectors(A: Any) -> Any:
    """The columns v: zero above the diagonal, one on it, A below."""
    return tril(A, -1) + columns_of_identity(A)


@primitive(forms="", under="internal", differentiable=False)
def columns_of_identity(input: Array, /) -> Array:
    """Ones on the diagonal of matrices of the input's shape."""
    return np.broadcast_to(np.eye(*input.shape[-2:], dtype=input.dtype), input.shape).copy()


@composite(forms="mo", name="orgqr", aliases=("linalg.householder_product",))
def householder_product(input: Array, tau: Array, /) -> Array:
    """The first columns of H₁ H₂ … Hₖ with Hᵢ = I - τᵢ vᵢ vᵢᴴ, vᵢ below the diagonal of `input`."""
    _check_reflectors("torch.linalg.householder_product", input, tau)
    vectors, out = _reflectors(input), columns_of_identity(input)
    for i in range(tau.shape[-1] - 1, -1, -1):
        out = _reflected(vectors, tau, i, out)
    return out


@composite(forms="mo")
def ormqr(input: Array, tau: Array, other: Array, /, left: bool = True, transpose: bool = False) -> Array:
    """Q other (other Q for left=False; Qᴴ for `transpose`), Q the full product of the reflectors in
    `input`.
    """
    if not left:
        return mH(ormqr(input, tau, mH(other), True, not transpose))
    vectors, steps = _reflectors(input), range(tau.shape[-1])
    factors = conj(tau) if transpose else tau
    for i in steps if transpose else reversed(steps):
        other = _reflected(vectors, factors, i, other)
    return other
