"""Differences of neighbours, and integrals by the trapezoidal rule."""

from __future__ import annotations

from typing import Any

from ..arrays.numpy import normalize_dim
from ..dtypes import BOOL, OF_NUMPY
from ..dtypes import dtype as Dtype
from ..errors import shape_text
from .comparison import logical_xor
from .declare import composite
from .join import cat
from .reduce import sum
from .scans import cumsum
from .views import narrow, reshape

Array = Any


def _neighbours(x: Array, dim: int) -> tuple[Array, Array]:
    """All but the last and all but the first entries along `dim`."""
    n = max(x.shape[dim] - 1, 0)
    return narrow(x, dim, 0, n), narrow(x, dim, x.shape[dim] - n, n)


def _is_bool(x: Any) -> bool:
    kind = x.dtype if isinstance(x.dtype, Dtype) else OF_NUMPY[x.dtype]
    return kind.category == BOOL


@composite(forms="mo")
def diff(input: Array, n: int = 1, dim: int = -1, prepend: Array = None, append: Array = None, /) -> Array:
    """The n-th differences x[i+1] - x[i] along `dim`, after joining `prepend` and `append` to the input."""
    rank = len(input.shape)
    if not rank:
        raise RuntimeError("diff: diff expects input to be at least one-dimensional")
    if n < 0:
        raise RuntimeError(f"diff: order must be non-negative but got {n}")
    at = normalize_dim("diff", dim, rank)
    if prepend is not None or append is not None:
        parts = [x for x in (prepend, input, append) if x is not None]
        if any(len(x.shape) != rank for x in parts):
            raise RuntimeError("diff: diff expects prepend or append to be the same dimension as input")
        input = cat(parts, at)
    for _ in range(min(n, input.shape[at])):
        left, right = _neighbours(input, at)
        input = logical_xor(right, left) if _is_bool(input) else right - left
    return input


def _areas(name: str, y: Array, x: Array | None, dx: float | None, dim: int) -> tuple[Array, int]:
    """(x[i+1] - x[i]) (y[i] + y[i+1]) / 2 along `dim`, and that dimension."""
    rank = len(y.shape)
    if not rank:
        raise IndexError(f"{name}: Dimension specified as {dim} but tensor has no dimensions")
    at = normalize_dim(name, dim, rank)
    if _is_bool(y) or (x is not None and _is_bool(x)):
        raise RuntimeError(
            f"{name}: received a bool input for `y` or `x`, but bool is not supported; use .float()"
        )
    left, right = _neighbours(y, at)
    if x is None:
        return (left + right) * ((1 if dx is None else dx) / 2), at
    if dx is not None:
        raise TypeError(f"{name}: give the places `x` of the samples or their distance `dx`, not both")
    steps = _steps(name, y, x, at)
    return (left + right) * steps / 2, at


def _steps(name: str, y: Array, x: Array, dim: int) -> Array:
    """The distances between the places `x`, shaped to meet `y`."""
    shape, rank = tuple(x.shape), len(y.shape)
    if len(shape) == 1:
        if shape[0] != y.shape[dim]:
            raise RuntimeError(
                f"{name}: There must be one `x` value for each sample point: "
                f"{shape_text(shape)} places for {shape_text(tuple(y.shape))} samples along dimension {dim}"
            )
        x = reshape(x, tuple(shape[0] if i == dim else 1 for i in range(rank)))
    elif len(shape) < rank:
        x = reshape(x, (*(1,) * (rank - len(shape)), *shape))
    left, right = _neighbours(x, dim + len(x.shape) - rank)
    return right - left


@composite(forms="", aliases=("trapz",))
def trapezoid(y: Array, x: Array = None, /, *, dx: float | None = None, dim: int = -1) -> Array:
    """∫ y dx along `dim` by the trapezoidal rule: samples at the places `x`, or `dx` (1) apart."""
    areas, at = _areas("trapezoid", y, x, dx, dim)
    return sum(areas, at)


@composite(forms="")
def cumulative_trapezoid(y: Array, x: Array = None, /, *, dx: float | None = None, dim: int = -1) -> Array:
    """The running integral of y along `dim` by the trapezoidal rule; one entry fewer than samples."""
    areas, at = _areas("cumulative_trapezoid", y, x, dx, dim)
    return cumsum(areas, at)
