"""Largest and smallest elements: values, where they stand, and how their gradients are shared."""

from __future__ import annotations

from typing import Any

import numpy as np

import rushlight.dtypes as dtypes

from ..arrays import memory
from ..arrays.extremes import extremes
from ..arrays.lines import take_rows
from ..arrays.numpy import cast, normalize_dim, normalize_dims
from ..arrays.tracing import WATCHED
from ..dtypes import OF_NUMPY
from .along import of_type, place_along, spread, with_dims
from .comparison import eq, isnan, logical_and, logical_or, where
from .declare import composite, primitive, registry
from .reduce import sum

Array = Any

# -- kernels ------------------------------------------------------------------------------------------


def ordered(name: str, input: Array) -> Array:
    """`input` as NumPy can compare it: half types in float32. Raises RuntimeError for complex numbers."""
    if input.dtype.kind == "c":
        kind = RuntimeError if name in ("max", "min", "argmax", "argmin") else NotImplementedError
        raise kind(
            f'{name}(): does not support complex input ("{name}" not implemented for '
            f"'{OF_NUMPY[input.dtype]}'): "
            "complex numbers have no order; use .abs() or .real"
        )
    return cast(input, dtypes.compute_type(input.dtype))


def _nonempty(name: str, input: Array, dim: Any) -> tuple[int, ...]:
    """The dimensions to reduce. Raises where an extreme over no elements is asked for."""
    axes = normalize_dims(name, dim, input.ndim)
    if input.size:
        return axes
    if len(axes) == input.ndim and (dim is None or (dim.__class__ is not int and not len(dim))):
        raise RuntimeError(
            f"{name}(): Expected reduction dim to be specified for input.numel() == 0. "
            "Specify the reduction dim with the 'dim' argument."
        )
    empty = next((i for i in axes if input.shape[i] == 0), None)
    if empty is not None:
        raise IndexError(f"{name}(): Expected reduction dim {empty} to have non-zero size.")
    return axes


def _extreme(name: str, ufunc: np.ufunc, input: Array, dim: Any, keepdim: bool) -> Array:
    axes = _nonempty(name.removesuffix("_all"), input, dim)
    x = ordered(name, input)
    if WATCHED and x.size and x.ndim and len(axes) in (1, x.ndim):
        line = x if len(axes) == 1 else memory.reshaped(x, (-1,))
        both = extremes(line, axes[0], ufunc is np.maximum)
        if both is not None:
            shape = tuple([1 if i in axes else n for i, n in enumerate(x.shape)])
            return cast(both[0].reshape(shape) if keepdim else both[0], input.dtype)
    if (
        axes == (1,) and x.ndim == 2 and x.shape[1] and x.flags.c_contiguous
    ):  # argmax is faster than NumPy's maximum
        found = take_rows(x, x.argmax(1) if ufunc is np.maximum else x.argmin(1))
        found = found[:, None] if keepdim else found
    else:
        found = ufunc.reduce(x, axes, keepdims=keepdim)
    return cast(np.asarray(found), input.dtype)


def _place(name: str, find: str, input: Array, dim: int) -> tuple[Array, Array]:
    """The extreme of each line along `dim` and the first index it stands at; nan counts as extreme."""
    at = normalize_dim(name, dim, input.ndim)
    x = ordered(name, input)
    if not input.size:
        _nonempty(name, input, at)
        shape = tuple(n for i, n in enumerate(input.shape) if i != at)
        return np.zeros(shape, input.dtype), np.zeros(shape, np.int64)
    if not input.ndim:
        return input.copy(), np.zeros((), np.int64)
    both = _by_kernel(x, at, find)
    if both is not None:
        return cast(both[0], input.dtype), both[1]
    indices = getattr(x, find)(at)
    if input.ndim == 2 and at == 1 and input.flags.c_contiguous:
        return take_rows(input, indices), indices
    index = np.expand_dims(np.asarray(indices), at)
    return np.take_along_axis(input, index, at).squeeze(at), np.asarray(indices)


def _by_kernel(x: Array, at: int, find: str) -> tuple[Array, Array] | None:
    """The extremes of lines and their places, where kernels are faster: not along the last dimension."""
    if WATCHED or (x.size >= _MANY and at != x.ndim - 1):
        return extremes(x, at, find == "argmax")
    return None


_MANY = 4096  # elements

# -- over any dimensions ------------------------------------------------------------------------------


@primitive(forms="mo")
def amax(input: Array, /, dim: Any = (), keepdim: bool = False) -> Array:
    """The largest element over `dim` (all dimensions by default); equal ones share the gradient evenly."""
    return _extreme("amax", np.maximum, input, dim, keepdim)


@primitive(forms="mo")
def amin(input: Array, /, dim: Any = (), keepdim: bool = False) -> Array:
    """The smallest element over `dim` (all dimensions by default); equal ones share the gradient evenly."""
    return _extreme("amin", np.minimum, input, dim, keepdim)


@primitive(forms="", under="internal")
def max_all(input: Array, /) -> Array:
    """The largest of all elements."""
    return _extreme("max_all", np.maximum, input, None, False)


@primitive(forms="", under="internal")
def min_all(input: Array, /) -> Array:
    """The smallest of all elements."""
    return _extreme("min_all", np.minimum, input, None, False)


@primitive(forms="", under="internal", differentiable=False)
def shares(input: Array, extreme: Array, /, dim: Any, nans: bool = False) -> Array:
    """1/k at the k elements along `dim` that equal `extreme` (given with dimensions kept), 0 elsewhere.

    `nans`: a nan equals a nan. Where nothing is equal the result is nan.
    """
    same = input == extreme
    if nans and input.dtype.kind not in "biu":
        same |= np.isnan(input) & np.isnan(extreme)
    work = dtypes.compute_type(input.dtype)
    n = np.add.reduce(same, normalize_dims("amax", dim, input.ndim), dtype=work, keepdims=True)
    return cast(np.asarray(same / n), input.dtype)


def _shares_by_ops(input: Any, extreme: Any, dim: Any, nans: bool = False) -> Any:
    """The definition, which a tracer joins with what is around it."""
    same = eq(input, extreme)
    if nans and input.dtype.kind not in "biu":
        both = logical_and(isnan(input), isnan(extreme))
        same = logical_or(same, both)
    ones = of_type(where(same, 1.0, 0.0), input.dtype)
    return ones / sum(ones, dim, True)


shares.traced = _shares_by_ops


def evenly(nans: bool) -> Any:
    """The backward of one element chosen among all: those equal to it share its gradient."""

    def backward(g: Array, input: Array, out: Array) -> Array:
        shape = tuple(input.shape)
        return spread(g, shape, None, False) * shares(input, out, None, nans)

    return backward


def _tied(g: Array, input: Array, out: Array, dim: Any, keepdim: bool) -> Array:
    shape = tuple(input.shape)
    return spread(g, shape, dim, keepdim) * shares(input, with_dims(out, shape, dim, keepdim), dim)


for _op in (amax, amin):
    _op.backward(_tied)
for _op in (max_all, min_all):
    _op.backward(evenly(True))


# -- along one dimension: value and place -------------------------------------------------------------


def value_at(g: tuple[Array, Any], indices: Array, input_shape: Any, dim: int, keepdim: bool) -> Array:
    """The whole gradient goes to the element that was chosen."""
    shape = tuple(input_shape)
    back = [with_dims(x, shape, dim, keepdim) for x in (g[0], indices)]
    return place_along(*back, shape, normalize_dim("max", dim, len(shape)))


@primitive(forms="", under="internal", outputs=("values", "indices"))
def max_dim(input: Array, /, dim: int, keepdim: bool = False) -> tuple[Array, Array]:
    """The largest element of each line along `dim` and its first index."""
    return keeping(_place("max", "argmax", input, dim), input, dim, keepdim)


@primitive(forms="", under="internal", outputs=("values", "indices"))
def min_dim(input: Array, /, dim: int, keepdim: bool = False) -> tuple[Array, Array]:
    """The smallest element of each line along `dim` and its first index."""
    return keeping(_place("min", "argmin", input, dim), input, dim, keepdim)


def keeping(found: tuple[Array, Array], input: Array, dim: int, keepdim: bool) -> tuple[Array, Array]:
    """Values and indices, with the reduced dimension back as 1 when `keepdim`."""
    if not keepdim or not input.ndim:
        return found
    at = dim % input.ndim
    return np.expand_dims(found[0], at), np.expand_dims(found[1], at)


max_dim.backward(value_at)
min_dim.backward(value_at)


def _three_ways(name: str, input: Array, dim: Any, keepdim: bool, other: Any) -> Any:
    """max and min: of everything, along a dimension, or of two tensors."""
    if other is None and dim is None:
        return registry[f"{name}_all"](input)
    if other is None and (dim.__class__ is int or not hasattr(dim, "shape")):
        if not isinstance(dim, int):
            raise TypeError(
                f"{name}(): argument 'dim' must be int, not {type(dim).__name__}; a{name} takes several "
                "dimensions"
            )
        return registry[f"{name}_dim"](input, dim, keepdim)
    return registry[f"{name}imum"](input, dim if other is None else other)


@composite(forms="mo")
def max(input: Array, /, dim: Any = None, keepdim: bool = False, *, other: Any = None) -> Any:
    """The largest element of all; with `dim`, (values, indices) along it; with a second tensor,
    elementwise.
    """
    return _three_ways("max", input, dim, keepdim, other)


@composite(forms="mo")
def min(input: Array, /, dim: Any = None, keepdim: bool = False, *, other: Any = None) -> Any:
    """The smallest element of all; with `dim`, (values, indices) along it; with a second tensor,
    elementwise.
    """
    return _three_ways("min", input, dim, keepdim, other)


# -- places only --------------------------------------------------------------------------------------


def _argument(name: str, input: Array, dim: int | None, keepdim: bool) -> Array:
    if input.dtype.kind == "b":
        raise RuntimeError(f"{name}(): does not support bool input; use .int() first")
    if dim is None:
        if not input.size:
            raise IndexError(f"{name}(): Expected reduction dim to be specified for input.numel() == 0.")
        x = ordered(name, input)
        both = extremes(memory.reshaped(x, (-1,)), 0, name == "argmax") if WATCHED else None
        found = np.asarray(getattr(x, name)()) if both is None else both[1]
        return found.reshape((1,) * input.ndim) if keepdim else found
    at = normalize_dim(name, dim, input.ndim)
    if not input.size:
        _nonempty(name, input, at)
    if not input.ndim:
        ordered(name, input)
        return np.zeros((), np.int64)
    x = ordered(name, input)
    both = _by_kernel(x, at, name)
    if both is not None:
        return np.expand_dims(both[1], at) if keepdim else both[1]
    return getattr(x, name)(at, keepdims=keepdim)


@primitive(forms="mo", differentiable=False)
def argmax(input: Array, /, dim: int | None = None, keepdim: bool = False) -> Array:
    """The first index of the largest element along `dim`, or in the flattened tensor; nan counts as
    largest.
    """
    return _argument("argmax", input, dim, keepdim)


@primitive(forms="mo", differentiable=False)
def argmin(input: Array, /, dim: int | None = None, keepdim: bool = False) -> Array:
    """The first index of the smallest element along `dim`, or in the flattened tensor; nan counts as
    smallest.
    """
    return _argument("argmin", input, dim, keepdim)


@primitive(forms="mo", outputs=("min", "max"))
def aminmax(input: Array, /, *, dim: int | None = None, keepdim: bool = False) -> tuple[Array, Array]:
    """The smallest and the largest element, along `dim` or of all."""
    axes = normalize_dims("aminmax", dim, input.ndim)
    if 0 in [input.shape[i] for i in axes]:
        raise RuntimeError(
            "aminmax(): cannot compute aminmax over an empty dimension as the operation has no identity."
        )
    x = ordered("aminmax", input)
    found = (np.asarray(f.reduce(x, axes, keepdims=keepdim)) for f in (np.minimum, np.maximum))
    low, high = (cast(a, input.dtype) for a in found)
    return low, high


@aminmax.backward
def _(g: tuple[Array, Array], input: Array, min: Array, max: Array, dim: int | None, keepdim: bool) -> Array:
    return _tied(g[0], input, min, dim, keepdim) + _tied(g[1], input, max, dim, keepdim)
