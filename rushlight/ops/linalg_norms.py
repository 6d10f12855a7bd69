"""Norms of matrices: linalg.matrix_norm, and linalg.norm that chooses between those of matrices and of
vectors.
"""

from __future__ import annotations

import math
from typing import Any

from ..arrays.numpy import normalize_dim
from ..dtypes import dtype as Dtype
from .along import late, of_type, with_dims
from .declare import composite
from .linalg_svd import svdvals
from .norms import vector_norm
from .reduce import sum

Array = Any
absolute, amax, amin, movedim = late("abs"), late("amax"), late("amin"), late("movedim")

_ORDERS = ("fro", "nuc", math.inf, -math.inf, 1, -1, 2, -2)


@composite(under="linalg", forms="o")
def matrix_norm(
    A: Array, /, ord: Any = "fro", dim: Any = (-2, -1), keepdim: bool = False, *, dtype: Dtype | None = None
) -> Array:
    """A norm of the matrices in two dimensions.

    "fro" √Σ|a|², "nuc" Σ of singular values, 2 and -2 the largest and smallest of them, 1 and -1 the largest
    and
    smallest column sum of |a|, inf and -inf those of rows.
    """
    rows, columns = _two_dims(A, dim)
    if ord not in _ORDERS:
        raise RuntimeError(
            f"linalg.matrix_norm: Order {ord} not supported; it is one of {', '.join(map(str, _ORDERS))}"
        )
    if ord == "fro":
        return vector_norm(A, 2, (rows, columns), keepdim, dtype=dtype)
    A = A if dtype is None else of_type(A, dtype.np)
    extreme = amin if isinstance(ord, (int, float)) and ord < 0 else amax
    if ord in ("nuc", 2, -2):
        S = svdvals(movedim(A, (rows, columns), (-2, -1)))
        found = sum(S, -1) if ord == "nuc" or not S.shape[-1] else extreme(S, -1)
        return with_dims(found, tuple(A.shape), (rows, columns), False) if keepdim else found
    summed, compared = (rows, columns) if abs(ord) == 1 else (columns, rows)
    sums = sum(absolute(A), summed, True)
    found = sum(sums, compared, True) if not A.shape[compared] else extreme(sums, compared, True)
    return found if keepdim else late("squeeze")(found, (rows, columns))


def _two_dims(A: Any, dim: Any) -> tuple[int, int]:
    """The two dimensions, from the front, of a tensor of floating type."""
    n = len(A.shape)
    if n < 2:
        raise RuntimeError(
            f"linalg.matrix_norm: The input tensor A must have at least 2 dimensions, got {n}."
        )
    if (
        not (A.dtype.is_complex or A.dtype.is_floating_point)
        if hasattr(A.dtype, "is_complex")
        else A.dtype.kind in "iub"
    ):
        raise RuntimeError(
            f"linalg.matrix_norm: Expected a floating point or complex tensor as input. Got {A.dtype}"
        )
    dims = (dim,) if isinstance(dim, int) else tuple(dim)
    if len(dims) != 2:
        raise RuntimeError(f"linalg.matrix_norm: dim must be a 2-tuple. Got {', '.join(map(str, dims))}")
    first, second = (normalize_dim("linalg.matrix_norm", d, n) for d in dims)
    if first == second:
        raise RuntimeError(f"linalg.matrix_norm: dims must be different. Got {tuple(dims)}")
    return first, second


@composite(name="linalg_norm", under="internal", aliases=("linalg.norm",), forms="o")
def norm(
    A: Array, /, ord: Any = None, dim: Any = None, keepdim: bool = False, *, dtype: Dtype | None = None
) -> Array:
    """The norm of vectors (one dimension) or of matrices (two); without `ord` the 2-norm of all elements over
    `dim`.
    """
    n = len(A.shape)
    if dim is not None:
        dim = (dim,) if isinstance(dim, int) else tuple(dim)
        if ord is not None and len(dim) not in (1, 2):
            raise RuntimeError(
                f"linalg.norm: If dim is specified, it must be of length 1 or 2. Got {list(dim)}"
            )
    elif ord is not None and n not in (1, 2):
        raise RuntimeError(
            f"linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. Got {n}D."
        )
    matrices = len(dim) == 2 if dim is not None else n == 2
    if ord is not None and (matrices or isinstance(ord, str)):
        return matrix_norm(A, ord, (0, 1) if dim is None else dim, keepdim, dtype=dtype)
    return vector_norm(A, 2 if ord is None else ord, dim, keepdim, dtype=dtype)
