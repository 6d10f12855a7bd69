"""x^y = 2^(y·log2 |x|) with the sign and the exceptions that IEEE 754 gives pow."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable

from .arithmetic import one, reciprocal, rsqrt, same, signbit, square
from .exponential import exp_near, scaled
from .floats import (
    absolute,
    clamp,
    fma,
    format_of,
    head,
    is_double,
    nearest,
    polynomial,
    power_of_two,
    sqrt,
    unordered,
)
from .logarithm import split
from .reduction import any_lane
from .types import f64
from .values import Value


def power(x: Value, y: Value) -> Value:
    """x to the power y."""
    easy = _EASY.get(_known(y))
    if easy is not None:
        return easy(x)
    found = x.f.var(x * x)
    with x.f.when(any_lane(y != 2.0)):
        found.set(x)
        with x.f.when(any_lane(y != 1.0)):  # the exponent that a square's derivative has
            magnitude = _of_doubles(absolute(x), y) if is_double(x) else _of_singles(absolute(x), y)
            general = _exceptions(x, y, magnitude)
            found.set((y == 2.0).select(x * x, (y == 1.0).select(x, general)))  # whatever lanes are beside it
    return found.now


#: what NumPy's path does for these exponents
_EASY: dict[float | None, Callable[[Value], Value]] = {
    **{2.0: square, 3.0: lambda x: x * x * x, 0.5: sqrt, 1.0: same},
    **{-1.0: reciprocal, -2.0: lambda x: 1.0 / (x * x), -0.5: rsqrt},
}


def _known(y: Value) -> float | None:
    """The number that a constant is."""
    text = y.text.removeprefix("splat (").removesuffix(")").split()[-1]
    return struct.unpack(">d", bytes.fromhex(text[2:]))[0] if text.startswith("0x") else None


# -- float32, computed in float64 ------------------------------------------------------------------------

#: log2(1 + f) / f for 1 + f in [¾, 3/2], and 2^r for |r| <= ½: minimax, to 2^-35 and 2^-29
_LOG2 = (
    *(0.037989711905964944, -0.10204086202499678, 0.13879321259705357, -0.14920818565217325),
    *(0.1605030812099194, -0.18000364100647107, 0.20605685545140387, -0.24045841762881623),
    *(0.2885404281401713, -0.36067365347575675, 0.4808983326397858, -0.7213475208314023),
    *(1.4426950409106452,),
)
_EXP2 = (
    *(0.0001534582681908338, 0.0013399931662714721, 0.009618488889640326, 0.05550328775626067),
    *(0.24022646891490204, 0.6931472057380248, 1.0000000005539584),
)
_TOP = 3.4028234663852886e38  # the greatest float32, an even integer, stands in for infinite exponents


def _of_singles(x: Value, y: Value) -> Value:
    """x^y for x > 0."""
    f, e = split(x.to(f64), subnormal=False)
    log = fma(f, polynomial(f, _LOG2), e)
    product = clamp(clamp(y, -_TOP, _TOP).to(f64) * log, -160.0, 130.0)
    n, bits = nearest(product, 1, format_of(f).bias)
    return (polynomial(product - n, _EXP2) * power_of_two(bits, f)).to(x.type.scalar)


# -- float64, the logarithm in two numbers ---------------------------------------------------------------
# As fdlibm's e_pow.c does it: heads of 21 bits, whose products and sums are exact.

#: (3 artanh s / s - 3 - s²) / s⁴ as a function of s², for |s| <= ⅕: minimax
_ARTANH = (
    *(0.16888459229085154, 0.1558720843675847, 0.1765539929980212, 0.19999800827840766),
    *(0.2307692586216819, 0.27272727250885287, 0.3333333333341905, 0.42857142857142727, 0.6),
)
_SCALE = 0.9617966939259756  # ⅔ / ln 2, and the same in two parts
_SCALE_HEAD, _SCALE_REST = 0.9617962837219238, 4.102040517767816e-07
_HUGE = 2.0**64  # exponents beyond it (even integers all) take whatever is not 1 to 0 or inf, as it does


def _head(x: Value) -> Value:
    return head(x, 32)


def _log2(x: Value) -> tuple[Value, Value]:
    """log2 x as a head and a rest: e + ⅔/ln 2 · s·(3 + s² + ...), s = (m - 1) / (m + 1)."""
    f, e = split(x)
    s, rest = _quotient(f)
    square, s_head = s * s, _head(s)
    more = square * square * polynomial(square, _ARTANH) + rest * (s_head + s)
    exact = s_head * s_head
    factor = _head(exact + 3.0 + more)
    factor_rest = more - ((factor - 3.0) - exact)
    first, second = s_head * factor, rest * factor + factor_rest * s
    product = _head(first + second)
    product_rest = second - (product - first)
    log = product * _SCALE_HEAD
    log_rest = product * _SCALE_REST + product_rest * _SCALE
    high = _head((log + log_rest) + e)
    return high, log_rest - ((high - e) - log)


def _quotient(f: Value) -> tuple[Value, Value]:
    """s = f / (f + 2), and what its head lacks."""
    m = f + 1.0
    below = m + 1.0
    inverse = 1.0 / below
    s, below_head = f * inverse, _head(below)
    s_head, below_rest = _head(s), m - (below_head - 1.0)
    return s, inverse * ((f - s_head * below_head) - s_head * below_rest)


def _of_doubles(x: Value, y: Value) -> Value:
    """x^y for x > 0."""
    y = clamp(y, -_HUGE, _HUGE)
    log, log_rest = _log2(x)
    y_head = _head(y)
    product, rest = y_head * log, (y - y_head) * log + y * log_rest
    n, bits = nearest(clamp(product + rest, -1080.0, 1030.0), 1, 2 * format_of(x).bias)
    r = clamp((product - n) + rest, -1.0, 1.0)
    return scaled(exp_near(r * 0.6931471805599453), n, bits)


# -- what is not a number of the usual kind -----------------------------------------------------------------


def _parity(y: Value) -> tuple[Value, Value]:
    """Whether y is an integer, and an odd one (from 2^(mantissa + 1) on, all are even)."""
    whole = 2.0 ** format_of(y).mantissa
    a = absolute(y)
    a = (a > 2 * whole).select(2 * whole, a)
    half = a * 0.5
    integer = (a >= whole) | ((a + whole) - whole == a)
    return integer, integer & ((half + whole) - whole != half)


def _exceptions(x: Value, y: Value, magnitude: Value) -> Value:
    """Signs, zeros, infinities and NaN."""
    integer, odd = _parity(y)
    zero, endless = x == 0, absolute(x) == math.inf
    limit = ((y > 0) ^ zero).select(x.f.const(x.type, math.inf), 0)
    v = (zero | endless).select(limit, magnitude)
    v = (signbit(x) & odd).select(-v, v)
    v = ((x < 0) & ~integer & ~endless).select(math.nan, v)
    v = unordered(x, y).select(x + y, v)
    return ((y == 0) | (x == 1)).select(one(x), v)
