"""Order statistics: medians, the k-th smallest, the most frequent."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays.numpy import normalize_dim
from ..errors import shape_text
from .declare import composite, primitive
from .extremes import evenly, keeping, ordered, value_at
from .sorting import stable_order

Array = Any

# -- kernels ------------------------------------------------------------------------------------------


def _chosen(name: str, input: Array, dim: int, keepdim: bool, choose: Any) -> tuple[Array, Array]:
    """The element of each line along `dim` at the index that `choose` gives for lines in the last
    dimension.
    """
    at = normalize_dim(name, dim, input.ndim)
    if input.dtype.kind == "b" and name != "mode" and input.ndim:
        raise NotImplementedError(f'{name}: "{name}_out" not implemented for bool; use .int()')
    if not input.ndim:
        return input.copy(), np.zeros((), np.int64)
    if not input.shape[at]:
        raise IndexError(f"{name}(): Expected reduction dim {at} to have non-zero size.")
    lines = ordered(name, input).swapaxes(at, -1)
    indices = np.asarray(choose(lines), np.int64)[..., None].swapaxes(at, -1)
    values = np.take_along_axis(input, indices, at)
    return keeping((values.squeeze(at), indices.squeeze(at)), input, dim, keepdim)


def _is_nan(x: np.ndarray) -> np.ndarray:
    return np.isnan(x) if x.dtype.kind == "f" else np.zeros(x.shape, np.bool_)


def _middle(x: np.ndarray) -> np.ndarray:
    """The index of the lower median of each line; of the first nan where there is one."""
    k = (x.shape[-1] - 1) // 2
    nans = _is_nan(x)
    return np.where(nans.any(-1), nans.argmax(-1), stable_order(x)[..., k])


def _middle_of_numbers(x: np.ndarray) -> np.ndarray:
    """The index of the lower median of each line's numbers (nan is sorted behind them)."""
    k = np.maximum((~_is_nan(x)).sum(-1) - 1, 0) // 2
    return np.take_along_axis(stable_order(x), k[..., None], -1)[..., 0]


def _commonest(x: np.ndarray) -> np.ndarray:
    """The last index of the most frequent element of each line; of equally frequent ones the smallest
    element's.
    """
    order = stable_order(x)
    s = np.take_along_axis(x, order, -1)
    starts = np.ones(s.shape, np.bool_)
    starts[..., 1:] = s[..., 1:] != s[..., :-1]
    places = np.arange(s.shape[-1])
    run = places - np.maximum.accumulate(np.where(starts, places, 0), -1)
    return np.take_along_axis(order, run.argmax(-1)[..., None], -1)[..., 0]


def _median_all(name: str, input: Array, skip_nans: bool) -> Array:
    if input.dtype.kind == "b":
        raise NotImplementedError(f'{name}: "median_cpu" not implemented for bool; use .int()')
    x = ordered(name, input).reshape(-1)
    nans = _is_nan(x)
    if not x.size or (nans.any() and not skip_nans) or (nans.all() and x.dtype.kind == "f"):
        return np.asarray(np.nan if x.dtype.kind == "f" else np.iinfo(x.dtype).min, input.dtype)
    k = (x.size - 1 - int(nans.sum())) // 2
    return np.asarray(np.partition(x, k)[k], input.dtype)


# -- medians ------------------------------------------------------------------------------------------


@primitive(forms="", under="internal")
def median_all(input: Array, /) -> Array:
    """The lower median of all elements; nan where one is nan."""
    return _median_all("median", input, False)


@primitive(forms="", under="internal")
def nanmedian_all(input: Array, /) -> Array:
    """The lower median of all elements that are numbers."""
    return _median_all("nanmedian", input, True)


@primitive(forms="", under="internal", outputs=("values", "indices"))
def median_dim(input: Array, /, dim: int, keepdim: bool = False) -> tuple[Array, Array]:
    """The lower median of each line along `dim`, and its index."""
    return _chosen("median", input, dim, keepdim, _middle)


@primitive(forms="", under="internal", outputs=("values", "indices"))
def nanmedian_dim(input: Array, /, dim: int, keepdim: bool = False) -> tuple[Array, Array]:
    """The lower median of each line's numbers along `dim`, and its index."""
    return _chosen("nanmedian", input, dim, keepdim, _middle_of_numbers)


@composite(forms="m")
def median(input: Array, /, dim: int | None = None, keepdim: bool = False) -> Any:
    """The lower of the middle elements (nan where there is a nan); with `dim`, (values, indices) along it."""
    return median_all(input) if dim is None else median_dim(input, dim, keepdim)


@composite(forms="m")
def nanmedian(input: Array, /, dim: int | None = None, keepdim: bool = False) -> Any:
    """The lower of the middle elements among the numbers; with `dim`, (values, indices) along it."""
    return nanmedian_all(input) if dim is None else nanmedian_dim(input, dim, keepdim)


@primitive(forms="mo", outputs=("values", "indices"))
def mode(input: Array, /, dim: int = -1, keepdim: bool = False) -> tuple[Array, Array]:
    """The most frequent element of each line along `dim` (the smallest of several), and the last index it
    has.
    """
    return _chosen("mode", input, dim, keepdim, _commonest)


@primitive(forms="mo", outputs=("values", "indices"))
def kthvalue(input: Array, /, k: int, dim: int = -1, keepdim: bool = False) -> tuple[Array, Array]:
    """The k-th smallest element (from 1) of each line along `dim`, and its index; nan is largest."""
    size = input.shape[normalize_dim("kthvalue", dim, input.ndim)] if input.ndim else 1
    if not 1 <= k <= size:
        raise RuntimeError(
            f"kthvalue(): selected number k out of range for dimension {dim}: k = {k}, shape "
            f"{shape_text(input.shape)}"
        )
    return _chosen("kthvalue", input, dim, keepdim, lambda x: stable_order(x)[..., k - 1])


for _op in (median_all, nanmedian_all):
    _op.backward(evenly(True))
for _op in (median_dim, nanmedian_dim, mode, kthvalue):
    _op.backward(value_at)
