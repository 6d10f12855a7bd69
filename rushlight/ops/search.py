"""Finding the place of values in sorted lines."""

from __future__ import annotations

from typing import Any

import numpy as np

import rushlight.dtypes as dtypes

from ..arrays.numpy import as_array, cast
from ..dtypes import OF_NUMPY
from .declare import primitive

Array = Any


def _side(right: bool, side: str | None) -> str:
    if side not in (None, "left", "right"):
        raise RuntimeError(f"torch.searchsorted(): side can only be 'left' or 'right' but got {side}")
    if side == "left" and right:
        raise RuntimeError(
            "torch.searchsorted(): side and right can't be set to opposites, got side of left while right "
            "was True"
        )
    return "right" if right or side == "right" else "left"


def _search(edges: Array, values: Array, side: str, out_int32: bool) -> Array:
    """Insertion points of `values` into the sorted lines of `edges`."""
    if edges.dtype.kind in "bc":
        raise NotImplementedError(
            f'searchsorted: "searchsorted_out_cpu" not implemented for {OF_NUMPY[edges.dtype]}'
        )
    work = np.result_type(*(dtypes.compute_type(a.dtype) for a in (edges, values)))
    edges, values = cast(edges, work), cast(values, work)
    find: Any = np.searchsorted  # its stub wants a literal for `side`
    if edges.ndim == 1:
        found = find(edges, values, side)
    else:
        rows = zip(edges.reshape(-1, edges.shape[-1]), values.reshape(-1, values.shape[-1]), strict=True)
        lines = [find(e, v, side) for e, v in rows]
        found = np.array(lines, np.int64).reshape(values.shape)
    return np.asarray(found, np.int32 if out_int32 else np.int64)


def _array(value: Any) -> Array:
    return (
        as_array(value)
        if hasattr(value, "shape")
        else np.asarray(value, np.float64 if isinstance(value, float) else np.int64)
    )


@primitive(forms="o", differentiable=False)
def searchsorted(
    sorted_sequence: Array,
    input: Array,
    sorter: Array = None,
    /,
    *,
    out_int32: bool = False,
    right: bool = False,
    side: str | None = None,
) -> Array:
    """Where to insert each of `input` into `sorted_sequence` (its last dimension) so that it stays sorted."""
    side = _side(right, side)
    values = _array(input)
    if sorted_sequence.ndim != 1 and (values.shape[:-1] != sorted_sequence.shape[:-1] or not values.ndim):
        raise RuntimeError(
            "torch.searchsorted(): boundaries tensor should be 1 dimension or the first N-1 dimensions of "
            "boundaries "
            "tensor and input value tensor must match, but we got boundaries tensor "
            f"{list(sorted_sequence.shape)} "
            f"and input value tensor {list(values.shape)}"
        )
    if sorter is not None:
        sorted_sequence = np.take_along_axis(sorted_sequence, sorter, -1)
    return _search(sorted_sequence, values, side, out_int32)


@primitive(forms="o", differentiable=False)
def bucketize(input: Array, boundaries: Array, /, *, out_int32: bool = False, right: bool = False) -> Array:
    """The bucket each of `input` falls into: between boundaries i-1 (excluded) and i (included, unless
    `right`).
    """
    if boundaries.ndim != 1:
        raise RuntimeError(
            f"bucketize: boundaries tensor must be 1 dimension, but got dim({boundaries.ndim})"
        )
    return _search(boundaries, _array(input), "right" if right else "left", out_int32)
