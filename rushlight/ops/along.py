"""What reductions and scans share: one entry per line along a dimension, masks, and moves along a
dimension.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..arrays import gathering, memory
from ..arrays.lines import row_starts
from ..arrays.numpy import normalize_dims
from ..arrays.tracing import WATCHED
from ..dtypes import dtype as Dtype
from ..dtypes import of_numpy
from .convert import to_dtype
from .declare import Op, primitive, registry
from .views import expand, reshape

Array = Any


def late(name: str) -> Any:
    """The op of this name, found when it is called: for ops declared further down."""
    return lambda *args, **kwargs: registry[name](*args, **kwargs)


# -- helpers of formulas ------------------------------------------------------------------------------


def with_dims(x: Any, shape: tuple[int, ...], dim: Any, keepdim: bool) -> Any:
    """A reduction's result with the reduced dimensions of `shape` back in place, of size 1."""
    if keepdim or not len(shape):
        return x
    axes = normalize_dims("reduction", dim, len(shape))
    sizes = tuple(1 if i in axes else n for i, n in enumerate(shape))
    return x.reshape(sizes) if x.__class__ is np.ndarray else reshape(x, sizes)


def spread(g: Any, shape: tuple[int, ...], dim: Any, keepdim: bool) -> Any:
    """A reduction's cotangent over its input's shape: the reduced dimensions back in place, stretched."""
    g = np.asarray(g) if isinstance(g, np.generic) else g
    if g.__class__ is np.ndarray and g.dtype.char in "fd" and g.flags.c_contiguous:
        return _stretched(g, tuple(shape), dim, keepdim)
    return expand(with_dims(g, shape, dim, keepdim), shape)


def _stretched(g: np.ndarray, shape: tuple[int, ...], dim: Any, keepdim: bool) -> np.ndarray:
    """`spread` of a contiguous array, in one step (a fifth of the time of reshape and expand)."""
    if dim is None and not keepdim:
        strides = (0,) * len(shape)
    else:
        axes, given = normalize_dims("reduction", dim, len(shape)), iter(g.strides)
        strides = tuple(
            (next(given) and 0 if keepdim else 0) if i in axes else next(given) for i in range(len(shape))
        )
    out = np.ndarray(shape, g.dtype, g, 0, strides)
    out.flags.writeable = False
    return out


def of_type(g: Any, storage: np.dtype) -> Any:
    """`g` (array or Tensor) with elements of NumPy type `storage`; itself when they are."""
    have = g.dtype
    same = have is of_numpy(storage) if isinstance(have, Dtype) else have == storage
    return g if same else to_dtype(g, of_numpy(storage))


def no_derivative(op: Op) -> None:
    """Let backward through `op` be an error, not a gradient that is silently missing."""

    def backward(g: Any) -> Any:
        raise RuntimeError(f"{op.name}: derivative for {op.name} is not implemented; call it on x.detach()")

    op.backward(backward)


def count(shape: tuple[int, ...], dim: Any) -> int:
    """How many elements a reduction over `dim` takes together."""
    n = 1
    for i in normalize_dims("reduction", dim, len(shape)):
        n *= shape[i]
    return n


def is_complex(x: Any) -> bool:
    """Whether an array or Tensor has complex elements."""
    return x.dtype.is_complex if isinstance(x.dtype, Dtype) else x.dtype.kind == "c"


# -- one entry per line -------------------------------------------------------------------------------


@primitive(forms="", under="internal")
def pick_along(input: Array, indices: Array, /, dim: int) -> Array:
    """input[..., indices, ...] along `dim`; `indices` has as many dimensions as `input`."""
    if not input.ndim:
        return input.copy()
    found = gathering.gather(input, indices, dim % input.ndim) if WATCHED else None
    return np.take_along_axis(input, indices, dim) if found is None else found


pick_along.vjp(input=lambda g, input_shape, indices, dim: place_along(g, indices, input_shape, dim))


@primitive(forms="", under="internal")
def place_along(input: Array, indices: Array, /, size: Sequence[int], dim: int) -> Array:
    """Zeros of `size` with `input` added at `indices` along `dim`: the adjoint of pick_along."""
    out = memory.zeros(tuple(size), input.dtype)
    if not out.ndim:
        return out + input.reshape(())
    if WATCHED and gathering.scatter(out, indices, dim % out.ndim, input, adds=True):
        return out
    if input.shape[dim] == 1:  # at most one entry per line: no two meet
        if out.ndim == 2 and dim % 2 == 1:
            out.reshape(-1)[indices[:, 0] + row_starts(*out.shape)] = input[:, 0]
        else:
            np.put_along_axis(out, indices, input, dim)
        return out
    places: list[Any] = list(np.meshgrid(*(np.arange(n) for n in indices.shape), indexing="ij", sparse=True))
    places[dim] = indices
    np.add.at(out, tuple(places), input)
    return out


place_along.vjp(input=lambda g, indices, dim: pick_along(g, indices, dim))


@primitive(forms="", under="internal")
def permute_along(input: Array, indices: Array, /, dim: int) -> Array:
    """Each line of `input` along `dim` in the order `indices`, which are a permutation: the adjoint is its
    inverse.
    """
    return pick_along.body(input, indices, dim)


permute_along.vjp(input=lambda g, indices, dim: unpermute_along(g, indices, dim))


@primitive(forms="", under="internal")
def unpermute_along(input: Array, indices: Array, /, dim: int) -> Array:
    """What permute_along undoes: entry i of each line goes back to place indices[i]."""
    if not input.ndim:
        return input.copy()
    out = memory.zeros(input.shape, input.dtype) if WATCHED else np.empty(input.shape, input.dtype)
    if not WATCHED or not gathering.scatter(out, indices, dim % out.ndim, input, adds=False):
        np.put_along_axis(out, indices, input, dim)
    return out


unpermute_along.vjp(input=lambda g, indices, dim: permute_along(g, indices, dim))


# -- masks and moves ----------------------------------------------------------------------------------


@primitive(forms="", under="internal")
def keep(input: Array, mask: Array, /) -> Array:
    """`input` where `mask` holds, exactly 0 elsewhere (a product would make nan of inf · 0); shapes
    broadcast.
    """
    return np.where(mask, input, np.zeros((), input.dtype))


keep.traced = lambda input, mask: late("select_where")(mask, input, False)  # that promotes nothing
keep.vjp(input=lambda g, mask, input_shape: sum_back(keep(g, mask), input_shape))


def sum_back(g: Any, shape: tuple[int, ...]) -> Any:
    """`g` summed to `shape` when broadcasting stretched it."""
    from .views import sum_to_size

    return g if tuple(g.shape) == tuple(shape) else sum_to_size(g, shape)


@primitive(forms="", under="internal")
def shift(input: Array, /, dim: int, by: int, fill: float = 0) -> Array:
    """Every line along `dim` moved by one place, forward (by=1) or back (by=-1); `fill` comes in."""
    if not input.ndim:
        return np.full((), fill, input.dtype)
    out = np.empty(input.shape, input.dtype)
    ahead = (slice(None),) * (dim % input.ndim)
    later, earlier, end = (
        (slice(1, None), slice(None, -1), 0) if by > 0 else (slice(None, -1), slice(1, None), -1)
    )
    if out.size:
        memory.copy_into(out[(*ahead, later)], input[(*ahead, earlier)])
        memory.filled(out[(*ahead, end, ...)], fill)
    return out


shift.vjp(input=lambda g, dim, by: shift(g, dim, -by))
