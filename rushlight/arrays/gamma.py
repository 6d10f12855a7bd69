"""The gamma function's relatives and the inverse error function, vectorised, computed in float64."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .special import erf, erfc

# Stirling's series: B₂ₖ / (2k(2k-1)), the coefficients of 1/x, 1/x³, ... (Abramowitz and Stegun 6.1.40)
_STIRLING = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156, -3617 / 122400)
# B₂ₖ / 2k, the coefficients of digamma's series in 1/x² (Abramowitz and Stegun 6.3.18)
_DIGAMMA = (1 / 12, -1 / 120, 1 / 252, -1 / 240, 1 / 132, -691 / 32760, 1 / 12, -3617 / 8160)
# B₂ₖ / (2k)!, for the Euler-Maclaurin sum of the zeta function
_ZETA = (
    *(1 / 12, -1 / 720, 1 / 30240, -1 / 1209600, 1 / 47900160, -691 / 1307674368000, 1 / 74724249600),
    *(-3617 / 10670622842880000, 43867 / 5109094217170944000),
)
_LOWEST = 1000.0  # zeta is not followed further to the left
_SHIFT = 10  # the series are used from here on; below, the recurrence leads here


def _in_double(x: Any) -> tuple[Any, np.dtype]:
    a = np.asarray(x)
    return a.astype(np.float64), a.dtype


def _series(coefficients: tuple[float, ...], z: Any) -> Any:
    total = np.full_like(z, coefficients[-1])
    for c in coefficients[-2::-1]:
        total = total * z + c
    return total


def _sin_pi(x: Any) -> Any:
    """sin(πx), exact at whole numbers."""
    nearest = np.rint(x)
    return np.sin(np.pi * (x - nearest)) * np.where(np.mod(nearest, 2) == 0, 1.0, -1.0)


def _lgamma_positive(x: Any) -> Any:
    """log Γ(x) for x > 0: up by the recurrence Γ(x+1) = xΓ(x), then Stirling's series."""
    product, top = np.ones_like(x), x
    for _ in range(_SHIFT):
        small = top < _SHIFT
        product = np.where(small, product * top, product)
        top = np.where(small, top + 1, top)
    inverse = 1 / top
    main = np.where(np.isinf(top), top, (top - 0.5) * (np.log(top) - 1) + (0.5 * math.log(2 * math.pi) - 0.5))
    return main + inverse * _series(_STIRLING, inverse * inverse) - np.log(product)


def lgamma(x: Any) -> Any:
    """log |Γ(x)|, elementwise; inf at 0 and the negative whole numbers; same dtype as `x`."""
    v, dtype = _in_double(x)
    below = v < 0.5
    right = _lgamma_positive(np.where(below, 1 - v, v))
    reflected = math.log(math.pi) - np.log(np.abs(_sin_pi(np.where(below, v, 0.25)))) - right
    whole = below & (v == np.floor(v))
    return np.where(whole | np.isinf(v), np.inf, np.where(below, reflected, right)).astype(dtype)


def digamma(x: Any) -> Any:
    """The derivative of log Γ, elementwise; ∓inf at ±0, NaN at negative whole numbers; same dtype as `x`."""
    v, dtype = _in_double(x)
    below = v < 0
    top = np.where(below, 1 - v, v)
    total = np.zeros_like(top)
    for _ in range(_SHIFT):
        small = top < _SHIFT
        total = np.where(small, total - 1 / top, total)
        top = np.where(small, top + 1, top)
    inverse = 1 / (top * top)
    right = total + np.log(top) - 0.5 / top - inverse * _series(_DIGAMMA, inverse)
    fraction = np.where(below, v - np.rint(v), 0.25)
    out = np.where(below, right - np.pi / np.tan(np.pi * fraction), right)
    out = np.where(below & ((v == np.floor(v)) | np.isinf(v)), np.nan, out)
    return np.where(v == 0, np.copysign(np.inf, -v), out).astype(dtype)


def zeta(s: Any, q: Any) -> Any:
    """Hurwitz's zeta function Σ (q+k)⁻ˢ for s > 1, elementwise; inf at q = 0, -1, -2, ..., NaN beyond.

    Euler-Maclaurin: a direct sum up to q + k >= 10, then an integral and its corrections.
    """
    top, dtype = _in_double(q)
    s = np.asarray(s, np.float64)
    pole = (top <= 0) & (top == np.floor(top)) & np.isfinite(top)
    lowest = float(np.min(top, initial=0.0, where=top > -_LOWEST))
    total = np.zeros(np.broadcast_shapes(s.shape, top.shape))
    for _ in range(_SHIFT + math.ceil(-lowest)):
        small = (top < _SHIFT) & (top > -_LOWEST)
        total = np.where(small, total + np.power(np.where(small, top, 1.0), -s), total)
        top = np.where(small, top + 1, top)
    power = np.power(top, -s)
    total = total + top * power / (s - 1) + 0.5 * power
    factor = power / top * s
    for k, c in enumerate(_ZETA):
        total = total + c * factor
        factor = factor * (s + 2 * k + 1) * (s + 2 * k + 2) / (top * top)
    total = np.where(np.isinf(top), np.where(top > 0, 0.0, np.nan), total)
    invalid = (
        (s < 1)
        | ((top < -_LOWEST) & ~pole)
        | np.isneginf(np.asarray(q, np.float64))
        | ((np.asarray(q) < 0) & (s != np.floor(s)) & ~pole)
    )
    return np.where(invalid, np.nan, np.where((s == 1) | pole, np.inf, total)).astype(dtype)


def polygamma(x: Any, n: Any) -> Any:
    """The n-th derivative of digamma, elementwise: (-1)ⁿ⁺¹ n! ζ(n+1, x); same dtype as `x`."""
    n = int(n)
    if n == 0:
        return digamma(x)
    v, dtype = _in_double(x)
    return ((-1.0) ** (n + 1) * math.gamma(n + 1) * zeta(n + 1.0, v)).astype(dtype)


def igamma(a: Any, x: Any) -> Any:
    """The regularised lower incomplete gamma function P(a, x), elementwise."""
    return _incomplete(a, x)[0]


def igammac(a: Any, x: Any) -> Any:
    """The regularised upper incomplete gamma function Q(a, x) = 1 - P(a, x), elementwise."""
    return _incomplete(a, x)[1]


def _incomplete(a: Any, x: Any) -> tuple[Any, Any]:
    """P and Q: the series of P for x < a + 1, the continued fraction of Q beyond (Abramowitz and Stegun
    6.5.29, 31).
    """
    dtype = np.result_type(a, x)
    a, x = np.broadcast_arrays(np.asarray(a, np.float64), np.asarray(x, np.float64))
    usual = (a > 0) & (x > 0) & np.isfinite(a) & np.isfinite(x)
    shape, at = np.where(usual, a, 1.0), np.where(usual, x, 1.0)
    left = at < shape + 1
    scale = np.exp(shape * np.log(at) - at - lgamma(shape))
    series = _lower_series(shape, np.where(left, at, shape * 0.5)) * scale
    fraction = _upper_fraction(shape, np.where(left, shape + 1, at)) * scale
    lower, upper = np.where(left, series, 1 - fraction), np.where(left, 1 - series, fraction)
    zero = (x == 0) & (a > 0) | (np.isinf(a) & (a > 0) & (x >= 0) & np.isfinite(x))
    one = ((a == 0) & (x > 0)) | (np.isinf(x) & (x > 0) & (a >= 0) & np.isfinite(a))
    return tuple(  # pyright: ignore[reportReturnType]
        np.where(zero, z, np.where(one, 1 - z, np.where(usual, v, np.nan))).astype(dtype)
        for z, v in ((0.0, lower), (1.0, upper))
    )


def _lower_series(a: Any, x: Any) -> Any:
    term = total = 1 / a
    for k in range(1, 5000):
        term = term * x / (a + k)
        total = total + term
        if not np.any(term > 1e-17 * total):
            break
    return total


def _upper_fraction(a: Any, x: Any) -> Any:
    """Lentz's evaluation of 1/(x+1-a- 1(1-a)/(x+3-a- ...))."""
    b = x + 1 - a
    c = np.full_like(x, 1e300)
    d = 1 / b
    total = d
    for k in range(1, 5000):
        an = -k * (k - a)
        b = b + 2
        d = 1 / np.where(an * d + b == 0, 1e-300, an * d + b)
        c = np.where(b + an / c == 0, 1e-300, b + an / c)
        total = total * (d * c)
        if not np.any(np.abs(d * c - 1) > 1e-16):
            break
    return total


def erfinv(x: Any) -> Any:
    """The inverse of erf, elementwise; ±inf at ±1, NaN beyond; same dtype as `x`.

    Giles' approximation (GPU Computing Gems, 2012, ch. 10), then Halley's steps on erfc, which is exact near
    1.
    """
    v, dtype = _in_double(x)
    y = np.minimum(np.abs(v), 1.0)
    w = -np.log1p(-np.minimum(y * y, 1 - 2.0**-53))
    near, far = np.minimum(w, 5.0) - 2.5, np.sqrt(np.maximum(w, 5.0)) - 3
    r = y * np.where(w < 5, _series(_GILES_NEAR, near), _series(_GILES_FAR, far))
    for _ in range(3):
        error = np.where(y < 0.5, erf(r) - y, (1 - y) - erfc(r)) * (math.sqrt(math.pi) / 2) * np.exp(r * r)
        r = r - error / (1 + r * error)
    out = np.copysign(np.where(y == 1, np.inf, r), v)
    return np.where(np.abs(v) <= 1, out, np.nan).astype(dtype)


_GILES_NEAR = (
    *(
        1.50140941,
        0.246640727,
        -0.00417768164,
        -0.00125372503,
        0.000218580870,
        -4.39150654e-06,
        -3.5233877e-06,
    ),
    *(3.43273939e-07, 2.81022636e-08),
)
_GILES_FAR = (
    *(2.83297682, 1.00167406, 0.00943887047, -0.0076224613, 0.00573950773, -0.00367342844, 0.00134934322),
    *(0.000100950558, -0.000200214257),
)
