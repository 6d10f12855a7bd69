"""The elementary functions of floats, integers and truth values, as NumPy has them bit for bit."""

from __future__ import annotations

import math
from typing import Any

from .floats import absolute, copysign, format_of, is_nan, sqrt
from .types import i1
from .values import Value


def zero(x: Value) -> Value:
    """0 in every lane."""
    return x.f.const(x.type, 0)


def one(x: Value) -> Value:
    """1 in every lane."""
    return x.f.const(x.type, 1)


def same(x: Value) -> Value:
    """The number itself."""
    return x


def square(x: Value) -> Value:
    """x²."""
    return x * x


def reciprocal(x: Value) -> Value:
    """1 / x."""
    return 1.0 / x


def rsqrt(x: Value) -> Value:
    """1 / √x."""
    return 1.0 / sqrt(x)


# -- choices -----------------------------------------------------------------------------------------


def truth(x: Value) -> Value:
    """Whether it is not zero (NaN is not)."""
    return x if x.type.name == "i1" else x != 0


def where(condition: Value, x: Any, y: Any) -> Value:
    """`x` where the condition holds, `y` elsewhere."""
    return truth(condition).select(x, y)


def relu(x: Value) -> Value:
    """0 for what is below it; NaN and -0 stay."""
    return (x < 0).select(0, x)


def greater(x: Value, y: Value) -> Value:
    """The greater of two integers."""
    return (x > y).select(x, y)


def smaller(x: Value, y: Value) -> Value:
    """The smaller of two integers."""
    return (x < y).select(x, y)


def maximum(x: Value, y: Value) -> Value:
    """The greater of two; NaN if either is."""
    return is_nan(x).select(x, greater(x, y))


def minimum(x: Value, y: Value) -> Value:
    """The smaller of two; NaN if either is."""
    return is_nan(x).select(x, smaller(x, y))


def fmax(x: Value, y: Value) -> Value:
    """The greater of two; what is not NaN if one is."""
    return is_nan(y).select(x, greater(x, y))


def fmin(x: Value, y: Value) -> Value:
    """The smaller of two; what is not NaN if one is."""
    return is_nan(y).select(x, smaller(x, y))


def sign(x: Value) -> Value:
    """-1, 0 or 1; 0 of NaN."""
    below = (x < 0).select(x.f.const(x.type, -1), 0)
    return (x > 0).select(1, below)


def sign_unsigned(x: Value) -> Value:
    """0 or 1."""
    return (x != 0).select(one(x), 0)


def absolute_integer(x: Value) -> Value:
    """|x|; the lowest number stays as it is."""
    return x if x.type.unsigned else (x < 0).select(-x, x)


def heaviside(x: Value, y: Value) -> Value:
    """0 below zero and of NaN, 1 above, `y` at zero."""
    return (x == 0).select(y, (x > 0).select(one(x), 0))


# -- truth -------------------------------------------------------------------------------------------


def logical_and(x: Value, y: Value) -> Value:
    """Whether both are true."""
    return truth(x) & truth(y)


def logical_or(x: Value, y: Value) -> Value:
    """Whether one is true."""
    return truth(x) | truth(y)


def logical_xor(x: Value, y: Value) -> Value:
    """Whether just one is true."""
    return truth(x) ^ truth(y)


def logical_not(x: Value) -> Value:
    """Whether it is false."""
    return ~x if x.type.name == "i1" else x == 0


def never(x: Value) -> Value:
    """False in every lane: what `isnan` is of integers."""
    return x.f.const(i1.x(x.lanes), 0)


def always(x: Value) -> Value:
    """True in every lane."""
    return x.f.const(i1.x(x.lanes), 1)


def isinf(x: Value) -> Value:
    """Whether it is ∞ or -∞."""
    return absolute(x) == math.inf


def isfinite(x: Value) -> Value:
    """Whether it is a number, and not infinite."""
    return absolute(x) < math.inf


def signbit(x: Value) -> Value:
    """Whether the sign is set, which -0 has, and NaN may have."""
    return (x.bits(format_of(x).integer) >> (x.type.bits - 1)) != 0


def negative(x: Value) -> Value:
    """Whether an integer is below zero."""
    return x < 0


# -- rounding ----------------------------------------------------------------------------------------
# By adding and taking away 2^mantissa: LLVM would call the C library where the processor has no such
# instruction, and every call there costs more than all this.


def rint(x: Value) -> Value:
    """The nearest integer, ties to the even one; zero keeps its sign."""
    whole = 2.0 ** format_of(x).mantissa
    a = absolute(x)
    return copysign((a < whole).select((a + whole) - whole, a), x)


def trunc(x: Value) -> Value:
    """The nearest integer towards zero."""
    whole = 2.0 ** format_of(x).mantissa
    a = absolute(x)
    near = (a + whole) - whole
    near = near - (near > a).select(one(x), 0)
    return copysign((a < whole).select(near, a), x)


def floor(x: Value) -> Value:
    """The greatest integer that is not above."""
    near = rint(x)
    return copysign(near - (near > x).select(one(x), 0), x)


def ceil(x: Value) -> Value:
    """The smallest integer that is not below."""
    near = rint(x)
    return copysign(near + (near < x).select(one(x), 0), x)


def trunc_divide(x: Value, y: Value) -> Value:
    """x / y rounded towards zero."""
    return trunc(x / y)


# -- bits --------------------------------------------------------------------------------------------


def invert(x: Value) -> Value:
    """All bits turned."""
    return ~x


def _unsigned(x: Value) -> Value:
    """The same bits, below zero nothing."""
    return Value(x.f, x.text, x.type._replace(unsigned=True))


def shift_left(x: Value, y: Value) -> Value:
    """x·2^y; 0 where `y` is not in 0 .. bits - 1 (the machine's own shift is undefined there)."""
    inside = _unsigned(y) < x.type.bits
    return inside.select(x << inside.select(y, 0), 0)


def shift_right(x: Value, y: Value) -> Value:
    """x / 2^y rounded down; where `y` is not in 0 .. bits - 1, all bits are the sign."""
    inside = _unsigned(y) < x.type.bits
    if x.type.unsigned:
        return inside.select(x >> inside.select(y, 0), 0)
    return x >> inside.select(y, x.type.bits - 1)
