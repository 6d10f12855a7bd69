"""Spread around the mean: variance, standard deviation, covariance."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

import rushlight.dtypes as dtypes

from ..arrays.numpy import cast, normalize_dims
from ..arrays.summing import add_reduce
from ..dtypes import OF_NUMPY
from .along import count, keep, of_type, spread
from .declare import composite, primitive
from .pointwise import div, sqrt
from .reduce import mean, sum
from .rounding import abs as absolute

Array = Any


def settle(dim: Any, unbiased: bool | None, correction: float | None) -> tuple[Any, float]:
    """The dimensions and the correction that are meant: var(False) is an old spelling of
    var(unbiased=False).
    """
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    if correction is not None and unbiased is not None:
        raise TypeError(
            "var and std take either `unbiased` or `correction`, not both; unbiased=False is correction=0"
        )
    if correction is None:
        correction = 1 if unbiased is None or unbiased else 0
    return dim, correction


def _variance(name: str, input: Array, dim: Any, keepdim: bool, correction: float) -> Array:
    """Σ|x - mean|² / max(0, n - correction) over `dim`, in the type of computation."""
    _require_floating(name, input)
    axes = normalize_dims(name, dim, input.ndim)
    n = count(input.shape, axes)
    freedom = _freedom(name, n, correction)
    x = cast(input, dtypes.compute_type(input.dtype))
    with np.errstate(divide="ignore", invalid="ignore"):
        away: Any = np.subtract(x, np.true_divide(add_reduce(x, axes, True), n, dtype=x.dtype))
        squares = away * away if x.dtype.kind == "f" else np.square(away.real) + np.square(away.imag)
        total = add_reduce(np.asarray(squares), axes, keepdim)
        return np.asarray(np.true_divide(total, freedom, dtype=squares.dtype))


def _require_floating(name: str, input: Array) -> None:
    if input.dtype.kind not in "fcV":
        raise RuntimeError(
            f"{name}: std and var only support floating point and complex dtypes, got "
            f"{OF_NUMPY[input.dtype]}; "
            "use .float()"
        )


def _freedom(name: str, n: int, correction: float) -> float:
    """max(0, n - correction), with PyTorch's warning where nothing is left."""
    if n <= correction:
        warnings.warn(
            f"{name}(): degrees of freedom is <= 0. Correction should be strictly less than the reduction "
            f"factor (input numel divided by output numel): {n} elements, correction {correction}",
            stacklevel=5,
        )
    return max(0, n - correction)


def _real_of(storage: np.dtype) -> np.dtype:
    return OF_NUMPY[storage].to_real().np


def _var_backward(g: Array, input: Array, dim: Any, keepdim: bool, correction: float) -> Array:
    """2 (x - mean) / (n - correction)."""
    shape = tuple(input.shape)
    freedom = count(shape, dim) - correction
    scaled = spread(g, shape, dim, keepdim) * (
        2 / freedom if freedom > 0 else float("inf") if freedom == 0 else 2 / freedom
    )
    return scaled * (input - mean(input, dim, True))


def _std_backward(g: Array, input: Array, std: Array, dim: Any, keepdim: bool, correction: float) -> Array:
    """The derivative of a root, taken as 0 where the spread is 0."""
    return _var_backward(keep(g / (std * 2), std != 0), input, dim, keepdim, correction)


@primitive(forms="mo")
def var(
    input: Array,
    /,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> Array:
    """Σ |x - mean|² / (n - correction) over `dim` (all dimensions by default); correction 1, or 0 if not
    `unbiased`.
    """
    dim, correction = settle(dim, unbiased, correction)
    return cast(_variance("var", input, dim, keepdim, correction), _real_of(input.dtype))


def _var_by_ops(
    input: Any,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> Any:
    """The definition, which a tracer joins with what is around it."""
    dim, correction = settle(dim, unbiased, correction)
    _require_floating("var", input)
    x = of_type(input, dtypes.compute_type(input.dtype))
    away = x - mean(x, dim, True)
    away = absolute(away) if x.dtype.kind == "c" else away
    freedom = _freedom("var", count(input.shape, dim), correction)
    return of_type(div(sum(away * away, dim, keepdim), freedom), _real_of(input.dtype))


var.traced = _var_by_ops


@var.backward
def _(g: Array, input: Array, dim: Any, unbiased: Any, keepdim: bool, correction: Any) -> Array:
    dim, correction = settle(dim, unbiased, correction)
    return _var_backward(g, input, dim, keepdim, correction)


@primitive(forms="mo")
def std(
    input: Array,
    /,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> Array:
    """√var over `dim` (all dimensions by default)."""
    dim, correction = settle(dim, unbiased, correction)
    return cast(np.asarray(np.sqrt(_variance("std", input, dim, keepdim, correction))), _real_of(input.dtype))


std.traced = lambda *args, **options: sqrt(_var_by_ops(*args, **options))


@std.backward
def _(g: Array, input: Array, out: Array, dim: Any, unbiased: Any, keepdim: bool, correction: Any) -> Array:
    dim, correction = settle(dim, unbiased, correction)
    return _std_backward(g, input, out, dim, keepdim, correction)


@composite(forms="")
def var_mean(
    input: Array,
    /,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> tuple[Array, Array]:
    """The pair (var, mean) over `dim`."""
    where, _ = settle(dim, unbiased, correction)
    return var(input, dim, unbiased, keepdim, correction=correction), mean(input, where, keepdim)


@composite(forms="")
def std_mean(
    input: Array,
    /,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> tuple[Array, Array]:
    """The pair (std, mean) over `dim`."""
    where, _ = settle(dim, unbiased, correction)
    return std(input, dim, unbiased, keepdim, correction=correction), mean(input, where, keepdim)
