"""Determinants: det, slogdet, logdet."""

from __future__ import annotations

from typing import Any

import numpy as np

from .along import late
from .declare import composite, primitive
from .linalg_checks import anywhere, check_square, in_linalg, masked_fill, on_diagonal
from .linalg_solve import inv_ex
from .linalg_svd import svd
from .matmul import conj, is_complex, matmul, mH
from .views import expand, unsqueeze

Array = Any
imag, log, prod = late("imag"), late("log"), late("prod")


@primitive(forms="m", aliases=("linalg.det",))
def det(A: Array, /) -> Array:
    """The determinant of each square matrix."""
    check_square("linalg.det", A)
    return np.asarray(np.linalg.det(A))


@det.backward
def _(g: Any, A: Any, out: Any) -> Any:
    return over_matrix(g, A) * conj(_cofactors(A, out))


def over_matrix(x: Any, A: Any) -> Any:
    """A number per matrix, shaped to multiply matrices."""
    return unsqueeze(unsqueeze(x, -1), -1)


def _cofactors(A: Any, d: Any) -> Any:
    """∂det/∂A: det · A⁻ᵀ, and for singular matrices by way of U diag(Π of the other singular values) Vᴴ.

    N. Higham, "What Is the Adjugate of a Matrix?" (2020).
    """
    if not anywhere(d == 0):
        return over_matrix(d, A) * late("transpose")(inv_ex(A)[0], -2, -1)
    U, S, Vh = svd(A, False)
    n = A.shape[-1]
    square = (*tuple(S.shape), n)
    others = prod(masked_fill(expand(unsqueeze(S, -2), square), on_diagonal(A), 1), -1)
    return over_matrix(det(U) * det(Vh), A) * conj(matmul(U * unsqueeze(others, -2), Vh))


def _slogdet(name: str, A: Array) -> tuple[Array, Array]:
    check_square(name, A)
    sign, logarithm = np.linalg.slogdet(A)
    return np.asarray(sign), np.asarray(logarithm)


@primitive(forms="mo", outputs=("sign", "logabsdet"))
def slogdet(input: Array, /) -> tuple[Array, Array]:
    """det = sign · exp(logabsdet); the sign of a complex matrix lies on the unit circle."""
    return _slogdet("slogdet", input)


@primitive(**in_linalg("slogdet", outputs=("sign", "logabsdet")))
def linalg_slogdet(A: Array, /) -> tuple[Array, Array]:
    """det = sign · exp(logabsdet); the sign of a complex matrix lies on the unit circle."""
    return _slogdet("linalg.slogdet", A)


def _slogdet_cotangent(g: Any, A: Any, sign: Any) -> Any:
    """d log|det| = Re tr(A⁻¹ dA); d sign = i · sign · Im tr(A⁻¹ dA)."""
    g_sign, g_log = g
    weight = g_log - 1j * imag(conj(g_sign) * sign) if is_complex(A) else g_log
    return over_matrix(weight, A) * mH(inv_ex(A)[0])


slogdet.backward(lambda g, input, sign: _slogdet_cotangent(g, input, sign))
linalg_slogdet.backward(lambda g, A, sign: _slogdet_cotangent(g, A, sign))


@composite(forms="m")
def logdet(input: Array, /) -> Array:
    """log det; nan where a real determinant is negative, -inf where it is zero."""
    sign, logarithm = linalg_slogdet(input)
    return log(sign) + logarithm
