"""Batching rules (vmap) of ops on matrices: they take stacks as they are."""

from __future__ import annotations

from typing import Any

from ..arrays.batched import example_by_example
from . import (
    linalg_cholesky,
    linalg_det,
    linalg_eigen,
    linalg_lu,
    linalg_power,
    linalg_qr,
    linalg_solve,
    linalg_svd,
)
from .linalg_checks import over_matrices
from .linear import linear

for _op in (
    *(
        linalg_solve.inverse,
        linalg_solve.inv_ex,
        linalg_det.det,
        linalg_det.slogdet,
        linalg_det.linalg_slogdet,
    ),
    *(linalg_cholesky.linalg_cholesky, linalg_cholesky.cholesky_ex, linalg_cholesky.cholesky_inverse),
    *(linalg_eigen.eigh, linalg_eigen.eigvalsh, linalg_eigen.eig, linalg_eigen.eigvals),
    *(
        linalg_svd.svd,
        linalg_svd.torch_svd,
        linalg_svd.svdvals,
        linalg_qr.linalg_qr,
        linalg_qr.qr,
        linalg_qr.geqrf,
    ),
    *(linalg_lu.linalg_lu, linalg_lu.linalg_lu_factor_ex, linalg_power.matrix_exp),
):
    _op.batch(over_matrices)


@linear.batch
def _(op: Any, size: int, values: list[Any], flags: list[bool], options: dict[str, Any]) -> Any:
    if not flags[0] or any(flags[1:]) or (len(values) > 2 and values[2] is not None and values[2].ndim > 1):
        return example_by_example(op, size, values, flags, options)
    return op(*values, **options)
