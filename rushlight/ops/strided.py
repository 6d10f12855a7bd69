"""Views by strides: any sizes and strides over a tensor's storage, and sliding windows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..arrays.accumulate import add_at
from ..arrays.by_rows import add_into
from ..arrays.memory import zeros
from ..arrays.numpy import ndarray, normalize_dim
from .declare import primitive
from .declare import view as viewing
from .fill import zero
from .views import storage_bytes, strided_view

Array = Any


@viewing(forms="mi")
def as_strided(
    input: Array, /, size: Sequence[int], stride: Sequence[int], storage_offset: int | None = None
) -> Array:
    """A view of the storage with any sizes and strides (in elements). Raises RuntimeError where it would
    leave it.
    """
    sizes, steps = tuple(size), tuple(stride)
    _check_geometry(sizes, steps)
    start = storage_start(input) if storage_offset is None else storage_offset
    flat = storage_bytes(input)[0] if input.size else np.empty(0, np.uint8)
    n = input.itemsize
    needed = (start + 1 + sum((s - 1) * d for s, d in zip(sizes, steps, strict=True))) * n
    if 0 not in sizes and needed > flat.nbytes:
        raise RuntimeError(
            f"as_strided: setStorage: sizes {list(sizes)}, strides {list(steps)}, storage offset {start}, "
            f"and itemsize {n} requiring a storage size of {needed} are out of bounds for storage of size "
            f"{flat.nbytes}"
        )
    return ndarray(
        sizes, input.dtype, flat, start * n if 0 not in sizes else 0, tuple([s * n for s in steps])
    )


def _check_geometry(sizes: tuple[int, ...], steps: tuple[int, ...]) -> None:
    if len(sizes) != len(steps):
        raise RuntimeError(
            f"as_strided: mismatch in length of strides and shape: {list(steps)} and {list(sizes)}"
        )
    if any(d < 0 for d in steps):
        raise RuntimeError(
            f"as_strided: Negative strides are not supported at the moment, got strides: {list(steps)}"
        )
    if any(n < 0 for n in sizes):
        raise RuntimeError(f"as_strided: sizes must not be negative, got {list(sizes)}")


def storage_start(a: ndarray) -> int:
    """Elements between the start of `a`'s storage and its first element."""
    return storage_bytes(a)[1] // a.itemsize if a.size else 0


@as_strided.shape
def _(
    input: Array, size: Sequence[int], stride: Any = None, storage_offset: Any = None
) -> tuple[tuple[int, ...], Any]:
    return tuple(size), input.dtype


as_strided.vjp(
    input=lambda g, input, size, stride, storage_offset: strided_sum(g, input, size, stride, storage_offset)
)


def _places(like: ndarray, size: Sequence[int], stride: Sequence[int], storage_offset: int | None) -> ndarray:
    """Offsets in the storage of `like` of the elements of its as_strided view, flat."""
    start = storage_start(like) if storage_offset is None else storage_offset
    places = np.full(tuple(size), start)
    for d, (n, step) in enumerate(zip(size, stride, strict=True)):
        places += (np.arange(n) * step).reshape((-1,) + (1,) * (len(size) - 1 - d))
    return places.reshape(-1)


def _memory(like: ndarray, kind: np.dtype) -> ndarray:
    """Zeros of type `kind`, one for each element of the storage of `like`."""
    return np.zeros(storage_bytes(like)[0].nbytes // like.itemsize if like.size else 0, kind)


def _over(memory: ndarray, like: ndarray) -> ndarray:
    """An array laid over `memory` as `like` lies over its storage."""
    strides = tuple([s // like.itemsize * memory.itemsize for s in like.strides])
    return ndarray(like.shape, memory.dtype, memory, storage_start(like) * memory.itemsize, strides)


@primitive(forms="", under="internal")
def strided_sum(
    input: Array, like: Array, /, size: Sequence[int], stride: Sequence[int], storage_offset: int | None
) -> Array:
    """What lands on each element of `like` when `input` is added through an as_strided view: its adjoint."""
    memory = _memory(like, input.dtype)
    add_at(memory, _places(like, size, stride, storage_offset), input.reshape(-1))
    return _over(memory, like).copy()


@primitive(forms="", under="internal")
def strided_pick(
    input: Array, like: Array, /, size: Sequence[int], stride: Sequence[int], storage_offset: int | None
) -> Array:
    """What an as_strided view of `input` shows, were it laid out as `like` is: the adjoint of strided_sum."""
    memory = _memory(like, input.dtype)
    _over(memory, like)[...] = input
    return memory[_places(like, size, stride, storage_offset)].reshape(tuple(size))


strided_sum.vjp(
    input=lambda g, like, size, stride, storage_offset: strided_pick(g, like, size, stride, storage_offset),
    like=lambda g, like: zero(like),
)
strided_pick.vjp(
    input=lambda g, like, size, stride, storage_offset: strided_sum(g, like, size, stride, storage_offset),
    like=lambda g, like: zero(like),
)


@primitive
def as_strided_scatter(
    input: Array, src: Array, /, size: Sequence[int], stride: Sequence[int], storage_offset: int | None = None
) -> Array:
    """A copy of `input`, laid out as it is, with `src` in place of what as_strided shows."""
    _check_geometry(tuple(size), tuple(stride))
    if tuple(src.shape) != tuple(size):
        raise RuntimeError(
            "as_strided_scatter: expected src to have a size equal to the slice of self. src size = "
            f"{list(src.shape)}, slice size = {list(size)}"
        )
    memory = _memory(input, input.dtype)
    out = _over(memory, input)
    out[...] = input
    memory[_places(input, size, stride, storage_offset)] = src.reshape(-1)
    return out


@primitive(forms="", under="internal")
def strided_erase(
    input: Array, like: Array, /, size: Sequence[int], stride: Sequence[int], storage_offset: int | None
) -> Array:
    """`input` with zeros where an as_strided view would lie, were it laid out as `like` is."""
    memory = _memory(like, input.dtype)
    out = _over(memory, like)
    out[...] = input
    memory[_places(like, size, stride, storage_offset)] = 0
    return out.copy()


as_strided_scatter.vjp(
    input=lambda g, input, size, stride, storage_offset: strided_erase(
        g, input, size, stride, storage_offset
    ),
    src=lambda g, input, size, stride, storage_offset: strided_pick(g, input, size, stride, storage_offset),
)
strided_erase.vjp(
    input=lambda g, like, size, stride, storage_offset: strided_erase(g, like, size, stride, storage_offset),
    like=lambda g, like: zero(like),
)


@viewing(forms="mF")
def unfold(input: Array, /, dimension: int, size: int, step: int) -> Array:
    """Windows of `size` every `step` along `dimension`, as a new last dimension."""
    at = normalize_dim("unfold", dimension, input.ndim)
    have = input.shape[at] if input.ndim else 1
    if size < 0:
        raise RuntimeError(f"unfold: size is {size} but must be >= 0")
    if size > have:
        raise RuntimeError(
            f"unfold: maximum size for tensor at dimension {dimension} is {have} but size is {size}"
        )
    if step <= 0:
        raise RuntimeError(f"unfold: step is {step} but must be > 0")
    if not input.ndim:
        return strided_view(input, (size,), (input.itemsize,))
    count, stride = (have - size) // step + 1, input.strides[at]
    shape = (*input.shape[:at], count, *input.shape[at + 1 :], size)
    return strided_view(input, shape, (*input.strides[:at], stride * step, *input.strides[at + 1 :], stride))


unfold.vjp(
    input=lambda g, input_shape, dimension, size, step: unfold_backward(g, input_shape, dimension, size, step)
)


@primitive(forms="", under="internal")
def unfold_backward(input: Array, /, input_sizes: Sequence[int], dim: int, size: int, step: int) -> Array:
    """Windows added back where they came from: the adjoint of unfold."""
    out = zeros(input_sizes, input.dtype)
    if not out.ndim:
        return input.sum(dtype=input.dtype).reshape(()) if input.size else out
    ahead = (slice(None),) * (dim % out.ndim)
    count = input.shape[dim % out.ndim]
    for k in range(size):
        add_into(out[(*ahead, slice(k, k + (count - 1) * step + 1, step))], input[..., k])
    return out


unfold_backward.vjp(input=lambda g, dim, size, step: unfold(g, dim, size, step))
