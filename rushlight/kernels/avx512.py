"""Three instructions of AVX-512 that do what elsewhere takes many, used where they give the same bits."""

from __future__ import annotations

from . import targets
from .types import Type, i8, i16, i32
from .values import Value


def fits(x: Value) -> bool:
    """Whether the code being written is for AVX-512, and `x` one of its registers full of floats."""
    target = targets.now()
    return target is not None and target.masks and x.type.bits * x.lanes == 512


def exponent(x: Value) -> Value:
    """⌊log2 |x|⌋ as a number; -inf of 0."""
    return _call("getexp", x)


def mantissa(x: Value) -> Value:
    """m in [¾, 3/2) where |x| = m·2^e; 1 of 0 and inf, NaN below zero."""
    return _call("getmant", x, number=0b1111)


def scale(x: Value, n: Value) -> Value:
    """x·2^n, rounded once, for whole n."""
    return _call("scalef", x, n)


def _call(name: str, *operands: Value, number: int | None = None) -> Value:
    x = operands[0]
    f, t = x.f, x.type
    mask: Type = i16 if t.lanes == 16 else i8
    tail = [
        x,
        f.const(mask, -1),
        f.const(i32, 4),
    ]  # kept where the mask is off; all on; the rounding as it is
    middle = [] if number is None else [f.const(i32, number)]
    suffix = "ps" if t.name == "float" else "pd"
    return f.call(f"llvm.x86.avx512.mask.{name}.{suffix}.512", t, *operands, *middle, *tail)
