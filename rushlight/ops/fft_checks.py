"""What the arguments of torch.fft mean: dimensions, sizes and norms, checked; and inputs brought to size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import rushlight.dtypes as dtypes

from ..arrays.numpy import normalize_dim
from ..errors import shape_text
from .complex import is_complex
from .convert import to_dtype
from .views import narrow, slice_zeros

Array = Any
Sizes = int | Sequence[int] | None

_SCALES = {
    True: {None: "none", "backward": "none", "ortho": "sqrt", "forward": "full"},
    False: {None: "full", "backward": "full", "ortho": "sqrt", "forward": "none"},
}


def scale(name: str, norm: str | None, forward: bool) -> str:
    """What a transform in this direction is divided by: "none", "sqrt" or "full".

    Raises RuntimeError for other norms.
    """
    if norm not in _SCALES[forward]:
        raise RuntimeError(
            f'{name}: Invalid normalization mode: "{norm}"; it is "backward", "ortho" or "forward"'
        )
    return _SCALES[forward][norm]


def floating(name: str, input: Array, real: bool = False) -> Array:
    """`input`, integers as the default floating type. RuntimeError for types without a transform.

    With `real`, for complex numbers too.
    """
    kind = input.dtype if isinstance(input.dtype, dtypes.dtype) else dtypes.of_numpy(input.dtype)
    if real and kind.is_complex:
        raise RuntimeError(f"{name} expects a real input tensor, but got {kind}")
    if kind.category < dtypes.FLOAT:
        return to_dtype(input, dtypes.get_default_dtype())
    if kind.to_real() not in (dtypes.float32, dtypes.float64):
        raise RuntimeError(f"{name}: Unsupported dtype {kind}; convert the input with .float()")
    return input


def as_complex(input: Array) -> Array:
    """`input` as complex numbers of its precision."""
    if is_complex(input):
        return input
    kind = input.dtype if isinstance(input.dtype, dtypes.dtype) else dtypes.of_numpy(input.dtype)
    return to_dtype(input, kind.to_complex())


def one_dim(name: str, input: Array, dim: int, n: int | None = None) -> int:
    """`dim` from the front. IndexError where there is no such dimension, RuntimeError for n < 1 points."""
    if n is not None:
        points(name, n)
    if not len(input.shape):
        raise IndexError(f"{name}: Dimension specified as {dim} but tensor has no dimensions")
    return normalize_dim(name, dim, len(input.shape))


def dims_and_sizes(name: str, input: Array, s: Sizes, dim: Sizes) -> tuple[tuple[int, ...], list[int | None]]:
    """The dimensions to transform, from the front, and the size asked for in each (None: as it is).

    Without `dim`, the last ones that `s` gives sizes for, or all.
    """
    shape = tuple(input.shape)
    sizes = [s] if isinstance(s, int) else None if s is None else [int(n) for n in s]
    if dim is None:
        count = len(shape) if sizes is None else len(sizes)
        if count > len(shape):
            raise RuntimeError(
                f"{name}: Got shape with {count} values but input tensor only has {len(shape)} dimensions: "
                f"s={sizes} for shape {shape_text(shape)}"
            )
        dims = tuple(range(len(shape) - count, len(shape)))
    else:
        given = (dim,) if isinstance(dim, int) else tuple(dim)
        dims = tuple(one_dim(name, input, d) for d in given)
    if len(set(dims)) != len(dims):
        raise RuntimeError(f"{name}: FFT dims must be unique, but got {dim}")
    if sizes is not None and len(sizes) != len(dims):
        raise RuntimeError(
            f"{name}: When given, dim and shape arguments must have the same length, but got "
            f"{dim} and {sizes}"
        )
    return dims, [None if n == -1 else n for n in sizes] if sizes is not None else [None] * len(dims)


def points(name: str, n: int) -> int:
    """`n`, the number of points of a transform. RuntimeError unless there is one at least."""
    if n < 1:
        raise RuntimeError(f"{name}: Invalid number of data points ({n}) specified; at least one is needed")
    return n


def resized(name: str, input: Array, dims: Sequence[int], sizes: Sequence[int | None]) -> Array:
    """`input` cut off, or filled up with zeros, to these sizes along these dimensions."""
    for dim, n in zip(dims, sizes, strict=True):
        shape = tuple(input.shape)
        points(name, shape[dim] if n is None else n)
        if n is not None and n < shape[dim]:
            input = narrow(input, dim, 0, n)
        elif n is not None and n > shape[dim]:
            input = slice_zeros(input, (*shape[:dim], n, *shape[dim + 1 :]), dim, 0)
    return input
