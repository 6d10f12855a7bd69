"""From words to numbers: the float types, uniforms in [0, 1), and the roundings torch's kernels make."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np

from rushlight.arrays.generator import Generator

BFLOAT16 = np.dtype(ml_dtypes.bfloat16)
FLOAT16S = (np.dtype("f2"), BFLOAT16)
DIGITS = {np.dtype("f2"): 11, BFLOAT16: 8, np.dtype("f4"): 24, np.dtype("f8"): 53}  # bits of the significand
INTEGERS = tuple(np.dtype(name) for name in ("u1", "i1", "i2", "i4", "i8"))
BOOL = np.dtype("?")


def need(name: str, dtype: np.dtype, allowed: tuple[np.dtype, ...] = tuple(DIGITS)) -> None:
    """Raise NotImplementedError, as torch does, when the op `name` does not fill arrays of `dtype`."""
    if dtype not in allowed:
        names = ", ".join(each.name for each in allowed)
        raise NotImplementedError(f"{name} is not implemented for {dtype}; it fills {names}")


def need_float(name: str, dtype: np.dtype) -> None:
    """Raise RuntimeError when a continuous distribution is asked for in a type without fractions."""
    if dtype not in DIGITS:
        kind = "a continuous probability distribution"
        raise RuntimeError(f"{name} is {kind}: the dtype must be a floating point one, but got {dtype}")


def unit32(generator: Generator, n: int) -> np.ndarray:
    """Return n float32 in [0, 1): the low 24 bits of one word each."""
    values = (generator.random32(n) & np.uint32(0xFFFFFF)).view(np.int32).astype(np.float32)
    values *= np.float32(2.0**-24)
    return values


def unit64(generator: Generator, n: int) -> np.ndarray:
    """Return n float64 in [0, 1): the low 53 bits of two words each."""
    values = (generator.random64(n) & np.uint64(2**53 - 1)).view(np.int64).astype(np.float64)
    values *= 2.0**-53
    return values


def fma32(x: np.ndarray, y: float, z: float) -> np.ndarray:
    """Return x * y + z in float32, rounded once: the product of float32 is exact in float64."""
    return (x.astype(np.float64) * np.float64(np.float32(y)) + np.float64(np.float32(z))).astype(np.float32)


def fma64(x: np.ndarray, y: float, z: float) -> np.ndarray:
    """Return x * y + z in float64, rounded once: the exact errors of product and sum are put back.

    Source: Dekker, "A floating-point technique for extending the available precision" (1971).
    """
    product = x * y
    total = product + z
    if z == 0 or y == 0 or abs(math.frexp(y)[0]) == 0.5:
        return total  # nothing is added, or y is a power of two and the product exact
    lost = _product_error(x, np.float64(y), product)
    part = total - product
    lost += (product - (total - part)) + (z - part)
    return np.where(np.isfinite(lost), total + lost, total)


def _product_error(x: np.ndarray, y: np.float64, product: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore", invalid="ignore"):
        x_high, y_high = _upper_half(x), _upper_half(y)
        x_low, y_low = x - x_high, y - y_high
        return ((x_high * y_high - product) + x_high * y_low + x_low * y_high) + x_low * y_low


def _upper_half(x: Any) -> Any:
    scaled = x * 134217729.0  # 2**27 + 1: keeps the upper 26 bits (Veltkamp)
    return scaled - (scaled - x)


def libm(exact: Callable[[float], float], fast: np.ufunc, x: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Apply a function to float64 numbers on their way to `dtype`.

    torch calls the C library's; NumPy's vector functions may differ from it in the last bit. That bit matters
    for float64, and where an array is small it costs nothing.
    """
    if dtype != np.float64 and x.size > 1024:
        return fast(x)
    return np.fromiter(map(exact, x.ravel().tolist()), np.float64, x.size).reshape(x.shape)


def narrow(values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Round float64 to `dtype`; to a 16-bit float by way of float32, as C++ does."""
    with np.errstate(over="ignore", invalid="ignore"):
        return (values.astype(np.float32) if dtype in FLOAT16S else values).astype(dtype, copy=False)


def real(dtype: np.dtype) -> np.dtype:
    """Return the type of the two parts of a complex dtype."""
    return np.dtype(f"f{dtype.itemsize // 2}")
