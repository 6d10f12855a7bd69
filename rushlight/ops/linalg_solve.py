"""Inverses and linear systems: linalg.inv, solve, solve_triangular and their kin."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from ..arrays import triangular
from ..arrays.lu import first_zero_pivot, lu_factor
from ..errors import LinAlgError, shape_text
from .along import late
from .declare import composite, primitive
from .linalg_checks import (
    batch_prefix,
    check_matrices,
    check_same_type,
    check_square,
    in_linalg,
    raise_first,
    tril,
    triu,
)
from .matmul import conj, matmul, mH, mT, unbroadcast
from .views import reshape, squeeze, unsqueeze

Array = Any

# -- inverse --------------------------------------------------------------------------------------------


@primitive(forms="mo", aliases=("linalg.inv",))
def inverse(A: Array, /) -> Array:
    """A⁻¹ of each square matrix. Raises LinAlgError where there is none."""
    check_square("linalg.inv", A)
    try:
        return np.linalg.inv(A)
    except np.linalg.LinAlgError:
        raise_first("linalg.inv", zero_pivots(A), _SINGULAR)
        raise


_SINGULAR = (
    "The diagonal element {} is zero, the inversion could not be completed because the input matrix is "
    "singular."
)


def zero_pivots(A: Array) -> Array:
    """For each matrix 0, or which pivot (from 1) of its LU factors vanishes; (…) of int32.

    LAPACK found one to be zero where rounding may leave ours merely tiny: then the smallest is named.
    """
    LU, _ = lu_factor(A)
    infos = first_zero_pivot(LU)
    if not infos.any() and A.size:
        size = np.abs(np.diagonal(LU, 0, -2, -1))
        worst = np.unravel_index((size.min(-1) / np.maximum(size.max(-1), 1e-300)).argmin(), infos.shape)
        infos = np.array(infos)
        infos[worst] = size[worst].argmin() + 1
    return infos


inverse.vjp(A=lambda g, out: -matmul(matmul(mH(out), g), mH(out)))


@primitive(**in_linalg("inv_ex", outputs=("inverse", "info")))
def inv_ex(A: Array, /, *, check_errors: bool = False) -> tuple[Array, Array]:
    """A⁻¹, and 0 or the first zero pivot of each matrix; a matrix without inverse gives nan."""
    check_square("linalg.inv", A)
    try:
        return np.linalg.inv(A), np.zeros(A.shape[:-2], np.int32)
    except np.linalg.LinAlgError:
        infos = zero_pivots(A)
    if check_errors:
        raise_first("linalg.inv_ex", infos, _SINGULAR)
    return _each(A, lambda i: np.linalg.inv(A[i]), infos), infos


def _each(A: Array, compute: Any, infos: Array, out: Any = None) -> Array:
    """`compute` for each matrix of a stack whose info is 0, nan for the others."""
    out = np.full_like(A, np.nan) if out is None else out
    for i in np.ndindex(A.shape[:-2]):
        if not infos[i]:
            try:
                out[i] = compute(i)
            except np.linalg.LinAlgError:
                infos[i] = 1
    return out


@inv_ex.backward
def _(g: Any, inverse: Any) -> Any:
    return -matmul(matmul(mH(inverse), g[0]), mH(inverse))


# -- solve ----------------------------------------------------------------------------------------------


def is_vector(a: tuple[int, ...], b: tuple[int, ...]) -> bool:
    """Whether a right-hand side of shape `b` holds a vector for each matrix of shape `a` (PyTorch's rule)."""
    return len(b) == 1 or (len(a) - 1 == len(b) and b == a[:-1])


def _check_system(name: str, A: Array, B: Array, left: bool) -> bool:
    """Raise unless A X = B (X A = B) makes sense; returns whether B holds vectors."""
    check_square(name, A)
    check_same_type(name, A, B)
    vector = is_vector(A.shape, B.shape)
    if vector and not left:
        raise RuntimeError(
            f"{name}: Vector broadcasting of the left hand side is not supported for left=False."
        )
    size = B.shape[-1] if vector else B.shape[-2 if left else -1] if B.ndim > 1 else -1
    if size != A.shape[-1]:
        raise RuntimeError(
            f"{name}: Incompatible shapes of A and B for the equation {'AX = B' if left else 'XA = B'} "
            f"({A.shape[-2]}x{A.shape[-1]} and {'x'.join(map(str, B.shape[-2:]))}); the shapes are "
            f"{shape_text(A.shape)} and {shape_text(B.shape)}"
        )
    return vector


def _solve(A: Array, B: Array, left: bool, vector: bool) -> Array:
    if vector:
        lead = np.broadcast_shapes(A.shape[:-2], B.shape[:-1])
        return np.linalg.solve(A, np.broadcast_to(B, (*lead, B.shape[-1]))[..., None])[..., 0]
    if left:
        return np.linalg.solve(A, B)
    return np.linalg.solve(A.swapaxes(-2, -1), B.swapaxes(-2, -1)).swapaxes(-2, -1)


@primitive(**in_linalg("solve"))
def solve(A: Array, B: Array, /, *, left: bool = True) -> Array:
    """X with A X = B (X A = B for left=False); B holds matrices or vectors. Raises LinAlgError where A is
    singular.
    """
    vector = _check_system("linalg.solve", A, B, left)
    try:
        return _solve(A, B, left, vector)
    except np.linalg.LinAlgError:
        at = int(np.flatnonzero(zero_pivots(A))[0])
        raise LinAlgError(
            f"torch.linalg.solve: {batch_prefix(at, A.ndim > 2)}The solver failed because the input matrix "
            "is singular."
        ) from None


def solve_cotangents(
    g: Any, A: Any, out: Any, B_shape: tuple[int, ...], left: bool, need: Any
) -> tuple[Any, Any]:
    """gB = A⁻ᴴ g and gA = -gB Xᴴ (or, for X A = B, gB = g A⁻ᴴ and gA = -Xᴴ gB)."""
    vector = is_vector(tuple(A.shape), tuple(B_shape))
    gB = squeeze(solve(mH(A), unsqueeze(g, -1)), -1) if vector else solve(mH(A), g, left=left)
    gA = None
    if "A" in need:
        if vector:
            gA = -(unsqueeze(gB, -1) * unsqueeze(conj(out), -2))
        else:
            gA = -matmul(gB, mH(out)) if left else -matmul(mH(out), gB)
        gA = unbroadcast(gA, A.shape)
    return gA, unbroadcast(gB, B_shape)


@solve.backward
def _(g: Any, A: Any, out: Any, B_shape: Any, left: bool, need: Any) -> Any:
    return solve_cotangents(g, A, out, B_shape, left, need)


@primitive(**in_linalg("solve_ex", outputs=("result", "info")))
def solve_ex(A: Array, B: Array, /, *, left: bool = True, check_errors: bool = False) -> tuple[Array, Array]:
    """X with A X = B, and 0 or the first zero pivot of each A; nan where A is singular."""
    vector = _check_system("linalg.solve", A, B, left)
    try:
        return _solve(A, B, left, vector), np.zeros(A.shape[:-2], np.int32)
    except np.linalg.LinAlgError:
        infos = zero_pivots(A)
    if check_errors:
        raise_first("torch.linalg.solve", infos, "The solver failed because the input matrix is singular.")
    inverses = _each(A, lambda i: np.linalg.inv(A[i]), infos)
    lifted = B[..., None] if vector else B
    product = np.matmul(inverses, lifted) if left else np.matmul(lifted, inverses)
    return (product[..., 0] if vector else product), infos


@solve_ex.backward
def _(g: Any, A: Any, result: Any, B_shape: Any, left: bool, need: Any) -> Any:
    return solve_cotangents(g[0], A, result, B_shape, left, need)


# -- triangular systems ------------------------------------------------------------------------------------


@primitive(under="linalg", forms="o")
def solve_triangular(
    A: Array, B: Array, /, *, upper: bool, left: bool = True, unitriangular: bool = False
) -> Array:
    """X with A X = B (X A = B for left=False), of A only one triangle read, its diagonal taken as 1 if
    `unitriangular`.
    """
    name = "linalg.solve_triangular"
    check_square(name, A)
    check_matrices(name, B, "B")
    check_same_type(name, A, B)
    if B.shape[-2 if left else -1] != A.shape[-1]:
        raise RuntimeError(
            f"{name}: Incompatible shapes of A and B for the equation {'AX = B' if left else 'XA = B'} "
            f"({A.shape[-2]}x{A.shape[-1]} and {B.shape[-2]}x{B.shape[-1]})"
        )
    if left:
        return triangular.solve_triangular(A, B, upper, unitriangular)
    found = triangular.solve_triangular(A.swapaxes(-2, -1), B.swapaxes(-2, -1), not upper, unitriangular)
    return found.swapaxes(-2, -1)


@solve_triangular.backward
def _(
    g: Any,
    A: Any,
    out: Any,
    A_shape: Any,
    B_shape: Any,
    upper: bool,
    left: bool,
    unitriangular: bool,
    need: Any,
) -> Any:
    gB = solve_triangular(mH(A), g, upper=not upper, left=left, unitriangular=unitriangular)
    gA = None
    if "A" in need:
        gA = unbroadcast(-matmul(gB, mH(out)) if left else -matmul(mH(out), gB), A_shape)
        gA = triu(gA, int(unitriangular)) if upper else tril(gA, -int(unitriangular))
    return gA, unbroadcast(gB, B_shape)


@primitive(forms="mo", outputs=("solution", "cloned_coefficient"))
def triangular_solve(
    b: Array, A: Array, /, upper: bool = True, transpose: bool = False, unitriangular: bool = False
) -> tuple[Array, Array]:
    """X with A X = b (or Aᵀ X = b), A triangular; and a copy of A. linalg.solve_triangular is the newer
    form.
    """
    check_square("triangular_solve", A)
    check_matrices("triangular_solve", b, "b")
    check_same_type("triangular_solve", A, b)
    T = A.swapaxes(-2, -1) if transpose else A
    return triangular.solve_triangular(T, b, upper != transpose, unitriangular), A.copy()


@triangular_solve.backward
def _(
    g: Any,
    A: Any,
    solution: Any,
    b_shape: Any,
    A_shape: Any,
    upper: bool,
    transpose: bool,
    unitriangular: bool,
) -> Any:
    T = mT(A) if transpose else A
    gb = solve_triangular(mH(T), g[0], upper=upper == transpose, unitriangular=unitriangular)
    gT = -matmul(gb, mH(solution))
    gA = unbroadcast(mT(gT) if transpose else gT, A_shape)
    gA = triu(gA, int(unitriangular)) if upper else tril(gA, -int(unitriangular))
    return unbroadcast(gb, b_shape), gA + g[1]


# -- systems of tensors ------------------------------------------------------------------------------------


@composite(under="linalg", forms="o")
def tensorinv(A: Array, /, ind: int = 2) -> Array:
    """The inverse of the map that tensordot(A, ·, ind) is."""
    shape = tuple(A.shape)
    if ind <= 0:
        raise RuntimeError(f"linalg.tensorinv: Expected a strictly positive integer for 'ind', got {ind}")
    rows, columns = prod(shape[:ind]), prod(shape[ind:])
    if rows != columns:
        raise RuntimeError(
            f"linalg.tensorinv: Expected self to satisfy the requirement prod(self.shape[ind:]) == "
            f"prod(self.shape[:ind]), but got {columns} != {rows}; the shape is {shape_text(shape)}, ind = "
            f"{ind}"
        )
    return reshape(inverse(reshape(A, (rows, columns))), shape[ind:] + shape[:ind])


@composite(under="linalg", forms="o")
def tensorsolve(A: Array, B: Array, /, dims: Any = None) -> Array:
    """X with tensordot(A, X, X.ndim) = B; `dims` of A are moved to its end first."""
    if dims is not None:
        dims = tuple(dims)
        A = late("movedim")(A, dims, tuple(range(len(A.shape) - len(dims), len(A.shape))))
    shape, b = tuple(A.shape), tuple(B.shape)
    rows, columns = prod(shape[: len(b)]), prod(shape[len(b) :])
    if rows != columns:
        raise RuntimeError(
            f"linalg.tensorsolve: Expected self to satisfy the requirement prod(self.shape[other.ndim:]) == "
            f"prod(self.shape[:other.ndim]), but got {columns} != {rows}; the shapes are {shape_text(shape)} "
            f"and {shape_text(b)}"
        )
    return reshape(solve(reshape(A, (rows, columns)), reshape(B, (rows,))), shape[len(b) :])
