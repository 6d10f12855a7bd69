"""Distinct elements and slices."""

from __future__ import annotations

from typing import Any

import numpy as np

import rushlight.dtypes as dtypes

from ..arrays.numpy import cast, normalize_dim
from ..errors import shape_text
from .along import no_derivative
from .declare import composite, primitive

Array = Any


def _comparable(input: Array) -> Array:
    if input.dtype.kind == "c":
        raise NotImplementedError('"unique" not implemented for complex numbers')
    return cast(input, dtypes.compute_type(input.dtype))


def _check_sizes(name: str, input: Array, at: int) -> None:
    if any(n == 0 for i, n in enumerate(input.shape) if i != at):
        raise RuntimeError(
            f"{name}: There are 0 sized dimensions, and they aren't selected, so unique cannot be applied: "
            f"shape {shape_text(input.shape)}, dim {at}"
        )


def _parts(found: tuple[Array, ...], inverse: bool, counts: bool) -> Any:
    """What the caller asked for of (elements, inverse, counts)."""
    return (found[0], *(found[1:2] if inverse else ()), *(found[2:3] if counts else ()))


# -- distinct elements --------------------------------------------------------------------------------


@primitive(forms="", under="internal")
def unique_values(input: Array, /, dim: int | None) -> Array:
    """The distinct elements, or slices along `dim`, in order."""
    return cast(np.unique(_comparable(input), axis=dim, equal_nan=False), input.dtype)


@primitive(forms="", under="internal", outputs=("output", "inverse_indices", "counts"))
def unique_parts(input: Array, /, dim: int | None) -> tuple[Array, Array, Array]:
    """The distinct elements or slices, which of them each one is, and how often each occurs."""
    x = _comparable(input)
    values, inverse, counts = np.unique(x, return_inverse=True, return_counts=True, axis=dim, equal_nan=False)
    inverse = inverse.reshape(input.shape if dim is None else -1)
    return cast(values, input.dtype), np.asarray(inverse, np.int64), np.asarray(counts, np.int64)


@composite(forms="m")
def unique(
    input: Array,
    /,
    sorted: bool = True,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: int | None = None,
) -> Any:
    """The distinct elements (or slices along `dim`) in order; which one each is, and how many there are, on
    request.
    """
    at = None if dim is None else normalize_dim("unique", dim, len(input.shape))
    if at is not None:
        _check_sizes("unique", input, at)
    if not (return_inverse or return_counts):
        return unique_values(input, at)
    return _parts(unique_parts(input, at), return_inverse, return_counts)


# -- runs ---------------------------------------------------------------------------------------------


@primitive(forms="", under="internal", outputs=("output", "inverse_indices", "counts"))
def unique_runs(input: Array, /, dim: int | None) -> tuple[Array, Array, Array]:
    """The first of each run of equal elements or slices, the run each is in, and the runs' lengths."""
    x = _comparable(input)
    lines = x.reshape(-1) if dim is None else np.moveaxis(x, dim, 0)
    differs = (lines[1:] != lines[:-1]).any(tuple(range(1, lines.ndim)))
    first = np.concatenate([np.ones(min(len(lines), 1), np.bool_), differs])
    starts = np.flatnonzero(first)
    inverse = np.cumsum(first, dtype=np.int64) - 1
    values = (input.reshape(-1) if dim is None else input).take(starts, dim or 0)
    inverse = inverse.reshape(input.shape) if dim is None else inverse
    return values, inverse, np.diff(starts, append=len(lines)).astype(np.int64)


@composite(forms="m")
def unique_consecutive(
    input: Array, /, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
) -> Any:
    """The input without elements (or slices along `dim`) that equal the one before."""
    at = None if dim is None else normalize_dim("unique_consecutive", dim, len(input.shape))
    if at is not None:
        _check_sizes("unique_consecutive", input, at)
    found = _parts(unique_runs(input, at), return_inverse, return_counts)
    return found if len(found) > 1 else found[0]


for _op in (unique_values, unique_parts, unique_runs):
    _op.sized_by_numbers()
    no_derivative(_op)
