"""Elements by position along one dimension: gather, scatter and scatter_add name a position for each element.

Positions become flat offsets into row-major memory, so that one `take` or one `add_at` does the work whatever
the dimension; an expanded index (the same for all other dimensions) moves whole slices.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..arrays import gathering, memory
from ..arrays.accumulate import add_at, add_rows
from ..arrays.numpy import ndarray, normalize_dim
from ..arrays.tracing import WATCHED
from ..dtypes import OF_NUMPY, compute_type
from ..errors import shape_text
from .declare import primitive
from .fill import checked
from .index import slice_into_zeros

Array = Any


# -- positions -------------------------------------------------------------------------------------------


def check_positions(
    name: str, index: ndarray, size: int, dim: int, error: type[Exception] = RuntimeError
) -> None:
    """Raise where an index is not in 0..size-1, in one pass: as unsigned numbers negative ones are large."""
    if index.size and int(index.view(UNSIGNED[index.dtype.char]).max()) >= size:
        wrong = index[(index < 0) | (index >= size)].flat[0]
        raise error(f"{name}: index {wrong} is out of bounds for dimension {dim} with size {size}")


#: unsigned types of the same size, by NumPy's letter
UNSIGNED = {"i": np.uint32, "l": np.uint64, "q": np.uint64}


def check_index_type(name: str, index: ndarray) -> None:
    """Raise RuntimeError unless the index is of int32 or int64."""
    if index.dtype.char not in "ilq":
        raise RuntimeError(
            f"{name}(): Expected dtype int32/int64 for index, not {OF_NUMPY[index.dtype].name}"
        )


def check_along(name: str, shape: tuple[int, ...], index: ndarray, dim: int) -> int:
    """The dimension counted from the front, once index type, rank and sizes are found fit."""
    at = normalize_dim(name, dim, len(shape))
    check_index_type(name, index)
    if max(index.ndim, 1) != max(len(shape), 1) and index.size:
        raise RuntimeError(
            f"{name}: Index tensor must have the same number of dimensions as input tensor: index "
            f"{shape_text(index.shape)}, input {shape_text(shape)}"
        )
    if any(n > shape[d] for d, n in enumerate(index.shape) if d != at and index.size):
        raise RuntimeError(
            f"{name}: Size does not match: expected index {list(index.shape)} to be no larger than self "
            f"{list(shape)} apart from dimension {at}"
        )
    check_positions(name, index, shape[at] if shape else 1, at)
    return at


def flat_places(shape: tuple[int, ...], index: ndarray, at: int) -> ndarray:
    """Flat offsets in row-major memory of `shape` of the elements at `index` along dimension `at`."""
    if index.ndim <= 1 and len(shape) <= 1:
        return index
    step = math.prod(shape[at + 1 :])
    offsets = _other_offsets(shape, index.shape, at)
    return index + offsets if step == 1 else index * np.int64(step) + offsets


def _other_offsets(shape: tuple[int, ...], counts: tuple[int, ...], at: int) -> Any:
    """The part of the offsets that the other dimensions make, for so many positions along each."""
    offsets, step = 0, 1
    for d in range(len(shape) - 1, -1, -1):
        if d != at and counts[d] > 1:
            offsets = offsets + (np.arange(counts[d]) * step).reshape((-1,) + (1,) * (len(shape) - 1 - d))
        step *= shape[d]
    return offsets


def whole_slices(shape: tuple[int, ...], index: ndarray, at: int) -> ndarray | None:
    """The positions as a vector if `index` repeats it over all other dimensions (an expanded index), else
    None.
    """
    if index.ndim < 2 or any(
        d != at and (index.shape[d] != n or (n > 1 and index.strides[d])) for d, n in enumerate(shape)
    ):
        return None
    return index[tuple(slice(None) if d == at else 0 for d in range(index.ndim))] if index.size else None


def add_along(out: ndarray, index: ndarray, at: int, values: ndarray) -> None:
    """out[index along `at`] += values, repeats included; `out` of any layout."""
    slices = whole_slices(out.shape, index, at) if out.ndim > 1 else None
    if slices is not None:
        add_slices(out, slices, at, values)
        return
    if out.ndim and gathering.scatter(out, index, at, values, adds=True):
        return
    flat = out.reshape(-1)
    add_at(flat, flat_places(out.shape, index, at).reshape(-1), values.reshape(-1))
    if not np.may_share_memory(flat, out):
        memory.copy_into(out, flat.reshape(out.shape))


def add_slices(out: ndarray, index: ndarray, at: int, values: ndarray) -> None:
    """Slice i of `values` along `at` added to slice index[i] of `out`."""
    if gathering.add(out, index, at, values):
        return
    turned = np.moveaxis(out, at, 0)
    table = np.ascontiguousarray(turned).reshape(turned.shape[0], math.prod(turned.shape[1:]))
    add_rows(table, index.reshape(-1), np.moveaxis(values, at, 0).reshape(index.size, table.shape[1]))
    if not np.may_share_memory(table, out):
        turned[...] = table.reshape(turned.shape)


# -- gather -----------------------------------------------------------------------------------------------


@primitive(forms="mo")
def gather(input: Array, dim: int, index: Array, /, *, sparse_grad: bool = False) -> Array:
    """out[i][j][k] = input[i][index[i][j][k]][k] for dim = 1: an element for each index, along `dim`."""
    at = check_along("gather", input.shape, index, dim)
    slices = whole_slices(input.shape, index, at) if input.ndim > 1 else None
    if slices is not None:
        return gathering.take(input, slices, at)
    found = gathering.gather(input, index, at) if input.ndim else None
    if found is not None:
        return found
    return input.reshape(-1).take(flat_places(input.shape, index, at))


gather.vjp(input=lambda g, input_shape, dim, index: add_into_zeros(g, dim, index, input_shape))


@primitive(forms="", under="internal")
def add_into_zeros(input: Array, dim: int, index: Array, /, size: Any) -> Array:
    """Zeros of `size` with `input` added at the positions `index` along `dim`: the adjoint of gather."""
    out = memory.zeros(size, input.dtype)
    add_along(out, index, dim % max(out.ndim, 1), input)
    return out


add_into_zeros.vjp(input=lambda g, dim, index: gather(g, dim, index))


# -- scatter ----------------------------------------------------------------------------------------------


def check_source(name: str, out: ndarray, index: ndarray, src: Any) -> Any:
    """The part of `src` that the index covers, or the number as an array. Raises for a misfit of type or
    size.
    """
    if getattr(src, "shape", None) is None:
        value = checked(src, out.dtype)
        return memory.full((), value.item(), out.dtype) if WATCHED else value
    if src.dtype != out.dtype:
        raise RuntimeError(
            f"{name}(): Expected self.dtype to be equal to src.dtype, got {OF_NUMPY[out.dtype].name} and "
            f"{OF_NUMPY[src.dtype].name}"
        )
    if not index.size:
        return src
    if max(src.ndim, 1) != max(index.ndim, 1):
        raise RuntimeError(f"{name}: Index tensor must have the same number of dimensions as src tensor")
    if any(n > m for n, m in zip(index.shape, src.shape, strict=False)):
        raise RuntimeError(
            f"{name}: Expected index {list(index.shape)} to be no larger than self {list(out.shape)} apart "
            f"from the dimension and to be no larger size than src {list(src.shape)}"
        )
    return src[tuple(map(slice, index.shape))] if src.shape != index.shape and src.ndim else src


def one_source(src: Any, value: Any) -> Any:
    """The `src` or the `value` of a call, whichever was given. Raises TypeError unless exactly one was."""
    if (src is None) == (value is None):
        raise TypeError("scatter: give either src (a tensor, or a number) or value (a number)")
    return value if src is None else src


@primitive(forms="mio")
def scatter(
    input: Array,
    dim: int,
    index: Array,
    src: Array = None,
    /,
    value: Any = None,
    *,
    reduce: str | None = None,
) -> Array:
    """`input` with out[i][index[i][j][k]][k] = src[i][j][k] for dim = 1; a number is written everywhere.

    `reduce` "add" or "multiply" combines with what is there. Which of several values for one place wins is
    not defined.
    """
    return scatter_into(memory.copied(input), index, src, dim, value, reduce)


@scatter.writes
def scatter_into(
    out: ndarray, index: ndarray, src: Any, dim: int, value: Any = None, reduce: str | None = None
) -> ndarray:
    """scatter, written into `out`."""
    at = check_along("scatter", out.shape, index, dim)
    values = check_source("scatter", out, index, one_source(src, value))
    if reduce not in (None, "add", "multiply"):
        raise RuntimeError("scatter: reduce argument must be either add or multiply.")
    if index.size:
        _combine_along(out, index, at, values, {None: None, "add": "sum", "multiply": "prod"}[reduce])
    return out


def _combine_along(out: ndarray, index: ndarray, at: int, values: ndarray, how: str | None) -> None:
    """out[index along `at`] combined with `values`: set (None), or a ufunc's reduction, repeats included."""
    if how == "sum":
        add_along(out, index, at, np.broadcast_to(values, index.shape))
        return
    if how is None and out.ndim and gathering.scatter(out, index, at, values, adds=False):
        return
    flat = out.reshape(-1)
    places = flat_places(out.shape, index, at)
    if how is None:
        flat[places] = values
    else:
        combine_at(flat, places.reshape(-1), np.broadcast_to(values, index.shape).reshape(-1), how)
    if not np.may_share_memory(flat, out):
        out[...] = flat.reshape(out.shape)


def combine_at(flat: ndarray, places: ndarray, values: ndarray, how: str) -> None:
    """flat[places[i]] = how(flat[places[i]], values[i]) for all i, for "prod", "amax" or "amin"."""
    work = compute_type(flat.dtype)
    wide = flat if work == flat.dtype else flat.astype(work)
    _UFUNCS[how].at(wide, places, values.astype(work, copy=False))
    if wide is not flat:
        flat[...] = wide.astype(flat.dtype)


_UFUNCS = {"prod": np.multiply, "amax": np.maximum, "amin": np.minimum}


def _scatter_input(g: Array, dim: int, index: Array, reduce: str | None) -> Array:
    _refuse_multiply(reduce)
    return g if reduce == "add" else scatter(g, dim, index, 0)


def _scatter_src(g: Array, dim: int, index: Array, reduce: str | None, src_shape: Any) -> Array:
    _refuse_multiply(reduce)
    return grown(gather(g, dim, index), src_shape)


def _refuse_multiply(reduce: str | None) -> None:
    if reduce == "multiply":
        raise NotImplementedError(
            "scatter: the derivative for reduce='multiply' is not implemented; use scatter_reduce"
        )


scatter.vjp(input=_scatter_input, src=_scatter_src)


def grown(g: Array, shape: tuple[int, ...]) -> Array:
    """`g` in the corner of zeros of `shape`: the cotangent of a source larger than its index."""
    if tuple(g.shape) == tuple(shape):
        return g
    return slice_into_zeros(g, shape, tuple(map(slice, g.shape)))


@primitive(forms="mio")
def scatter_add(input: Array, dim: int, index: Array, src: Array, /) -> Array:
    """`input` with out[i][index[i][j][k]][k] += src[i][j][k] for dim = 1; places may repeat."""
    return scatter_add_into(memory.copied(input), index, src, dim)


@scatter_add.writes
def scatter_add_into(out: ndarray, index: ndarray, src: ndarray, dim: int) -> ndarray:
    """scatter_add, written into `out`."""
    at = check_along("scatter_add", out.shape, index, dim)
    values = check_source("scatter_add", out, index, src)
    if index.size:
        add_along(out, index, at, values)
    return out


scatter_add.vjp(
    input=lambda g: g, src=lambda g, dim, index, src_shape: grown(gather(g, dim, index), src_shape)
)
