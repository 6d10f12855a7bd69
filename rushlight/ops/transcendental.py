"""Transcendental functions: exponentials, logarithms, circles, hyperbolas, error and gamma functions."""

from __future__ import annotations

import math
from typing import Any

import rushlight.scalar as s

from .declare import composite
from .elementwise import pointwise
from .rounding import clamp

Number = Any  # a scalar expression inside a body; a Tensor or a number for the caller

# -- exponentials and logarithms -----------------------------------------------------------------------


@pointwise
def exp(input: Number, /) -> Number:
    """eˣ."""
    return s.exp(input)


@pointwise(aliases=("special.exp2",))
def exp2(input: Number, /) -> Number:
    """2ˣ."""
    return s.exp2(input)


@pointwise(aliases=("special.expm1",))
def expm1(input: Number, /) -> Number:
    """eˣ - 1, accurate near 0."""
    return s.expm1(input)


@pointwise(domain=(0.3, 3))
def log(input: Number, /) -> Number:
    """The natural logarithm."""
    return s.log(input)


@pointwise(domain=(0.3, 3))
def log2(input: Number, /) -> Number:
    """The logarithm of base 2."""
    return s.log2(input)


@pointwise(domain=(0.3, 3))
def log10(input: Number, /) -> Number:
    """The logarithm of base 10."""
    return s.log10(input)


@pointwise(aliases=("special.log1p",), domain=(-0.7, 3))
def log1p(input: Number, /) -> Number:
    """log(1 + x), accurate near 0."""
    return s.log1p(input)


@pointwise(forms="mo", accepts="fc")
def logaddexp(input: Number, other: Number, /) -> Number:
    """log(eˣ + eʸ) without overflow."""
    return s.logaddexp(input, other)


@pointwise(forms="mo", accepts="f")
def logaddexp2(input: Number, other: Number, /) -> Number:
    """log₂(2ˣ + 2ʸ) without overflow."""
    return s.logaddexp2(input, other)


@pointwise(aliases=("special.xlogy",), accepts="bif", domain=(0.3, 3))
def xlogy(input: Number, other: Number, /) -> Number:
    """input · log(other), and 0 where input is 0 (but NaN where other is)."""
    return s.xlogy(input, other)


# -- circles -------------------------------------------------------------------------------------------


@pointwise
def sin(input: Number, /) -> Number:
    """The sine."""
    return s.sin(input)


@pointwise
def cos(input: Number, /) -> Number:
    """The cosine."""
    return s.cos(input)


@pointwise(domain=(-1.3, 1.3))
def tan(input: Number, /) -> Number:
    """The tangent."""
    return s.tan(input)


@pointwise(aliases=("arcsin",), domain=(-0.9, 0.9))
def asin(input: Number, /) -> Number:
    """The inverse sine, in [-π/2, π/2]."""
    return s.asin(input)


@pointwise(aliases=("arccos",), domain=(-0.9, 0.9))
def acos(input: Number, /) -> Number:
    """The inverse cosine, in [0, π]."""
    return s.acos(input)


@pointwise(aliases=("arctan",))
def atan(input: Number, /) -> Number:
    """The inverse tangent, in (-π/2, π/2)."""
    return s.atan(input)


@pointwise(aliases=("arctan2",), accepts="bif", domain=(0.3, 3))
def atan2(input: Number, other: Number, /) -> Number:
    """The angle of the point (other, input), in (-π, π]."""
    return s.atan2(input, other)


@pointwise(accepts="f", domain=(0.3, 3))
def hypot(input: Number, other: Number, /) -> Number:
    """√(x² + y²)."""
    return s.hypot(input, other)


@pointwise(aliases=("special.sinc",))
def sinc(input: Number, /) -> Number:
    """sin(πx) / (πx), and 1 at 0."""
    at_zero = s.eq(input, 0)
    angle = math.pi * s.where(at_zero, 1, input)
    return s.where(at_zero, 1, s.sin(angle) / angle)


sinc.slope(
    input=lambda g, input: s.where(
        s.eq(input, 0),
        0,
        g * s.conjugate((s.cos(math.pi * input) - s.sin(math.pi * input) / (math.pi * input)) / input),
    )
)


@pointwise(accepts="bif")
def deg2rad(input: Number, /) -> Number:
    """Degrees as radians: x · π / 180."""
    return input * (math.pi / 180)


@pointwise(accepts="bif")
def rad2deg(input: Number, /) -> Number:
    """Radians as degrees: x · 180 / π."""
    return input * (180 / math.pi)


# -- hyperbolas ----------------------------------------------------------------------------------------


@pointwise
def sinh(input: Number, /) -> Number:
    """The hyperbolic sine."""
    return s.sinh(input)


@pointwise
def cosh(input: Number, /) -> Number:
    """The hyperbolic cosine."""
    return s.cosh(input)


@pointwise(aliases=("nn.functional.tanh",))
def tanh(input: Number, /) -> Number:
    """The hyperbolic tangent."""
    return s.tanh(input)


@pointwise(aliases=("arcsinh",))
def asinh(input: Number, /) -> Number:
    """The inverse hyperbolic sine."""
    return s.asinh(input)


@pointwise(aliases=("arccosh",), domain=(1.2, 4))
def acosh(input: Number, /) -> Number:
    """The inverse hyperbolic cosine, for x >= 1."""
    return s.acosh(input)


@pointwise(aliases=("arctanh",), domain=(-0.9, 0.9))
def atanh(input: Number, /) -> Number:
    """The inverse hyperbolic tangent, for |x| < 1."""
    return s.atanh(input)


# -- sigmoid and its inverse ---------------------------------------------------------------------------


@pointwise(aliases=("nn.functional.sigmoid", "special.expit"))
def sigmoid(input: Number, /) -> Number:
    """1 / (1 + e⁻ˣ)."""
    return s.sigmoid(input)


@pointwise(aliases=("special.logit",), accepts="bif", domain=(0.1, 0.9))
def logit(input: Number, /, eps: float | None = None) -> Number:
    """log(x / (1 - x)), the inverse of sigmoid; with `eps`, x is clamped to [eps, 1 - eps] first."""
    return s.log(input / (1 - input))


logit.slope(
    input=lambda g, input: s.where(s.logical_and(input >= 0, input <= 1), g / (input * (1 - input)), math.nan)
)


@logit.variant
def _(input: Any, *, eps: float) -> Any:
    return logit(clamp(input, eps, 1 - eps) if eps >= 0 else input)


# -- the error function and the gamma function ---------------------------------------------------------


@pointwise(aliases=("special.erf",), accepts="bif")
def erf(input: Number, /) -> Number:
    """(2/√π) ∫₀ˣ exp(-t²) dt."""
    return s.erf(input)


@pointwise(aliases=("special.erfc",), accepts="bif")
def erfc(input: Number, /) -> Number:
    """1 - erf(x), accurate where erf(x) is near 1."""
    return s.erfc(input)


@pointwise(aliases=("special.erfinv",), accepts="bif", domain=(-0.9, 0.9))
def erfinv(input: Number, /) -> Number:
    """The inverse of erf, for |x| < 1 (±inf at ±1)."""
    return s.erfinv(input)


@pointwise(aliases=("special.gammaln",), accepts="bif", domain=(0.3, 5))
def lgamma(input: Number, /) -> Number:
    """log |Γ(x)|."""
    return s.lgamma(input)


@pointwise(aliases=("special.digamma", "special.psi"), accepts="bif", domain=(0.3, 5))
def digamma(input: Number, /) -> Number:
    """The derivative of log Γ(x)."""
    return s.digamma(input)


@pointwise(forms="", under="internal", accepts="bif", domain=(0.3, 5))
def polygamma_of(input: Number, /, order: int) -> Number:
    """The derivative of digamma of an order."""
    return s.polygamma(input, order)


@polygamma_of.check
def _(input: Any, order: int) -> None:
    if order < 0:
        raise RuntimeError(f"polygamma(n, x) does not support negative n, got {order}.")


@composite(forms="o", aliases=("special.polygamma",))
def polygamma(n: int, input: Number, /) -> Number:
    """The n-th derivative of digamma at input; the method is `input.polygamma(n)`."""
    return polygamma_of(input, n)
