"""LU factors with partial pivoting: linalg.lu, lu_factor, lu_solve, and the older torch.lu, lu_solve,
lu_unpack.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays.lu import first_zero_pivot, permutation
from ..arrays.lu import lu_factor as factor
from ..dtypes import OF_NUMPY
from ..errors import shape_text
from .along import late
from .declare import composite, primitive
from .linalg_checks import batch_prefix, check_matrices, in_linalg, tril, triu
from .linalg_solve import solve_triangular
from .matmul import matmul, mH, unbroadcast
from .views import narrow

Array = Any
cat = late("cat")


def _factor(name: str, A: Array, pivot: bool) -> tuple[Array, Array, Array]:
    """The compact factors, the exchanges, and for each matrix 0 or its first zero pivot."""
    if not pivot:
        raise RuntimeError(f"{name}: linalg.lu_factor: LU without pivoting is not implemented on the CPU")
    check_matrices(name, A)
    LU, pivots = factor(A)
    return LU, pivots, first_zero_pivot(LU)


def _raise_at_zero(infos: Array) -> None:
    wrong = np.flatnonzero(infos)
    if wrong.size:
        at = int(wrong[0])
        j = infos.reshape(-1)[at]
        raise RuntimeError(
            f"torch.linalg.lu_factor: {batch_prefix(at, infos.ndim > 0)}U[{j},{j}] is zero and using it on "
            "lu_solve would "
            f"result in a division by zero. If you still want to perform the factorization, consider calling "
            f"linalg.lu(A, pivot) or linalg.lu_factor_ex(A, pivot)"
        )


# -- derivative ---------------------------------------------------------------------------------------------


def _parts(LU: Any) -> tuple[Any, Any]:
    """L (m, k) with its ones, U (k, n), of compact factors."""
    m, n = tuple(LU.shape)[-2:]
    k = min(m, n)
    left, right = narrow(LU, -1, 0, k), narrow(LU, -2, 0, k)
    return tril(left, -1) + late("columns_of_identity")(left), triu(right)


def _cotangent(gL: Any, gU: Any, L: Any, U: Any) -> Any:
    """That of P A, from those of L and U; the square part has the formula, what is beside it follows by a
    solve.

    For L₂ = A₂ U⁻¹ below the square (tall), U₂ = L⁻¹ A₂ right of it (wide).
    """
    m, k, n = L.shape[-2], L.shape[-1], U.shape[-1]
    if m > k:
        below = solve_triangular(mH(U), narrow(gL, -2, k, m - k), upper=False, left=False)
        gU = gU - matmul(mH(narrow(L, -2, k, m - k)), below)
        return cat([_square_cotangent(narrow(gL, -2, 0, k), gU, narrow(L, -2, 0, k), U), below], -2)
    if n > k:
        beside = solve_triangular(mH(L), narrow(gU, -1, k, n - k), upper=True, unitriangular=True)
        gL = gL - matmul(beside, mH(narrow(U, -1, k, n - k)))
        return cat([_square_cotangent(gL, narrow(gU, -1, 0, k), L, narrow(U, -1, 0, k)), beside], -1)
    return _square_cotangent(gL, gU, L, U)


def _square_cotangent(gL: Any, gU: Any, L: Any, U: Any) -> Any:
    """L⁻ᴴ (tril(Lᴴ gL, -1) + triu(gU Uᴴ)) U⁻ᴴ."""
    inner = tril(matmul(mH(L), gL), -1) + triu(matmul(gU, mH(U)))
    left = solve_triangular(mH(L), inner, upper=True, unitriangular=True)
    return solve_triangular(mH(U), left, upper=False, left=False)


def _compact_cotangent(g: Any, LU: Any, pivots: Any) -> Any:
    """That of A from the one of the compact factors."""
    L, U = _parts(LU)
    k = L.shape[-1]
    inner = _cotangent(tril(narrow(g, -1, 0, k), -1), triu(narrow(g, -2, 0, k)), L, U)
    return rows_back(inner, pivots)


@primitive(forms="", under="internal")
def rows_permuted(input: Array, pivots: Array, /) -> Array:
    """Pᵀ input: the rows of matrices exchanged as `pivots` say."""
    return _take_rows(input, permutation(pivots, input.shape[-2]))


@primitive(forms="", under="internal")
def rows_back(input: Array, pivots: Array, /) -> Array:
    """P input: the rows put back where they were before the exchanges."""
    return _take_rows(input, np.argsort(permutation(pivots, input.shape[-2]), -1))


def _take_rows(x: Array, order: Array) -> Array:
    lead = np.broadcast_shapes(x.shape[:-2], order.shape[:-1])
    x = np.broadcast_to(x, (*lead, *x.shape[-2:]))
    return np.take_along_axis(x, np.broadcast_to(order, (*lead, order.shape[-1]))[..., None], -2)


rows_permuted.vjp(input=lambda g, pivots, input_shape: unbroadcast(rows_back(g, pivots), input_shape))
rows_back.vjp(input=lambda g, pivots, input_shape: unbroadcast(rows_permuted(g, pivots), input_shape))


# -- factors ------------------------------------------------------------------------------------------------


@primitive(**in_linalg("lu_factor", outputs=("LU", "pivots")))
def linalg_lu_factor(A: Array, /, *, pivot: bool = True) -> tuple[Array, Array]:
    """L and U in one matrix, and the row exchanged at each step (from 1). Raises RuntimeError for a zero
    pivot.
    """
    LU, pivots, infos = _factor("linalg.lu_factor", A, pivot)
    _raise_at_zero(infos)
    return LU, pivots


linalg_lu_factor.backward(lambda g, LU, pivots: _compact_cotangent(g[0], LU, pivots))


@primitive(**in_linalg("lu_factor_ex", outputs=("LU", "pivots", "info")))
def linalg_lu_factor_ex(
    A: Array, /, *, pivot: bool = True, check_errors: bool = False
) -> tuple[Array, Array, Array]:
    """lu_factor, and for each matrix 0 or its first zero pivot."""
    LU, pivots, infos = _factor("linalg.lu_factor_ex", A, pivot)
    if check_errors:
        _raise_at_zero(infos)
    return LU, pivots, infos


linalg_lu_factor_ex.backward(lambda g, LU, pivots: _compact_cotangent(g[0], LU, pivots))


@primitive(**in_linalg("lu", outputs=("P", "L", "U"), constants=("P",)))
def linalg_lu(A: Array, /, *, pivot: bool = True) -> tuple[Array, Array, Array]:
    """A = P L U with a permutation P, L of unit diagonal and U upper triangular."""
    LU, pivots, _ = _factor("linalg.lu", A, pivot)
    L, U = _parts(LU)
    return _permutation_matrix(pivots, A.shape[-2], A.dtype), L, U


def _permutation_matrix(pivots: Array, m: int, storage: np.dtype) -> Array:
    order = permutation(pivots, m)
    return np.eye(m, dtype=storage)[order].swapaxes(-2, -1)


linalg_lu.backward(lambda g, P, L, U: matmul(P, _cotangent(tril(g[1], -1), triu(g[2]), L, U)))


@composite(forms="m")
def lu(A: Array, /, pivot: bool = True, get_infos: bool = False) -> tuple[Array, ...]:
    """Compact LU factors and pivots (and infos): the older form of linalg.lu_factor."""
    LU, pivots, infos = linalg_lu_factor_ex(A, pivot=pivot)
    return (LU, pivots, infos) if get_infos else (LU, pivots)


@primitive(forms="o", outputs=("P", "L", "U"), constants=("P",))
def lu_unpack(
    LU_data: Array, LU_pivots: Array, /, unpack_data: bool = True, unpack_pivots: bool = True
) -> tuple[Array, Array, Array]:
    """P, L and U of compact factors; what is not asked for is empty."""
    if OF_NUMPY[LU_pivots.dtype].name != "int32":
        raise RuntimeError(
            "lu_unpack: LU_pivots is expected to be a contiguous tensor of torch.int32 dtype. Note: this "
            "function is "
            "intended to be used with the output produced by torch.linalg.lu_factor"
        )
    nothing = np.zeros(0, LU_data.dtype)
    L, U = _parts(LU_data) if unpack_data else (nothing, nothing)
    P = _permutation_matrix(LU_pivots, LU_data.shape[-2], LU_data.dtype) if unpack_pivots else nothing
    return P, L, U


@lu_unpack.backward
def _(g: Any, LU_data_shape: Any, unpack_data: bool) -> Any:
    m, n = tuple(LU_data_shape)[-2:]
    gL, gU = tril(g[1], -1), triu(g[2])
    k = min(m, n)
    if not unpack_data:
        return None, None
    if n > k:
        gL = cat([gL, narrow(gU, -1, k, n - k) * 0], -1) if m == k else gL
    if m > k:
        gU = cat([gU, narrow(gL, -2, k, m - k) * 0], -2)
    return gL + gU, None


# -- systems
# --------------------------------------------------------------------------------------------------


@composite(**in_linalg("lu_solve"))
def linalg_lu_solve(
    LU: Array, pivots: Array, B: Array, /, *, left: bool = True, adjoint: bool = False
) -> Array:
    """X with A X = B (X A = B for left=False; Aᴴ for `adjoint`), given A's compact factors."""
    if not left:
        return mH(linalg_lu_solve(LU, pivots, mH(B), left=True, adjoint=not adjoint))
    if LU.shape[-2] != LU.shape[-1]:
        raise RuntimeError(
            f"linalg.lu_solve: A must be batches of square matrices; LU has shape {shape_text(LU.shape)}"
        )
    if B.shape[-2] != LU.shape[-1]:
        raise RuntimeError(
            "linalg.lu_solve: Incompatible shapes of A and B for the equation AX = B "
            f"({LU.shape[-2]}x{LU.shape[-1]} and "
            f"{B.shape[-2]}x{B.shape[-1]})"
        )
    if adjoint:
        half = solve_triangular(mH(LU), B, upper=False)
        return rows_back(solve_triangular(mH(LU), half, upper=True, unitriangular=True), pivots)
    half = solve_triangular(LU, rows_permuted(B, pivots), upper=False, unitriangular=True)
    return solve_triangular(LU, half, upper=True)


@composite(forms="mo")
def lu_solve(b: Array, LU_data: Array, LU_pivots: Array, /) -> Array:
    """X with A X = b, given A's compact factors; linalg.lu_solve is the newer form."""
    return linalg_lu_solve(LU_data, LU_pivots, b)
