"""Distances and angles between vectors: cdist, pdist, pairwise_distance, cosine_similarity."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays.numpy import broadcast_shapes
from ..dtypes import FLOAT
from ..errors import shape_text
from .along import keep, late
from .declare import composite, primitive
from .matmul import dtype_of, matmul, mT, unbroadcast
from .norms import norm, vector_norm
from .pointwise import add, mul, sqrt
from .reduce import sum
from .views import unsqueeze

Array = Any
clamp_min, sub, div = late("clamp_min"), late("sub"), late("div")

_MODES = ("use_mm_for_euclid_dist_if_necessary", "use_mm_for_euclid_dist", "donot_use_mm_for_euclid_dist")


@composite(forms="")
def cdist(x1: Array, x2: Array, /, p: float = 2.0, compute_mode: str = _MODES[0]) -> Array:
    """‖x1ᵢ - x2ⱼ‖ₚ for all pairs of rows: (…, n, d) and (…, m, d) give (…, n, m).

    Euclidean distances of more than 25 rows go through a matrix product, unless `compute_mode` says
    otherwise.
    """
    _check_pairs(x1, x2, p, compute_mode)
    if p == 2 and compute_mode != _MODES[2]:
        many = x1.shape[-2] > 25 or x2.shape[-2] > 25
        if many or compute_mode == _MODES[1]:
            return euclidean_by_product(x1, x2)
    return vector_norm(sub(unsqueeze(x1, -2), unsqueeze(x2, -3)), p, -1)


def _check_pairs(x1: Any, x2: Any, p: float, mode: str) -> None:
    for i, x in enumerate((x1, x2), 1):
        if len(x.shape) < 2:
            raise RuntimeError(f"cdist: cdist only supports at least 2D tensors, X{i} got: {len(x.shape)}D")
        if dtype_of(x).category != FLOAT:
            raise RuntimeError(f"cdist: cdist only supports floating-point dtypes, X{i} got: {x.dtype}")
    if x1.shape[-1] != x2.shape[-1]:
        raise RuntimeError(
            f"cdist: X1 and X2 must have the same number of columns. X1: {x1.shape[-1]} X2: {x2.shape[-1]}; "
            "the shapes are "
            f"{shape_text(x1.shape)} and {shape_text(x2.shape)}"
        )
    if mode not in _MODES:
        raise ValueError(
            f"cdist: {mode} is not a valid value for compute_mode; it is one of {', '.join(_MODES)}"
        )
    if p < 0:
        raise RuntimeError(f"cdist: cdist only supports non-negative p values, got {p}")


@primitive(forms="", under="internal")
def euclidean_by_product(x1: Array, x2: Array, /) -> Array:
    """√(|x|² + |y|² - 2 x·y) of all pairs of rows."""
    broadcast_shapes("cdist", x1.shape[:-2], x2.shape[:-2])
    squares = [np.einsum("...i,...i->...", x, x) for x in (x1, x2)]
    d = np.matmul(x1 * -2, x2.swapaxes(-2, -1))
    d += squares[0][..., :, None]
    d += squares[1][..., None, :]
    return np.sqrt(np.maximum(d, 0, out=d), out=d)


def _by_ops(x1: Any, x2: Any) -> Any:
    """The definition, which a tracer joins with what is around it."""
    broadcast_shapes("cdist", tuple(x1.shape[:-2]), tuple(x2.shape[:-2]))
    first, second = (sum(mul(x, x), -1) for x in (x1, x2))
    d = matmul(mul(x1, -2), mT(x2)) + unsqueeze(first, -1) + unsqueeze(second, -2)
    return sqrt(clamp_min(d, 0))


euclidean_by_product.traced = _by_ops


def _per_distance(g: Any, out: Any) -> Any:
    """g / distance, 0 where the distance is."""
    return keep(g / out, out != 0)


def _toward(w: Any, x: Any, y: Any) -> Any:
    """Σⱼ wᵢⱼ (xᵢ - yⱼ)."""
    return unbroadcast(mul(x, sum(w, -1, True)) - matmul(w, y), x.shape)


euclidean_by_product.vjp(
    x1=lambda g, x1, x2, out: _toward(_per_distance(g, out), x1, x2),
    x2=lambda g, x1, x2, out: _toward(mT(_per_distance(g, out)), x2, x1),
)


# -- pairs of rows of one matrix
# ------------------------------------------------------------------------------


@composite(forms="", aliases=("nn.functional.pdist",))
def pdist(input: Array, /, p: float = 2) -> Array:
    """‖xᵢ - xⱼ‖ₚ for all i < j, row by row."""
    if len(input.shape) != 2:
        raise RuntimeError(f"pdist: pdist only supports 2D tensors, got: {len(input.shape)}D")
    if dtype_of(input).category != FLOAT:
        raise RuntimeError(f"pdist: pdist only supports floating-point dtypes, got {input.dtype}")
    if p < 0:
        raise RuntimeError(f"pdist: pdist only supports non-negative p values, got {p}")
    return vector_norm(row_differences(input), p, -1)


@primitive(forms="", under="internal")
def row_differences(input: Array, /) -> Array:
    """xᵢ - xⱼ for all i < j."""
    i, j = np.triu_indices(input.shape[0], 1)
    return input[i] - input[j]


@primitive(forms="", under="internal")
def row_differences_adjoint(input: Array, /, rows: int) -> Array:
    """Every difference's cotangent added to its first row and taken from its second."""
    square = np.zeros((rows, rows, input.shape[1]), input.dtype)
    square[np.triu_indices(rows, 1)] = input
    return square.sum(1) - square.sum(0)


row_differences.vjp(input=lambda g, input_shape: row_differences_adjoint(g, input_shape[0]))
row_differences_adjoint.vjp(input=lambda g: row_differences(g))


# -- pairs at the same place
# ----------------------------------------------------------------------------------


@composite(forms="", under="nn.functional", aliases=("pairwise_distance",))
def pairwise_distance(
    x1: Array, x2: Array, /, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False
) -> Array:
    """‖x1 - x2 + eps‖ₚ along the last dimension."""
    return norm(add(sub(x1, x2), eps), p, -1, keepdim)


@composite(forms="", under="nn.functional", aliases=("cosine_similarity",))
def cosine_similarity(x1: Array, x2: Array, /, dim: int = 1, eps: float = 1e-8) -> Array:
    """x1 · x2 / (max(‖x1‖, eps) max(‖x2‖, eps)) along `dim`, with broadcasting."""
    shape = broadcast_shapes("cosine_similarity", tuple(x1.shape), tuple(x2.shape))
    for x in (x1, x2):
        if dtype_of(x).category != FLOAT:
            raise RuntimeError(
                "cosine_similarity: expected common dtype to be floating point, yet common dtype is "
                f"{dtype_of(x).name}"
            )
    expand = late("expand")
    units = []
    for x in (x1, x2):
        x = x if tuple(x.shape) == shape else expand(x, shape)
        units.append(div(x, clamp_min(vector_norm(x, 2, dim, True), eps)))
    return sum(mul(*units), dim)
