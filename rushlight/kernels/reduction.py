"""Angles without their full turns: x = n·½π + r with |r| <= ¼π, for every x there is."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable

from . import targets
from .arithmetic import rint
from .floats import absolute, fma, head, is_double, nearest
from .types import f64, i1
from .values import Value

#: ½π in parts, all but the last so short that n times them is exact, up to where the parts suffice for x;
#: and in parts of full length, for processors that subtract the exact product
_HALF_PI = {
    "float": (1.5703125, 0.000483751297, 7.54953362e-08, 2.56334407e-12),
    "double": (1.5707963267341256, 6.077100506303966e-11, 2.0222662487959506e-21),
}
_HALF_PI_FUSED = (1.57079637, -4.37113883e-08, -1.71512451e-15)
_NEAR = {"float": 8192.0, "double": 1e6}

#: the binary digits of 2/π after the point, 26 at a time
_DIGITS = """
    28be60d 2e4e441 14a7f09 357d1f5 0d37703 1b62959 24f10e4 041fe51 18eaf7a 3bc561b 1c91b8e 2424dd2
    3801924 2eea09d 064873f 21deb1c 2c4a69c 3ee8823 17d4bae 34484e9 271c09a 345f7e4 04e6475 2398353
    0e7d272 045f8bb 37e4a0e 31ff897 3ff7816 180fef2 3c462d6 20a6d1f 1b4d9fb 0f27cb0 26dd3d1 23f669e
    17fa8b5 3527bac 1faf97c 17b3d07 0e7de29 1292ea6 2fed7ec 11f8d5d 021580c 3046fc7 2daeafc 0cfbc20
"""
_SIZE = 26
_SCALE = 256  # powers of 2 that x lends the digits, of which the last would be too small to be numbers
_CHUNKS = {"float": 8, "double": 46}


def quadrant(x: Value) -> tuple[Value, Value]:
    """r, and n in the low bits of an integer."""
    r, turns = _near_or_far(x, _less_fused if _fuses(x) else _less_parts, 2)
    return r, turns


def quadrant_and_tail(x: Value) -> tuple[Value, Value, Value]:
    """The same, and the small number that r lacks."""
    r, turns, tail = _near_or_far(x, _less_parts, 3)
    return r, turns, tail


def _near_or_far(x: Value, less: Callable[[Value, Value], tuple[Value, Value]], count: int) -> list[Value]:
    """The first `count` of r, the bits of n, and the tail, in two ways by the size of x."""
    n, turns = nearest(x, 2 / math.pi, 0)
    r, tail = less(x, n)
    results = [x.f.var(v) for v in (r, turns, tail)[:count]]
    far = absolute(x) > _NEAR[x.type.name]
    with x.f.when(any_lane(far)):
        for result, slow in zip(results, _quadrant_far(x), strict=False):
            result.set(far.select(slow, result))
    return [result.now for result in results]


def _less_parts(x: Value, n: Value) -> tuple[Value, Value]:
    """x - n·½π and its tail: of the parts all but two are taken off exactly, and what the difference with the
    last but one loses goes with the last.
    """
    *whole, middle, last = _HALF_PI[x.type.name]
    for part in whole:
        x = fma(n, -part, x)
    step = n * middle
    near = x - step
    rest = fma(n, -last, (x - near) - step)
    r = near + rest
    return r, (near - r) + rest


def _fuses(x: Value) -> bool:
    target = targets.now()
    return target is not None and target.fuses and not is_double(x)


def _less_fused(x: Value, n: Value) -> tuple[Value, Value]:
    """x - n·½π; nothing is known of its tail."""
    for part in _HALF_PI_FUSED:
        x = fma(n, -part, x)
    return x, x


def any_lane(mask: Value) -> Value:
    """Whether one lane is true."""
    return mask if mask.lanes == 1 else mask.f.call(f"llvm.vector.reduce.or.{mask.type.suffix}", i1, mask)


def _quadrant_far(x: Value) -> tuple[Value, Value, Value]:
    """r, n and the tail for any x, slowly (Payne and Hanek): x·2/π in float64, 26 digits of 2/π at a time.

    The products of the two halves of x are exact; of each only the remainder mod 4 counts; their sum is kept
    in two numbers.
    """
    f, chunks = x.f, _CHUNKS[x.type.name]
    digits = _table(x, chunks)
    wide = x.to(f64) * 0.5**_SCALE
    halves = (head(wide, 27), wide - head(wide, 27)) if is_double(x) else (wide,)
    total, error = f.var(f.const(wide.type, 0)), f.var(f.const(wide.type, 0))
    for k in f.range(0, chunks):
        digit = digits.load(k, align=1)
        for half in halves:
            term = half * digit
            term = term - rint(term * 0.25) * 4.0
            both, lost = _sum(total.now, term)
            total.set(both)
            error += lost
    n = rint(total.now)
    angle, tail = _quarters(total - n, error.now)
    r = angle.to(x.type.scalar)
    turns = nearest(n.to(x.type.scalar), 1, 0)[1]
    return r, turns, ((angle - r.to(f64)) + tail).to(x.type.scalar)


def _quarters(x: Value, more: Value) -> tuple[Value, Value]:
    """½π·(x + more), and what rounding took from it."""
    whole = x + more
    most = head(whole, 27)
    rest = ((x - whole) + more) + (whole - most)
    high, low = 1.5707963109016418, 1.5893254773528196e-08  # ½π; most·high is exact
    first, second = most * high, most * low + rest * (high + low)
    angle = first + second
    return angle, (first - angle) + second


def _sum(x: Value, y: Value) -> tuple[Value, Value]:
    """x + y, and what rounding took from it (Knuth)."""
    total = x + y
    part = total - x
    return total, (x - (total - part)) + (y - part)


def _table(x: Value, count: int) -> Value:
    """The first digits of 2/π in the module, as float64."""
    numbers = [
        math.ldexp(int(d, 16), _SCALE - _SIZE * (k + 1)) for k, d in enumerate(_DIGITS.split()[:count])
    ]
    return x.f.module.bytes(x.f, struct.pack(f"<{count}d", *numbers)).of(f64)
