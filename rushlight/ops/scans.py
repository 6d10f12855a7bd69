"""Scans: running sums, products and extremes along a dimension."""

from __future__ import annotations

from typing import Any

import numpy as np

import rushlight.dtypes as dtypes

from ..arrays import scanning
from ..arrays.numpy import cast, normalize_dim
from ..dtypes import dtype as Dtype
from . import along
from .along import is_complex, of_type, place_along
from .complex import conj_physical as conj
from .declare import composite, primitive
from .reduce import sum_type
from .transcendental import exp

Array = Any

#: what running sums and products are kept in, as PyTorch keeps them
_ACCUMULATE = {np.dtype(np.float32): np.dtype(np.float64), np.dtype(np.complex64): np.dtype(np.complex128)}


def _accumulate(ufunc: np.ufunc, input: Array, dim: int, reverse: bool) -> Array:
    """ufunc.accumulate along `dim`, from the end when `reverse`; float32 is kept in float64."""
    if not input.ndim:
        return input.copy()
    found = scanning.scan("sum" if ufunc is np.add else "prod", input, dim, reverse)
    if found is not None:
        return found
    work = dtypes.compute_type(input.dtype)
    x = np.flip(input, dim) if reverse else input
    out = ufunc.accumulate(cast(x, work), dim, dtype=_ACCUMULATE.get(work, work)).astype(input.dtype)
    return np.flip(out, dim) if reverse else out


@primitive(forms="", under="internal")
def running_sum(input: Array, /, dim: int, reverse: bool = False) -> Array:
    """Σ of the elements up to each place along `dim` (from each place on when `reverse`)."""
    return _accumulate(np.add, input, dim, reverse)


running_sum.vjp(input=lambda g, dim, reverse: running_sum(g, dim, not reverse))


@primitive(forms="", under="internal")
def running_prod(input: Array, /, dim: int, reverse: bool = False) -> Array:
    """∏ of the elements up to each place along `dim` (from each place on when `reverse`)."""
    return _accumulate(np.multiply, input, dim, reverse)


@running_prod.backward
def _(g: Array, input: Array, out: Array, dim: int, reverse: bool) -> Array:
    """What stands before each element times Σ of the cotangents behind it, each decayed by the elements
    between.
    """
    by = -1 if reverse else 1
    before, decay = along.shift(out, dim, by, 1), along.shift(input, dim, -by, 0)
    if is_complex(out):
        before, decay = conj(before), conj(decay)
    return before * linear_recurrence(decay, g, dim, not reverse)


@primitive(forms="", under="internal")
def linear_recurrence(decay: Array, input: Array, /, dim: int, reverse: bool = False) -> Array:
    """s[t] = decay[t] · s[t-1] + input[t] along `dim` (from the end when `reverse`), by doubling: log₂ n
    steps.
    """
    if not input.ndim:
        return input.copy()
    order, work = -1 if reverse else 1, dtypes.compute_type(input.dtype)
    b = np.moveaxis(input, dim, 0)[::order].astype(work)
    a = np.moveaxis(decay, dim, 0)[::order].astype(work)
    step = 1
    while step < b.shape[0]:
        b[step:] = a[step:] * b[:-step] + b[step:]
        a[step:] = a[step:] * a[:-step]
        step *= 2
    return np.moveaxis(b[::order], 0, dim).astype(input.dtype, order="C", copy=False)


@linear_recurrence.backward
def _(g: Array, decay: Array, out: Array, dim: int, reverse: bool) -> tuple[Array, Array]:
    """The cotangent runs through the same recurrence the other way."""
    by = -1 if reverse else 1
    decay, before = along.shift(decay, dim, -by), along.shift(out, dim, by)
    if is_complex(out):
        decay, before = conj(decay), conj(before)
    back = linear_recurrence(decay, g, dim, not reverse)
    return back * before, back


def _typed(input: Array, dtype: Dtype | None) -> Array:
    """`input` in the type that sums of it have, or in `dtype`."""
    storage = sum_type_of(input, dtype)
    return of_type(input, storage)


def sum_type_of(input: Array, dtype: Dtype | None) -> np.dtype:
    """`sum_type` for an array or a Tensor."""
    if dtype is not None or not isinstance(input.dtype, Dtype):
        return sum_type(input, dtype)
    return (input.dtype if input.dtype.category >= dtypes.FLOAT else dtypes.int64).np


@composite(forms="mio")
def cumsum(input: Array, /, dim: int, *, dtype: Dtype | None = None) -> Array:
    """The sum of the elements up to each place along `dim`; integers sum to int64."""
    return running_sum(_typed(input, dtype), normalize_dim("cumsum", dim, len(input.shape)))


@composite(forms="mio")
def cumprod(input: Array, /, dim: int, *, dtype: Dtype | None = None) -> Array:
    """The product of the elements up to each place along `dim`; integers multiply to int64."""
    return running_prod(_typed(input, dtype), normalize_dim("cumprod", dim, len(input.shape)))


# -- running extremes ---------------------------------------------------------------------------------


def _running_extreme(name: str, input: Array, dim: int, largest: bool) -> tuple[Array, Array]:
    """Values and where they stand; of equal ones the last, and nan wins over all."""
    at = normalize_dim(name, dim, input.ndim)
    if input.dtype.kind == "c" and input.ndim:
        raise NotImplementedError(
            f'{name}: "{name}_cpu" not implemented for complex numbers: they have no order'
        )
    if not input.ndim:
        return input.copy(), np.zeros((), np.int64)
    found = scanning.extreme("max" if largest else "min", input, at)
    if found is not None:
        return found
    work = cast(input, dtypes.compute_type(input.dtype))
    values = (np.maximum if largest else np.minimum).accumulate(work, at)
    shape = [1] * input.ndim
    shape[at] = -1
    places = np.arange(input.shape[at]).reshape(shape)
    record = (work == values) | (np.isnan(work) if work.dtype.kind == "f" else False)
    return cast(values, input.dtype), np.maximum.accumulate(np.where(record, places, 0), at)


@primitive(forms="mo", outputs=("values", "indices"))
def cummax(input: Array, /, dim: int) -> tuple[Array, Array]:
    """The largest element up to each place along `dim`, and its index."""
    return _running_extreme("cummax", input, dim, True)


@primitive(forms="mo", outputs=("values", "indices"))
def cummin(input: Array, /, dim: int) -> tuple[Array, Array]:
    """The smallest element up to each place along `dim`, and its index."""
    return _running_extreme("cummin", input, dim, False)


cummax.vjp(input=lambda g, indices, input_shape, dim: place_along(g[0], indices, input_shape, dim))
cummin.vjp(input=lambda g, indices, input_shape, dim: place_along(g[0], indices, input_shape, dim))


# -- logcumsumexp -------------------------------------------------------------------------------------


def _complex_logcumsumexp(x: Any, to: int) -> Any:
    """Running log Σ exp over the first axis, moved back `to` its place, by doubling."""
    out, step = x.copy(), 1
    while step < len(out):
        a, b = out[step:], out[:-step]
        least, most = np.where(a.real < b.real, a, b), np.where(a.real < b.real, b, a)
        out[step:] = most + np.where(np.isinf(most), 0, np.log1p(np.exp(least - most)))
        step *= 2
    return np.moveaxis(out, 0, to)


@primitive(forms="mo")
def logcumsumexp(input: Array, /, dim: int) -> Array:
    """log Σ exp of the elements up to each place along `dim`, without overflow."""
    at = normalize_dim("logcumsumexp", dim, input.ndim)
    if input.dtype.kind in "biu":
        raise NotImplementedError(
            f'logcumsumexp: "logcumsumexp_out_cpu" not implemented for {input.dtype}; use .float()'
        )
    if not input.ndim:
        return input.copy()
    work = dtypes.compute_type(input.dtype)
    if input.dtype.kind == "c":
        return _complex_logcumsumexp(np.moveaxis(input, at, 0), at)
    return cast(
        np.logaddexp.accumulate(cast(input, work), at, dtype=_ACCUMULATE.get(work, work)), input.dtype
    )


@logcumsumexp.backward
def _(g: Array, input: Array, out: Array, dim: int) -> Array:
    """exp(x_i - out_i) Σ_{j>=i} g_j exp(out_i - out_j): the sum is a recurrence whose decay never exceeds
    1.
    """
    at = normalize_dim("logcumsumexp", dim, len(input.shape))
    decay = exp(out - along.shift(out, at, -1, float("inf")))
    if is_complex(out):
        decay = conj(decay)
    mine = exp(input - out)
    return (conj(mine) if is_complex(out) else mine) * linear_recurrence(decay, g, at, True)


# An integer `out=` makes PyTorch sum integers: the input is converted first.
cumsum.out_decides_dtype = cumprod.out_decides_dtype = True
