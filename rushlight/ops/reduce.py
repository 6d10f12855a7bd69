"""Reductions: sums, means, extremes along dimensions."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import dtypes
from ..arrays.numpy import cast, normalize_dims
from ..dtypes import OF_NUMPY, dtype as Dtype
from .declare import primitive
from .views import expand, reshape

Array = Any


def sum_type(input: Array, dtype: Dtype | None) -> np.dtype:
    """Sums of booleans and integers are int64 unless told otherwise."""
    if dtype is not None:
        return dtype.np  # pyright: ignore[reportReturnType]
    return input.dtype if OF_NUMPY[input.dtype].category >= dtypes.FLOAT else np.dtype(np.int64)


def spread(g: Any, shape: tuple[int, ...], dim: Any, keepdim: bool) -> Any:
    """A reduction's cotangent over its input's shape: the reduced dimensions back in place, stretched."""
    if not keepdim and len(shape):
        axes = normalize_dims("sum", dim, len(shape))
        g = reshape(g, tuple(1 if i in axes else n for i, n in enumerate(shape)))
    return expand(g, shape)


_reduce = np.add.reduce


@primitive
def sum(input: Array, /, dim: Any = None, keepdim: bool = False, *, dtype: Dtype | None = None) -> Array:
    """Σ input over `dim` (all dimensions by default); integers sum to int64."""
    if dtype is None and dim is None and input.dtype.char in "fd":
        return _reduce(input, None, None, None, keepdim)
    result = sum_type(input, dtype)
    work = dtypes.compute_type(result)
    axes = normalize_dims("sum", dim, input.ndim)
    return cast(np.asarray(_reduce(cast(input, work), axes, None, None, keepdim)), result)


sum.vjp(input=lambda g, input_shape, dim, keepdim: spread(g, input_shape, dim, keepdim))
