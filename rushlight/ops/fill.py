"""Filling and copying: a tensor's elements exchanged for a number's, or another tensor's."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import rushlight.dtypes as dtypes
import rushlight.scalar as s

from ..arrays.numpy import broadcast_shapes, cast, ndarray, number
from ..arrays.tracing import created
from ..dtypes import OF_NUMPY, compute_type, of_numpy
from ..errors import shape_text
from .convert import to_dtype
from .declare import primitive
from .elementwise import pointwise
from .reduce import sum
from .views import clone, expand, sum_to_size

Array = Any


# -- numbers that fit ----------------------------------------------------------------------------------


def _limits(kind: np.dtype) -> tuple[float, float]:
    d = OF_NUMPY[kind]
    if d.category == dtypes.BOOL:
        return -math.inf, math.inf
    if d.category == dtypes.INT:
        info = dtypes.iinfo(d)
        return (info.min if d.is_signed else -info.max), info.max
    return dtypes.finfo(d.to_real()).min, dtypes.finfo(d.to_real()).max


_LIMITS = {kind: _limits(kind) for kind in OF_NUMPY}


def checked(value: Any, kind: np.dtype) -> Any:
    """`value` as an array of type `kind`. Raises RuntimeError for a Python number that the type cannot hold.

    Infinities and nan fit floating types; negative numbers wrap around in unsigned ones.
    """
    if getattr(value, "shape", None) is not None:
        return cast(value, kind)
    category = OF_NUMPY[kind].category
    if isinstance(value, complex) and category != dtypes.COMPLEX and not value.imag:
        value = value.real
    if not all(_fits(part, kind, category) for part in _parts(value, category)):
        low, high = _LIMITS[kind]
        raise RuntimeError(
            f"value cannot be converted to type {OF_NUMPY[kind].name} without overflow: {value} is not "
            f"within {low} and {high}"
        )
    return number(value, kind)


def _parts(value: Any, category: int) -> tuple[Any, ...]:
    return (value.real, value.imag) if category == dtypes.COMPLEX else (value,)


def _fits(value: Any, kind: np.dtype, category: int) -> bool:
    low, high = _LIMITS[kind]
    if category == dtypes.BOOL:
        return True
    if isinstance(value, complex):
        return False
    return low <= value <= high or (category >= dtypes.FLOAT and not math.isfinite(value))


def assigned(value: Any, kind: np.dtype) -> Any:
    """`value` as an array of type `kind`, as `x[...] = value` takes it: half types then hold an infinity."""
    if getattr(value, "shape", None) is not None:
        return cast(value, kind)
    if compute_type(kind) != kind:
        return cast(checked(value, np.dtype(np.float64)), kind)
    return checked(value, kind)


# -- copies and fills ----------------------------------------------------------------------------------


@primitive(forms="iF", under="Tensor")
def copy(input: Array, src: Array, /, non_blocking: bool = False) -> Array:
    """The elements of `src`, broadcast to the shape of `input` and converted to its dtype."""
    return copy_into(np.empty_like(input), src)


@copy.writes
def copy_into(out: ndarray, src: Any, non_blocking: bool = False) -> ndarray:
    """out[...] = src. Raises RuntimeError where `src` does not broadcast to `out`."""
    values = assigned(src, out.dtype)
    if values.ndim > out.ndim:
        raise _misfit(out, values)
    try:
        out[...] = values
    except ValueError:
        raise _misfit(out, values) from None
    return out


def _copied(input: Any, src: Any, non_blocking: bool = False) -> Any:
    """What is to be written, for a tracer, which stretches it."""
    shape = tuple(getattr(src, "shape", ()))
    if broadcast_shapes("copy_", tuple(input.shape), shape) != tuple(input.shape):
        raise _misfit(np.broadcast_to(0, tuple(input.shape)), np.broadcast_to(0, shape))
    if getattr(src, "shape", None) is None:
        return created(assigned(src, input.dtype))
    return src if src.dtype == input.dtype else to_dtype(src, of_numpy(input.dtype))


copy.traced = _copied


def _misfit(out: ndarray, values: ndarray) -> RuntimeError:
    if not out.flags.writeable:
        return RuntimeError(
            "copy_: unsupported operation: more than one element of the written-to tensor refers to a "
            "single memory location (an expanded tensor), or its memory is read-only. Please clone() the "
            "tensor first"
        )
    extra = out.ndim - values.ndim
    if extra < 0:
        shape = broadcast_shapes("copy_", out.shape, values.shape)
        return RuntimeError(
            f"copy_: output with shape {list(out.shape)} doesn't match the broadcast shape {list(shape)}"
        )
    wrong = next(d for d, n in enumerate(values.shape) if n not in (1, out.shape[d + extra])) + extra
    return RuntimeError(
        f"copy_: The expanded size of the tensor ({out.shape[wrong]}) must match the existing size "
        f"({values.shape[wrong - extra]}) at non-singleton dimension {wrong}.  Target sizes: "
        f"{list(out.shape)}.  Tensor sizes: {list(values.shape)}"
    )


copy.vjp(
    input=lambda g: zero(g),
    src=lambda g, src_shape, src_dtype: to_dtype(sum_to_size(g, src_shape), of_numpy(src_dtype)),
)


@pointwise(forms="iF", under="Tensor", accepts="bifc8")
def zero(input: Array, /) -> Array:
    """Zeros in the shape and dtype of `input`."""
    return s.zeros_like(input)


@primitive(forms="i")
def fill(input: Array, value: Array, /) -> Array:
    """`value` (a number or a tensor of no dimensions) in the shape and dtype of `input`."""
    return fill_into(np.empty_like(input), value)


@fill.writes
def fill_into(out: ndarray, value: Any) -> ndarray:
    """out[...] = value."""
    if getattr(value, "ndim", 0):
        raise RuntimeError(
            f"fill_ only supports 0-dimension value tensor but got tensor with {value.ndim} dimensions, "
            f"shape {shape_text(value.shape)}"
        )
    out[...] = checked(value, out.dtype)
    return out


def _filling(input: Any, value: Any) -> Any:
    """`fill` by ops, for a tracer."""
    if getattr(value, "shape", None) is None:
        one = created(checked(value, input.dtype))
    else:
        one = fill_into(np.empty((), input.dtype), value) if value.shape else _copied(input, value)
    return clone(expand(one, tuple(input.shape)))


fill.traced = _filling
fill.vjp(input=lambda g: zero(g), value=lambda g, value_dtype: to_dtype(sum(g), of_numpy(value_dtype)))
