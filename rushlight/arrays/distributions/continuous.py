"""Samples by inverting a distribution function: exponential, geometric, Cauchy; and the log-normal."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from rushlight.arrays.distributions.normal import normals64
from rushlight.arrays.distributions.words import (
    DIGITS,
    INTEGERS,
    fma64,
    libm,
    narrow,
    need,
    need_float,
    unit64,
)
from rushlight.arrays.generator import Generator


def exponential(generator: Generator, shape: Sequence[int], dtype: np.dtype, rate: float = 1.0) -> np.ndarray:
    """Return samples of the density rate * exp(-rate x); raises unless rate > 0."""
    dtype = np.dtype(dtype)
    if not rate > 0:
        raise RuntimeError(f"exponential_ expects lambda > 0.0, but found lambda={rate}")
    need_float("exponential_", dtype)
    unit = unit64(generator, math.prod(shape))
    return narrow(-1.0 / rate * libm(math.log1p, np.log1p, -unit, dtype), dtype).reshape(shape)


def geometric(generator: Generator, shape: Sequence[int], dtype: np.dtype, p: float) -> np.ndarray:
    """Return samples of the number of trials up to the first success, each of probability 0 < p < 1."""
    dtype = np.dtype(dtype)
    if not 0 < p < 1:
        raise RuntimeError(f"geometric_ expects p to be in (0, 1), but got p={p}")
    need("geometric_", dtype, (*INTEGERS, *DIGITS))
    unit = unit64(generator, math.prod(shape))
    trials = np.ceil(libm(_log, np.log, unit, dtype) / math.log1p(-p))
    return narrow(trials, dtype).reshape(shape)


def cauchy(
    generator: Generator, shape: Sequence[int], dtype: np.dtype, median: float = 0.0, sigma: float = 1.0
) -> np.ndarray:
    """Return samples of median + sigma tan(pi (u - 1/2)), u uniform on [0, 1); raises unless sigma > 0."""
    dtype = np.dtype(dtype)
    if not sigma > 0:
        raise RuntimeError(f"cauchy_ expects sigma > 0.0, but found sigma={sigma}")
    need_float("cauchy_", dtype)
    angles = math.pi * (unit64(generator, math.prod(shape)) - 0.5)
    return narrow(fma64(libm(math.tan, np.tan, angles, dtype), sigma, median), dtype).reshape(shape)


def log_normal(
    generator: Generator, shape: Sequence[int], dtype: np.dtype, mean: float = 1.0, std: float = 2.0
) -> np.ndarray:
    """Return samples of exp(mean + std N(0, 1)); raises unless std > 0."""
    dtype = np.dtype(dtype)
    if not std > 0:
        raise RuntimeError(f"log_normal_ expects std > 0.0, but found std={std}")
    need("log_normal_", dtype)
    exponents = fma64(normals64(generator, math.prod(shape), dtype), std, mean)
    with np.errstate(over="ignore"):
        return narrow(libm(_exp, np.exp, exponents, dtype), dtype).reshape(shape)


def _log(x: float) -> float:
    return math.log(x) if x > 0 else -math.inf


def _exp(x: float) -> float:
    return math.exp(x) if x < 709.7 else math.inf
