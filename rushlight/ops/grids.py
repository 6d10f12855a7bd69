"""Grids and combinations: every pairing of some vectors' elements, and tensors brought to a common shape."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..arrays.numpy import broadcast_shapes
from ..errors import advise, shape_text
from .declare import Varargs, composite, primitive
from .join import stack
from .slices import index_select
from .views import expand, reshape

Array = Any


def as_tensors(tensors: Any) -> tuple[Array, ...]:
    """A call's tensors, given one by one or as one sequence."""
    return tuple(tensors) if isinstance(tensors, (tuple, list)) else (tensors,)


@composite(forms="")
def broadcast_tensors(tensors: Sequence[Array] | Varargs, /) -> tuple[Array, ...]:
    """The tensors stretched to their common shape, as views."""
    tensors = as_tensors(tensors)
    shape = broadcast_shapes("broadcast_tensors", *(tuple(t.shape) for t in tensors))
    return tuple(expand(t, shape) for t in tensors)


@composite(forms="")
def meshgrid(tensors: Sequence[Array] | Varargs, /, *, indexing: str | None = None) -> tuple[Array, ...]:
    """Coordinates of a grid: one view for each vector, of all their sizes; "xy" exchanges the first two
    dimensions.
    """
    vectors = as_tensors(tensors)
    if not vectors:
        raise RuntimeError("meshgrid expects a non-empty TensorList")
    if indexing is None:
        advise(
            "meshgrid",
            "torch.meshgrid: pass indexing='ij' (what it does now) or indexing='xy' (NumPy's default)",
        )
    elif indexing not in ("ij", "xy"):
        raise RuntimeError(f'torch.meshgrid: indexing must be one of "xy" or "ij", but received: {indexing}')
    _check_vectors(vectors)
    swap = indexing == "xy" and len(vectors) > 1
    if swap:
        vectors = (*vectors[1::-1], *vectors[2:])
    shape = tuple(math.prod(v.shape) for v in vectors)
    grids = [
        expand(reshape(v, (1,) * d + (-1,) + (1,) * (len(shape) - d - 1)), shape)
        for d, v in enumerate(vectors)
    ]
    if swap:
        grids[:2] = grids[1::-1]
    return tuple(grids)


def _check_vectors(vectors: tuple[Array, ...]) -> None:
    if any(v.dtype != vectors[0].dtype for v in vectors):
        raise RuntimeError("meshgrid expects all tensors to have the same dtype")
    for v in vectors:
        if len(v.shape) > 1:
            raise RuntimeError(
                "torch.meshgrid: Expected 0D or 1D tensor in the tensor list but got shape "
                f"{shape_text(v.shape)}"
            )


def _check_vector(name: str, v: Array) -> None:
    if len(v.shape) != 1:
        raise RuntimeError(f"{name}: Expect a 1D vector, but got shape {list(v.shape)}")


@composite(forms="")
def cartesian_prod(tensors: Sequence[Array] | Varargs, /) -> Array:
    """Every tuple of one element of each vector, as rows, the last vector running fastest."""
    vectors = as_tensors(tensors)
    for v in vectors:
        _check_vector("cartesian_prod", v)
    if len(vectors) == 1:
        return vectors[0]
    grids = meshgrid.body(vectors, indexing="ij")
    return stack([reshape(g, (-1,)) for g in grids], 1)


@composite(forms="")
def combinations(input: Array, /, r: int = 2, with_replacement: bool = False) -> Array:
    """The r-element combinations of a vector's elements, as rows in itertools' order."""
    _check_vector("combinations", input)
    if r < 0:
        raise RuntimeError(f"combinations: Expect a non-negative number, but got {r}")
    rows = combination_positions(input, r=r, with_replacement=with_replacement)
    chosen = index_select(input, 0, reshape(rows, (-1,)))
    return reshape(chosen, tuple(rows.shape)) if r else chosen


@primitive(forms="", under="internal", differentiable=False)
def combination_positions(input: Array, /, *, r: int, with_replacement: bool) -> Array:
    """Positions in the vector `input` of its r-element combinations, as rows."""
    chosen = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    rows = list(chosen(range(input.size), r)) if r else []
    return np.array(rows, np.int64).reshape(-1, r) if r else np.empty(0, np.int64)


# -- at least so many dimensions ---------------------------------------------------------------------------


def _each(tensors: Any, raised: Any) -> Any:
    """One tensor raised, or each of several."""
    if isinstance(tensors, (tuple, list)):
        return tuple(raised(t) for t in tensors)
    return raised(tensors)


@composite(forms="")
def atleast_1d(tensors: Sequence[Array] | Varargs, /) -> Any:
    """The tensor, or each of several, with at least one dimension."""
    return _each(tensors, lambda t: t if len(t.shape) else reshape(t, (1,)))


@composite(forms="")
def atleast_2d(tensors: Sequence[Array] | Varargs, /) -> Any:
    """The tensor, or each of several, with at least two dimensions; vectors become one row."""
    return _each(tensors, _to_2d)


def _to_2d(t: Array) -> Array:
    return t if len(t.shape) > 1 else reshape(t, (1, -1))


@composite(forms="")
def atleast_3d(tensors: Sequence[Array] | Varargs, /) -> Any:
    """The tensor, or each of several, with at least three dimensions: (1, n, 1) of a vector."""
    return _each(tensors, _to_3d)


def _to_3d(t: Array) -> Array:
    if len(t.shape) > 2:
        return t
    return reshape(t, (*t.shape, 1)) if len(t.shape) == 2 else reshape(t, (1, -1, 1))
