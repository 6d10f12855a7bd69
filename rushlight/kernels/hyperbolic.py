"""The hyperbolic functions and their inverses, by e^x and log(1 + x)."""

from __future__ import annotations

import math

from .exponential import exp_twice, half_exp
from .floats import absolute, copysign, fma, polynomial, sqrt
from .logarithm import log1p
from .values import Value

_LN2 = 0.6931471805599453

#: (tanh x - x) / x³ as a function of x², for |x| <= 9/16: minimax (Remez, in 70 digits)
_TANH = {
    "float": (0.016254051992638827, -0.05257811958394454, 0.13319320770923224, -0.3333288915466675),
    "double": (
        *(4.966526913771917e-05, -0.0002083273207675329, 0.0005779200069347629),
        *(-0.0014528038431929813, 0.0035916356193247327, -0.008863184004994288),
        *(0.021869485187086896, -0.0539682538428479, 0.1333333333310046, -0.3333333333333183),
    ),
}
_TANH_TOP = {"float": 10.0, "double": 20.0}  # from here on it is 1


def tanh(x: Value) -> Value:
    """x + x³·P(x²) near zero, ±(1 - 2 / (e^2|x| + 1)) elsewhere."""
    y, z, top = absolute(x), x * x, _TANH_TOP[x.type.name]
    near = fma(z * polynomial(z, _TANH[x.type.name]), x, x)
    e, power = exp_twice((y > top).select(top, y))
    far = 1.0 - 2.0 / fma(e, power, 1.0)
    return copysign((y < 0.5625).select(near, far), x)


#: (sinh x - x) / x³ as a function of x², for |x| <= 1: minimax
_SINH = {
    "float": (2.81743951e-06, 0.000198360663, 0.00833335053, 0.166666672),
    "double": (
        *(7.759312205923498e-13, 1.6057240341261834e-10, 2.505212339855522e-08),
        *(2.755731915533686e-06, 0.0001984126984143768, 0.008333333333333139, 0.16666666666666669),
    ),
}


def sinh(x: Value) -> Value:
    """½ (e^x - e^-x); x + x³·P(x²) near zero."""
    y = absolute(x)
    z = x * x
    near = fma(z * polynomial(z, _SINH[x.type.name]), x, x)
    half = half_exp(y)
    return copysign((y < 1.0).select(near, half - 0.25 / half), x)


def cosh(x: Value) -> Value:
    """½ (e^x + e^-x)."""
    half = half_exp(absolute(x))
    return half + 0.25 / half


_FAR = 2.0**60  # where x² + 1 = x² in either type, and x² is still a number


def _log1p_far(x: Value, w: Value) -> Value:
    """log(1 + w), or log 2x where x is so large that w is not needed."""
    far = x > _FAR
    return log1p(far.select(x, w)) + far.select(x.f.const(x.type, _LN2), 0)


def arcsinh(x: Value) -> Value:
    """log(x + √(x² + 1)) with the sign of x; 1 + w is what the logarithm is taken of."""
    y = absolute(x)
    z = y * y
    return copysign(_log1p_far(y, y + z / (sqrt(z + 1.0) + 1.0)), x)


def arccosh(x: Value) -> Value:
    """log(x + √(x² - 1))."""
    t = x - 1.0
    y = _log1p_far(x, t + sqrt(fma(t, t, t + t)))
    return (x >= 1.0).select(y, math.nan)


def arctanh(x: Value) -> Value:
    """½ log((1 + x) / (1 - x)) = ½ log(1 + 2x + 2x² / (1 - x))."""
    y = absolute(x)
    t = y + y
    inside = copysign(log1p(t + t * y / (1.0 - y)) * 0.5, x)
    return (y > 1.0).select(math.nan, inside)
