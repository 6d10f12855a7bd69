"""Where a boolean mask holds: fill there, take from there, put there."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays.numpy import broadcast_shapes, ndarray
from ..dtypes import OF_NUMPY, of_numpy
from ..errors import shape_text
from .along import of_type
from .comparison import select_where
from .convert import to_dtype
from .declare import primitive
from .fill import checked
from .index import slice_into_zeros
from .reduce import sum
from .views import reshape, sum_to_size

Array = Any


def check_mask(name: str, mask: ndarray) -> None:
    """Raise RuntimeError unless the mask is boolean."""
    if mask.dtype.char != "?":
        raise RuntimeError(
            f"{name} only supports boolean masks, but got mask with dtype {OF_NUMPY[mask.dtype].name}; "
            "compare (x > 0) or convert with .bool()"
        )


def check_fits(name: str, out: ndarray, mask: ndarray) -> None:
    """Raise RuntimeError unless the mask broadcasts to the shape of what is written to."""
    shape = broadcast_shapes(name, out.shape, mask.shape)
    if shape != out.shape:
        raise RuntimeError(
            f"{name}: output with shape {list(out.shape)} doesn't match the broadcast shape {list(shape)}"
        )


@primitive(forms="mi")
def masked_fill(input: Array, mask: Array, value: Array, /) -> Array:
    """`input` with `value` (a number, or a tensor of no dimensions) wherever the mask holds."""
    check_mask("masked_fill", mask)
    value = fill_value(input, value)
    if input.shape != mask.shape:
        shape = broadcast_shapes("masked_fill", input.shape, mask.shape)
        if shape != input.shape:
            input = np.broadcast_to(input, shape)
    if (
        mask.shape == input.shape
        and input.flags.c_contiguous
        and mask.flags.c_contiguous
        and input.size > 4096
    ):
        out = input.copy()
        out.reshape(-1)[np.flatnonzero(mask)] = value
        return out
    return np.where(mask, value, input)


def fill_value(input: ndarray, value: Any, name: str = "masked_fill_") -> ndarray:
    """`value` as an array of no dimensions, of `input`'s type. Raises RuntimeError for more dimensions."""
    if getattr(value, "ndim", 0):
        raise RuntimeError(
            f"{name} only supports a 0-dimensional value tensor, but got tensor with {value.ndim} "
            f"dimension(s), shape {shape_text(value.shape)}"
        )
    return checked(value.item() if getattr(value, "dtype", None) in _BUILT_IN else value, input.dtype)


#: types whose elements are Python numbers when taken out
_BUILT_IN = frozenset(map(np.dtype, "?bBhHiIlLqQefdFD"))


def _chosen(input: Any, mask: Any, value: Any) -> Any:
    check_mask("masked_fill", mask)
    if getattr(value, "shape", None) is None:
        value = fill_value(input, value).item()
    elif not len(value.shape):
        value = of_type(value, input.dtype)
    else:
        fill_value(input, value)
    return select_where(mask, value, input)


masked_fill.traced = _chosen


@masked_fill.writes
def masked_fill_into(out: ndarray, mask: ndarray, value: Any) -> ndarray:
    """out[mask] = value."""
    check_mask("masked_fill", mask)
    check_fits("masked_fill_", out, mask)
    np.copyto(out, fill_value(out, value), where=mask)
    return out


masked_fill.vjp(
    input=lambda g, mask, input_shape: sum_to_size(masked_fill(g, mask, 0), input_shape),
    value=lambda g, mask, value_dtype: to_dtype(sum(masked_select(g, mask)), of_numpy(value_dtype)),
)


@primitive(forms="mo")
def masked_select(input: Array, mask: Array, /) -> Array:
    """The elements where the mask holds, in row-major order, as a vector; the two broadcast together."""
    if mask.dtype.char != "?":
        raise RuntimeError(f"masked_select: expected BoolTensor for mask, got {OF_NUMPY[mask.dtype].name}")
    if input.shape != mask.shape:
        shape = broadcast_shapes("masked_select", input.shape, mask.shape)
        input, mask = np.broadcast_to(input, shape), np.broadcast_to(mask, shape)
    return (
        input.reshape(-1).take(np.flatnonzero(mask)) if input.flags.c_contiguous else input[mask].reshape(-1)
    )


masked_select.sized_by_numbers()
masked_select.vjp(
    input=lambda g, mask, input_shape: sum_to_size(mask_into_zeros(g, mask, input_shape), input_shape)
)


@primitive(forms="", under="internal")
def mask_into_zeros(input: Array, mask: Array, /, size: Any) -> Array:
    """Zeros with the elements of the vector `input` where the mask holds: the adjoint of masked_select."""
    shape = broadcast_shapes("masked_select", tuple(size), mask.shape)
    out = np.zeros(shape, input.dtype)
    out[np.broadcast_to(mask, shape)] = input
    return out


mask_into_zeros.vjp(input=lambda g, mask: masked_select(g, mask))


@primitive(forms="mi")
def masked_scatter(input: Array, mask: Array, source: Array, /) -> Array:
    """`input` with the first elements of `source`, in order, where the mask holds."""
    shape = broadcast_shapes("masked_scatter", input.shape, mask.shape)
    return masked_scatter_into(np.array(np.broadcast_to(input, shape)), mask, source)


@masked_scatter.writes
def masked_scatter_into(out: ndarray, mask: ndarray, source: ndarray) -> ndarray:
    """out[mask] = the first elements of source."""
    check_mask("masked_scatter_", mask)
    check_fits("masked_scatter_", out, mask)
    if source.dtype != out.dtype:
        raise RuntimeError(
            "masked_scatter: expected self and source to have same dtypes but got "
            f"{OF_NUMPY[out.dtype].name} and {OF_NUMPY[source.dtype].name}"
        )
    count = int(np.count_nonzero(np.broadcast_to(mask, out.shape)))
    if source.size < count:
        raise RuntimeError(
            f"masked_scatter: Number of elements of source < number of ones in mask: {source.size} < {count}"
        )
    out[np.broadcast_to(mask, out.shape)] = source.reshape(-1)[:count]
    return out


masked_scatter.vjp(
    input=lambda g, mask, input_shape: sum_to_size(masked_fill(g, mask, 0), input_shape),
    source=lambda g, mask, source_shape: _source_part(g, mask, source_shape),
)


def _source_part(g: Array, mask: Array, shape: tuple[int, ...]) -> Array:
    """The cotangent of masked_scatter's source: what stands under the mask, zeros for what was not used."""
    taken = masked_select(g, mask)
    count = 1
    for n in shape:
        count *= n
    return reshape(slice_into_zeros(taken, (count,), (slice(0, taken.shape[0]),)), shape)
