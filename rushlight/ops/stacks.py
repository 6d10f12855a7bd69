"""The stacks by name: rows, columns, depth; and the splits that undo them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..arrays.numpy import normalize_dim
from ..errors import shape_text
from .declare import composite
from .grids import atleast_1d, atleast_2d, atleast_3d
from .join import cat
from .views import narrow, reshape

Array = Any


@composite(forms="o")
def hstack(tensors: Sequence[Array], /) -> Array:
    """The tensors side by side: along dimension 1, vectors along 0."""
    raised = atleast_1d(list(tensors))
    return cat(raised, 0 if raised and len(raised[0].shape) == 1 else 1)


@composite(forms="o", aliases=("row_stack",))
def vstack(tensors: Sequence[Array], /) -> Array:
    """The tensors one below the other; vectors are rows."""
    return cat(atleast_2d(list(tensors)), 0)


@composite(forms="o")
def dstack(tensors: Sequence[Array], /) -> Array:
    """The tensors one behind the other, along dimension 2."""
    return cat(atleast_3d(list(tensors)), 2)


@composite(forms="o")
def column_stack(tensors: Sequence[Array], /) -> Array:
    """The tensors side by side; vectors and numbers are columns."""
    return cat([t if len(t.shape) > 1 else reshape(t, (-1, 1)) for t in tensors], 1)


# -- splits ------------------------------------------------------------------------------------------


@composite(forms="m")
def tensor_split(input: Array, /, indices_or_sections: Any, dim: int = 0) -> tuple[Array, ...]:
    """Views of consecutive parts along `dim`: so many of nearly equal size, or cut at the given indices."""
    if not len(input.shape):
        raise RuntimeError(
            "tensor_split expected at least a 1-dimensional tensor, but got a tensor with 0 dims"
        )
    size = input.shape[normalize_dim("tensor_split", dim, len(input.shape))]
    bounds = _cuts(indices_or_sections, size)
    return tuple(_between(input, dim, a, b, size) for a, b in zip([0, *bounds], [*bounds, size], strict=True))


def _cuts(where: Any, size: int) -> list[int]:
    """The indices to cut at."""
    if hasattr(where, "tolist"):
        where = where.tolist()
    if not isinstance(where, int):
        return [int(i) for i in where]
    if where <= 0:
        raise RuntimeError(f"tensor_split: number of sections must be larger than 0, got {where}")
    small, longer = divmod(size, where)
    return [i * small + min(i, longer) for i in range(1, where)]


def _between(input: Array, dim: int, start: int, stop: int, size: int) -> Array:
    start, stop, _ = slice(start, stop).indices(size)
    return narrow(input, dim, start, max(stop - start, 0))


def _even(name: str, input: Array, where: Any, dim: int, least: int) -> tuple[Array, ...]:
    """tensor_split along `dim`, where a number of sections must divide the size."""
    if len(input.shape) < least:
        raise RuntimeError(
            f"torch.{name} requires a tensor with at least {least} dimension, but got a tensor with "
            f"{len(input.shape)} dimensions!"
        )
    if isinstance(where, int) and (where <= 0 or input.shape[dim] % where):
        raise RuntimeError(
            f"torch.{name} attempted to split along dimension {dim}, but the size of the dimension "
            f"{input.shape[dim]} is not divisible by the split_size {where}! The shape is "
            f"{shape_text(input.shape)}"
        )
    return tensor_split(input, where, dim)


@composite(forms="m")
def hsplit(input: Array, /, indices_or_sections: Any) -> tuple[Array, ...]:
    """Parts along dimension 1 (0 of a vector): an equal number, or cut at indices."""
    return _even("hsplit", input, indices_or_sections, 0 if len(input.shape) == 1 else 1, 1)


@composite(forms="m")
def vsplit(input: Array, /, indices_or_sections: Any) -> tuple[Array, ...]:
    """Parts along dimension 0: an equal number, or cut at indices."""
    return _even("vsplit", input, indices_or_sections, 0, 2)


@composite(forms="m")
def dsplit(input: Array, /, indices_or_sections: Any) -> tuple[Array, ...]:
    """Parts along dimension 2: an equal number, or cut at indices."""
    return _even("dsplit", input, indices_or_sections, 2, 3)
