"""The same elements in another arrangement: repeated, reversed, rolled, turned, cut to a triangle."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..arrays import memory
from ..arrays.copying import row_major
from ..arrays.numpy import normalize_dim, normalize_dims
from ..arrays.tracing import WATCHED, created
from ..dtypes import OF_NUMPY
from ..errors import shape_text
from .along import keep
from .declare import Varargs, composite, primitive
from .reduce import sum
from .slices import index_select
from .views import expand, reshape, transpose

Array = Any


# -- repeated ------------------------------------------------------------------------------------------


@primitive(forms="mF")
def repeat(input: Array, /, repeats: Varargs) -> Array:
    """`input` laid end to end repeats[d] times along each dimension d; extra repeats make new dimensions in
    front.
    """
    counts = _counts("repeat", repeats)
    if len(counts) < input.ndim:
        raise RuntimeError(
            "repeat: Number of dimensions of repeat dims can not be smaller than number of dimensions of "
            f"tensor: {counts} for shape {shape_text(input.shape)}"
        )
    if not WATCHED:
        return np.tile(input, counts)
    sizes = (1,) * (len(counts) - input.ndim) + input.shape
    out = np.empty([n * m for n, m in zip(counts, sizes, strict=True)], input.dtype)
    split = out.reshape([n for pair in zip(counts, sizes, strict=True) for n in pair])
    memory.copy_into(split, input.reshape([m for n in sizes for m in (1, n)]))
    return out


def _counts(name: str, repeats: Any) -> tuple[int, ...]:
    counts = (int(repeats),) if isinstance(repeats, int) else tuple(int(n) for n in repeats)
    if any(n < 0 for n in counts):
        raise RuntimeError(
            f"{name}: Trying to create tensor with negative dimension: the repeats are {counts}"
        )
    return counts


repeat.vjp(input=lambda g, input_shape, repeats: _sum_repeats(g, input_shape, _counts("repeat", repeats)))


def _sum_repeats(g: Array, shape: tuple[int, ...], counts: tuple[int, ...]) -> Array:
    """The cotangent summed over the copies: each dimension is split into (count, size), and count summed."""
    sizes = (1,) * (len(counts) - len(shape)) + tuple(shape)
    split = [n for pair in zip(counts, sizes, strict=True) for n in pair]
    return (
        reshape(sum(reshape(g, tuple(split)), tuple(range(0, len(split), 2))), tuple(shape)) if split else g
    )


@composite(forms="m")
def tile(input: Array, /, dims: Varargs) -> Array:
    """`input` repeated dims[d] times along each dimension; missing counts in front are 1."""
    counts = _counts("tile", dims)
    return repeat(input, (1,) * (len(input.shape) - len(counts)) + counts)


@composite(forms="m")
def repeat_interleave(
    input: Array, repeats: Array = None, /, dim: int | None = None, *, output_size: int | None = None
) -> Array:
    """Each slice along `dim` (each element of the flattened tensor by default) repeated, one after the other.

    `repeats` is one number or one for each slice. A single tensor of counts gives the positions 0.. repeated.
    """
    if repeats is None:
        return interleaved_positions(input, output_size=output_size)
    if dim is None:
        input, dim = reshape(input, (-1,)), 0
    at = normalize_dim("repeat_interleave", dim, len(input.shape))
    return index_select(input, at, repeated_positions(input, repeats, dim=at, output_size=output_size))


@primitive(forms="", under="internal", differentiable=False)
def repeated_positions(input: Array, repeats: Array, /, *, dim: int, output_size: int | None = None) -> Array:
    """Positions along `dim` of `input`, each as often as `repeats` says."""
    size = input.shape[dim] if input.ndim else 1
    if isinstance(repeats, int):
        if repeats < 0:
            raise RuntimeError(f"repeat_interleave: Repeats must be non-negative, got {repeats}")
        return np.arange(size).repeat(repeats)
    return interleaved_positions.body(_one_for_each(repeats, size, dim), output_size=output_size)


def _one_for_each(repeats: Array, size: int, dim: int) -> Array:
    """Numbers of repeats, one for each of `size` positions."""
    if len(repeats.shape) > 1:
        raise RuntimeError("repeat_interleave: repeats must be 0-dim or 1-dim tensor")
    given = math.prod(repeats.shape)
    if given not in (1, size):
        raise RuntimeError(
            "repeat_interleave: repeats must have the same size as input along dim, but got repeats.size(0) "
            f"= {given} and input.size({dim}) = {size}"
        )
    return expand(repeats, (size,))


def _constant_positions(input: Any, repeats: Any, *, dim: int, output_size: int | None = None) -> Any:
    """Positions for one number of repeats are the same at every run."""
    if repeats.__class__ is not int:
        size = input.shape[dim] if len(input.shape) else 1
        return interleaved_positions(_one_for_each(repeats, size, dim), output_size=output_size)
    return created(repeated_positions.body(input, repeats, dim=dim))


repeated_positions.traced = _constant_positions


@primitive(forms="", under="internal", differentiable=False)
def interleaved_positions(repeats: Array, /, *, output_size: int | None = None) -> Array:
    """Position i repeated repeats[i] times, for each i in turn."""
    if repeats.dtype.char not in "ilq":
        raise NotImplementedError(
            f'"repeat_interleave_cpu" not implemented for {OF_NUMPY[repeats.dtype].name}; use int32 or int64'
        )
    if repeats.size and repeats.min() < 0:
        raise RuntimeError("repeat_interleave: repeats can not be negative")
    found = np.arange(repeats.size).repeat(repeats)
    if output_size is not None and output_size != found.size:
        raise RuntimeError(
            f"repeat_interleave: allocated size does not match required size: {output_size}, not {found.size}"
        )
    return found.astype(repeats.dtype, copy=False)


interleaved_positions.sized_by_numbers(lambda repeats, *, output_size=None: output_size is None)


# -- reversed and rolled ---------------------------------------------------------------------------------


@primitive
def flip(input: Array, /, dims: Varargs) -> Array:
    """The order of elements reversed along `dims`; a copy."""
    axes = normalize_dims("flip", dims, input.ndim) if isinstance(dims, int) or len(dims) else ()
    return row_major(input[(*[_BACKWARDS if d in axes else _WHOLE for d in range(input.ndim)], ...)])


_BACKWARDS, _WHOLE = slice(None, None, -1), slice(None)


flip.vjp(input=lambda g, dims: flip(g, dims))


@composite(forms="m")
def fliplr(input: Array, /) -> Array:
    """Dimension 1 reversed."""
    if len(input.shape) < 2:
        raise RuntimeError(f"fliplr: Input must be >= 2-d. Got shape {shape_text(input.shape)}")
    return flip(input, (1,))


@composite(forms="m")
def flipud(input: Array, /) -> Array:
    """Dimension 0 reversed."""
    if len(input.shape) < 1:
        raise RuntimeError("flipud: Input must be >= 1-d. Got a tensor of no dimensions")
    return flip(input, (0,))


@primitive
def roll(input: Array, /, shifts: Any, dims: Any = ()) -> Array:
    """Elements moved on by `shifts` places along `dims`, the last ones coming in front; without dims, as one
    row.
    """
    shifts = (shifts,) if isinstance(shifts, int) else tuple(shifts)
    dims = (dims,) if isinstance(dims, int) else tuple(dims or ())
    if len(shifts) != len(dims) and (dims or len(shifts) != 1):
        raise RuntimeError(f"roll: shifts and dimensions must align. shifts: {len(shifts)}, dims:{len(dims)}")
    if not dims:
        return _rolled(input.reshape(-1), shifts[0], 0).reshape(input.shape)
    if not input.ndim:
        return memory.copied(input)
    for shift, dim in zip(shifts, dims, strict=True):
        input = _rolled(input, shift, normalize_dim("roll", dim, input.ndim))
    return input


def _rolled(a: Array, shift: int, at: int) -> Array:
    """`a` moved on along one dimension: its last `shift` slices, then the others."""
    cut = a.shape[at] - shift % a.shape[at] if a.size else 0
    ahead = (slice(None),) * at
    parts = a[(*ahead, slice(cut, None))], a[(*ahead, slice(cut))]
    if not WATCHED:
        return np.concatenate(parts, at)
    out = np.empty(a.shape, a.dtype)
    memory.copy_into(out[(*ahead, slice(a.shape[at] - cut))], parts[0])
    memory.copy_into(out[(*ahead, slice(a.shape[at] - cut, None))], parts[1])
    return out


roll.vjp(
    input=lambda g, shifts, dims: roll(
        g, -shifts if isinstance(shifts, int) else tuple(-n for n in shifts), dims
    )
)


@composite(forms="m")
def rot90(input: Array, /, k: int = 1, dims: Sequence[int] = (0, 1)) -> Array:
    """Turned by k quarter turns in the plane `dims`, from the first towards the second."""
    if len(dims) != 2:
        raise RuntimeError(f"rot90: expected total rotation dims == 2, but got dims = {len(dims)}")
    i, j = (normalize_dim("rot90", d, len(input.shape)) for d in dims)
    if i == j:
        raise RuntimeError(
            f"rot90: expected rotation dims to be different, but got dim0 = {dims[0]} and dim1 = {dims[1]}"
        )
    turns = k % 4
    if turns == 1:
        return transpose(flip(input, (j,)), i, j)
    if turns == 3:
        return flip(transpose(input, i, j), (j,))
    return flip(input, (i, j) if turns == 2 else ())


# -- triangles -------------------------------------------------------------------------------------------


def _triangle(name: str, input: Array, diagonal: int, lower: bool) -> Array:
    if input.ndim < 2:
        raise RuntimeError(
            f"{name}: input tensor must have at least 2 dimensions, got shape {shape_text(input.shape)}"
        )
    keep = np.tri(input.shape[-2], input.shape[-1], diagonal if lower else diagonal - 1, dtype=bool)
    return np.where(keep if lower else ~keep, input, np.zeros((), input.dtype))


@primitive(forms="mio")
def tril(input: Array, /, diagonal: int = 0) -> Array:
    """The lower triangle of matrices: zeros where column - row > diagonal."""
    return _triangle("tril", input, diagonal, True)


@primitive(forms="mio")
def triu(input: Array, /, diagonal: int = 0) -> Array:
    """The upper triangle of matrices: zeros where column - row < diagonal."""
    return _triangle("triu", input, diagonal, False)


def _under(name: str, lower: bool) -> Any:
    """A triangle as a choice by a mask, which is the same at every run."""

    def traced(input: Any, diagonal: int = 0) -> Any:
        ones = np.ones(tuple(input.shape[-2:]), np.bool_)
        return keep(input, created(_triangle(name, ones, diagonal, lower)))

    return traced


tril.traced, triu.traced = _under("tril", True), _under("triu", False)
tril.vjp(input=lambda g, diagonal: tril(g, diagonal))
triu.vjp(input=lambda g, diagonal: triu(g, diagonal))
