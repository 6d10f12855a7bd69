"""Box-Muller in blocks of 16, rounded as torch's AVX2 kernel rounds it.

Of 16 uniforms u, the j-th and the (j+8)-th make two normals, r cos t and r sin t: r = sqrt(-2 log(1 - u_j))
and t = 2 pi u_{j+8}. For float32 torch evaluates log, sin and cos by the Cephes polynomials (Moshier,
"Methods and Programs for Mathematical Functions", 1989) with fused multiply-adds. A float32 product is exact
in float64, so `_fma` computes there and rounds once at the end: the results are torch's bit for bit, but for
double rounding, about once in 2**29 operations. kernels/box_muller.py does the same in machine code.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from rushlight.arrays.distributions.words import fma64, libm
from rushlight.kernels import native
from rushlight.kernels.box_muller import (
    COS,
    GRAIN,
    LOG,
    LOG2_HIGH,
    LOG2_LOW,
    PER_QUARTER_PI,
    QUARTER_PI,
    SIN,
    SQRT_HALF,
    kernel,
)  # fmt: skip
from rushlight.kernels.targets import host

Array = np.ndarray | np.float64

_F32, _F64 = np.float32, np.float64
_ROWS = 1024  # rows of 16 handled at a time: the temporaries then stay in the level-2 cache

_SQRT_HALF, _PER_QUARTER_PI = _F32(SQRT_HALF), _F32(PER_QUARTER_PI)


def box_muller(uniforms: np.ndarray, mean: float, std: float) -> np.ndarray:
    """Turn uniforms in [0, 1), shape (rows, 16) of float32 or float64, into samples of mean + std N(0, 1)."""
    if uniforms.dtype == _F64:
        return _normals_float64(uniforms, mean, std)
    normals = np.empty_like(uniforms)
    if uniforms.flags.c_contiguous and native.on() and host().fuses:
        kernel.run(len(uniforms), GRAIN, normals, uniforms, float(mean), float(std))
        return normals
    for start in range(0, len(uniforms), _ROWS):
        block = slice(start, start + _ROWS)
        _normals_float32(uniforms[block], _F64(_F32(mean)), _F64(_F32(std)), normals[block])
    return normals


def _normals_float64(u: np.ndarray, mean: float, std: float) -> np.ndarray:
    radius = np.sqrt(-2 * libm(math.log, np.log, 1 - u[:, :8], u.dtype))
    angle = 2 * math.pi * u[:, 8:]
    cosine, sine = libm(math.cos, np.cos, angle, u.dtype), libm(math.sin, np.sin, angle, u.dtype)
    return fma64(np.concatenate([radius * cosine, radius * sine], axis=1), std, mean)


def _normals_float32(u: np.ndarray, mean: np.float64, std: np.float64, out: np.ndarray) -> None:
    radius = np.sqrt(_F32(-2) * _log(_F32(1) - u[:, :8]))
    sine, cosine = _sincos(_F32(2 * math.pi) * u[:, 8:])
    out[:, :8], out[:, 8:] = radius * cosine, radius * sine
    if (mean, std) == (0, 1):
        out += _F32(0)  # what times 1 plus 0 makes of -0
    else:
        out[...] = out.astype(_F64) * std + mean


def _round(x: np.ndarray) -> np.ndarray:
    return x.astype(_F32).astype(_F64)


def _fma(x: np.ndarray, y: Array, z: Array) -> np.ndarray:
    """Return x * y + z rounded once to float32; x, y and z hold float32 values in float64."""
    return _round(x * y + z)


def _horner(coefficients: Sequence[float], x: np.ndarray) -> np.ndarray:
    first, second, *rest = (_F64(_F32(c)) for c in coefficients)
    total = _fma(x, first, second)
    for coefficient in rest:
        total = _fma(x, total, coefficient)
    return total


def _log(x: np.ndarray) -> np.ndarray:
    """Natural logarithm of 0 < x <= 1, float32: x = 2**e (1 + m), with 1 + m in [sqrt(1/2), sqrt(2))."""
    bits = x.view(np.int32)
    fraction = ((bits & 0x7FFFFF) | 0x3F000000).view(_F32)  # in [1/2, 1)
    low = fraction < _SQRT_HALF
    m = (fraction * (_F32(1) + low) - _F32(1)).astype(_F64)
    e = (bits >> 23) - (126 + low)
    square = _round(m * m)
    tail = _round(_horner(LOG, m) * m)
    tail = _fma(tail, square, (e * _F64(_F32(LOG2_LOW))).astype(_F32))
    tail = _fma(square, _F64(-0.5), tail)
    return (e * LOG2_HIGH + (m + tail).astype(_F32)).astype(_F32)


def _sincos(angle: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sine and cosine of 0 <= angle < 2 pi, float32: polynomials on the distance to a multiple of pi / 2."""
    octant = ((angle * _PER_QUARTER_PI).astype(np.int32) + 1) & ~1
    x = angle.astype(_F64)
    for part in QUARTER_PI:
        x = _fma(octant, _F64(-_F32(part)), x)
    square = _round(x * x)
    even = _fma(_round(_horner(COS, square) * square), square, _F64(-0.5) * square) + 1.0
    odd = _fma(_round(_horner(SIN, square) * square), x, x)
    swapped = (octant & 2) != 0
    sine, cosine = np.where(swapped, even, odd).astype(_F32), np.where(swapped, odd, even).astype(_F32)
    sign = sine.view(np.int32), cosine.view(np.int32)
    np.bitwise_xor(sign[0], (octant & 4) << 29, out=sign[0])
    np.bitwise_xor(sign[1], (~(octant - 2) & 4) << 29, out=sign[1])
    return sine, cosine
