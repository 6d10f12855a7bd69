"""Cross products, Vandermonde matrices and diagonals."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays.numpy import broadcast_shapes, cast, normalize_dim, result_type
from ..dtypes import BOOL, bfloat16, float16
from ..errors import shape_text
from .along import late, of_type
from .declare import composite, primitive
from .linalg_checks import in_linalg
from .matmul import conj, dtype_of, unbroadcast
from .views import diagonal, expand, unsqueeze

Array = Any

# -- cross
# ----------------------------------------------------------------------------------------------------


def _parts(x: Array, axis: int) -> list[Array]:
    ahead = (slice(None),) * axis
    return [x[(*ahead, i)] for i in range(3)]


@primitive(**in_linalg("cross"))
def linalg_cross(input: Array, other: Array, /, *, dim: int = -1) -> Array:
    """input × other of vectors of three along `dim`; the other dimensions broadcast."""
    if input.ndim != other.ndim:
        shapes = f"{shape_text(input.shape)} and {shape_text(other.shape)}"
        raise RuntimeError(
            f"linalg.cross: inputs must have the same number of dimensions; the shapes are {shapes}."
        )
    axis = normalize_dim("linalg.cross", dim, input.ndim)
    if input.shape[axis] != 3 or other.shape[axis] != 3:
        raise RuntimeError(
            f"linalg.cross: inputs dimension {dim} must have length 3. Got {input.shape[axis]} and "
            f"{other.shape[axis]}"
        )
    shape = broadcast_shapes("linalg.cross", input.shape, other.shape)
    storage = result_type(input, other).np
    if storage.kind == "b":
        raise NotImplementedError(
            "linalg.cross: \"cross\" not implemented for 'Bool'; use .int() or .float()"
        )
    a1, a2, a3 = _parts(np.broadcast_to(cast(input, storage), shape), axis)
    b1, b2, b3 = _parts(np.broadcast_to(cast(other, storage), shape), axis)
    return np.stack([a2 * b3 - a3 * b2, a3 * b1 - a1 * b3, a1 * b2 - a2 * b1], axis)


linalg_cross.vjp(
    input=lambda g, other, input_shape, input_dtype, dim: of_type(
        unbroadcast(linalg_cross(conj(other), g, dim=dim), input_shape), input_dtype
    ),
    other=lambda g, input, other_shape, other_dtype, dim: of_type(
        unbroadcast(linalg_cross(g, conj(input), dim=dim), other_shape), other_dtype
    ),
)


@composite(forms="mo")
def cross(input: Array, other: Array, /, dim: int | None = None) -> Array:
    """input × other along `dim`, the first dimension of size 3 unless given; linalg.cross is the newer
    form.
    """
    if dim is None:
        dim = next((i for i, n in enumerate(tuple(input.shape)) if n == 3), None)
        if dim is None:
            raise RuntimeError(
                f"cross: no dimension of size 3 in input; its shape is {shape_text(input.shape)}"
            )
    return linalg_cross(input, other, dim=dim)


# -- vander, diagonal
# -----------------------------------------------------------------------------------------


@composite(under="linalg", forms="")
def vander(x: Array, /, *, N: int | None = None) -> Array:
    """Rows 1, x, x², … xᴺ⁻¹ for each element of `x` (…, n); N = n unless given."""
    n = x.shape[-1] if N is None and len(x.shape) else N
    if n is None or n <= 1:
        raise RuntimeError(
            f"linalg.vander: N must be greater than 1. Got N = {n} for shape {shape_text(x.shape)}"
        )
    if dtype_of(x).category == BOOL or dtype_of(x) in (float16, bfloat16):
        raise RuntimeError(
            "linalg.vander: linalg.vander supports floating point, complex, and integer tensors, but got "
            f"{dtype_of(x).name}"
        )
    powers = late("cumprod")(expand(unsqueeze(x, -1), (*tuple(x.shape), n - 1)), -1)
    ones = late("narrow")(powers, -1, 0, 1) * 0 + 1
    return late("cat")([ones, powers], -1)


@composite(**in_linalg("diagonal", forms=""))
def linalg_diagonal(A: Array, /, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Array:
    """The diagonals of matrices, as a last dimension: a view."""
    return diagonal(A, offset, dim1, dim2)
