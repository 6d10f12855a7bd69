"""Arithmetic: sums, products, quotients, powers, and the reflected forms that Python's operators call."""

from __future__ import annotations

from typing import Any

import numpy as np

import rushlight.dtypes as dtypes
import rushlight.scalar as s

from ..arrays.numpy import number_category, result_type
from ..dtypes import BOOL, COMPLEX, FLOAT, dtype
from .declare import composite
from .elementwise import pointwise

Number = Any  # a scalar expression inside a body; a Tensor or a number for the caller


def category(value: Any) -> int:
    """The promotion category of an array or a number."""
    return dtypes.OF_NUMPY[value.dtype].category if hasattr(value, "dtype") else number_category(value)


def check_alpha(alpha: Any, *values: Any) -> None:
    """Raise RuntimeError for an alpha whose category is above that of the result."""
    found, given = result_type(*values).category, number_category(alpha)
    if given == BOOL and found != BOOL:
        raise RuntimeError("alpha: Boolean alpha only supported for Boolean results.")
    if given == FLOAT and found < FLOAT:
        raise RuntimeError(
            "alpha: For integral input tensors, argument alpha must not be a floating point number."
        )
    if given == COMPLEX and found != COMPLEX:
        raise RuntimeError(
            "alpha: For non-complex input tensors, argument alpha must not be a complex number."
        )


def check_fits(name: str, number: Any, array: Any) -> None:
    """Raise RuntimeError for an integer too large for the type of an array of integers."""
    kind = getattr(array, "dtype", None)
    if number.__class__ is int and kind is not None and kind.kind in "iu" and number > np.iinfo(kind).max:
        raise RuntimeError(f"{name}: value cannot be converted to type {kind} without overflow: {number}")


def at_least_integer(d: dtype) -> dtype:
    """What booleans become where they are counted: int64."""
    return dtypes.int64 if d.category == BOOL else d


# -- sums and differences ------------------------------------------------------------------------------


@pointwise
def add(input: Number, other: Number, /, *, alpha: float = 1) -> Number:
    """input + alpha · other."""
    return input + alpha * other


@add.check
def _(input: Any, other: Any, alpha: Any) -> None:
    if alpha != 1 or alpha is True:
        check_alpha(alpha, input, other)


@pointwise(aliases=("subtract",))
def sub(input: Number, other: Number, /, *, alpha: float = 1) -> Number:
    """input - alpha · other."""
    return input - alpha * other


@pointwise(forms="")
def rsub(input: Number, other: Number, /, *, alpha: float = 1) -> Number:
    """other - alpha · input: what `other - input` calls."""
    return other - alpha * input


@sub.check
@rsub.check
def _(input: Any, other: Any, alpha: Any) -> None:
    bools = (category(input) == BOOL) + (category(other) == BOOL)
    if bools == 2 and hasattr(input, "dtype") and hasattr(other, "dtype"):
        raise RuntimeError(
            "sub: Subtraction, the `-` operator, with two bool tensors is not supported. "
            "Use the `^` or `logical_xor()` operator instead."
        )
    if bools:
        raise RuntimeError(
            "sub: Subtraction, the `-` operator, with a bool tensor is not supported. If you are trying to "
            "invert a "
            "mask, use the `~` or `logical_not()` operator instead."
        )
    if alpha != 1 or alpha is True:
        check_alpha(alpha, input, other)


@pointwise(aliases=("negative",))
def neg(input: Number, /) -> Number:
    """-input; unsigned integers wrap around."""
    return -input


@neg.check
def _(input: Any) -> None:
    if category(input) == BOOL:
        raise RuntimeError(
            "neg: Negation, the `-` operator, on a bool tensor is not supported. If you are trying to "
            "invert a mask, "
            "use the `~` or `logical_not()` operator instead."
        )


@composite(forms="m")
def positive(input: Number, /) -> Number:
    """input itself. Raises RuntimeError for booleans."""
    if input.dtype in (np.bool_, dtypes.bool_):
        raise RuntimeError("positive: The `+` operator, on a bool tensor is not supported.")
    return input


# -- products and quotients ----------------------------------------------------------------------------


@pointwise(aliases=("multiply",), domain=(0.3, 3))
def mul(input: Number, other: Number, /) -> Number:
    """input · other."""
    return input * other


@pointwise(aliases=("divide", "true_divide"), domain=(0.3, 3))
def div(input: Number, other: Number, /, *, rounding_mode: str | None = None) -> Number:
    """input / other; `rounding_mode` "trunc" rounds towards zero, "floor" down. Integers divide to floats."""
    return input / other


@div.variant
def _(input: Any, other: Any, *, rounding_mode: str) -> Any:
    if rounding_mode == "floor":
        return floor_divide(input, other)
    if rounding_mode == "trunc":
        return trunc_divide(input, other)
    raise RuntimeError(
        f"div expected rounding_mode to be one of None, 'trunc', or 'floor' but found {rounding_mode!r}"
    )


@pointwise(accepts="if", domain=(0.3, 3))
def floor_divide(input: Number, other: Number, /) -> Number:
    """⌊input / other⌋; integers stay integers. Raises RuntimeError for an integer division by zero."""
    return s.floor_divide(input, other)


@pointwise(forms="", under="internal", accepts="if", domain=(0.3, 3))
def trunc_divide(input: Number, other: Number, /) -> Number:
    """The integer part of input / other."""
    return s.trunc_divide(input, other)


@pointwise(accepts="if", domain=(0.3, 3))
def remainder(input: Number, other: Number, /) -> Number:
    """input - ⌊input / other⌋ · other: has the sign of `other`."""
    return s.remainder(input, other)


@pointwise(accepts="if", domain=(0.3, 3))
def fmod(input: Number, other: Number, /) -> Number:
    """The remainder with the sign of `input`, as C's fmod."""
    return s.fmod(input, other)


@pointwise(domain=(0.3, 3))
def reciprocal(input: Number, /) -> Number:
    """1 / input."""
    return s.reciprocal(input)


# -- powers --------------------------------------------------------------------------------------------


@pointwise(domain=(0.3, 3))
def pow(input: Number, exponent: Number, /) -> Number:
    """input^exponent; integers stay integers."""
    return s.pow_(input, exponent)


@pow.check
def _(input: Any, exponent: Any) -> None:
    check_fits("pow", exponent, input)
    if exponent.__class__ is int and exponent < 0 and category(input) < FLOAT:
        raise RuntimeError(
            f"pow: Integers to negative integer powers are not allowed. (exponent {exponent}; convert with "
            f".float())"
        )
    if category(input) == category(exponent) == BOOL and hasattr(exponent, "dtype"):
        raise NotImplementedError("pow: not implemented for torch.bool; convert it first, e.g. with .int()")


def _double(d: dtype) -> dtype:
    return dtypes.complex128 if d.category == COMPLEX else dtypes.float64


@pointwise(domain=(0.3, 3), computes=_double)
def float_power(input: Number, exponent: Number, /) -> Number:
    """input^exponent, computed in float64 (or complex128) whatever the types are."""
    return s.pow_(input, exponent)


@pointwise(computes=at_least_integer)
def square(input: Number, /) -> Number:
    """input²."""
    return s.square(input)


@pointwise(domain=(0.3, 3))
def sqrt(input: Number, /) -> Number:
    """√input."""
    return s.sqrt(input)


@pointwise(domain=(0.3, 3))
def rsqrt(input: Number, /) -> Number:
    """1 / √input."""
    return s.rsqrt(input)


@pointwise
def ldexp(input: Number, other: Number, /) -> Number:
    """input · 2^other."""
    return input * s.exp2(other)


# -- fused with a product ------------------------------------------------------------------------------


@pointwise(accepts="ifc")
def addcmul(input: Number, tensor1: Number, tensor2: Number, /, *, value: float = 1) -> Number:
    """input + value · tensor1 · tensor2."""
    return input + value * (tensor1 * tensor2)


@pointwise(accepts="fc", domain=(0.3, 3))
def addcdiv(input: Number, tensor1: Number, tensor2: Number, /, *, value: float = 1) -> Number:
    """input + value · tensor1 / tensor2."""
    return input + value * (tensor1 / tensor2)


@addcdiv.check
def _(input: Any, tensor1: Any, tensor2: Any, value: Any) -> None:
    if category(tensor1) < FLOAT and category(tensor2) < FLOAT:
        raise RuntimeError(
            "addcdiv: Integer division with addcdiv is no longer supported: use "
            "(input + value * torch.trunc(tensor1 / tensor2)) for integers, or convert them with .float() "
            "first"
        )


@pointwise(accepts="fc")
def lerp(input: Number, end: Number, weight: Number, /) -> Number:
    """input + weight · (end - input): the straight line from `input` (weight 0) to `end` (weight 1)."""
    step = end - input
    return s.where(s.abs_(weight) < 0.5, input + weight * step, end - step * (1 - weight))


lerp.slope(
    input=lambda g, weight: g * s.conjugate(1 - weight),
    end=lambda g, weight: g * s.conjugate(weight),
    weight=lambda g, input, end: g * s.conjugate(end - input),
)


@lerp.check
def _(input: Any, end: Any, weight: Any) -> None:
    for name, value in (("end", end), ("weight", weight)):
        if hasattr(value, "dtype") and value.dtype != input.dtype:
            raise RuntimeError(
                f"lerp: expected dtype {dtypes.of_numpy(input.dtype)} for `{name}` but got dtype "
                f"{dtypes.of_numpy(value.dtype)}"
            )


# -- what Python's operators call with a number on the left ----------------------------------------------


@pointwise(name="__rdiv__", under="Tensor", forms="mF", domain=(0.3, 3))
def rdiv(input: Number, other: Number, /) -> Number:
    """other / input."""
    return other / input


@pointwise(name="__rpow__", under="Tensor", forms="mF", domain=(0.3, 3))
def rpow(input: Number, other: Number, /) -> Number:
    """other^input."""
    return s.pow_(other, input)


@rpow.check
def _(input: Any, other: Any) -> None:
    check_fits("pow", input, other)
    if input.__class__ is int and input < 0 and category(other) < FLOAT:
        raise RuntimeError(f"pow: Integers to negative integer powers are not allowed. (exponent {input})")


@pointwise(name="__rfloordiv__", under="Tensor", forms="mF", accepts="if", domain=(0.3, 3))
def rfloordiv(input: Number, other: Number, /) -> Number:
    """⌊other / input⌋."""
    return s.floor_divide(other, input)


@pointwise(name="__rmod__", under="Tensor", forms="mF", accepts="if", domain=(0.3, 3))
def rmod(input: Number, other: Number, /) -> Number:
    """other modulo input."""
    return s.remainder(other, input)


# -- whole numbers -------------------------------------------------------------------------------------


@pointwise(accepts="i", forms="mio")
def gcd(input: Number, other: Number, /) -> Number:
    """The greatest common divisor of integers."""
    return s.gcd(input, other)


@pointwise(accepts="i", forms="mio")
def lcm(input: Number, other: Number, /) -> Number:
    """The least common multiple of integers."""
    return s.lcm(input, other)


# -- for derivatives -----------------------------------------------------------------------------------


@pointwise(name="zeros_like", forms="", under="internal")
def zeros(input: Number, /) -> Number:
    """Zeros of the shape and dtype of `input`: the derivative of what is piecewise constant."""
    return s.zeros_like(input)
