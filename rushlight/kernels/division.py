"""Quotients and remainders of integers, and of float32, exact by way of float64."""

from __future__ import annotations

import math

from .arithmetic import floor, one, rint
from .floats import absolute, copysign, format_of
from .reduction import any_lane
from .types import f64
from .values import Value

_REACH = 2.0**28  # the quotient times the divisor has at most 28 + 24 bits: float64 holds it exactly


def fmod(x: Value, y: Value) -> Value:
    """The remainder with the sign of x, exact."""
    f = x.f
    a, b = absolute(x).to(f64), absolute(y).to(f64)
    b = (b > 1e300).select(1e300, b)  # infinity leaves x as it is
    rest = f.var(a)
    for _ in f.forever():  # almost never more than once
        quotient = rest / b
        far = (quotient >= _REACH) & (quotient < math.inf)
        f.leave(~any_lane(far))
        rest.set(far.select(_less(rest.now, b * _unit(quotient)), rest.now))
    return copysign(_less(rest.now, b).to(x.type.scalar), x)


def _unit(quotient: Value) -> Value:
    """A power of 2 that goes into the quotient less than 2^28 times."""
    form = format_of(quotient)
    exponent = quotient.bits(form.integer) & (((1 << 11) - 1) << form.mantissa)
    return exponent.bits(f64) * (2.0 / _REACH)


def _less(x: Value, y: Value) -> Value:
    """x mod y for quotients that are not far."""
    rest = x - y * rint(x / y)
    return (rest < 0).select(rest + y, rest)


def remainder(x: Value, y: Value) -> Value:
    """The remainder with the sign of y."""
    rest = fmod(x, y)
    turned = ((y < 0) ^ (rest < 0)).select(rest + y, rest)
    return (rest == 0).select(copysign(rest, y), turned)


def floor_divide(x: Value, y: Value) -> Value:
    """x / y rounded down, in the steps of NumPy's npy_floor_divide; x / 0 as a division."""
    rest, whole = fmod(x, y), x / y
    quotient = (x - rest) / y
    turned = (rest != 0) & ((y < 0) ^ (rest < 0))
    quotient = quotient - turned.select(one(x), 0)
    down = floor(quotient)
    down = down + (quotient - down > 0.5).select(one(x), 0)
    down = (quotient == 0).select(copysign(quotient, whole), down)
    return (y == 0).select(whole, down)


# -- integers, by numbers that are neither 0 nor -1 ------------------------------------------------------


def remainder_whole(x: Value, y: Value) -> Value:
    """The remainder with the sign of y, of integers."""
    rest = x % y
    return _is_turned(rest, y).select(rest + y, rest)


def floor_divide_whole(x: Value, y: Value) -> Value:
    """x / y rounded down, of integers."""
    quotient = x // y
    return quotient - _is_turned(x - quotient * y, y).select(one(x), 0)


def _is_turned(rest: Value, y: Value) -> Value:
    """Whether a remainder has not the sign of y."""
    return (rest != 0) & ((rest < 0) ^ (y < 0))
