"""Sums, means, products and counts along dimensions."""

from __future__ import annotations

from typing import Any

import numpy as np

import rushlight.dtypes as dtypes

from ..arrays import memory
from ..arrays.numpy import as_array, cast, normalize_dim, normalize_dims
from ..arrays.scanning import scan
from ..arrays.summing import add_reduce, sum_rows
from ..arrays.tracing import WATCHED
from ..dtypes import OF_NUMPY
from ..dtypes import dtype as Dtype
from ..errors import shape_text
from . import along
from .along import count, is_complex, of_type, spread
from .comparison import eq, ne
from .complex import conj_physical as conj
from .declare import composite, primitive
from .views import diagonal

Array = Any

_reduce: Any = np.add.reduce
_true_divide = np.true_divide


def sum_type(input: Array, dtype: Dtype | None) -> np.dtype:
    """Sums of booleans and integers are int64 unless told otherwise."""
    if dtype is not None:
        return dtype.np
    return input.dtype if OF_NUMPY[input.dtype].category >= dtypes.FLOAT else np.dtype(np.int64)


@primitive
def sum(input: Array, /, dim: Any = None, keepdim: bool = False, *, dtype: Dtype | None = None) -> Array:
    """Σ input over `dim` (all dimensions by default); integers sum to int64."""
    if dtype is None and input.dtype.char in "fd" and not WATCHED:  # the common calls, without ceremony
        if dim is None and not keepdim and input.size < 16384:
            return _reduce(input, None, None, np.empty((), input.dtype))
        if (
            (dim == 1 or dim == -1)
            and input.ndim == 2
            and not keepdim
            and input.size
            and input.flags.c_contiguous
        ):
            return sum_rows(input)
    result = sum_type(input, dtype)
    work = dtypes.compute_type(result)
    axes = normalize_dims("sum", dim, input.ndim)
    if result.kind == "b":
        return np.logical_or.reduce(cast(input, result), axes, keepdims=keepdim)
    return cast(np.asarray(add_reduce(cast(input, work), axes, keepdim)), result)


@sum.backward
def _(g: Array, input_shape: Any, input_dtype: Any, dim: Any, keepdim: bool) -> Array:
    return of_type(spread(g, input_shape, dim, keepdim), input_dtype)


# -- means --------------------------------------------------------------------------------------------


def require_floating(name: str, input: Array, dtype: Dtype | None) -> np.dtype:
    """The NumPy type of a mean's result. Raises RuntimeError for integers and booleans."""
    kind = dtype or OF_NUMPY[input.dtype]
    if kind.category < dtypes.FLOAT:
        which = "Input" if dtype is None else "Optional"
        raise RuntimeError(
            f"{name}(): could not infer output dtype. {which} dtype must be either a floating point or "
            "complex dtype. "
            f"Got: {kind}; use .float().{name}() or dtype=torch.float32"
        )
    return kind.np


@primitive(forms="mo")
def mean(input: Array, /, dim: Any = None, keepdim: bool = False, *, dtype: Dtype | None = None) -> Array:
    """Σ input / n over `dim` (all dimensions by default); floating and complex types only."""
    if dtype is None and dim is None and input.dtype.char in "fd" and input.size < 4096:
        return _true_divide(_reduce(input, None, None, None, keepdim), input.size, dtype=input.dtype)
    result = require_floating("mean", input, dtype)
    axes = normalize_dims("mean", dim, input.ndim)
    total = add_reduce(cast(input, dtypes.compute_type(result)), axes, keepdim)
    return cast(as_array(_true_divide(total, count(input.shape, axes), dtype=total.dtype)), result)


@mean.backward
def _(g: Array, input_shape: Any, input_dtype: Any, dim: Any, keepdim: bool) -> Array:
    n = count(input_shape, dim)
    return of_type(spread(g / n if n else g, input_shape, dim, keepdim), input_dtype)


@primitive(forms="mo")
def nansum(input: Array, /, dim: Any = None, keepdim: bool = False, *, dtype: Dtype | None = None) -> Array:
    """Σ of the elements that are not nan, over `dim`."""
    if input.dtype.kind == "c":
        raise RuntimeError("nansum: nansum on CPU does not support complex inputs")
    result = sum_type(input, dtype)
    x = cast(input, dtypes.compute_type(result))
    numbers = np.where(np.isnan(x), x.dtype.type(0), x) if x.dtype.kind == "f" else x
    return cast(np.asarray(add_reduce(numbers, normalize_dims("nansum", dim, input.ndim), keepdim)), result)


@nansum.backward
def _(g: Array, input: Array, input_dtype: Any, dim: Any, keepdim: bool) -> Array:
    return of_type(spread(g, tuple(input.shape), dim, keepdim), input_dtype) * is_number(input)


@primitive(forms="mo")
def nanmean(input: Array, /, dim: Any = None, keepdim: bool = False, *, dtype: Dtype | None = None) -> Array:
    """The mean of the elements that are not nan, over `dim`; nan where there are none."""
    if input.dtype.kind == "c":
        raise RuntimeError("nanmean: nansum on CPU does not support complex inputs")
    if input.dtype.kind not in "fV":
        raise RuntimeError(
            "nanmean(): expected input to have floating point or complex dtype but got "
            f"{OF_NUMPY[input.dtype]}"
        )
    result = require_floating("nanmean", input, dtype)
    axes = normalize_dims("nanmean", dim, input.ndim)
    x = cast(input, dtypes.compute_type(result))
    valid = ~np.isnan(x)
    total = add_reduce(np.where(valid, x, x.dtype.type(0)), axes, keepdim)
    return cast(
        as_array(_true_divide(total, _reduce(valid, axes, None, None, keepdim), dtype=total.dtype)), result
    )


@nanmean.backward
def _(g: Array, input: Array, input_dtype: Any, dim: Any, keepdim: bool) -> Array:
    g = of_type(spread(g, tuple(input.shape), dim, keepdim), input_dtype)
    return g * share_of_numbers(input, dim) * is_number(input)


@primitive(forms="", under="internal", differentiable=False)
def is_number(input: Array, /) -> Array:
    """1 where an element is a number, 0 where it is nan."""
    return cast(np.asarray(~np.isnan(input)), input.dtype)


@primitive(forms="", under="internal", differentiable=False)
def share_of_numbers(input: Array, /, dim: Any) -> Array:
    """1 / how many elements along `dim` are not nan, with dimensions kept."""
    n = _reduce(~np.isnan(input), normalize_dims("nanmean", dim, input.ndim), keepdims=True)
    return cast(np.asarray(1 / n), input.dtype)


nansum.out_decides_dtype = True


# -- products -----------------------------------------------------------------------------------------


@primitive
def prod(
    input: Array, /, dim: int | None = None, keepdim: bool = False, *, dtype: Dtype | None = None
) -> Array:
    """∏ input over one `dim`, or over everything; integers multiply to int64."""
    if dim is not None and not isinstance(dim, int):
        raise TypeError(
            f"prod(): argument 'dim' must be int, not {type(dim).__name__}; call prod once per dimension"
        )
    result = sum_type(input, dtype)
    axes = normalize_dims("prod", dim, input.ndim)
    if result.kind == "b":
        return np.logical_and.reduce(cast(input, result), axes, keepdims=keepdim)
    x = cast(input, dtypes.compute_type(result))
    if WATCHED and x.size and axes:
        line = x if dim is not None else memory.reshaped(x, (-1,))
        running = scan("prod", line, axes[0])
        if running is not None:
            last = running[(slice(None),) * axes[0] + (slice(-1, None),)]
            shape = tuple([1 if i in axes else n for i, n in enumerate(x.shape)])
            shape = shape if keepdim else tuple([n for i, n in enumerate(x.shape) if i not in axes])
            return cast(memory.contiguous(last).reshape(shape), result)
    product = np.multiply.reduce(x, axes, keepdims=keepdim)
    return cast(np.asarray(product), result)


@prod.backward
def _(g: Array, input: Array, input_dtype: Any, dim: Any, keepdim: bool) -> Array:
    """The product of all the others, from the left times from the right: no division, so zeros do no harm."""
    from .scans import running_prod
    from .views import reshape

    shape = tuple(input.shape)
    g = of_type(spread(g, shape, dim, keepdim), input_dtype)
    line = input if dim is not None else reshape(input, (-1,))
    at = 0 if dim is None else normalize_dim("prod", dim, len(shape))
    left = along.shift(running_prod(line, at), at, 1, 1)
    right = along.shift(running_prod(line, at, True), at, -1, 1)
    others = reshape(left * right, shape)
    return g * (conj(others) if is_complex(others) else others)


# -- truth and counts ---------------------------------------------------------------------------------


def _truth(input: Array) -> Array:
    return input if input.dtype.kind == "b" else input != np.zeros((), input.dtype)


def _fold(name: str, ufunc: np.ufunc, input: Array, dim: Any, keepdim: bool) -> Array:
    """any and all: bool, except that uint8 stays uint8; no dimension in `dim=()` is reduced."""
    axes = (
        ()
        if dim is not None and dim.__class__ is not int and not len(dim)
        else normalize_dims(name, dim, input.ndim)
    )
    found = ufunc.reduce(_truth(input), axes, keepdims=keepdim)
    return np.asarray(found, np.uint8) if input.dtype == np.uint8 else found


@primitive(forms="mo", differentiable=False)
def any(input: Array, /, dim: Any = None, keepdim: bool = False) -> Array:
    """Whether some element along `dim` (anywhere by default) is nonzero; nan counts as nonzero."""
    return _fold("any", np.logical_or, input, dim, keepdim)


@primitive(forms="mo", differentiable=False)
def all(input: Array, /, dim: Any = None, keepdim: bool = False) -> Array:
    """Whether every element along `dim` (everywhere by default) is nonzero; nan counts as nonzero."""
    return _fold("all", np.logical_and, input, dim, keepdim)


def _any_by_ops(input: Any, dim: Any = None, keepdim: bool = False) -> Any:
    return _as_truth(input, ne(_counted(ne, input, dim, keepdim), 0))


def _all_by_ops(input: Any, dim: Any = None, keepdim: bool = False) -> Any:
    return _as_truth(input, eq(_counted(eq, input, dim, keepdim), 0))


def _counted(compare: Any, input: Any, dim: Any, keepdim: bool) -> Any:
    """How many elements are (or are not) zero."""
    found = compare(input, 0)
    none = dim is not None and dim.__class__ is not int and not len(dim)
    return of_type(found, np.dtype(np.int64)) if none else sum(found, dim, keepdim)


def _as_truth(input: Any, found: Any) -> Any:
    return of_type(found, input.dtype) if input.dtype == np.uint8 else found


any.traced, all.traced = _any_by_ops, _all_by_ops


@primitive(differentiable=False)
def count_nonzero(input: Array, /, dim: Any = None) -> Array:
    """How many elements along `dim` (everywhere by default) are nonzero, as int64."""
    return np.asarray(
        np.count_nonzero(_truth(input), axis=normalize_dims("count_nonzero", dim, input.ndim)), np.int64
    )


@composite(forms="m")
def trace(input: Array, /) -> Array:
    """Σ of a matrix's main diagonal."""
    if len(input.shape) != 2:
        raise RuntimeError(
            f"trace: expected a matrix, but got tensor with dim {len(input.shape)} and shape "
            f"{shape_text(input.shape)}"
        )
    if input.dtype in (dtypes.bool_, np.bool_):
        raise NotImplementedError("\"trace\" not implemented for 'Bool'; use .int()")
    return sum(diagonal(input))
