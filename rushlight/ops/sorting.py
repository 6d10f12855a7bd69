"""Sorting and its relatives: order statistics with their indices. Equal elements keep their order; nan is
largest.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import rushlight.dtypes as dtypes

from ..arrays import scanning
from ..arrays.numpy import cast, normalize_dim
from ..dtypes import OF_NUMPY
from ..errors import shape_text
from .along import place_along, unpermute_along
from .declare import composite, primitive

Array = Any

# -- kernels ------------------------------------------------------------------------------------------


def comparable(name: str, input: Array) -> Array:
    """`input` as NumPy can order it. Raises RuntimeError for complex numbers, and for booleans in topk."""
    if input.dtype.kind == "c" or (name == "topk" and input.dtype.kind == "b"):
        what = "Sort" if name != "topk" else name
        raise RuntimeError(
            f"{name}: {what} does not support {OF_NUMPY[input.dtype]} (complex or bool) dtypes on CPU"
        )
    return cast(input, dtypes.compute_type(input.dtype))


def _keys(x: np.ndarray) -> np.ndarray | None:
    """Unsigned 32-bit numbers in the same order as `x` (nan last, zeros equal), or None where 32 bits do not
    do.
    """
    if x.dtype == np.float32:
        bits = (x + np.float32(0)).view(np.int32)
        ordered = np.where(bits < 0, ~bits, bits | np.int32(-(2**31))).view(np.uint32)
        return np.where(np.isnan(x), np.uint32(0xFFFFFFFF), ordered)
    if x.dtype.kind in "iu" and x.dtype.itemsize <= 4:
        return (x.astype(np.int64) - np.iinfo(x.dtype).min).astype(np.uint32)
    return None


def stable_order(x: np.ndarray, descending: bool = False) -> np.ndarray:
    """The stable argsort of the last dimension.

    For 32-bit elements key and index are packed into one uint64: NumPy sorts those several times as fast as
    it argsorts stably.
    """
    keys = _keys(x) if x.shape[-1] > 256 and x.shape[-1] < 2**31 else None
    if keys is not None:
        keys = ~keys if descending else keys
        packed = keys.astype(np.uint64) << np.uint64(32) | np.arange(x.shape[-1], dtype=np.uint64)
        packed.sort(-1)
        return (packed & np.uint64(0xFFFFFFFF)).astype(np.int64)
    if not descending:
        return np.argsort(x, -1, kind="stable")
    return x.shape[-1] - 1 - np.argsort(x[..., ::-1], -1, kind="stable")[..., ::-1]


def _lines(input: Array, dim: int) -> Array:
    return input.swapaxes(dim, -1)


def sort_lines(name: str, input: Array, dim: int, descending: bool) -> tuple[Array, Array]:
    """Values and indices of `input` sorted along `dim`."""
    at = normalize_dim(name, dim, input.ndim)
    x = comparable(name, input)
    if not input.ndim:
        return input.copy(), np.zeros((), np.int64)
    indices = np.ascontiguousarray(_lines(stable_order(_lines(x, at), descending), at))
    return np.take_along_axis(input, indices, at), indices


# -- sort ---------------------------------------------------------------------------------------------


@primitive(forms="mo", outputs=("values", "indices"))
def sort(
    input: Array, /, dim: int = -1, descending: bool = False, *, stable: bool | None = None
) -> tuple[Array, Array]:
    """The elements of each line along `dim` in order, and where they stood; always stable, nan is largest."""
    return sort_lines("sort", input, dim, descending)


sort.vjp(input=lambda g, indices, dim: unpermute_along(g[0], indices, dim))


@primitive(differentiable=False)
def argsort(input: Array, /, dim: int = -1, descending: bool = False, *, stable: bool = False) -> Array:
    """The indices that sort each line along `dim`; always stable, nan is largest."""
    at = normalize_dim("argsort", dim, input.ndim)
    x = comparable("argsort", input)
    if not input.ndim:
        return np.zeros((), np.int64)
    return np.ascontiguousarray(_lines(stable_order(_lines(x, at), descending), at))


@composite(forms="mo")
def msort(input: Array, /) -> Array:
    """The elements sorted along the first dimension."""
    return sort(input, 0)[0]


# -- the k first --------------------------------------------------------------------------------------


def _top(x: np.ndarray, k: int, largest: bool) -> np.ndarray:
    """Indices of the k first of each line in order; of long lines only a part is sorted."""
    n = x.shape[-1]
    if n <= 64 or 2 * k >= n:
        return stable_order(x, largest)[..., :k]
    part = np.argpartition(x, n - k, -1)[..., n - k :] if largest else np.argpartition(x, k - 1, -1)[..., :k]
    part = np.sort(part, -1)  # so that equal ones come out in order
    return np.take_along_axis(part, stable_order(np.take_along_axis(x, part, -1), largest), -1)


@primitive(forms="mo", outputs=("values", "indices"))
def topk(
    input: Array, /, k: int, dim: int = -1, largest: bool = True, sorted: bool = True
) -> tuple[Array, Array]:
    """The k largest (or smallest) elements of each line along `dim` and their indices; nan is largest."""
    at = normalize_dim("topk", dim, input.ndim)
    size = input.shape[at] if input.ndim else 1
    if not 0 <= k <= size:
        raise RuntimeError(
            f"topk: selected index k out of range: k = {k}, but dimension {dim} has size {size}, shape "
            f"{shape_text(input.shape)}"
        )
    x = comparable("topk", input)
    if not input.ndim or not k:
        shape = (
            ()
            if not input.ndim and k
            else tuple(k if i == at else n for i, n in enumerate(input.shape)) or (k,)
        )
        return (input.copy() if not input.ndim and k else np.empty(shape, input.dtype)), np.zeros(
            shape, np.int64
        )
    first = scanning.topk(_lines(x, at), k, largest) if x is input else None
    if first is not None:
        return tuple([np.ascontiguousarray(_lines(a, at)) for a in first])
    found = _top(_lines(x, at), k, largest)
    indices = np.ascontiguousarray(_lines(found, at))
    return np.take_along_axis(input, indices, at), indices


topk.vjp(input=lambda g, indices, input_shape, dim: place_along(g[0], indices, input_shape, dim))
