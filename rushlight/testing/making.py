"""make_tensor: random numbers of any dtype, for tests."""

from __future__ import annotations

import math
from typing import Any

import rushlight.creation as creation
import rushlight.dtypes as dtypes

from ..bind import functions_under
from ..dtypes import dtype as Dtype
from ..random import randint
from ..tensor import Tensor


def make_tensor(
    *shape: Any,
    dtype: Dtype,
    device: Any = "cpu",
    low: float | None = None,
    high: float | None = None,
    requires_grad: bool = False,
    noncontiguous: bool = False,
    exclude_zero: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """A tensor of random numbers in [low, high): by default [-9, 9), for integers -9 to 9, for booleans both.

    `noncontiguous` gives every second of a larger tensor's elements; `exclude_zero` puts the smallest
    number of the dtype (1 for integers) where a zero was drawn. Raises ValueError for an empty interval,
    one outside the dtype's range, and for gradients of integers.
    """
    sizes = tuple(shape[0]) if len(shape) == 1 and not isinstance(shape[0], int) else shape
    if noncontiguous and memory_format is not None:
        raise ValueError(
            "make_tensor: The parameters `noncontiguous` and `memory_format` are mutually exclusive, but got "
            f"{noncontiguous=} and {memory_format=}"
        )
    if requires_grad and dtype.category < dtypes.FLOAT:
        raise ValueError(
            "make_tensor: `requires_grad=True` is not supported for boolean and integral dtypes, but got "
            f"{dtype=}"
        )
    every_second = noncontiguous and math.prod(sizes) > 1
    drawn = _drawn((*sizes[:-1], 2 * sizes[-1]) if every_second else sizes, dtype, low, high, device)
    if every_second:
        drawn = drawn[..., 1::2]
    elif memory_format is not None:
        drawn = drawn.clone(memory_format=memory_format)
    if exclude_zero:
        drawn[drawn == 0] = 1 if dtype.category < dtypes.FLOAT else dtypes.finfo(dtype).tiny
    return drawn.requires_grad_() if requires_grad else drawn


def _drawn(
    shape: tuple[int, ...], dtype: Dtype, low: float | None, high: float | None, device: Any
) -> Tensor:
    """Random numbers in the interval, uniformly."""
    if dtype.category < dtypes.FLOAT:
        return randint(*_whole_interval(low, high, dtype), shape, dtype=dtype, device=device)
    info = dtypes.finfo(dtype)
    a, b = _interval(low, high, dtype, (info.min, info.max), (-9, 9))
    narrow = dtype in dtypes.FLOAT8
    made = creation.empty(shape, dtype=dtypes.float32 if narrow else dtype, device=device)
    flat = functions_under("")["view_as_real"]()(made) if dtype.category == dtypes.COMPLEX else made
    if b - a < dtypes.finfo(made.dtype).max:
        flat.uniform_(a, b)
    else:  # twice half the numbers: the length of the interval has no number
        flat.uniform_(a / 2, b / 2)
        flat.mul_(2)
    return made.to(dtype) if narrow else made


def _whole_interval(low: float | None, high: float | None, dtype: Dtype) -> tuple[int, int]:
    """The interval of integers or booleans to draw from."""
    if dtype is dtypes.bool_:
        limits, usual = (0, 2), (0, 2)
    else:
        info = dtypes.iinfo(dtype)
        limits, usual = (info.min, info.max + (dtype is not dtypes.int64)), (-9, 10)
    a, b = _interval(low, high, dtype, limits, usual)
    return math.ceil(a), math.ceil(b)


def _interval(
    low: float | None,
    high: float | None,
    dtype: Dtype,
    limits: tuple[float, float],
    usual: tuple[float, float],
) -> tuple[float, float]:
    """[low, high) within the limits of the dtype, `usual` where not given."""
    least, most = limits
    low, high = (usual[0] if low is None else low), (usual[1] if high is None else high)
    if math.isnan(low) or math.isnan(high):
        raise ValueError(f"make_tensor: `low` and `high` cannot be NaN, but got {low=} and {high=}")
    if low > high or (low == high and dtype.category < dtypes.FLOAT):
        raise ValueError(f"make_tensor: `low` must be less than `high`, but got {low} >= {high}")
    if high < least or low >= most:
        raise ValueError(
            f"make_tensor: The value interval specified by `low` and `high` is [{low}, {high}), but "
            f"{dtype} only supports [{least}, {most})"
        )
    return min(max(low, least), most), min(max(high, least), most)
