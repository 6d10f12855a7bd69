"""What is read off singular values: pseudo-inverses, ranks, condition numbers, least squares."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..dtypes import OF_NUMPY
from ..errors import shape_text
from .declare import composite, primitive
from .linalg_checks import (
    check_matrices,
    check_same_type,
    check_square,
    in_linalg,
    masked_fill,
)
from .linalg_norms import matrix_norm
from .linalg_solve import inv_ex, is_vector
from .linalg_svd import _decompose as decompose
from .linalg_svd import svdvals
from .matmul import matmul, mH, unbroadcast
from .reduce import sum
from .views import select, squeeze, unsqueeze

Array = Any

# -- tolerances
# -----------------------------------------------------------------------------------------------


def _tolerance(size: Array, shape: tuple[int, ...], atol: Any, rtol: Any) -> Array:
    """max(atol, rtol · largest singular value), for each matrix; rtol is ε·max(m, n) unless atol is given."""
    if rtol is None:
        exact = atol is not None and bool(np.any(np.asarray(atol) > 0))
        rtol = 0.0 if exact else float(np.finfo(size.dtype).eps) * max(shape[-2:])
    largest = size.max(-1, keepdims=True) if size.shape[-1] else np.zeros((*size.shape[:-1], 1), size.dtype)
    least = np.asarray(0.0 if atol is None else atol)
    return np.maximum(least[..., None], np.asarray(rtol)[..., None] * largest)


def _spectrum(name: str, A: Array, hermitian: bool) -> tuple[Array, Array, Array]:
    """U, the singular values (for Hermitian matrices the signed eigenvalues), Vᴴ."""
    check_matrices(name, A)
    if not hermitian:
        return decompose(A, False, True)
    check_square(name, A)
    L, V = np.linalg.eigh(A)
    return V, L, np.conjugate(V.swapaxes(-2, -1))


# -- pseudo-inverse
# -------------------------------------------------------------------------------------------


@primitive(forms="", under="internal")
def pseudo_inverse(A: Array, atol: Any = None, rtol: Any = None, /, *, hermitian: bool = False) -> Array:
    """V diag(1/S) Uᴴ without the singular values within the tolerance."""
    U, S, Vh = _spectrum("linalg.pinv", A, hermitian)
    size = np.abs(S)
    kept = size > _tolerance(size, A.shape, atol, rtol)
    inverse = np.where(kept, 1 / np.where(kept, S, 1), 0).astype(S.dtype)
    return np.matmul(
        np.conjugate(Vh.swapaxes(-2, -1)) * inverse[..., None, :], np.conjugate(U.swapaxes(-2, -1))
    )


def pinv_cotangent(g: Any, A: Any, P: Any) -> Any:
    """-Pᴴ g Pᴴ + (I - AP) gᴴ P Pᴴ + Pᴴ P gᴴ (I - PA); G. Golub and V. Pereyra (1973)."""
    gh, Ph = mH(g), mH(P)
    right, left = matmul(matmul(gh, P), Ph), matmul(Ph, matmul(P, gh))
    out = -matmul(Ph, matmul(g, Ph))
    return out + (right - matmul(A, matmul(P, right))) + (left - matmul(matmul(left, P), A))


pseudo_inverse.vjp(A=lambda g, A, out: pinv_cotangent(g, A, out))


@composite(under="linalg", forms="o")
def pinv(
    A: Array, /, rcond: Any = None, hermitian: bool = False, *, atol: Any = None, rtol: Any = None
) -> Array:
    """The Moore-Penrose inverse; singular values up to max(atol, rtol · largest) count as zero."""
    return pseudo_inverse(A, atol, rcond if rtol is None else rtol, hermitian=hermitian)


@composite(forms="m")
def pinverse(input: Array, /, rcond: float = 1e-15) -> Array:
    """The Moore-Penrose inverse; linalg.pinv is the newer form."""
    return pseudo_inverse(input, None, rcond, hermitian=False)


# -- rank and condition
# ---------------------------------------------------------------------------------------


@primitive(forms="", under="internal", differentiable=False)
def count_singular_values(
    A: Array, atol: Any = None, rtol: Any = None, /, *, hermitian: bool = False
) -> Array:
    """How many singular values exceed the tolerance; int64."""
    check_matrices("linalg.matrix_rank", A)
    if hermitian:
        check_square("linalg.matrix_rank", A)
        size = np.abs(np.linalg.eigvalsh(A))
    else:
        size = decompose(A, False, False)
    return np.asarray((size > _tolerance(size, A.shape, atol, rtol)).sum(-1))


@composite(under="linalg", forms="o")
def matrix_rank(
    A: Array, /, tol: Any = None, hermitian: bool = False, *, atol: Any = None, rtol: Any = None
) -> Array:
    """How many singular values exceed max(atol, rtol · largest); `tol` is an atol with rtol 0."""
    if tol is not None:
        atol, rtol = tol, 0.0
    return count_singular_values(A, atol, rtol, hermitian=hermitian)


@composite(under="linalg", forms="o")
def cond(A: Array, /, p: Any = None) -> Array:
    """The condition number ‖A‖ₚ ‖A⁻¹‖ₚ; for p = 2 (the default) the ratio of extreme singular values."""
    if p is None or p in (2, -2):
        if 0 in tuple(A.shape)[-2:]:
            return sum(svdvals(A), -1)
        S = svdvals(A)
        largest, smallest = select(S, -1, 0), select(S, -1, -1)
        return smallest / largest if p == -2 else largest / smallest
    if p == "nuc":
        S = svdvals(A)
        return sum(S, -1) * sum(1 / S, -1)
    if p not in ("fro", math.inf, -math.inf, 1, -1):
        raise RuntimeError(f"linalg.cond: linalg.cond got an invalid norm type: {p}")
    inverse, info = inv_ex(A)
    product = matrix_norm(A, p) * matrix_norm(inverse, p)
    return masked_fill(product, info != 0, math.inf)


# -- least squares
# --------------------------------------------------------------------------------------------

_DRIVERS = ("gels", "gelsy", "gelsd", "gelss")


def _check_least_squares(A: Array, B: Array, driver: str) -> bool:
    """Raise unless the call makes sense; returns whether B holds vectors."""
    name = "torch.linalg.lstsq"
    if driver not in _DRIVERS:
        raise RuntimeError(
            f"{name}: parameter `driver` should be one of ({', '.join(_DRIVERS)}), not {driver!r}"
        )
    check_matrices(name, A)
    check_same_type(name, A, B)
    vector = is_vector(A.shape[:-1] + A.shape[-2:-1], B.shape)
    rows = B.shape[-1] if vector else B.shape[-2]
    if rows != A.shape[-2]:
        raise RuntimeError(
            f"{name}: input.size(-2) should match other.size({-1 if vector else -2}): {A.shape[-2]} and "
            f"{rows}; the shapes "
            f"are {shape_text(A.shape)} and {shape_text(B.shape)}"
        )
    return vector


@primitive(
    **in_linalg(
        "lstsq", outputs=("solution", "residuals", "rank", "singular_values"), constants=("singular_values",)
    )
)
def lstsq(
    A: Array, B: Array, /, rcond: float | None = None, *, driver: str | None = None
) -> tuple[Array, Array, Array, Array]:
    """X of least ‖A X - B‖, and of those the shortest; Σ|A X - B|² of its columns, the rank, the singular
    values.

    Singular values up to rcond (ε·max(m, n)) times the largest count as zero; "gels" takes A to be of full
    rank.
    Residuals, rank and singular values are empty where PyTorch's driver does not give them.
    """
    driver = driver or "gelsy"
    vector = _check_least_squares(A, B, driver)
    U, S, Vh = decompose(A, False, True)
    floor = _tolerance(S, A.shape, None, 0.0 if driver == "gels" else rcond)
    kept = S > floor
    inverse = np.where(kept, 1 / np.where(kept, S, 1), 0).astype(S.dtype)
    right = B[..., None] if vector else B
    X = _conjugate(Vh) @ (inverse[..., None] * (_conjugate(U) @ right))
    rank = np.asarray(kept.sum(-1))
    nothing = np.zeros(0, S.dtype)
    residuals = _residuals(A, X, right, rank) if driver != "gelsy" else nothing
    solution = X[..., 0] if vector else X
    if vector and residuals.size:
        residuals = residuals[..., 0]
    return (
        solution,
        residuals,
        np.zeros(0, np.int64) if driver == "gels" else rank,
        S if driver in ("gelsd", "gelss") else nothing,
    )


def _conjugate(x: Array) -> Array:
    return np.conjugate(x.swapaxes(-2, -1))


def _residuals(A: Array, X: Array, B: Array, rank: Array) -> Array:
    """Σ|A X - B|² of each column; empty unless every A has more rows than columns, and full rank."""
    m, n = A.shape[-2:]
    if m <= n or (rank < n).any():
        return np.zeros(0, OF_NUMPY[A.dtype].to_real().np)
    return np.square(np.abs(np.matmul(A, X) - B)).sum(-2)


@lstsq.backward
def _(g: Any, A: Any, B: Any, solution: Any, residuals: Any) -> Any:
    vector = is_vector(tuple(A.shape)[:-1] + tuple(A.shape)[-2:-1], tuple(B.shape))
    lift = (lambda x: unsqueeze(x, -1)) if vector else (lambda x: x)
    gX, right, X = lift(g[0]), lift(B), lift(solution)
    P = pinv(A)
    gB = matmul(mH(P), gX)
    gA = pinv_cotangent(matmul(gX, mH(right)), A, P)
    if tuple(residuals.shape) != (0,):
        weighted = 2 * unsqueeze(lift(g[1]) if vector else g[1], -2) * (matmul(A, X) - right)
        gB, gA = gB - weighted, gA + matmul(weighted, mH(X))
    gB = unbroadcast(squeeze(gB, -1) if vector else gB, B.shape)
    return unbroadcast(gA, A.shape), gB
