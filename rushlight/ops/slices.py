"""Whole slices by position along one dimension: index_select, index_add, index_copy, index_fill."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays import memory
from ..arrays.gathering import take
from ..arrays.numpy import cast, ndarray, normalize_dim
from ..arrays.tracing import WATCHED
from ..dtypes import OF_NUMPY, of_numpy
from ..errors import shape_text
from .convert import to_dtype
from .declare import primitive
from .gather import UNSIGNED, add_slices, check_index_type, check_positions
from .index import index_erase, put
from .masked import fill_value
from .reduce import sum
from .views import reshape

Array = Any


def check_vector(name: str, index: ndarray) -> None:
    """Raise IndexError unless the index is a vector or of no dimensions."""
    if index.ndim > 1:
        raise IndexError(
            f"{name}(): Index is supposed to be a vector, but got shape {shape_text(index.shape)}"
        )


@primitive(forms="mo")
def index_select(input: Array, dim: int, index: Array, /) -> Array:
    """The slices of `input` along `dim` at the positions in the vector `index`, in its order."""
    at = normalize_dim("index_select", dim, input.ndim)
    check_index_type("index_select", index)
    check_vector("index_select", index)
    if not input.ndim:
        if index.size != 1:
            raise RuntimeError(
                f"index_select(): Index to scalar can have only 1 value, got {index.size} value(s)"
            )
        return input.copy()
    size = input.shape[at]
    if index.size and int(index.view(UNSIGNED[index.dtype.char]).max()) >= size:
        wrong = index[(index < 0) | (index >= size)].flat[0]
        raise IndexError(
            f"index_select(): index out of range in self: {wrong} in dimension {at} of size {size}"
        )
    return take(input, index.reshape(-1), at)


index_select.vjp(input=lambda g, input_shape, dim, index: slices_into_zeros(g, dim, index, input_shape))


@primitive(forms="", under="internal")
def slices_into_zeros(input: Array, dim: int, index: Array, /, size: Any) -> Array:
    """Zeros of `size` with the slices of `input` along `dim` added at `index`: index_select's adjoint."""
    if not len(size):
        return input.copy()
    at = dim % len(size)
    turned = memory.zeros((size[at], *size[:at], *size[at + 1 :]), input.dtype)
    add_slices(turned, index, 0, np.moveaxis(input, at, 0))
    return np.moveaxis(turned, 0, at)


slices_into_zeros.vjp(input=lambda g, dim, index: index_select(g, dim, index))


@primitive(forms="mio")
def index_add(input: Array, dim: int, index: Array, source: Array, /, *, alpha: Any = 1) -> Array:
    """`input` with alpha·(slice i of `source` along `dim`) added to slice index[i]; positions may repeat."""
    return index_add_into(memory.copied(input), index, source, dim, alpha)


@index_add.writes
def index_add_into(out: ndarray, index: ndarray, source: ndarray, dim: int, alpha: Any = 1) -> ndarray:
    """index_add, written into `out`."""
    at = check_slices("index_add", out, dim, index, source)
    if alpha != 1:
        source = cast(source * cast(alpha, source.dtype), out.dtype)
    if out.ndim:
        add_slices(out, index, at, source)
    elif index.size:
        out += source.reshape(())
    return out


def check_slices(
    name: str, out: ndarray, dim: int, index: ndarray, source: ndarray, error: type[Exception] = RuntimeError
) -> int:
    """The dimension counted from the front, once index and source have been found to fit `out`."""
    at = normalize_dim(name, dim, out.ndim)
    check_index_type(name, index)
    check_vector(f"{name}_", index)
    if source.dtype != out.dtype:
        raise RuntimeError(
            f"{name}_(): self ({OF_NUMPY[out.dtype].name}) and source ({OF_NUMPY[source.dtype].name}) must "
            "have the same scalar type (self and source expected to have the same dtype)"
        )
    count = source.shape[at] if source.ndim > at else 1
    if count != index.size:
        raise RuntimeError(
            f"{name}_(): Number of indices ({index.size}) should be equal to source.size(dim): ({count}), "
            f"for dim: {dim}"
        )
    if (
        out.shape[:at] + out.shape[at + 1 :] != source.shape[:at] + source.shape[at + 1 :]
        or source.ndim != out.ndim
    ):
        raise RuntimeError(
            f"{name}: source tensor shape must match self tensor shape, excluding the specified dimension. "
            f"Got self.shape = {list(out.shape)} source.shape = {list(source.shape)}"
        )
    check_positions(name, index, out.shape[at] if out.ndim else 1, at, error)
    return at


index_add.vjp(
    input=lambda g: g,
    source=lambda g, source_shape, dim, index, alpha: _source_cotangent(g, source_shape, dim, index, alpha),
)


def _source_cotangent(g: Array, shape: Any, dim: int, index: Array, alpha: Any) -> Array:
    found = reshape(index_select(g, dim, index), tuple(shape))
    return found if alpha == 1 else found * alpha


def at_dim(dim: int, index: Array, ndim: int) -> tuple[Any, ...]:
    """Index tensors for `index` along `dim`."""
    return (*(None,) * (dim % max(ndim, 1)), index)


# -- copied and filled -----------------------------------------------------------------------------------


@primitive(forms="mi")
def index_copy(input: Array, dim: int, index: Array, source: Array, /) -> Array:
    """`input` with slice index[i] along `dim` replaced by slice i of `source`."""
    return index_copy_into(memory.copied(input), index, source, dim)


@index_copy.writes
def index_copy_into(out: ndarray, index: ndarray, source: ndarray, dim: int) -> ndarray:
    """index_copy, written into `out`."""
    at = normalize_dim("index_copy", dim, out.ndim)
    _check_copy(out, index, source, at)
    check_positions("index_copy_()", index, out.shape[at] if out.ndim else 1, at, IndexError)
    if out.ndim:
        put(out, (*(slice(None),) * at, index.reshape(-1)), source)
    elif index.size:
        out[...] = source.reshape(-1)[-1]
    return out


def _check_copy(out: ndarray, index: ndarray, source: ndarray, at: int) -> None:
    """Raise where index and source do not fit `out`: number of dimensions, types, sizes."""
    if index.ndim > 1:
        raise IndexError(f"index_copy_(): Index should have dimension 1 or 0 (got {index.ndim})")
    if not source.ndim and index.size != 1:
        raise IndexError(
            f"index_copy_(): When source is scalar, index should have one element (got {index.size})"
        )
    if source.ndim != out.ndim and source.ndim and out.ndim:
        raise IndexError(
            "index_copy_(): When source and destination are not scalars, their dimensionality must match. "
            f"Source dimensionality ({source.ndim}), destination dimensionality ({out.ndim})"
        )
    if index.dtype.char not in "lq":
        raise RuntimeError(
            f"index_copy_(): Expected a long tensor for index, but got {OF_NUMPY[index.dtype].name}"
        )
    if source.dtype != out.dtype:
        raise RuntimeError(
            "index_copy_(): self and source expected to have the same dtype, but got (self) "
            f"{OF_NUMPY[out.dtype].name} and (source) {OF_NUMPY[source.dtype].name}"
        )
    around = out.shape[:at] + out.shape[at + 1 :]
    if source.ndim and source.shape[:at] + source.shape[at + 1 :] != around:
        raise RuntimeError(
            "index_copy_(): Source/destination tensor must have same slice shapes. Destination shape: "
            f"{list(out.shape)}, source shape: {list(source.shape)}, at dimension {at}"
        )
    if source.ndim and source.shape[at] != index.size:
        raise IndexError(
            f"index_copy_(): Number of indices ({index.size}) should be equal to source.size(dim) "
            f"({source.shape[at]})"
        )


def _erased(g: Array, dim: int, index: Array) -> Array:
    if not len(g.shape):
        return g * 0
    return index_erase(g, at_dim(dim, index, len(g.shape)))


def _copied_from(g: Array, dim: int, index: Array, shape: Any) -> Array:
    """The cotangent of index_copy's source."""
    return reshape(index_select(g, dim, index), tuple(shape))


index_copy.vjp(
    input=lambda g, dim, index: _erased(g, dim, index),
    source=lambda g, dim, index, source_shape: _copied_from(g, dim, index, source_shape),
)


@primitive(forms="mi")
def index_fill(input: Array, dim: int, index: Array, value: Array, /) -> Array:
    """`input` with the slices at `index` along `dim` filled with `value`, a number or a tensor of no
    dimensions.
    """
    return index_fill_into(memory.copied(input), index, value, dim)


@index_fill.writes
def index_fill_into(out: ndarray, index: ndarray, value: Any, dim: int) -> ndarray:
    """index_fill, written into `out`. Negative positions count from the end."""
    at = normalize_dim("index_fill", dim, out.ndim)
    if index.dtype.char not in "lq":
        raise IndexError(f"index_fill_(): Expected dtype int64 for index, not {OF_NUMPY[index.dtype].name}.")
    if index.ndim > 1:
        raise RuntimeError(
            f"index_fill_(): Index has to be a vector/scalar, got shape {shape_text(index.shape)}"
        )
    if isinstance(value, complex) and out.dtype.kind != "c":
        raise RuntimeError("index_fill_(): Converting complex Scalar to non-complex type is not supported")
    number = fill_value(out, value, "index_fill_")
    if getattr(value, "dtype", None) is None:
        number = memory.full((), number.item(), out.dtype) if WATCHED else number
    size = out.shape[at] if out.ndim else 1
    check_positions("index_fill_()", np.where(index < 0, index + size, index), size, at, IndexError)
    if out.ndim:
        put(out, (*(slice(None),) * at, index), number)
    elif index.size:
        out[...] = number
    return out


index_fill.vjp(
    input=lambda g, dim, index: index_fill(g, dim, index, 0),
    value=lambda g, dim, index, value_dtype: to_dtype(_sum_at(g, dim, index), of_numpy(value_dtype)),
)


def _sum_at(g: Array, dim: int, index: Array) -> Array:
    """The cotangent summed over the slices at `index`, each counted once."""
    return sum(g - index_fill(g, dim, index, 0))
