"""Elements by flat position (take, put), and along a dimension with broadcasting (take_along_dim)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..arrays.accumulate import add_at
from ..arrays.numpy import ndarray, normalize_dim
from ..dtypes import OF_NUMPY
from .comparison import lt, select_where
from .declare import composite, primitive
from .gather import gather
from .index import index_erase, index_into_zeros
from .pointwise import add
from .views import expand, reshape

Array = Any


def flat_index(name: str, index: ndarray, size: int) -> ndarray:
    """Flat positions counted from the front. Raises RuntimeError for a wrong type, IndexError for one out of
    range.
    """
    if index.dtype.char not in "lq":
        raise RuntimeError(
            f"{name}(): Expected a long tensor for index, but got {OF_NUMPY[index.dtype].name}"
        )
    if index.size and not size:
        raise IndexError(f"{name}(): tried to take from an empty tensor")
    wrong = (index < -size) | (index >= size)
    if wrong.any():
        raise IndexError(
            f"{name}(): out of range: tried to access index {index[wrong].flat[0]} on a tensor of {size} "
            "elements."
        )
    return np.where(index < 0, index + size, index)


@primitive(forms="mo")
def take(input: Array, index: Array, /) -> Array:
    """The elements at flat row-major positions; the result has the shape of `index`."""
    return input.reshape(-1).take(flat_index("take", index, input.size))


take.vjp(input=lambda g, index, input_shape: _taken_back(g, index, input_shape))


def _taken_back(g: Array, index: Array, shape: tuple[int, ...]) -> Array:
    """The cotangent added at the flat positions of zeros of `shape`."""
    flat = reshape(index, (-1,))
    return reshape(index_into_zeros(reshape(g, (-1,)), (flat,), (math.prod(shape),)), tuple(shape))


@primitive(forms="mi")
def put(input: Array, index: Array, source: Array, /, accumulate: bool = False) -> Array:
    """`input` with the elements of `source` at flat positions, or (accumulate) added there."""
    return put_into(input.copy(), index, source, accumulate)


@put.writes
def put_into(out: ndarray, index: ndarray, source: ndarray, accumulate: bool = False) -> ndarray:
    """put, written into `out`."""
    places = flat_index("put_", index, out.size).reshape(-1)
    if source.size != index.size:
        raise IndexError(
            "put_(): Expected source and index to have the same number of elements, but got source.numel() "
            f"= {source.size}, index.numel() = {index.size}"
        )
    if source.dtype != out.dtype:
        raise RuntimeError(
            "put_(): self and source expected to have the same dtype, but got self.dtype = "
            f"{OF_NUMPY[out.dtype].name} and source.dtype = {OF_NUMPY[source.dtype].name}"
        )
    flat = out.reshape(-1)
    if accumulate:
        add_at(flat, places, source.reshape(-1))
    else:
        flat[places] = source.reshape(-1)
    if not np.may_share_memory(flat, out):
        out[...] = flat.reshape(out.shape)
    return out


put.vjp(
    input=lambda g, index, accumulate: g if accumulate else _erased(g, index),
    source=lambda g, index, source_shape: reshape(take(g, index), tuple(source_shape)),
)


def _erased(g: Array, index: Array) -> Array:
    """The cotangent with zeros at flat positions."""
    return reshape(index_erase(reshape(g, (-1,)), (reshape(index, (-1,)),)), tuple(g.shape))


@composite(forms="mo")
def take_along_dim(input: Array, indices: Array, /, dim: int | None = None) -> Array:
    """gather along `dim` (in the flattened tensor by default), the other dimensions broadcast together."""
    if dim is None:
        return gather(reshape(input, (-1,)), 0, reshape(indices, (-1,)))
    n = len(input.shape)
    if n != len(indices.shape):
        raise RuntimeError(
            "torch.take_along_dim(): input and indices should have the same number of dimensions, but got "
            f"{n} dimensions for input, and {len(indices.shape)} dimensions for indices"
        )
    at = normalize_dim("take_along_dim", dim, n)
    size = input.shape[at] if n else 1
    shape = [max(i, j) if 1 in (i, j) else i for i, j in zip(input.shape, indices.shape, strict=True)]
    shape = [0 if 0 in (i, j) else k for i, j, k in zip(input.shape, indices.shape, shape, strict=True)]
    stretched = expand(input, tuple(size if d == at else k for d, k in enumerate(shape)))
    positions = expand(indices, tuple(indices.shape[at] if d == at else k for d, k in enumerate(shape)))
    return gather(stretched, at, from_front(positions, size=size))


@primitive(forms="", under="internal", differentiable=False)
def from_front(indices: Array, /, *, size: int) -> Array:
    """Positions counted from the front: negative ones plus `size`."""
    if indices.dtype.char not in "lq":
        raise RuntimeError(
            f"torch.take_along_dim(): dtype of indices should be Long but got {OF_NUMPY[indices.dtype].name}"
        )
    return np.where(indices < 0, indices + size, indices)


from_front.traced = lambda indices, *, size: select_where(lt(indices, 0), add(indices, size), indices)
