"""Matrices from diagonals and diagonals from matrices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..arrays import memory
from ..arrays.numpy import cast, normalize_dim, result_type
from ..dtypes import of_numpy
from .convert import to_dtype
from .copies import diagonal_copy
from .declare import Varargs, composite, primitive
from .index import slice_
from .views import diagonal, reshape

Array = Any


@primitive(forms="m")
def diag_embed(input: Array, /, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Array:
    """Matrices in the dimensions (dim1, dim2) whose diagonal at `offset` is the last dimension of `input`."""
    n = input.ndim + 1
    i, j = normalize_dim("diag_embed", dim1, n), normalize_dim("diag_embed", dim2, n)
    if i == j:
        raise RuntimeError(f"diag_embed: diagonal dimensions cannot be identical {dim1}, {dim2}")
    size = input.shape[-1] + abs(offset)
    shape = list(input.shape[:-1])
    for d in sorted((i, j)):
        shape.insert(d, size)
    out = memory.zeros(shape, input.dtype)
    place = np.diagonal(out, offset, i, j)
    place.flags.writeable = True
    memory.copy_into(place, input)
    return out


diag_embed.vjp(input=lambda g, offset, dim1, dim2: diagonal(g, offset, dim1, dim2))


@composite(forms="mo")
def diag(input: Array, /, diagonal: int = 0) -> Array:
    """The matrix with this vector on its diagonal; of a matrix, a copy of its diagonal."""
    if len(input.shape) not in (1, 2):
        raise RuntimeError(f"diag(): Supports 1D or 2D tensors. Got {len(input.shape)}D")
    return diag_embed(input, diagonal) if len(input.shape) == 1 else diagonal_copy(input, diagonal)


@composite(forms="m")
def diagflat(input: Array, /, offset: int = 0) -> Array:
    """The matrix with the flattened elements on its diagonal."""
    return diag_embed(reshape(input, (-1,)), offset)


@primitive(forms="")
def block_diag(tensors: Sequence[Array] | Varargs, /) -> Array:
    """The matrices (vectors as one row, numbers as 1 x 1) along the diagonal, zeros elsewhere."""
    blocks = [_block(i, a) for i, a in enumerate(tensors)]
    if not blocks:
        return np.zeros((1, 0), np.float32)
    kind = result_type(*tensors).np
    out = np.zeros((sum(b.shape[0] for b in blocks), sum(b.shape[1] for b in blocks)), kind)
    row = column = 0
    for b in blocks:
        out[row : row + b.shape[0], column : column + b.shape[1]] = cast(b, kind)
        row, column = row + b.shape[0], column + b.shape[1]
    return out


def _block(i: int, a: Array) -> Array:
    if a.ndim > 2:
        raise RuntimeError(
            f"torch.block_diag: Input tensors must have 2 or fewer dimensions. Input {i} has {a.ndim} "
            "dimensions"
        )
    return a if a.ndim == 2 else a.reshape(1, -1)


block_diag.vjp(tensors=lambda g, tensors_shape, tensors_dtype: _blocks(g, tensors_shape, tensors_dtype))


def _blocks(g: Array, shapes: Sequence[Any], kinds: Sequence[np.dtype]) -> tuple[Array, ...]:
    """The cotangent's blocks, in the shapes of the tensors they belong to."""
    row = column = 0
    found = []
    for shape, kind in zip(shapes, kinds, strict=True):
        m, n = shape if len(shape) == 2 else (1, shape[0] if len(shape) else 1)
        block = slice_(g, (slice(row, row + m), slice(column, column + n)))
        found.append(to_dtype(reshape(block, tuple(shape)), of_numpy(kind)))
        row, column = row + m, column + n
    return tuple(found)
