"""Box-Muller on blocks of 16 float32 uniforms, operation for operation as torch's AVX2 kernel does it.

See arrays/distributions/box_muller.py, which says the same with NumPy: the results are equal bit for bit. It
is for processors that fuse multiplications and additions.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from .floats import fma, sqrt
from .ir import Module
from .launch import Kernel, entry
from .targets import Target
from .types import f32, f64, i32
from .values import Value

HALF = 8  # of a block: uniforms for radii, then for angles; cosines, then sines
GRAIN = 256  # blocks that are worth waking a thread for

LOG = (
    *(7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1),
    *(-1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1),
)
LOG2_HIGH, LOG2_LOW = 0.693359375, -2.12194440e-4  # log 2 in two parts
SQRT_HALF = 0.707106781186547524
COS = (2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2)
SIN = (-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1)
QUARTER_PI = (0.78515625, 2.4187564849853515625e-4, 3.77489497744594108e-8)  # π / 4 in three parts
PER_QUARTER_PI = 1.27323954473516  # 4 / π


def _make(target: Target) -> Module:
    """kernel(out, uniforms, mean, std): blocks lo..hi."""
    m = Module()
    f, lo, hi, _, slots = entry(m, out=f32.pointer, uniforms=f32.pointer, mean=f64, std=f64)
    out, uniforms, mean, std = slots
    mean, std = mean.to(f32), std.to(f32)
    for block in f.range(lo, hi):
        at = block * (2 * HALF)
        radius = sqrt(-2.0 * _log(1.0 - uniforms.load(at, HALF)))
        sine, cosine = _sincos(_single(2 * math.pi) * uniforms.load(at + HALF, HALF))
        out.store(fma(radius * cosine, std, mean), at)
        out.store(fma(radius * sine, std, mean), at + HALF)
    f.ret()
    return m


kernel = Kernel("box muller", _make)


def _single(x: float) -> float:
    return float(np.float32(x))


def _horner(coefficients: Sequence[float], x: Value) -> Value:
    total = x.f.const(x.type, _single(coefficients[0]))
    for c in coefficients[1:]:
        total = fma(x, total, _single(c))
    return total


def _log(x: Value) -> Value:
    """Natural logarithm of 0 < x <= 1: x = 2^e (1 + m), with 1 + m in [√½, √2)."""
    bits = x.bits(i32)
    fraction = ((bits & 0x7FFFFF) | 0x3F000000).bits(f32)  # in [½, 1)
    low = fraction < _single(SQRT_HALF)
    m = low.select(fraction + fraction, fraction) - 1.0
    e = ((bits >> 23) - low.select(127, bits.f.const(bits.type, 126))).to(f32)
    square = m * m
    tail = fma(_horner(LOG, m) * m, square, e * _single(LOG2_LOW))
    tail = fma(square, -0.5, tail)
    return fma(e, LOG2_HIGH, m + tail)


def _sincos(angle: Value) -> tuple[Value, Value]:
    """Sine and cosine of 0 <= angle < 2π: polynomials on the distance to a multiple of π / 2."""
    octant = ((angle * _single(PER_QUARTER_PI)).to(i32) + 1) & -2
    x, turns = angle, octant.to(f32)
    for part in QUARTER_PI:
        x = fma(turns, -_single(part), x)
    square = x * x
    even = fma(_horner(COS, square) * square, square, square * -0.5) + 1.0
    odd = fma(_horner(SIN, square) * square, x, x)
    swapped = (octant & 2) != 0
    sine, cosine = swapped.select(even, odd), swapped.select(odd, even)
    signs = (octant & 4) << 29, (~(octant - 2) & 4) << 29
    return (sine.bits(i32) ^ signs[0]).bits(f32), (cosine.bits(i32) ^ signs[1]).bits(f32)
