"""Uniform samples."""

from __future__ import annotations

import math
from collections.abc import Sequence

import ml_dtypes
import numpy as np

from rushlight.arrays.distributions.words import DIGITS, FLOAT16S, fma32, fma64, need, real, unit32, unit64
from rushlight.arrays.generator import Generator


def uniform(
    generator: Generator, shape: Sequence[int], dtype: np.dtype, low: float = 0.0, high: float = 1.0
) -> np.ndarray:
    """Return samples uniform on [low, high); a float or complex dtype. Raises when low > high."""
    dtype = np.dtype(dtype)
    if dtype.kind == "c":
        return uniform(generator, (*shape, 2), real(dtype), low, high).view(dtype)[..., 0]
    _check(dtype, low, high)
    n = math.prod(shape)
    whole = (low, high) == (0.0, 1.0)
    if dtype == np.float64:
        values = unit64(generator, n)
        values = values if whole else fma64(values, high - low, low)
    else:
        values = unit32(generator, n)
        values = values if whole else fma32(values, float(np.float32(high) - np.float32(low)), low)
        values = values.astype(dtype, copy=False)
    if not whole or dtype in FLOAT16S:
        _open_end(values, low, high)
    return values.reshape(shape)


def _open_end(values: np.ndarray, low: float, high: float) -> None:
    # a sample that rounding took up to `high` becomes `low`
    first, end = np.array([low, high]).astype(values.dtype)
    values[values == end] = first


def _check(dtype: np.dtype, low: float, high: float) -> None:
    need("uniform_", dtype, tuple(DIGITS))
    largest = float(ml_dtypes.finfo(dtype).max)
    for name, value in (("from", low), ("to", high)):
        if not -largest <= value <= largest:
            raise RuntimeError(f"uniform_: {name}={value} is out of bounds for {dtype}, of at most {largest}")
    if not low <= high:
        raise RuntimeError(f"uniform_ expects to return a [from, to) range, but found from={low} > to={high}")
    if not high - low <= largest:
        raise RuntimeError(
            f"uniform_ expects to - from to be at most {largest}, but got from={low}, to={high}"
        )
