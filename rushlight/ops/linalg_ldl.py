"""LDL factors of symmetric and Hermitian matrices: linalg.ldl_factor, ldl_solve. PyTorch has no derivatives
here.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays import ldl
from ..errors import shape_text
from .declare import primitive
from .linalg_checks import batch_prefix, check_matrices, check_same_type, check_square, in_linalg

Array = Any


def _raise_at_zero(infos: Array) -> None:
    wrong = np.flatnonzero(infos)
    if wrong.size:
        at = int(wrong[0])
        raise RuntimeError(
            f"torch.linalg.ldl_factor: {batch_prefix(at, infos.ndim > 0)}D[{infos.reshape(-1)[at]}] is zero "
            "(error code: "
            f"{infos.reshape(-1)[at]}), so the factors cannot be used to solve a system; "
            "linalg.ldl_factor_ex gives them anyway"
        )


@primitive(**in_linalg("ldl_factor", outputs=("LD", "pivots")), differentiable=False)
def ldl_factor(A: Array, /, *, hermitian: bool = False) -> tuple[Array, Array]:
    """A = P L D Lᵀ Pᵀ (Lᴴ if `hermitian`) in LAPACK's compact form; only the lower triangle of A is read."""
    check_square("torch.linalg.ldl_factor_ex", A)
    LD, pivots, infos = ldl.ldl_factor(A, hermitian)
    _raise_at_zero(infos)
    return LD, pivots


@primitive(**in_linalg("ldl_factor_ex", outputs=("LD", "pivots", "info")), differentiable=False)
def ldl_factor_ex(
    A: Array, /, *, hermitian: bool = False, check_errors: bool = False
) -> tuple[Array, Array, Array]:
    """ldl_factor, and for each matrix 0 or the first column in which D is zero."""
    check_square("torch.linalg.ldl_factor_ex", A)
    LD, pivots, infos = ldl.ldl_factor(A, hermitian)
    if check_errors:
        _raise_at_zero(infos)
    return LD, pivots, infos


@primitive(**in_linalg("ldl_solve"), differentiable=False)
def ldl_solve(LD: Array, pivots: Array, B: Array, /, *, hermitian: bool = False) -> Array:
    """X with A X = B, given A's LDL factors."""
    name = "torch.linalg.ldl_solve"
    check_square(name, LD, "LD")
    check_matrices(name, B, "B")
    check_same_type(name, LD, B)
    if B.shape[-2] != LD.shape[-1] or pivots.shape != LD.shape[:-1]:
        shapes = ", ".join(shape_text(x.shape) for x in (LD, pivots, B))
        raise RuntimeError(f"{name}: Incompatible shapes of LD, pivots and B: {shapes}")
    return ldl.ldl_solve(LD, pivots, B, hermitian)
