"""e^x and its relatives, of any float type and number of lanes, without branches.

x = n·ln 2 + r with |r| <= ½ ln 2 (Cody and Waite: the first part of ln 2 is so short that its multiples are
exact even where the processor cannot fuse); e^r by a polynomial; 2^n by multiplication, which keeps NaN.
"""

from __future__ import annotations

from . import avx512
from .floats import clamp, copysign, fma, format_of, nearest, polynomial, power_of_two
from .values import Value

_LOG2E = 1.4426950408889634

#: ln 2 in two parts: SLEEF's (float32), fdlibm's (float64)
_LN2 = {
    "float": (0.693145751953125, 1.428606765330187045e-06),
    "double": (6.93147180369123816490e-01, 1.90821492927058770002e-10),
}

#: (e^r - 1 - r) / r²: Cephes' expf; minimax for float64 (Remez, in 60 digits)
_EXPM1 = {
    "float": (
        *(1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1),
        *(5.0000001201e-1,),
    ),
    "double": (
        *(2.092167939844442e-09, 2.510531333121479e-08, 2.75572526444045e-07),
        *(2.755725516853409e-06, 2.4801587347619175e-05, 0.0001984126987500341),
        *(0.0013888888888874279, 0.008333333333326082, 0.041666666666666685, 0.1666666666666667),
        *(0.5,),
    ),
}

#: the same where e^r itself is wanted, and less will do: minimax
_EXP_WHOLE = {
    "float": (
        *(0.001382173957360102, 0.008362980064332481, 0.04166780910463777, 0.16666579125313047),
        *(0.4999999813424985,),
    ),
    "double": _EXPM1["double"],
}

#: e^2r = 1 + 2r + ...
_TWICE = {
    kind: [c * 2 ** (len(known) + 1 - k) for k, c in enumerate((*known, 1.0, 1.0))]
    for kind, known in _EXP_WHOLE.items()
}

#: where e^x is surely infinite, surely zero, and below the smallest normal number
_TOP = {"float": 89.0, "double": 710.0}
_BOTTOM = {"float": -104.0, "double": -746.0}
_SUBNORMAL = {"float": -88.0, "double": -709.0}


def reduce(x: Value, offset: int) -> tuple[Value, Value, Value]:
    """r and n, and n + offset in the low bits of an integer, where x = n·ln 2 + r."""
    high, low = _LN2[x.type.name]
    n, bits = nearest(x, _LOG2E, offset)
    return fma(n, -low, fma(n, -high, x)), n, bits


def expm1_near(r: Value) -> Value:
    """e^r - 1 for |r| <= ½ ln 2."""
    return fma(r * r, polynomial(r, _EXPM1[r.type.name]), r)


def exp_near(r: Value) -> Value:
    """e^r for |r| <= ½ ln 2."""
    return polynomial(r, (*_EXP_WHOLE[r.type.name], 1.0, 1.0))


def scaled(x: Value, n: Value, bits: Value) -> Value:
    """x·2^n, for bits = n + 2·bias: in two steps, since 2^n alone may be too large or too small."""
    if avx512.fits(x):
        return avx512.scale(x, n)
    half = bits >> 1
    return x * power_of_two(half, x) * power_of_two(bits - half, x)


def exp(x: Value) -> Value:
    """e^x."""
    x = clamp(x, _BOTTOM[x.type.name], _TOP[x.type.name])
    r, n, bits = reduce(x, 2 * format_of(x).bias)
    return scaled(exp_near(r), n, bits)


def exp_within(x: Value) -> Value:
    """e^x for x within the bounds of `exp_fast`, which stand above."""
    r, _, bits = reduce(x, format_of(x).bias)
    return exp_near(r) * power_of_two(bits, x)


def exp_twice(x: Value) -> tuple[Value, Value]:
    """e^2r and 2^n, whose product is e^2x, for x of moderate size: x = n·½ ln 2 + r."""
    high, low = _LN2[x.type.name]
    n, bits = nearest(x, 2 * _LOG2E, format_of(x).bias)
    r = fma(n, -0.5 * low, fma(n, -0.5 * high, x))
    return polynomial(r, _TWICE[x.type.name]), power_of_two(bits, x)


def exp_fast(x: Value) -> Value:
    """e^x, but 0 where that is subnormal, and inf in the last half octave."""
    return exp_within(clamp(x, _SUBNORMAL[x.type.name], _TOP[x.type.name]))


def exp_nonpositive(x: Value) -> Value:
    """e^x for x <= 0, as softmax wants it: 0 where that is subnormal."""
    low = _SUBNORMAL[x.type.name]
    return exp_within((x < low).select(low, x))


def exp_single(x: Value) -> Value:
    """e^x in float64 with the precision of float32, for |x| < 700."""
    r, _, bits = reduce(x, format_of(x).bias)
    return polynomial(r, (*_EXPM1["float"], 1.0, 1.0)) * power_of_two(bits, x)


def exp2(x: Value) -> Value:
    """2^x, exact for integers."""
    form = format_of(x)
    x = clamp(x, -float(form.bias + form.mantissa + 2), float(form.bias + 2))
    n, bits = nearest(x, 1, 2 * form.bias)
    return scaled(exp_near((x - n) * 0.6931471805599453), n, bits)


def expm1(x: Value) -> Value:
    """e^x - 1 = 2·(2^(n-1)·(e^r - 1) + (2^(n-1) - ½)), without cancellation where it is small."""
    y = clamp(x, -40.0, _TOP[x.type.name])
    r, _, bits = reduce(y, format_of(x).bias - 1)
    half = power_of_two(bits, x)
    y = fma(expm1_near(r), half, half - 0.5)
    return copysign(y + y, x)


def half_exp(x: Value) -> Value:
    """½ e^x for x >= 0, which is finite longer than e^x is."""
    top = _TOP[x.type.name] + 1.0
    x = (x > top).select(top, x)
    r, n, bits = reduce(x, 2 * format_of(x).bias - 1)
    return scaled(exp_near(r), n - 1.0, bits)


def sigmoid(x: Value) -> Value:
    """1 / (1 + e^-x)."""
    x = clamp(x, -_TOP[x.type.name], -_SUBNORMAL[x.type.name])
    return 1.0 / (exp_within(-x) + 1.0)
