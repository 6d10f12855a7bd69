"""The singular value decomposition: linalg.svd, svdvals, and torch.svd."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dtypes import OF_NUMPY
from ..errors import LinAlgError
from .along import is_complex, late
from .declare import primitive
from .linalg_checks import absent, anywhere, batch_prefix, check_matrices, in_linalg, masked_fill, on_diagonal
from .matmul import matmul, mH
from .reduce import sum
from .views import diagonal, narrow, unsqueeze

Array = Any
diag_embed, imag = late("diag_embed"), late("imag")
absolute = late("abs")

# -- the factors ------------------------------------------------------------------------------------------


def _decompose(A: Array, full: bool, vectors: bool) -> Any:
    check_matrices("linalg.svd", A)
    if not A.size:
        return _of_nothing(A, full, vectors)
    if not np.isfinite(A).all():
        at = int(np.flatnonzero(~np.isfinite(A).reshape(-1, A.shape[-2] * A.shape[-1]).all(1))[0])
        raise LinAlgError(
            f"linalg.svd: {batch_prefix(at, A.ndim > 2)}The algorithm failed to converge because the input "
            "matrix contained "
            f"non-finite values."
        )
    try:
        return np.linalg.svd(A, full_matrices=full, compute_uv=vectors)
    except np.linalg.LinAlgError:
        raise LinAlgError(
            "linalg.svd: The algorithm failed to converge because the input matrix is ill-conditioned or has "
            "too many "
            "repeated singular values"
        ) from None


def _of_nothing(A: Array, full: bool, vectors: bool) -> Any:
    """The factors where there are no elements: identities for full matrices."""
    *lead, m, n = A.shape
    k = min(m, n)
    S = np.zeros((*lead, k), OF_NUMPY[A.dtype].to_real().np)
    if not vectors:
        return S
    U, Vh = np.zeros((*lead, m, m if full else k), A.dtype), np.zeros((*lead, n if full else k, n), A.dtype)
    if full:
        U[...], Vh[...] = np.eye(m), np.eye(n)
    return U, S, Vh


@primitive(**in_linalg("svd", outputs=("U", "S", "Vh")))
def svd(A: Array, /, full_matrices: bool = True, *, driver: str | None = None) -> tuple[Array, Array, Array]:
    """A = U diag(S) Vᴴ, S from large to small. `driver` chooses among CUDA's algorithms; here there is
    one.
    """
    if driver is not None:
        raise RuntimeError(
            f"linalg.svd: keyword argument `driver=` is only supported on CUDA inputs; got {driver!r}"
        )
    U, S, Vh = _decompose(A, full_matrices, True)
    return U, S, Vh


@svd.backward
def _(g: Any, U: Any, S: Any, Vh: Any) -> Any:
    return _reduced_cotangent(g[0], g[1], g[2], U, S, Vh)


def _reduced_cotangent(gU: Any, gS: Any, gVh: Any, U: Any, S: Any, Vh: Any) -> Any:
    """The cotangent from full or reduced factors; those beyond the singular values must not have been
    used.
    """
    k = S.shape[-1]
    if U.shape[-1] != Vh.shape[-2] and not (absent(gU) and absent(gVh)):
        raise RuntimeError(
            "svd_backward: The singular vectors in the case of a rectangular matrix with full_matrices=True "
            "are not "
            "differentiable; use full_matrices=False"
        )
    if U.shape[-1] == k == Vh.shape[-2]:
        return svd_cotangent(gU, gS, gVh, U, S, Vh)
    U, Vh = narrow(U, -1, 0, k), narrow(Vh, -2, 0, k)
    return svd_cotangent(narrow(gU, -1, 0, k), gS, narrow(gVh, -2, 0, k), U, S, Vh)


def skew(x: Any) -> Any:
    """x - xᴴ."""
    return x - mH(x)


def svd_cotangent(gU: Any, gS: Any, gVh: Any, U: Any, S: Any, Vh: Any) -> Any:
    """The cotangent of A from those of its reduced factors.

    J. Townsend, "Differentiating the Singular Value Decomposition" (2016), and for complex matrices Z.-Q. Wan
    and
    S.-X. Zhang, "Automatic Differentiation for Complex Valued SVD" (2019).
    """
    if absent(gU) and absent(gVh):
        return matmul(U * unsqueeze(_as_like(gS, U), -2), Vh)
    m, n, k = U.shape[-2], Vh.shape[-1], S.shape[-1]
    s_row, s_column = _as_like(unsqueeze(S, -2), U), _as_like(unsqueeze(S, -1), U)
    left, right = skew(matmul(mH(U), gU)), skew(matmul(Vh, mH(gVh)))
    _check_gauge(left, right, U)
    gaps = (s_row - s_column) * (s_row + s_column)
    mask = on_diagonal(gaps)
    inner = (left * s_row + s_column * right) / masked_fill(gaps, mask, 1)
    inner = masked_fill(inner, mask, 0) + diag_embed(_as_like(gS, U))
    if is_complex(U):  # a free phase: the imaginary diagonal
        inner = inner + diag_embed(diagonal(left, 0, -2, -1) / (2 * _as_like(S, U)))
    out = matmul(matmul(U, inner), Vh)
    if m > k:
        rest = gU / s_row
        out = out + matmul(rest - matmul(U, matmul(mH(U), rest)), Vh)
    if n > k:
        rest = gVh / s_column
        out = out + matmul(U, rest - matmul(matmul(rest, mH(Vh)), Vh))
    return out


def _as_like(x: Any, like: Any) -> Any:
    """Real numbers in the (possibly complex) type of `like`."""
    return x + 0j if is_complex(like) else x


def _check_gauge(left: Any, right: Any, U: Any) -> None:
    """Complex singular vectors are determined up to a phase; a function that depends on it has no
    derivative.
    """
    if not is_complex(U):
        return
    total = absolute(imag(diagonal(left, 0, -2, -1)) + imag(diagonal(right, 0, -2, -1)))
    scale = sum(absolute(left)) + 1.0
    if anywhere(total > 1e-2 * scale):
        raise RuntimeError(
            "svd_backward: The singular vectors in the complex case are specified up to multiplication by "
            "e^{i phi}. The "
            "specified loss function depends on this quantity, so it is ill-defined."
        )


@primitive(under="linalg", forms="o")
def svdvals(A: Array, /, *, driver: str | None = None) -> Array:
    """The singular values of each matrix, from large to small."""
    if driver is not None:
        raise RuntimeError(
            f"linalg.svdvals: keyword argument `driver=` is only supported on CUDA inputs; got {driver!r}"
        )
    return _decompose(A, False, False)


@svdvals.backward
def _(g: Any, A: Any) -> Any:
    U, _, Vh = svd(A, False)
    return matmul(U * unsqueeze(_as_like(g, U), -2), Vh)


# -- the older form
# -------------------------------------------------------------------------------------------


@primitive(name="svd", forms="mo", outputs=("U", "S", "V"))
def torch_svd(input: Array, /, some: bool = True, compute_uv: bool = True) -> tuple[Array, Array, Array]:
    """input = U diag(S) Vᴴ, giving V itself; without `compute_uv` U and V are zeros. linalg.svd is the newer
    form.
    """
    if compute_uv:
        U, S, Vh = _decompose(input, not some, True)
        return U, S, np.conjugate(Vh.swapaxes(-2, -1))
    *lead, m, n = input.shape
    return (
        np.zeros((*lead, m, m), input.dtype),
        _decompose(input, False, False),
        np.zeros((*lead, n, n), input.dtype),
    )


@torch_svd.backward
def _(g: Any, input: Any, U: Any, S: Any, V: Any, compute_uv: bool) -> Any:
    gU, gS, gV = g
    if not compute_uv:
        U, _, Vh = svd(input, False)
        return matmul(U * unsqueeze(_as_like(gS, U), -2), Vh)
    return _reduced_cotangent(gU, gS, mH(gV), U, S, mH(V))
