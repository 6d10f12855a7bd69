"""Samples of 0 and 1, and the noise of the dropouts made of them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from rushlight.arrays.distributions.words import BOOL, DIGITS, INTEGERS, need, unit32, unit64
from rushlight.arrays.generator import Generator


def bernoulli(
    generator: Generator, shape: Sequence[int], dtype: np.dtype, p: float | np.ndarray = 0.5
) -> np.ndarray:
    """Return samples that are 1 with probability p, else 0; an integer, bool or float dtype.

    A number or a float64 array p takes two words a sample, an array of a narrower float dtype one. Raises
    when p is outside [0, 1].
    """
    dtype = np.dtype(dtype)
    need("bernoulli_", dtype, (BOOL, *INTEGERS, *DIGITS))
    if isinstance(p, np.ndarray):
        return _by_element(generator, shape, p).astype(dtype)
    if not 0 <= p <= 1:
        raise RuntimeError(f"bernoulli_ expects p to be in [0, 1], but got p={p}")
    return (unit64(generator, math.prod(shape)) < p).astype(dtype).reshape(shape)


def _by_element(generator: Generator, shape: Sequence[int], p: np.ndarray) -> np.ndarray:
    need("bernoulli_ by an array p", p.dtype)
    if p.size and not (p.min() >= 0 and p.max() <= 1):
        raise RuntimeError(f"Expected p_in >= 0 && p_in <= 1, but p ranges from {p.min()} to {p.max()}")
    n = math.prod(shape)
    if p.dtype == np.float64:
        return unit64(generator, n).reshape(shape) < p
    return unit32(generator, n).reshape(shape) < p.astype(np.float32)


def dropout_noise(generator: Generator, shape: Sequence[int], dtype: np.dtype, p: float) -> np.ndarray:
    """Return what dropout multiplies its input by: 0 with probability p, else 1 / (1 - p).

    p = 0 or 1 draws nothing. The dropouts of whole channels pass `feature_shape(shape)`.
    """
    _check(p)
    if p in (0, 1):
        return np.full(shape, 1 - p).astype(dtype)
    wide = _wide(dtype)
    return (bernoulli(generator, shape, wide, 1 - p) / wide.type(1 - p)).astype(dtype, copy=False)


def alpha_dropout_noise(
    generator: Generator, shape: Sequence[int], dtype: np.dtype, p: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the a and b of alpha dropout, x -> a x + b, which keeps mean and variance under SELU.

    Source: Klambauer et al., "Self-Normalizing Neural Networks" (2017). -alpha is SELU's limit at -infinity.
    """
    _check(p)
    if p in (0, 1):
        return np.full(shape, 1 - p).astype(dtype), np.full(shape, -0.0).astype(
            dtype
        )  # -0 keeps the sign of 0
    alpha, wide = 1.7580993408473766, _wide(dtype)
    scale = 1.0 / math.sqrt((alpha * alpha * p + 1) * (1 - p))
    keep = bernoulli(generator, shape, wide, 1 - p)
    dropped = ((keep - wide.type(1)) * wide.type(alpha * scale)).astype(dtype)
    # adding a number to 16-bit floats, torch first rounds the number to their type
    offset = np.array(alpha * scale * p).astype(dtype).astype(wide)
    shift = (dropped.astype(wide) + offset).astype(dtype)
    return (keep * wide.type(scale)).astype(dtype), shift


def feature_shape(shape: Sequence[int]) -> tuple[int, ...]:
    """Return the noise's shape for the dropouts of whole channels: (N, C, 1, ..., 1)."""
    if len(shape) < 2:
        given = tuple(shape)
        raise RuntimeError(f"Feature dropout requires at least 2 dimensions in the input, but got {given}")
    return (*shape[:2], *(1 for _ in shape[2:]))


def _wide(dtype: np.dtype) -> np.dtype:
    return np.dtype("f8") if dtype == np.float64 else np.dtype("f4")


def _check(p: float) -> None:
    if not 0 <= p <= 1:
        raise RuntimeError(f"dropout probability has to be between 0 and 1, but got {p}")
