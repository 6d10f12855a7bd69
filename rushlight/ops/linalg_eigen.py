"""Eigenvalues and eigenvectors: linalg.eigh, eigvalsh, eig, eigvals."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dtypes import OF_NUMPY
from ..errors import LinAlgError
from .along import is_complex, late
from .declare import primitive
from .linalg_checks import absent, anywhere, check_square, divide_off_diagonal, in_linalg
from .linalg_solve import solve
from .matmul import matmul, mH
from .reduce import sum
from .views import diagonal, unsqueeze

Array = Any
diag_embed, imag, real, conj = late("diag_embed"), late("imag"), late("real"), late("conj")
absolute = late("abs")

# -- Hermitian matrices
# ---------------------------------------------------------------------------------------


def _check_triangle(name: str, UPLO: Any) -> Any:
    if str(UPLO).upper() not in ("L", "U"):
        raise RuntimeError(f"{name}: Expected UPLO argument to be 'L' or 'U', but got {UPLO}")
    return UPLO.upper()


def _hermitian(name: str, A: Array, UPLO: str, vectors: bool) -> Any:
    check_square(name, A)
    triangle = _check_triangle(name, UPLO)
    try:
        if not np.isfinite(A).all():
            raise np.linalg.LinAlgError
        return tuple(np.linalg.eigh(A, triangle)) if vectors else np.linalg.eigvalsh(A, triangle)
    except np.linalg.LinAlgError:
        raise LinAlgError(
            f"{name}: The algorithm failed to converge because the input matrix is ill-conditioned or has "
            "too many repeated "
            f"eigenvalues (or holds nan or inf)."
        ) from None


@primitive(**in_linalg("eigh", outputs=("eigenvalues", "eigenvectors")))
def eigh(A: Array, /, UPLO: str = "L") -> tuple[Array, Array]:
    """A = V diag(λ) Vᴴ of Hermitian matrices, λ ascending; only the triangle `UPLO` of A is read."""
    return _hermitian("linalg.eigh", A, UPLO, True)


@eigh.backward
def _(g: Any, eigenvalues: Any, eigenvectors: Any) -> Any:
    return eigh_cotangent(g[0], g[1], eigenvalues, eigenvectors)


def eigh_cotangent(gL: Any, gV: Any, L: Any, V: Any) -> Any:
    """V (diag(gλ) + K / (λⱼ - λᵢ)) Vᴴ, K the skew-Hermitian part of Vᴴ gV: a Hermitian cotangent."""
    inner = diag_embed(gL + 0j if is_complex(V) else gL)
    if not absent(gV):
        product = matmul(mH(V), gV)
        if is_complex(V):
            _check_phase("linalg_eigh_backward", imag(diagonal(product, 0, -2, -1)), product)
        skew = (product - mH(product)) * 0.5
        inner = inner + divide_off_diagonal(skew, unsqueeze(L, -2) - unsqueeze(L, -1))
    return matmul(matmul(V, inner), mH(V))


def _check_phase(name: str, phases: Any, product: Any) -> None:
    if anywhere(absolute(phases) > 1e-2 * (sum(absolute(product)) + 1.0)):
        raise RuntimeError(
            f"{name}: The eigenvectors in the complex case are specified up to multiplication by e^{{i "
            "phi}}. The specified "
            f"loss function depends on this quantity, so it is ill-defined."
        )


@primitive(under="linalg", forms="o")
def eigvalsh(A: Array, /, UPLO: str = "L") -> Array:
    """The eigenvalues of Hermitian matrices, ascending."""
    return _hermitian("linalg.eigvalsh", A, UPLO, False)


@eigvalsh.backward
def _(g: Any, A: Any, UPLO: str) -> Any:
    V = eigh(A, UPLO)[1]
    return matmul(V * unsqueeze(g, -2), mH(V))


# -- general matrices
# -------------------------------------------------------------------------------------------


def _general(name: str, A: Array, vectors: bool) -> Any:
    check_square(name, A)
    if not np.isfinite(A).all():
        raise RuntimeError(f"torch.{name}: input tensor should not contain infs or NaNs.")
    kind = OF_NUMPY[A.dtype].to_complex().np
    try:
        if vectors:
            L, V = np.linalg.eig(A)
            return L.astype(kind, copy=False), V.astype(kind, copy=False)
        return np.linalg.eigvals(A).astype(kind, copy=False)
    except np.linalg.LinAlgError:
        raise LinAlgError(
            f"{name}: The algorithm failed to converge because the input matrix is ill-conditioned or has "
            "too many repeated "
            f"eigenvalues."
        ) from None


@primitive(**in_linalg("eig", outputs=("eigenvalues", "eigenvectors")))
def eig(A: Array, /) -> tuple[Array, Array]:
    """A = V diag(λ) V⁻¹ of any square matrices, complex, in LAPACK's order; the columns of V have length
    1.
    """
    return _general("linalg.eig", A, True)


@eig.backward
def _(g: Any, A: Any, eigenvalues: Any, eigenvectors: Any) -> Any:
    return _as_input(eig_cotangent(g[0], g[1], eigenvalues, eigenvectors), A)


def eig_cotangent(gL: Any, gV: Any, L: Any, V: Any) -> Any:
    """V⁻ᴴ (diag(gλ) + (Vᴴ gV - VᴴV Re diag(Vᴴ gV)) / conj(λⱼ - λᵢ)) Vᴴ.

    C. Boeddeker et al., "On the Computation of Complex-valued Gradients" (2017), with columns of length 1.
    """
    inner = diag_embed(gL)
    if not absent(gV):
        product = matmul(mH(V), gV)
        lengths = diagonal(product, 0, -2, -1)
        _check_phase("linalg_eig_backward", imag(lengths), product)
        product = product - matmul(mH(V), V * unsqueeze(real(lengths) + 0j, -2))
        inner = inner + divide_off_diagonal(product, conj(unsqueeze(L, -2) - unsqueeze(L, -1)))
    return solve(mH(V), matmul(inner, mH(V)))


def _as_input(g: Any, A: Any) -> Any:
    """A real input takes the real part of its cotangent."""
    return g if is_complex(A) else real(g)


@primitive(under="linalg", forms="o")
def eigvals(A: Array, /) -> Array:
    """The eigenvalues of any square matrices, complex, in LAPACK's order."""
    return _general("linalg.eigvals", A, False)


@eigvals.backward
def _(g: Any, A: Any) -> Any:
    V = eig(A)[1]
    return _as_input(solve(mH(V), unsqueeze(g, -1) * mH(V)), A)
