"""Comparisons, logic, and choosing by a condition."""

from __future__ import annotations

from typing import Any

import numpy as np

import rushlight.dtypes as dtypes
import rushlight.scalar as s

from ..arrays.numpy import cast
from .declare import composite, find, primitive
from .elementwise import pointwise
from .pointwise import category

Number = Any  # a scalar expression inside a body; a Tensor or a number for the caller

# -- comparisons ---------------------------------------------------------------------------------------


@pointwise(accepts="bifc8")
def eq(input: Number, other: Number, /) -> Number:
    """input = other."""
    return s.eq(input, other)


@pointwise(aliases=("not_equal",), accepts="bifc8")
def ne(input: Number, other: Number, /) -> Number:
    """input ≠ other."""
    return s.ne(input, other)


@pointwise(aliases=("less",), accepts="bif8")
def lt(input: Number, other: Number, /) -> Number:
    """input < other."""
    return input < other


@pointwise(aliases=("less_equal",), accepts="bif8")
def le(input: Number, other: Number, /) -> Number:
    """input <= other."""
    return input <= other


@pointwise(aliases=("greater",), accepts="bif8")
def gt(input: Number, other: Number, /) -> Number:
    """input > other."""
    return input > other


@pointwise(aliases=("greater_equal",), accepts="bif8")
def ge(input: Number, other: Number, /) -> Number:
    """input >= other."""
    return input >= other


# -- kinds of numbers ----------------------------------------------------------------------------------


@pointwise(forms="m", accepts="bifc8")
def isnan(input: Number, /) -> Number:
    """Whether an element is NaN (of a complex number: either part)."""
    return s.isnan(input)


@pointwise(forms="m", accepts="bifc8")
def isinf(input: Number, /) -> Number:
    """Whether an element is infinite (of a complex number: either part)."""
    return s.isinf(input)


@pointwise(forms="m", accepts="bifc8")
def isfinite(input: Number, /) -> Number:
    """Whether an element is neither infinite nor NaN."""
    return s.isfinite(input)


@pointwise(forms="mo", accepts="bif8")
def isposinf(input: Number, /) -> Number:
    """Whether an element is +inf."""
    return s.logical_and(s.isinf(input), input > 0)


@pointwise(forms="mo", accepts="bif8")
def isneginf(input: Number, /) -> Number:
    """Whether an element is -inf."""
    return s.logical_and(s.isinf(input), input < 0)


# -- logic ---------------------------------------------------------------------------------------------


@pointwise
def logical_and(input: Number, other: Number, /) -> Number:
    """Both are nonzero."""
    return s.logical_and(input, other)


@pointwise
def logical_or(input: Number, other: Number, /) -> Number:
    """At least one is nonzero."""
    return s.logical_or(input, other)


@pointwise
def logical_xor(input: Number, other: Number, /) -> Number:
    """Exactly one is nonzero."""
    return s.logical_xor(input, other)


@pointwise
def logical_not(input: Number, /) -> Number:
    """The element is zero."""
    return s.logical_not(input)


# -- choosing ------------------------------------------------------------------------------------------


@pointwise(forms="", under="internal", accepts="bifc8")
def select_where(condition: Number, input: Number, other: Number, /) -> Number:
    """input where the condition holds, else other."""
    return s.where(condition, input, other)


@select_where.check
def _(condition: Any, input: Any, other: Any) -> None:
    kind = getattr(condition, "dtype", None)
    if kind is not None and kind != np.bool_ and kind != np.uint8:
        raise RuntimeError(
            f"where expected condition to be a boolean tensor, but got a tensor with dtype "
            f"{dtypes.of_numpy(kind)}; "
            f"a comparison such as x > 0 makes one"
        )


@composite(forms="o")
def where(condition: Number, input: Number = None, other: Number = None, /) -> Any:
    """input where the condition holds, else other; with the condition alone, the indices of its true
    elements.
    """
    if input is None and other is None:
        return find("nonzero")(condition, as_tuple=True)
    return select_where(condition, input, other)


@composite(forms="", under="internal")
def where_method(input: Number, condition: Number, other: Number, /) -> Number:
    """The method's order of arguments: self where the condition holds, else other."""
    return select_where(condition, input, other)


# -- nearly equal --------------------------------------------------------------------------------------


@primitive(forms="m", differentiable=False)
def isclose(
    input: Number, other: Number, /, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False
) -> Number:
    """|input - other| <= atol + rtol · |other|, elementwise; infinities are close to themselves."""
    if input.dtype != other.dtype:
        have, want = dtypes.of_numpy(input.dtype), dtypes.of_numpy(other.dtype)
        raise RuntimeError(f"isclose: {have} did not match {want}; convert one side first")
    if rtol < 0 or atol < 0:
        raise RuntimeError(f"isclose: rtol and atol must be >= zero, but got rtol={rtol} and atol={atol}")
    work = dtypes.compute_type(input.dtype) if category(input) >= dtypes.FLOAT else np.dtype(np.float64)
    x, y = cast(input, work), cast(other, work)
    close = np.equal(x, y)
    if equal_nan:
        close = close | (np.isnan(x) & np.isnan(y))
    if rtol == 0 and atol == 0:
        return close
    distance = np.abs(x - y)
    return close | (np.isfinite(distance) & (distance <= atol + np.abs(rtol * y)))


@composite(forms="m")
def allclose(
    input: Number, other: Number, /, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False
) -> bool:
    """Whether all elements are close (see isclose): a Python bool."""
    return bool(isclose(input, other, rtol, atol, equal_nan).all())


@composite(forms="m")
def equal(input: Number, other: Number, /) -> bool:
    """Whether two tensors have the same shape and elements: a Python bool."""
    return tuple(input.shape) == tuple(other.shape) and bool(eq(input, other).all())
