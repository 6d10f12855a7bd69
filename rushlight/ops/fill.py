"""Filling and copying: a tensor's elements exchanged for a number's, or another tensor's."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays.numpy import cast, ndarray
from ..dtypes import of_numpy
from ..errors import shape_text
from .convert import to_dtype
from .declare import primitive
from .reduce import sum
from .views import sum_to_size

Array = Any


@primitive(forms="i", under="Tensor")
def copy(input: Array, src: Array, /, non_blocking: bool = False) -> Array:
    """The elements of `src`, broadcast to the shape of `input` and converted to its dtype."""
    return copy_into(np.empty_like(input), src)


@copy.writes
def copy_into(out: ndarray, src: Any, non_blocking: bool = False) -> ndarray:
    """out[...] = src. Raises RuntimeError where `src` does not broadcast to `out`."""
    values = src if getattr(src, "dtype", None) == out.dtype else cast(src, out.dtype)
    try:
        out[...] = values
    except ValueError:
        raise _misfit(out, values) from None
    return out


def _misfit(out: ndarray, values: ndarray) -> RuntimeError:
    if not out.flags.writeable:
        return RuntimeError(
            "copy_: unsupported operation: more than one element of the written-to tensor refers to a single memory "
            "location (an expanded tensor), or its memory is read-only. Please clone() the tensor first"
        )
    extra = out.ndim - values.ndim
    if extra < 0:
        return RuntimeError(
            f"copy_: output with shape {list(out.shape)} doesn't match the broadcast shape {list(values.shape)}"
        )
    wrong = next(d for d, n in enumerate(values.shape) if n not in (1, out.shape[d + extra])) + extra
    return RuntimeError(
        f"copy_: The expanded size of the tensor ({out.shape[wrong]}) must match the existing size "
        f"({values.shape[wrong - extra]}) at non-singleton dimension {wrong}.  Target sizes: {list(out.shape)}.  "
        f"Tensor sizes: {list(values.shape)}"
    )


copy.vjp(
    input=lambda g: zero(g),
    src=lambda g, src_shape, src_dtype: to_dtype(sum_to_size(g, src_shape), of_numpy(src_dtype)),
)


@primitive(forms="i", under="Tensor")
def zero(input: Array, /) -> Array:
    """Zeros in the shape and dtype of `input`."""
    return np.zeros_like(input)


@zero.writes
def zero_into(out: ndarray) -> ndarray:
    """out[...] = 0."""
    out.fill(0)
    return out


zero.vjp(input=lambda g: zero(g))


@primitive(forms="i")
def fill(input: Array, value: Array, /) -> Array:
    """`value` (a number or a tensor of no dimensions) in the shape and dtype of `input`."""
    return fill_into(np.empty_like(input), value)


@fill.writes
def fill_into(out: ndarray, value: Any) -> ndarray:
    """out[...] = value."""
    if getattr(value, "ndim", 0):
        raise RuntimeError(
            f"fill_ only supports 0-dimension value tensor but got tensor with {value.ndim} dimensions, shape "
            f"{shape_text(value.shape)}"
        )
    out[...] = cast(value, out.dtype)
    return out


fill.vjp(input=lambda g: zero(g), value=lambda g, value_dtype: to_dtype(sum(g), of_numpy(value_dtype)))
