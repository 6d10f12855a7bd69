"""Bessel functions and Airy's, vectorised, computed in float64.

Small arguments take power series or Miller's backward recurrence, large ones asymptotic series, the modified
functions of the second kind an integral by the trapezoidal rule, which converges exponentially there.
Formulas: Abramowitz and Stegun, chapters 9 and 10.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

_EULER = 0.5772156649015329
_FAR = 25.0  # from here on the asymptotic series are exact to double precision


def in_double(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A function of float64 arrays as one of any floating type, silent about its own overflows."""

    def wrapped(x: Any) -> Any:
        a = np.asarray(x)
        with np.errstate(all="ignore"):
            return np.asarray(f(a.astype(np.float64))).astype(a.dtype)

    wrapped.__name__, wrapped.__doc__ = f.__name__, f.__doc__
    return wrapped


# -- modified, first kind ------------------------------------------------------------------------------


def _scaled_i(x: Any, order: int) -> Any:
    """exp(-|x|) Iₙ(|x|) for n = 0, 1 (9.6.10, and 9.7.1 from 20 on)."""
    y = np.abs(x)
    near, far = np.minimum(y, 20.0), np.maximum(y, 20.0)
    quarter = near * near / 4
    term = np.ones_like(y) if order == 0 else near / 2
    total = term
    for k in range(1, 60):
        term = term * quarter / (k * (k + order))
        total = total + term
    series = np.ones_like(y)
    term = np.ones_like(y)
    for k in range(1, 25):
        term = -term * (4 * order * order - (2 * k - 1) ** 2) / (k * 8 * far)
        series = series + term
    out = np.where(y <= 20, total * np.exp(-near), series / np.sqrt(2 * np.pi * far))
    return np.where(np.isnan(x), x, out)


@in_double
def i0e(x: Any) -> Any:
    """exp(-|x|) I₀(x)."""
    return _scaled_i(x, 0)


@in_double
def i1e(x: Any) -> Any:
    """exp(-|x|) I₁(x)."""
    return _scaled_i(x, 1) * np.sign(x)


@in_double
def i0(x: Any) -> Any:
    """The modified Bessel function I₀."""
    return np.where(np.isinf(x), np.inf, _scaled_i(x, 0) * np.exp(np.abs(x)))


@in_double
def i1(x: Any) -> Any:
    """The modified Bessel function I₁."""
    return np.where(np.isinf(x), x, _scaled_i(x, 1) * np.exp(np.abs(x)) * np.sign(x))


# -- first and second kind -----------------------------------------------------------------------------


def _backward(x: Any) -> tuple[Any, Any, Any, Any]:
    """J₀, J₁, Y₀, Y₁ for 0 < x <= 25: Miller's recurrence downwards from order 90, then Neumann's series
    (9.1.88).
    """
    above, here = np.zeros_like(x), np.full_like(x, 1e-280)
    norm, odd, even, first = np.zeros_like(x), np.zeros_like(x), np.zeros_like(x), np.zeros_like(x)
    for n in range(90, 0, -1):
        sign = -1 if (n // 2) % 2 else 1
        if n % 2 == 0:
            norm, even = norm + 2 * here, even + sign * here / (n // 2)
        elif n > 1:
            k = (n - 1) // 2
            odd = odd + (-1) ** k * (2 * k + 1) / (k * (k + 1)) * here
        if n == 1:
            first = here
        above, here = here, 2 * n / x * here - above
        big = np.abs(here) > 1e150
        scale = np.where(big, 1e-150, 1.0)
        above, here, norm, odd, even, first = (v * scale for v in (above, here, norm, odd, even, first))
    norm = norm + here
    j0, j1 = here / norm, first / norm
    log = np.log(x / 2) + _EULER
    y0 = 2 / np.pi * log * j0 - 4 / np.pi * even / norm
    y1 = -2 * j0 / (np.pi * x) + 2 / np.pi * (log - 1) * j1 - 2 / np.pi * odd / norm
    return j0, j1, y0, y1


def _phase(x: Any, order: int) -> tuple[Any, Any, Any]:
    """P, Q and the phase of Hankel's asymptotic expansion (9.2.5)."""
    mu = 4.0 * order * order
    term, p, q = np.ones_like(x), np.ones_like(x), np.zeros_like(x)
    for k in range(1, 40):
        term = term * (mu - (2 * k - 1) ** 2) / (k * 8 * x)
        if k % 2:
            q = q + (term if k % 4 == 1 else -term)
        else:
            p = p + (term if k % 4 == 0 else -term)
    return p, q, x - (order / 2 + 0.25) * np.pi


def _far(x: Any, order: int, second: bool) -> Any:
    p, q, chi = _phase(x, order)
    wave = p * np.sin(chi) + q * np.cos(chi) if second else p * np.cos(chi) - q * np.sin(chi)
    return np.where(np.isinf(x), 0.0, np.sqrt(2 / (np.pi * x)) * wave)


def _near_zero(x: Any, which: int) -> Any:
    """The first terms of the power series (9.1.10, 9.1.13)."""
    square, log = x * x / 4, np.log(x / 2) + _EULER
    if which == 0:
        return 1 - square
    if which == 1:
        return x / 2 * (1 - square / 2)
    if which == 2:
        return 2 / np.pi * (log * (1 - square) + square)
    return -2 / (np.pi * x) + x / np.pi * (log * (1 - square / 2) - 0.5 + 0.625 * square)


def _bessel(x: Any, which: int) -> Any:
    """J₀, J₁, Y₀ or Y₁ (which = 0..3) at |x|."""
    y = np.abs(x)
    near = _backward(np.where((y < 1e-3) | ~(y <= _FAR), 1.0, y))[which]
    near = np.where(y < 1e-3, _near_zero(np.where((y > 0) & (y < 1e-3), y, 1e-3), which), near)
    far = _far(np.where(y > _FAR, y, _FAR), which % 2, which > 1)
    out = np.where(y > _FAR, far, near)
    at_zero = (1.0, 0.0, -np.inf, -np.inf)[which]
    return np.where(np.isnan(x), x, np.where(y == 0, at_zero, out))


@in_double
def bessel_j0(x: Any) -> Any:
    """The Bessel function J₀."""
    return _bessel(x, 0)


@in_double
def bessel_j1(x: Any) -> Any:
    """The Bessel function J₁."""
    return _bessel(x, 1) * np.where(x < 0, -1.0, 1.0)


@in_double
def bessel_y0(x: Any) -> Any:
    """The Bessel function Y₀; -inf at 0, NaN below."""
    return np.where(x < 0, np.nan, _bessel(x, 2))


@in_double
def bessel_y1(x: Any) -> Any:
    """The Bessel function Y₁; -inf at 0, NaN below."""
    return np.where(x < 0, np.nan, _bessel(x, 3))


@in_double
def spherical_bessel_j0(x: Any) -> Any:
    """sin(x) / x, and 1 at 0."""
    return np.where(np.isinf(x), 0.0, np.where(x == 0, 1.0, np.sin(x) / np.where(x == 0, 1.0, x)))


# -- modified, second kind -----------------------------------------------------------------------------


def scaled_k(x: Any, order: float) -> Any:
    """exp(x) Kᵥ(x) = ∫₀^∞ exp(-x (cosh t - 1)) cosh(νt) dt for x > 0, by the trapezoidal rule (9.6.24)."""
    step = np.minimum(0.0625, 0.4 / np.sqrt(x))
    total = np.full_like(x, 0.5)
    for i in range(1, 400):
        t = i * step
        term = np.exp(-2 * x * np.sinh(t / 2) ** 2) * np.cosh(order * t)
        total = total + term
        if not np.any(term > 1e-18 * total):
            break
    return step * total


def _modified_k(x: Any, order: int, scaled: bool) -> Any:
    small = np.where(x > 0, np.minimum(x, 1e-3), 1e-3)
    body = np.where(x > 1e-3, x, 1.0)
    log = np.log(small / 2) + _EULER
    near = -log * (1 + small * small / 4) + small * small / 4
    if order == 1:
        near = 1 / small + small / 2 * (log - 0.5) + small**3 / 16 * (log - 1.25)
    near = near * np.exp(small)
    out = np.where(x > 1e-3, scaled_k(body, order), near)
    out = out if scaled else out * np.exp(-np.maximum(x, 0))
    return np.where(np.isinf(x) & (x > 0), 0.0, np.where(x == 0, np.inf, np.where(x > 0, out, np.nan)))


@in_double
def modified_bessel_k0(x: Any) -> Any:
    """The modified Bessel function K₀; inf at 0, NaN below."""
    return _modified_k(x, 0, False)


@in_double
def modified_bessel_k1(x: Any) -> Any:
    """The modified Bessel function K₁; inf at 0, NaN below."""
    return _modified_k(x, 1, False)


@in_double
def scaled_modified_bessel_k0(x: Any) -> Any:
    """exp(x) K₀(x)."""
    return _modified_k(x, 0, True)


@in_double
def scaled_modified_bessel_k1(x: Any) -> Any:
    """exp(x) K₁(x)."""
    return _modified_k(x, 1, True)


# -- Airy ----------------------------------------------------------------------------------------------

_AI, _AI_SLOPE = 0.355028053887817239, -0.258819403792806798  # Ai(0), Ai'(0)


def _airy_series(x: Any) -> Any:
    """Maclaurin's series (10.4.2)."""
    cube, f, g = x**3, np.ones_like(x), x
    one, other = f, g
    for k in range(1, 60):
        f = f * cube / ((3 * k - 1) * (3 * k))
        g = g * cube / ((3 * k) * (3 * k + 1))
        one, other = one + f, other + g
    return _AI * one + _AI_SLOPE * other


def _airy_waves(x: Any) -> Any:
    """The asymptotic expansion for negative x (10.4.60)."""
    z = -x
    zeta = 2 / 3 * z**1.5
    c, p, q = 1.0, np.ones_like(z), np.zeros_like(z)
    for k in range(1, 20):
        c = c * (6 * k - 5) * (6 * k - 3) * (6 * k - 1) / (216 * k * (2 * k - 1))
        term = (-1) ** (k // 2) * c / zeta**k
        p, q = (p, q + term) if k % 2 else (p + term, q)
    angle = zeta + np.pi / 4
    return (np.sin(angle) * p - np.cos(angle) * q) / (math.sqrt(math.pi) * z**0.25)


@in_double
def airy_ai(x: Any) -> Any:
    """Airy's function Ai; near x = -7 exact to about 1e-10."""
    series = _airy_series(np.where((x > -7) & (x < 2), x, 0.0))
    waves = _airy_waves(np.where(x <= -7, x, -7.0))
    right = np.where((x >= 2) & (x < 110), x, 2.0)
    zeta = 2 / 3 * right**1.5
    decay = np.where(x >= 110, 0.0, np.sqrt(right / 3) / np.pi * scaled_k(zeta, 1 / 3) * np.exp(-zeta))
    out = np.where(x >= 2, decay, np.where(x <= -7, waves, series))
    return np.where(np.isfinite(x), out, np.nan)


modified_bessel_i0, modified_bessel_i1 = i0, i1  # torch.special has them under both names
