"""torch.special: distribution functions, incomplete gamma, Bessel functions, orthogonal polynomials."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

import rushlight.dtypes as dtypes
import rushlight.scalar as s

from ..arrays.numpy import cast
from .declare import composite, primitive
from .elementwise import Pointwise, pointwise
from .pointwise import ldexp
from .transcendental import lgamma

Number = Any  # a scalar expression inside a body; a Tensor or a number for the caller

# -- entropy and the normal distribution ---------------------------------------------------------------


@pointwise(under="special", forms="o", accepts="bif", domain=(0.3, 3))
def entr(input: Number, /) -> Number:
    """-x · log x, the summand of entropy; 0 at 0, -inf below."""
    return s.entr(input)


@pointwise(under="special", forms="o", accepts="bif", domain=(0.3, 3))
def xlog1py(input: Number, other: Number, /) -> Number:
    """input · log(1 + other), and 0 where input is 0 (but NaN where other is)."""
    return s.xlog1py(input, other)


@pointwise(under="special", forms="o", accepts="bif")
def erfcx(input: Number, /) -> Number:
    """exp(x²) · erfc(x), which does not underflow."""
    return s.erfcx(input)


@pointwise(under="special", forms="o", accepts="bif")
def ndtr(input: Number, /) -> Number:
    """The distribution function Φ of the normal distribution."""
    return s.ndtr(input)


@pointwise(under="special", forms="o", accepts="bif")
def log_ndtr(input: Number, /) -> Number:
    """log Φ(x), exact far to the left."""
    return s.log_ndtr(input)


@pointwise(under="special", forms="o", accepts="bif", domain=(0.1, 0.9))
def ndtri(input: Number, /) -> Number:
    """The inverse of Φ."""
    return s.ndtri(input)


# -- gamma and zeta ------------------------------------------------------------------------------------


@pointwise(aliases=("special.gammainc",), accepts="f", domain=(0.5, 3))
def igamma(input: Number, other: Number, /) -> Number:
    """The regularised lower incomplete gamma function P(input, other); differentiable in `other`."""
    return s.igamma(input, other)


@pointwise(aliases=("special.gammaincc",), accepts="f", domain=(0.5, 3))
def igammac(input: Number, other: Number, /) -> Number:
    """The regularised upper incomplete gamma function Q(input, other); differentiable in `other`."""
    return s.igammac(input, other)


@pointwise(under="special", forms="o", accepts="bif", domain=(1.5, 4))
def zeta(input: Number, other: Number, /) -> Number:
    """Hurwitz's zeta function Σ (other + k)^-input; differentiable in `other`."""
    return s.zeta(input, other)


@composite(forms="mio", aliases=("special.multigammaln",))
def mvlgamma(input: Number, /, p: int) -> Number:
    """The logarithm of the multivariate gamma function of dimension p: Σⱼ log Γ(x - j/2) + p(p-1)/4 · log
    π.
    """
    if p < 1:
        raise RuntimeError(f"mvlgamma: p has to be greater than or equal to 1, got {p}")
    if input.dtype in (np.bool_, dtypes.bool_):
        raise RuntimeError("mvlgamma: The input tensor may not be a boolean tensor.")
    total = lgamma(input) + p * (p - 1) / 4 * math.log(math.pi)
    for j in range(1, p):
        total = total + lgamma(input - j / 2)
    return total


# -- mantissa and exponent -----------------------------------------------------------------------------


@primitive(forms="mo", outputs=("mantissa", "exponent"))
def frexp(input: Number, /) -> tuple[Number, Number]:
    """input = mantissa · 2^exponent, with 0.5 <= |mantissa| < 1."""
    kind = dtypes.of_numpy(input.dtype)
    if kind.category != dtypes.FLOAT:
        raise RuntimeError(f"torch.frexp() only supports floating-point dtypes, got {kind}")
    mantissa, exponent = np.frexp(cast(input, dtypes.compute_type(input.dtype)))
    return cast(np.asarray(mantissa), input.dtype), np.asarray(exponent, np.int32)


frexp.vjp(input=lambda g, exponent: ldexp(g[0], -exponent))

# -- Bessel functions and Airy's -------------------------------------------------------------------------


@pointwise(aliases=("special.i0",), accepts="bif")
def i0(input: Number, /) -> Number:
    """The modified Bessel function of the first kind I₀."""
    return s.i0(input)


@pointwise(under="special", forms="o", accepts="bif")
def i0e(input: Number, /) -> Number:
    """exp(-|x|) · I₀(x)."""
    return s.i0e(input)


@pointwise(under="special", forms="o", accepts="bif")
def i1(input: Number, /) -> Number:
    """The modified Bessel function of the first kind I₁."""
    return s.i1(input)


@pointwise(under="special", forms="o", accepts="bif")
def i1e(input: Number, /) -> Number:
    """exp(-|x|) · I₁(x)."""
    return s.i1e(input)


def _function(
    name: str, doc: str, tensors: str = "input", domain: tuple[float, float] = (0.3, 5)
) -> Pointwise:
    """A function that torch does not differentiate either: its scalar function, declared by name."""
    function: Callable[..., Any] = s.Function(name)
    text = f"lambda {tensors}, /: function({tensors})"
    body = eval(text, {"function": function})
    body.__doc__, body.__module__ = doc, __name__
    return Pointwise(
        body, name=name, under="special", forms="o", accepts="bif", domain=domain, differentiable=False
    )


for _name, _doc in {
    "bessel_j0": "The Bessel function of the first kind J₀.",
    "bessel_j1": "The Bessel function of the first kind J₁.",
    "bessel_y0": "The Bessel function of the second kind Y₀; -inf at 0, NaN below.",
    "bessel_y1": "The Bessel function of the second kind Y₁; -inf at 0, NaN below.",
    "modified_bessel_k0": "The modified Bessel function of the second kind K₀; inf at 0, NaN below.",
    "modified_bessel_k1": "The modified Bessel function of the second kind K₁; inf at 0, NaN below.",
    "scaled_modified_bessel_k0": "exp(x) · K₀(x).",
    "scaled_modified_bessel_k1": "exp(x) · K₁(x).",
    "modified_bessel_i0": "The modified Bessel function of the first kind I₀.",
    "modified_bessel_i1": "The modified Bessel function of the first kind I₁.",
    "airy_ai": "Airy's function Ai.",
    "spherical_bessel_j0": "sin(x) / x, and 1 at 0.",
}.items():
    _function(_name, _doc)

# -- orthogonal polynomials ------------------------------------------------------------------------------

for _name, _doc in {
    "chebyshev_polynomial_t": "The Chebyshev polynomial of the first kind Tₙ.",
    "chebyshev_polynomial_u": "The Chebyshev polynomial of the second kind Uₙ.",
    "chebyshev_polynomial_v": "The Chebyshev polynomial of the third kind Vₙ.",
    "chebyshev_polynomial_w": "The Chebyshev polynomial of the fourth kind Wₙ.",
    "shifted_chebyshev_polynomial_t": "Tₙ(2x - 1).",
    "shifted_chebyshev_polynomial_u": "Uₙ(2x - 1).",
    "shifted_chebyshev_polynomial_v": "Vₙ(2x - 1).",
    "shifted_chebyshev_polynomial_w": "Wₙ(2x - 1).",
    "hermite_polynomial_h": "The physicists' Hermite polynomial Hₙ.",
    "hermite_polynomial_he": "The probabilists' Hermite polynomial Heₙ.",
    "laguerre_polynomial_l": "The Laguerre polynomial Lₙ.",
    "legendre_polynomial_p": "The Legendre polynomial Pₙ.",
}.items():
    _function(
        _name,
        f"{_doc[:-1]}, of degree n (a tensor or a number); 0 for negative degrees.",
        "input, n",
        (-2, 4),
    )
