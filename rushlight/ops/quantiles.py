"""Quantiles: elements at fractions of the sorted lines, interpolated between neighbours."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dtypes import OF_NUMPY, float32, float64
from ..dtypes import dtype as Dtype
from ..errors import shape_text
from .along import keep, pick_along
from .declare import composite, primitive
from .pointwise import lerp
from .rounding import ceil, floor
from .rounding import round as round_half_even
from .sorting import sort
from .views import movedim, reshape, unsqueeze

Array = Any

_INTERPOLATIONS = ("linear", "lower", "higher", "midpoint", "nearest")


@composite(forms="mo")
def quantile(
    input: Array, q: Array, /, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear"
) -> Array:
    """The q-th quantiles of each line along `dim` (of everything by default); several `q` make a first
    dimension.
    """
    return _quantile("quantile", input, q, dim, keepdim, interpolation, False)


@composite(forms="mo")
def nanquantile(
    input: Array, q: Array, /, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear"
) -> Array:
    """The q-th quantiles of each line's numbers along `dim`, nan left out."""
    return _quantile("nanquantile", input, q, dim, keepdim, interpolation, True)


def _kind(x: Any) -> Dtype:
    return x.dtype if isinstance(x.dtype, Dtype) else OF_NUMPY[x.dtype]


def _check(name: str, input: Any, q: Any, interpolation: str) -> None:
    """Raise RuntimeError as PyTorch does for what quantiles cannot be taken of."""
    kind = _kind(input)
    if kind not in (float32, float64):
        raise RuntimeError(
            f"{name}() input tensor must be either float or double dtype, got {kind}; use .float()"
        )
    if 0 in tuple(input.shape):
        raise RuntimeError(
            f"{name}() input tensor must be non-empty, got shape {shape_text(tuple(input.shape))}"
        )
    if interpolation not in _INTERPOLATIONS:
        raise RuntimeError(
            f"{name}() interpolation must be one of linear, lower, higher, midpoint or nearest, but got "
            f"{interpolation}"
        )
    if not hasattr(q, "shape"):
        if not 0 <= q <= 1:
            raise RuntimeError(f"{name}() q must be in the range [0, 1] but got {q}")
    elif len(q.shape) > 1:
        raise RuntimeError(
            f"{name}() q must be a scalar or 1D tensor, got shape {shape_text(tuple(q.shape))}"
        )
    elif _kind(q) is not kind:
        raise RuntimeError(
            f"{name}() q tensor must be same dtype as the input tensor, got {_kind(q)} and {kind}"
        )
    elif not in_unit_interval(q):
        raise RuntimeError(f"{name}() q values must be in the range [0, 1]")


@primitive(forms="", under="internal", differentiable=False)
def in_unit_interval(input: Array, /) -> Array:
    """Whether every element lies in [0, 1]."""
    return np.asarray(((input >= 0) & (input <= 1)).all())


def _quantile(
    name: str, input: Any, q: Any, dim: Any, keepdim: bool, interpolation: str, skip_nans: bool
) -> Any:
    _check(name, input, q, interpolation)
    rank = len(input.shape)
    lines = reshape(input, (-1,)) if dim is None else input if not rank else movedim(input, dim, -1)
    lines = reshape(lines, (1,)) if not len(lines.shape) else lines
    found = _at_ranks(sort(lines, -1)[0], q, interpolation, skip_nans)  # (..., number of q)
    if keepdim:
        found = (
            reshape(found, (*(1,) * rank, -1))
            if dim is None
            else movedim(unsqueeze(found, 0), 0, dim - (dim < 0))
        )
    return movedim(found, -1, 0) if getattr(q, "shape", ()) else reshape(found, tuple(found.shape)[:-1])


def _at_ranks(x: Any, q: Any, interpolation: str, skip_nans: bool) -> Any:
    """The elements of sorted lines at q · (n - 1), interpolated between neighbours."""
    ends, numbers = last_ranks(x, skip_nans), no_nan(x, skip_nans)
    ranks = keep(ends * (reshape(q, (-1,)) if hasattr(q, "shape") else q), numbers) + keep(ends, numbers == 0)
    if interpolation == "lower":
        return pick_along(x, as_index(ranks), -1)
    if interpolation == "higher":
        return pick_along(x, as_index(ceil(ranks)), -1)
    if interpolation == "nearest":
        return pick_along(x, as_index(round_half_even(ranks)), -1)
    below = as_index(ranks)
    weight = ranks - floor(ranks) if interpolation == "linear" else 0.5
    return lerp(pick_along(x, below, -1), pick_along(x, as_index(ceil(ranks)), -1), weight)


@primitive(forms="", under="internal", differentiable=False)
def last_ranks(input: Array, /, skip_nans: bool) -> Array:
    """The last rank of each sorted line, or that of its last number; as (..., 1) of the input's type."""
    n = input.shape[-1]
    last = (
        np.maximum(n - 1 - np.isnan(input).sum(-1, keepdims=True), 0)
        if skip_nans
        else np.full((*input.shape[:-1], 1), n - 1)
    )
    return last.astype(input.dtype)


@primitive(forms="", under="internal", differentiable=False)
def no_nan(input: Array, /, skip_nans: bool) -> Array:
    """Whether the result for a sorted line is a number: nan, if it counts, stands last."""
    return np.ones((*input.shape[:-1], 1), np.bool_) if skip_nans else ~np.isnan(input[..., -1:])


@primitive(forms="", under="internal", differentiable=False)
def as_index(input: Array, /) -> Array:
    """Truncated to int64."""
    return input.astype(np.int64)
