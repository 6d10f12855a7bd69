"""Values scattered to positions and reduced there: sum, product, mean, largest, smallest."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays.accumulate import add_at
from ..arrays.numpy import ndarray
from ..dtypes import compute_type, of_numpy
from .convert import to_dtype
from .declare import composite, primitive
from .gather import add_into_zeros, check_along, check_source, combine_at, flat_places, gather, grown, scatter
from .index import slice_
from .masked import masked_fill
from .slices import check_slices

Array = Any

_KINDS = ("sum", "prod", "mean", "amax", "amin")


@primitive(forms="mio")
def scatter_reduce(
    input: Array, dim: int, index: Array, src: Array, /, reduce: str, *, include_self: bool = True
) -> Array:
    """`input` with the values of `src` that index sends to a place reduced there.

    `reduce` is "sum", "prod", "mean", "amax" or "amin". What was there takes part unless `include_self` is
    False; places that get nothing keep their value.
    """
    return scatter_reduce_into(input.copy(), index, src, dim, reduce, include_self)


@scatter_reduce.writes
def scatter_reduce_into(
    out: ndarray, index: ndarray, src: ndarray, dim: int, reduce: str, include_self: bool = True
) -> ndarray:
    """scatter_reduce, written into `out`."""
    if reduce not in _KINDS:
        raise RuntimeError(
            f"scatter_reduce: reduce argument must be either sum, prod, mean, amax or amin, got {reduce}"
        )
    at = check_along("scatter_reduce", out.shape, index, dim)
    values = check_source("scatter_reduce", out, index, src)
    if not index.size:
        return out
    flat = out.reshape(-1)
    places = flat_places(out.shape, index, at).reshape(-1)
    _reduce_at(flat, places, values.reshape(-1), reduce, include_self)
    if not np.may_share_memory(flat, out):
        out[...] = flat.reshape(out.shape)
    return out


def _reduce_at(flat: ndarray, places: ndarray, values: ndarray, how: str, include_self: bool) -> None:
    """flat[places[i]] reduced with values[i], for all i."""
    if not include_self:
        flat[places] = _identity(how, flat.dtype)
    if how in ("prod", "amax", "amin"):
        combine_at(flat, places, values, how)
        return
    add_at(flat, places, values)
    if how == "mean":
        count = np.bincount(places, minlength=flat.size) + int(include_self)
        count[count == 0] = 1
        work = compute_type(flat.dtype)
        divided = flat // count if flat.dtype.kind in "iu" else flat.astype(work) / count.astype(work)
        flat[...] = divided.astype(flat.dtype)


def _identity(how: str, kind: np.dtype) -> Any:
    """What changes nothing under a reduction."""
    if how in ("sum", "mean", "prod"):
        return np.array(how == "prod", kind)
    if kind.kind in "iu":
        limits = np.iinfo(kind)
        return np.array(limits.min if how == "amax" else limits.max, kind)
    if kind.kind == "b":
        return np.array(how == "amin")
    return np.array(-np.inf if how == "amax" else np.inf, np.float32).astype(kind)


@primitive(forms="", under="internal", differentiable=False)
def scatter_counts(index: Array, /, *, size: Any, dim: int, start: int, dtype: np.dtype) -> Array:
    """`start` plus how often each place of an array of `size` is named; 1 where that is 0."""
    count = add_into_zeros(np.ones(index.shape, np.int64), dim, index, size) + start
    return np.maximum(count, 1).astype(dtype)


@scatter_reduce.backward
def _scatter_reduce_backward(
    g: Array,
    input: Array,
    dim: int,
    index: Array,
    src: Array,
    out: Array,
    input_dtype: Any,
    reduce: str,
    include_self: bool,
) -> tuple[Any, ...]:
    whole = tuple(src.shape)
    if whole != tuple(index.shape) and len(whole):
        src = slice_(src, tuple(map(slice, index.shape)))
    kind = of_numpy(input_dtype)
    if reduce == "sum":
        to_input, to_src = g, gather(g, dim, index)
    elif reduce == "mean":
        shared = g / scatter_counts(
            index, size=tuple(g.shape), dim=dim, start=int(include_self), dtype=input_dtype
        )
        to_input, to_src = shared, gather(shared, dim, index)
    elif reduce == "prod":
        to_input, to_src = _product_cotangents(g, input, dim, index, src, out, kind, include_self)
    else:
        kept, taken = to_dtype(input == out, kind), to_dtype(src == gather(out, dim, index), kind)
        winners = kept + add_into_zeros(taken, dim, index, tuple(g.shape))
        shared = g / masked_fill(winners, winners == 0, 1)
        to_input, to_src = kept * shared, taken * gather(shared, dim, index)
    to_input = to_input if include_self else scatter(to_input, dim, index, 0)
    return to_input, None, grown(to_src, whole)


def _product_cotangents(
    g: Array, input: Array, dim: int, index: Array, src: Array, out: Array, kind: Any, include_self: bool
) -> tuple[Array, Array]:
    """Cotangents of a product: the product of the others, by division unless a factor is zero."""
    ones = masked_fill(input, input == 0, 1)
    without_self = scatter_reduce(ones, dim, index, src, "prod", include_self=include_self) / ones
    zero = src == 0
    zeros = gather(add_into_zeros(to_dtype(zero, kind), dim, index, tuple(g.shape)), dim, index)
    alone = zero & (zeros == 1)
    others = scatter_reduce(input, dim, index, masked_fill(src, alone, 1), "prod", include_self=include_self)
    # Elementwise: on arrays and on Tensors.
    at_zero = masked_fill(gather(g * others, dim, index), alone == False, 0)  # noqa: E712
    elsewhere = gather(g * out, dim, index) / masked_fill(src, zero, 1)
    return g * without_self, at_zero + masked_fill(elsewhere, alone, 0)


@composite(forms="mio")
def index_reduce(
    input: Array, dim: int, index: Array, source: Array, /, reduce: str, *, include_self: bool = True
) -> Array:
    """`input` with the slices of `source` along `dim` reduced into its slices at `index`: "prod", "mean",
    "amax", "amin".
    """
    if reduce not in _KINDS[1:]:
        raise RuntimeError(
            f"index_reduce(): Expected reduce to be one of prod, mean, amax or amin but got {reduce}."
        )
    every = slice_positions(input, index, source, dim=dim)
    return scatter_reduce(input, dim, every, source, reduce, include_self=include_self)


@primitive(forms="", under="internal", differentiable=False)
def slice_positions(input: Array, index: Array, source: Array, /, *, dim: int) -> Array:
    """The position of each slice of `source` for each of its elements."""
    at = check_slices("index_reduce", input, dim, index, source, IndexError)
    if not source.ndim:
        return index.reshape(())
    return np.broadcast_to(index.reshape([-1 if d == at else 1 for d in range(source.ndim)]), source.shape)
