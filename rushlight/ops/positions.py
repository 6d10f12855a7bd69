"""Positions as numbers: where elements are not zero, where triangles lie, flat offsets as coordinates,
one-hot rows.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..arrays import gathering, memory
from ..arrays.numpy import ndarray
from ..arrays.tracing import WATCHED
from ..dtypes import OF_NUMPY
from ..dtypes import dtype as Dtype
from .declare import primitive

Array = Any


@primitive(forms="mo", differentiable=False)
def nonzero(input: Array, /, *, as_tuple: bool = False) -> Any:
    """Positions of the elements that are not zero, one a row, in row-major order; or one vector per
    dimension.
    """
    if as_tuple:
        return tuple(np.atleast_1d(input).nonzero())
    return rows_of(input)


nonzero.sized_by_numbers()


def rows_of(a: ndarray) -> ndarray:
    """Positions of the elements that are not zero, one a row."""
    if not a.ndim:
        return np.empty((int(bool(a)), 0), np.int64)
    flat = np.flatnonzero(a)  # several times as fast as nonzero of many dimensions
    found = np.empty((a.ndim, flat.size), np.int64)
    for d in range(a.ndim - 1, 0, -1):
        quotient = flat // a.shape[d]
        np.subtract(flat, quotient * a.shape[d], out=found[d])
        flat = quotient
    found[0] = flat
    return found.T


@primitive(forms="m", differentiable=False)
def argwhere(input: Array, /) -> Array:
    """Positions of the elements that are not zero, one a row, in row-major order."""
    return rows_of(input)


argwhere.sized_by_numbers()


@primitive(forms="m", differentiable=False)
def nonzero_static(input: Array, /, *, size: int, fill_value: int = -1) -> Array:
    """The first `size` rows of nonzero, filled up with `fill_value`."""
    if size < 0:
        raise RuntimeError(f"nonzero_static: 'size' must be an non-negative integer, got {size}")
    found = rows_of(input)[:size]
    out = np.full((size, input.ndim), fill_value, np.int64)
    out[: len(found)] = found
    return out


@primitive(forms="", differentiable=False)
def unravel_index(indices: Array, /, shape: Any) -> tuple[Array, ...]:
    """Flat row-major offsets as coordinates in `shape`, one tensor per dimension; they wrap around."""
    sizes = (shape,) if isinstance(shape, int) else tuple(int(n) for n in shape)
    if indices.dtype.kind not in "iu":
        raise TypeError(
            f"expected 'indices' to be integer dtype, but got torch.{OF_NUMPY[indices.dtype].name}"
        )
    if any(n < 0 for n in sizes):
        raise ValueError(f"'shape' cannot have negative values, but got {sizes}")
    steps = [math.prod(sizes[d + 1 :]) for d in range(len(sizes))]
    return tuple([indices // step % n for step, n in zip(steps, sizes, strict=True)])


@primitive(forms="", under="nn.functional", differentiable=False)
def one_hot(tensor: Array, /, num_classes: int = -1) -> Array:
    """A last dimension of `num_classes` (default: one more than the largest), with 1 at the class and 0
    elsewhere.
    """
    if tensor.dtype.char not in "lq":
        raise RuntimeError(
            "one_hot is only applicable to index tensor of type LongTensor, not "
            f"{OF_NUMPY[tensor.dtype].name}."
        )
    if num_classes == -1:
        if not tensor.size:
            raise RuntimeError("Can not infer total number of classes from empty tensor.")
        num_classes = int(tensor.max()) + 1
    if tensor.size and tensor.min() < 0:
        raise RuntimeError(f"one_hot: Class values must be non-negative. The smallest is {tensor.min()}")
    if tensor.size and tensor.max() >= num_classes:
        raise RuntimeError(
            f"one_hot: Class values must be smaller than num_classes. {tensor.max()} >= {num_classes}"
        )
    out = memory.zeros((tensor.size, num_classes), np.int64)
    if WATCHED and tensor.size:
        ones = memory.full((tensor.size, 1), 1, np.int64)
        gathering.scatter(out, memory.reshaped(tensor, (-1, 1)), 1, ones, adds=False)
    else:
        out[np.arange(tensor.size), tensor.reshape(-1)] = 1
    return out.reshape(*tensor.shape, num_classes)


one_hot.sized_by_numbers(lambda tensor, num_classes=-1: num_classes == -1)


@primitive(forms="", differentiable=False)
def tril_indices(
    row: int, col: int, offset: int = 0, *, dtype: Dtype | None = None, device: Any = None, layout: Any = None
) -> Array:
    """Rows and columns of the lower triangle of a row x col matrix, as (2, n)."""
    _check_sizes("tril_indices", row, col)
    return _positions_where(np.tri(row, col, offset, dtype=bool), dtype)


@primitive(forms="", differentiable=False)
def triu_indices(
    row: int, col: int, offset: int = 0, *, dtype: Dtype | None = None, device: Any = None, layout: Any = None
) -> Array:
    """Rows and columns of the upper triangle of a row x col matrix, as (2, n)."""
    _check_sizes("triu_indices", row, col)
    return _positions_where(~np.tri(row, col, offset - 1, dtype=bool), dtype)


def _check_sizes(name: str, row: int, col: int) -> None:
    if row < 0 or col < 0:
        what, got = ("row", row) if row < 0 else ("col", col)
        raise RuntimeError(f"{name}: {what} must be non-negative, got {got}")


def _positions_where(keep: ndarray, dtype: Dtype | None) -> ndarray:
    found: Sequence[ndarray] = keep.nonzero()
    return np.stack(found).astype(np.int64 if dtype is None else dtype.np)
