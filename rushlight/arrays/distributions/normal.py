"""Normal samples."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from rushlight.arrays.distributions.box_muller import box_muller
from rushlight.arrays.distributions.words import FLOAT16S, fma64, libm, narrow, need, real, unit32, unit64
from rushlight.arrays.generator import Generator

_FLOAT64 = np.dtype("f8")


def normal(
    generator: Generator,
    shape: Sequence[int],
    dtype: np.dtype,
    mean: float = 0.0,
    std: float = 1.0,
    contiguous: bool = True,
) -> np.ndarray:
    """Return samples of mean + std N(0, 1); a float or complex dtype. Raises when std < 0.

    A contiguous array of 16 or more is filled in blocks of 16; any other (`contiguous` is the target's) by
    element in float64, where the second of a Box-Muller pair is kept for the next element or call.
    """
    dtype = np.dtype(dtype)
    if not std >= 0:
        raise RuntimeError(f"normal expects std >= 0.0, but found std {std}")
    if dtype.kind == "c":
        parts = normal(generator, (*shape, 2), real(dtype), mean, std / math.sqrt(2), contiguous)
        return parts.view(dtype)[..., 0]
    need("normal_", dtype)
    n = math.prod(shape)
    if n < 16 or not contiguous:
        values = narrow(fma64(normals64(generator, n, dtype), std, mean), dtype)
    elif dtype in FLOAT16S:
        values = _blocks_by_turn(generator, n, mean, std).astype(dtype)
    else:
        values = _blocks(generator, n, dtype, mean, std)
    return values.reshape(shape)


def _blocks(generator: Generator, n: int, dtype: np.dtype, mean: float, std: float) -> np.ndarray:
    unit = unit64 if dtype == np.float64 else unit32
    values = unit(generator, n)
    whole = n - n % 16
    values[:whole] = box_muller(values[:whole].reshape(-1, 16), mean, std).ravel()
    if n % 16:  # the last 16 are drawn anew, over the end of the last whole block
        values[-16:] = box_muller(unit(generator, 16).reshape(1, 16), mean, std).ravel()
    return values


def _blocks_by_turn(generator: Generator, n: int, mean: float, std: float) -> np.ndarray:
    """float32 normals for a 16-bit type: an incomplete block is not drawn, only the 16 that end the array."""
    blocks = unit32(generator, n + -n % 16).reshape(-1, 16)
    values = box_muller(blocks, mean, std).ravel()
    return values if n % 16 == 0 else np.concatenate([values[: n - 16], values[-16:]])


def normals64(generator: Generator, n: int, dtype: np.dtype) -> np.ndarray:
    """Return n float64 of N(0, 1), bound for `dtype`; first the one kept before; an odd last one is kept."""
    if n == 0:
        return np.empty(0)
    held = [] if generator.next_normal is None else [generator.next_normal]
    missing = n - len(held)
    unit = unit64(generator, missing + missing % 2)
    generator.next_normal = None
    values = [np.array(held), _pairs(unit[: missing - missing % 2], dtype)]
    if missing % 2:
        # always exact to the last bit: it becomes part of the generator's state
        last = _pairs(unit[-2:], _FLOAT64)
        generator.next_normal = float(last[1])
        values.append(last[:1])
    return np.concatenate(values)


def _pairs(unit: np.ndarray, dtype: np.dtype) -> np.ndarray:
    radius = np.sqrt(-2.0 * libm(math.log1p, np.log1p, -unit[1::2], dtype))
    angle = 2.0 * math.pi * unit[0::2]
    normals = np.empty(len(unit))
    normals[0::2] = radius * libm(math.cos, np.cos, angle, dtype)
    normals[1::2] = radius * libm(math.sin, np.sin, angle, dtype)
    return normals


def normal_like(generator: Generator, mean: np.ndarray | float, std: np.ndarray | float) -> np.ndarray:
    """Return samples as `torch.normal` does, given an array as mean, std or both.

    Shapes broadcast; the dtype is the mean's, or the std's where the mean is a number.
    """
    if not isinstance(std, np.ndarray):
        mean = np.asarray(mean)
        return _in_place(np.add, normal(generator, mean.shape, mean.dtype, 0.0, std), mean)
    if std.dtype.kind == "c":
        raise RuntimeError("normal expects standard deviation to be non-complex")
    if std.size and not std.min() >= 0:
        raise RuntimeError(f"normal expects all elements of std >= 0.0, but the least is {std.min()}")
    dtype = mean.dtype if isinstance(mean, np.ndarray) else std.dtype
    samples = normal(generator, np.broadcast_shapes(np.shape(mean), std.shape), dtype)
    return _in_place(np.add, _in_place(np.multiply, samples, std), np.asarray(mean, dtype))


def _in_place(operation: np.ufunc, out: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Out op= other: computed in the wider of the two types (0-dim ones do not widen), rounded to out's."""
    if out.dtype.kind == "c":
        return operation(out, other).astype(out.dtype)
    widens = other.dtype == np.float64 and (other.ndim > 0 or out.ndim == 0)
    wide = np.float64 if out.dtype == np.float64 or widens else np.float32
    return operation(out.astype(wide), other.astype(wide)).astype(out.dtype)
