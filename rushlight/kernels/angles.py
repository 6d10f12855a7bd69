"""The inverse trigonometric functions, and the length of a hypotenuse."""

from __future__ import annotations

import math

from .arithmetic import greater, signbit, smaller
from .floats import absolute, copysign, fma, polynomial, sqrt, unordered
from .values import Value

#: (arctan q - q) / q³ as a function of q², for q <= 1: minimax (Remez, in 70 digits)
_ATAN = {
    "float": (
        *(-0.00182721461, 0.0110644475, -0.0314557105, 0.0582345612, -0.0841945931, 0.109575763),
        *(-0.142652452, 0.199986383, -0.333333015),
    ),
    "double": (
        *(1.3489420602937933e-05, -0.0001547983507830578, 0.000843490126610676),
        *(-0.0029193564873261756, 0.007263384846634469, -0.013995025761611855),
        *(0.022085195621816635, -0.02998561205251796, 0.03669355715749945, -0.04221719437480415),
        *(0.04723294020210697, -0.052538057582859385, 0.05880592603563339, -0.0666641500642975),
        *(0.07692281187965859, -0.09090907119369045, 0.11111111013657693, -0.14285714282802467),
        *(0.1999999999995544, -0.33333333333333093),
    ),
}

#: (arcsin s - s) / s³ as a function of s², for s <= ½: minimax
_ASIN = {
    "float": (0.0375653356, 0.0144025087, 0.0318176374, 0.0445157178, 0.0750051066, 0.166666597),
    "double": (
        *(0.032677038657271784, -0.021077544805160626, 0.021763689936527383),
        *(0.0036829574699597176, 0.010786553376952229, 0.011397771228615653, 0.013980962094167687),
        *(0.01735160003229464, 0.022372215663982866, 0.030381942683473724, 0.04464285717512398),
        *(0.07499999999970258, 0.16666666666666763),
    ),
}

#: ½π in two parts
_HALF_PI = {
    "float": (1.5707963705062866, -4.371138828673793e-08),
    "double": (1.5707963267948966, 6.123233995736766e-17),
}


def _from(quarters: int, angle: Value) -> Value:
    """quarters·½π - angle."""
    high, low = _HALF_PI[angle.type.name]
    return quarters * high - (angle - quarters * low)


def _atan_near(q: Value) -> Value:
    """arctan q for 0 <= q <= 1."""
    z = q * q
    return fma(z * polynomial(z, _ATAN[q.type.name]), q, q)


def arctan(x: Value) -> Value:
    """The angle whose tangent is x: ½π - arctan 1/x beyond 1."""
    y = absolute(x)
    steep = y > 1.0
    angle = _atan_near(steep.select(1.0, y) / steep.select(y, 1.0))
    return copysign(steep.select(_from(1, angle), angle), x)


def arctan2(y: Value, x: Value) -> Value:
    """The angle of the point (x, y), in [-π, π]."""
    height, width = absolute(y), absolute(x)
    long = greater(height, width)
    alike = height == width  # 1, or 0 at the origin: not NaN of 0 / 0 and inf / inf
    q = alike.select((long > 0).select(x.f.const(x.type, 1), 0), smaller(height, width) / long)
    angle = _atan_near(q)
    angle = (height > width).select(_from(1, angle), angle)
    angle = copysign(signbit(x).select(_from(2, angle), angle), y)
    return unordered(x, y).select(x + y, angle)


def hypot(x: Value, y: Value) -> Value:
    """√(x² + y²), infinite if either is."""
    a, b = absolute(x), absolute(y)
    long = greater(a, b)
    q = smaller(a, b) / long
    length = (long == 0).select(0, long * sqrt(fma(q, q, 1.0)))
    length = unordered(x, y).select(x + y, length)
    return ((a == math.inf) | (b == math.inf)).select(math.inf, length)


def _halved(y: Value) -> tuple[Value, Value, Value]:
    """Whether y > ½; s = y, or there √(½ (1 - y)), the sine of half the angle left; and arcsin s - s."""
    steep = y > 0.5
    rest = (1.0 - y) * 0.5
    z = steep.select(rest, y * y)
    s = steep.select(sqrt(rest), y)
    return steep, s, s * (z * polynomial(z, _ASIN[y.type.name]))


def arcsin(x: Value) -> Value:
    """The angle whose sine is x."""
    steep, s, more = _halved(absolute(x))
    high, low = _HALF_PI[x.type.name]
    far = (high - (s + s)) - ((more + more) - low)
    return copysign(steep.select(far, s + more), x)


def arccos(x: Value) -> Value:
    """The angle whose cosine is x."""
    steep, s, more = _halved(absolute(x))
    angle = s + more
    double = angle + angle
    far = signbit(x).select(_from(2, double), double)
    return steep.select(far, _from(1, copysign(angle, x)))
