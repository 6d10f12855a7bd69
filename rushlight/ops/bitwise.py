"""Operations on the bits of integers (and on booleans)."""

from __future__ import annotations

from typing import Any

import rushlight.scalar as s

from .elementwise import pointwise

Number = Any  # a scalar expression inside a body; a Tensor or a number for the caller


@pointwise(accepts="bi")
def bitwise_and(input: Number, other: Number, /) -> Number:
    """The bits set in both."""
    return input & other


@pointwise(accepts="bi")
def bitwise_or(input: Number, other: Number, /) -> Number:
    """The bits set in either."""
    return input | other


@pointwise(accepts="bi")
def bitwise_xor(input: Number, other: Number, /) -> Number:
    """The bits set in exactly one."""
    return input ^ other


@pointwise(accepts="bi")
def bitwise_not(input: Number, /) -> Number:
    """Every bit turned over; `not` for booleans."""
    return ~input


@pointwise(accepts="i")
def bitwise_left_shift(input: Number, other: Number, /) -> Number:
    """input · 2^other; 0 where `other` is negative or not below the number of bits."""
    return s.shift_left(input, other)


@pointwise(accepts="i")
def bitwise_right_shift(input: Number, other: Number, /) -> Number:
    """⌊input / 2^other⌋; the sign alone where `other` is negative or not below the number of bits."""
    return s.shift_right(input, other)
