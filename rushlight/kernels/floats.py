"""The anatomy of floating numbers, for functions written once for float32 and float64."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from .types import Type, i1, u32, u64
from .values import Value


class Format(NamedTuple):
    """How numbers of a type are stored: in `integer`, with so many bits of mantissa, and that bias."""

    integer: Type
    mantissa: int
    bias: int

    @property
    def magic(self) -> float:
        """1.5·2^mantissa: a small number added to it is rounded, and stands in the low bits of the sum."""
        return 1.5 * 2.0**self.mantissa


_FORMATS = {"float": Format(u32, 23, 127), "double": Format(u64, 52, 1023)}


def format_of(x: Value) -> Format:
    """The format of the numbers in `x`."""
    return _FORMATS[x.type.name]


def is_double(x: Value) -> bool:
    """Whether `x` is of float64."""
    return x.type.name == "double"


def fma(x: Value, y: Any, z: Any) -> Value:
    """x·y + z rounded once where the processor can, and at most twice; `y` and `z` may be numbers."""
    f, t = x.f, x.type
    return f.call(f"llvm.fmuladd.{t.suffix}", t, x, f.lift(y, t).splat(t.lanes), f.lift(z, t).splat(t.lanes))


def polynomial(x: Value, coefficients: Sequence[float]) -> Value:
    """The polynomial with these coefficients, the highest power's first."""
    total = x.f.const(x.type, coefficients[0])
    for c in coefficients[1:]:
        total = fma(total, x, c)
    return total


def clamp(x: Value, low: float, high: float) -> Value:
    """`x` within [low, high]; NaN stays."""
    x = (x > high).select(high, x)
    return (x < low).select(low, x)


def copysign(x: Value, y: Value) -> Value:
    """|x| with the sign of `y`."""
    return x.f.call(f"llvm.copysign.{x.type.suffix}", x.type, x, y)


def absolute(x: Value) -> Value:
    """|x|."""
    return x.f.call(f"llvm.fabs.{x.type.suffix}", x.type, x)


def sqrt(x: Value) -> Value:
    """√x, correctly rounded; NaN below zero."""
    return x.f.call(f"llvm.sqrt.{x.type.suffix}", x.type, x)


def is_nan(x: Value) -> Value:
    """Whether it is not a number."""
    return x != x


def unordered(x: Value, y: Value) -> Value:
    """Whether one of two is NaN."""
    return x.f.emit(f"fcmp uno {x}, {y.text}", i1.x(x.lanes))


def head(x: Value, bits: int) -> Value:
    """Each number without its last `bits` bits."""
    return (x.bits(format_of(x).integer) & -(1 << bits)).bits(x.type.scalar)


def power_of_two(biased: Value, like: Value) -> Value:
    """2^(k - bias), for the integers `biased` whose low bits are k; as numbers of the type of `like`."""
    return (biased << format_of(like).mantissa).bits(like.type.scalar)


def nearest(x: Value, factor: float, offset: int) -> tuple[Value, Value]:
    """n = rint(x·factor), as a number and, plus `offset`, in the low bits of an integer.

    Not by `fptosi`, of which NaN is poison and float64 is slow: see `Format.magic`.
    """
    form = format_of(x)
    shift = form.magic + offset
    sum = x + shift if factor == 1 else fma(x, factor, shift)
    return sum - shift, sum.bits(form.integer)
