"""Box-Muller in blocks of 16, rounded as torch's AVX2 kernel rounds it.

Of 16 uniforms u, the j-th and the (j+8)-th make two normals: r cos t and r sin t, with r = sqrt(-2 log(1 - u_j)),
t = 2 pi u_{j+8}. torch evaluates log, sin and cos in float32 by the Cephes polynomials (Moshier, 1992), with fused
multiply-adds. A float32 product is exact in float64, so `_fma` computes there and rounds once at the end: the results
are torch's bit for bit (but for double rounding, once in some 2**29 operations).
"""

from __future__ import annotations

import numpy as np

_F32, _F64 = np.float32, np.float64
_ROWS = 512  # rows of 16 handled at a time: the temporaries then stay in the level-2 cache

_LOG = [7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1]
_LOG += [-1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1]
_LOG_2_LOW, _LOG_2_HIGH = -2.12194440e-4, 0.693359375  # log 2 = high + low
_COS = [2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2]
_SIN = [-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1]
_QUARTER_PI = [0.78515625, 2.4187564849853515625e-4, 3.77489497744594108e-8]  # pi / 4 in three parts


def box_muller(uniforms: np.ndarray, mean: float, std: float) -> np.ndarray:
    """Turn uniforms in [0, 1), shape (rows, 16) of float32 or float64, into mean + std * N(0, 1)."""
    if uniforms.dtype == _F64:
        return _box_muller_float64(uniforms, mean, std)
    normals = np.empty_like(uniforms)
    for start in range(0, len(uniforms), _ROWS):
        block = slice(start, start + _ROWS)
        _box_muller_float32(uniforms[block], _F64(_F32(mean)), _F64(_F32(std)), normals[block])
    return normals


def _box_muller_float32(u: np.ndarray, mean: np.float64, std: np.float64, out: np.ndarray) -> None:
    radius = np.sqrt(_F32(-2) * _log(_F32(1) - u[:, :8]))
    sine, cosine = _sincos(_F32(2 * np.pi) * u[:, 8:])
    out[:, :8] = (radius * cosine).astype(_F64) * std + mean
    out[:, 8:] = (radius * sine).astype(_F64) * std + mean


def _fma(x: np.ndarray, y: np.ndarray, z: np.ndarray | float) -> np.ndarray:
    """Return x * y + z rounded once to float32; x, y, z hold float32 values in float64."""
    return (x * y + z).astype(_F32).astype(_F64)


def _horner(coefficients: list[float], x: np.ndarray) -> np.ndarray:
    first, *rest = (float(_F32(c)) for c in coefficients)
    total = _fma(x, np.float64(first), rest[0])
    for coefficient in rest[1:]:
        total = _fma(total, x, coefficient)
    return total


def _log(x: np.ndarray) -> np.ndarray:
    """Natural logarithm of 0 < x <= 1, float32."""
    mantissa, exponent = np.frexp(x)  # mantissa in [0.5, 1)
    low = mantissa < _F32(0.707106781186547524)
    m = (np.where(low, mantissa + mantissa, mantissa) - _F32(1)).astype(_F64)
    e = exponent.astype(_F64) - low
    square = (m * m).astype(_F32).astype(_F64)
    tail = (_horner(_LOG, m) * m).astype(_F32).astype(_F64)
    tail = _fma(tail, square, (e * float(_F32(_LOG_2_LOW))).astype(_F32))
    tail = _fma(square, np.float64(-0.5), tail)
    total = (m + tail).astype(_F32)
    return (e * _LOG_2_HIGH + total).astype(_F32)


def _sincos(angle: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sine and cosine of 0 <= angle < 2 pi, float32."""
    octant = (angle * _F32(1.27323954473516)).astype(np.int32)
    octant = (octant + 1) & ~1
    x, octants = angle.astype(_F64), octant.astype(_F64)
    for part in _QUARTER_PI:
        x = _fma(octants, np.float64(-_F32(part)), x)
    square = (x * x).astype(_F32).astype(_F64)
    even = (_horner(_COS, square) * square).astype(_F32).astype(_F64)
    even = _fma(even, square, -0.5 * square) + 1.0
    odd = (_horner(_SIN, square) * square).astype(_F32).astype(_F64)
    odd = _fma(odd, x, x)
    swap = (octant & 2) != 0
    sine, cosine = np.where(swap, even, odd).astype(_F32), np.where(swap, odd, even).astype(_F32)
    np.negative(sine, out=sine, where=(octant & 4) != 0)
    np.negative(cosine, out=cosine, where=((octant - 2) & 4) == 0)
    return sine, cosine


def _box_muller_float64(u: np.ndarray, mean: float, std: float) -> np.ndarray:
    radius = np.sqrt(-2 * np.log(1 - u[:, :8]))
    angle = 2 * np.pi * u[:, 8:]
    return np.concatenate([radius * np.cos(angle), radius * np.sin(angle)], axis=1) * std + mean
