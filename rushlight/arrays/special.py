"""Special functions NumPy lacks, vectorised, computed in float64."""

from __future__ import annotations

from typing import Any

import numpy as np

# Rational approximations of W. J. Cody, "Rational Chebyshev approximation for the error function",
# Mathematics of Computation 23 (1969), 631-637: relative error below 1.2e-16 on each interval.
_A = (
    *(1.85777706184603153e-1, 3.16112374387056560e0, 1.13864154151050156e2, 3.77485237685302021e2),
    3.20937758913846947e3,
)
_B = (1.0, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3, 2.84423683343917062e3)
_C = (
    *(2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594e0, 6.61191906371416295e1),
    *(2.98635138197400131e2, 8.81952221241769090e2, 1.71204761263407058e3, 2.05107837782607147e3),
    1.23033935479799725e3,
)
_D = (
    *(1.0, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2, 1.62138957456669019e3),
    *(3.29079923573345963e3, 4.36261909014324716e3, 3.43936767414372164e3, 1.23033935480374942e3),
)
_P = (
    *(1.63153871373020978e-2, 3.05326634961232344e-1, 3.60344899949804439e-1, 1.25781726111229246e-1),
    *(1.60837851487422766e-2, 6.58749161529837803e-4),
)
_Q = (
    *(1.0, 2.56852019228982242e0, 1.87295284992346047e0, 5.27905102951428412e-1),
    *(6.05183413124413191e-2, 2.33520497626869185e-3),
)
_INV_SQRT_PI = 5.6418958354775628695e-1


def _horner(coefficients: tuple[float, ...], x: Any) -> Any:
    total = np.full_like(x, coefficients[0])
    for c in coefficients[1:]:
        total = total * x + c
    return total


def _exp_minus_square(y: Any) -> Any:
    """exp(-y²) without the rounding error of y²: the leading bits of y are squared exactly."""
    head = np.trunc(y * 16) / 16
    return np.exp(-head * head) * np.exp(-(y - head) * (y + head))


def _erfcx_positive(y: Any) -> Any:
    """exp(y²) erfc(y) for y >= 0.46875."""
    near = np.minimum(y, 4.0)
    middle = _horner(_C, near) / _horner(_D, near)
    z = 1 / (y * y)
    tail = (_INV_SQRT_PI - z * _horner(_P, z) / _horner(_Q, z)) / y
    return np.where(y <= 4, middle, tail)


def _erfc_positive(y: Any) -> Any:
    """erfc(y) for y >= 0.46875."""
    y = np.minimum(y, 28.0)
    return _exp_minus_square(y) * _erfcx_positive(y)


# The minimax rational function of Eigen (and XLA) for float32: odd, on [-4, 4], beyond which erf is ±1
_SINGLE = tuple(
    np.float32(c)
    for c in (
        *(-2.72614225801306e-10, 2.77068142495902e-08, -2.10102402082508e-06, -5.69250639462346e-05),
        *(-7.34990630326855e-04, -2.95459980854025e-03, -1.60960333262415e-02),
    )
)
_SINGLE_BELOW = tuple(
    np.float32(c)
    for c in (
        *(-1.45660718464996e-05, -2.13374055278905e-04, -1.68282697438203e-03),
        *(-7.37332916720468e-03, -1.42647390514189e-02),
    )
)


def _horner_in_place(coefficients: tuple[Any, ...], x: Any) -> Any:
    total = x * coefficients[0]
    for c in coefficients[1:-1]:
        total += c
        total *= x
    total += coefficients[-1]
    return total


def _erf_single(x: Any) -> Any:
    """erf in float32 arithmetic, within 4e-7: a fifteenth of the time of the other."""
    v = np.clip(x, np.float32(-4), np.float32(4))
    square = v * v
    v *= _horner_in_place(_SINGLE, square)
    v /= _horner_in_place(_SINGLE_BELOW, square)
    return v


def erf(x: Any) -> Any:
    """(2/√π) ∫₀ˣ exp(-t²) dt, elementwise; same dtype as `x`."""
    if isinstance(x, np.ndarray) and x.ndim and x.dtype == np.float32:
        return _erf_single(x)
    v = np.asarray(x, np.float64)
    y = np.abs(v)
    small = np.minimum(y, 0.46875) ** 2
    near = v * _horner(_A, small) / _horner(_B, small)
    far = np.sign(v) * (1 - _erfc_positive(np.maximum(y, 0.46875)))
    return np.where(np.isnan(v), v, np.where(y <= 0.46875, near, far)).astype(np.asarray(x).dtype)


def erfc(x: Any) -> Any:
    """1 - erf(x), accurate where erf(x) is near 1; same dtype as `x`."""
    v = np.asarray(x, np.float64)
    tail = _erfc_positive(np.maximum(np.abs(v), 0.46875))
    far = np.where(v < 0, 2 - tail, tail)
    return np.where(np.abs(v) <= 0.46875, 1 - erf(v), far).astype(np.asarray(x).dtype)


def xlogy(x: Any, y: Any) -> Any:
    """x · log y, and 0 where x = 0 (but NaN where y is)."""
    product = x * np.log(y)
    return np.where(np.equal(x, 0) & ~np.isnan(y), product.dtype.type(0), product)


def xlog1py(x: Any, y: Any) -> Any:
    """x · log(1 + y), and 0 where x = 0 (but NaN where y is)."""
    product = x * np.log1p(y)
    return np.where(np.equal(x, 0) & ~np.isnan(y), product.dtype.type(0), product)


def entr(x: Any) -> Any:
    """-x · log x; 0 at 0, -inf below."""
    product = -x * np.log(np.where(x > 0, x, 1))
    return np.where(np.isnan(x), x, np.where(x < 0, -np.inf, product)).astype(x.dtype)


def erfcx(x: Any) -> Any:
    """exp(x²) erfc(x), which does not underflow; same dtype as `x`."""
    v = np.asarray(x, np.float64)
    y = np.abs(v)
    near = np.exp(np.minimum(y, 0.5) ** 2) * (1 - erf(np.where(y <= 0.46875, v, 0.0)))
    far = _erfcx_positive(np.maximum(y, 0.46875))
    far = np.where(v < 0, 2 * np.exp(v * v) - far, far)
    return np.where(np.isnan(v), v, np.where(y <= 0.46875, near, far)).astype(np.asarray(x).dtype)


_HALF = np.sqrt(0.5)


def ndtr(x: Any) -> Any:
    """The normal distribution function Φ; same dtype as `x`."""
    v = np.asarray(x, np.float64)
    return (0.5 * erfc(-v * _HALF)).astype(np.asarray(x).dtype)


def log_ndtr(x: Any) -> Any:
    """log Φ(x), exact far to the left; same dtype as `x`."""
    v = np.asarray(x, np.float64)
    left, right = np.minimum(v, -1.0), np.maximum(v, -1.0)
    tail = np.where(np.isinf(left), left, np.log(0.5 * erfcx(-left * _HALF)) - 0.5 * left * left)
    return np.where(v < -1, tail, np.log1p(-0.5 * erfc(right * _HALF))).astype(np.asarray(x).dtype)


# P. J. Acklam, "An algorithm for computing the inverse normal cumulative distribution function" (2003): a
# first guess
_NEAR = (
    *(-3.969683028665376e01, 2.209460984245205e02, -2.759285104469687e02, 1.383577518672690e02),
    *(-3.066479806614716e01, 2.506628277459239e00),
)
_NEAR_BELOW = (
    *(-5.447609879822406e01, 1.615858368580409e02, -1.556989798598866e02, 6.680131188771972e01),
    *(-1.328068155288572e01, 1.0),
)
_TAIL = (
    *(-7.784894002430293e-03, -3.223964580411365e-01, -2.400758277161838e00, -2.549732539343734e00),
    *(4.374664141464968e00, 2.938163982698783e00),
)
_TAIL_BELOW = (7.784695709041462e-03, 3.224671290700398e-01, 2.445134137142996e00, 3.754408661907416e00, 1.0)


def ndtri(p: Any) -> Any:
    """The inverse of Φ; ∓inf at 0 and 1, NaN beyond; same dtype as `p`."""
    v = np.asarray(p, np.float64)
    low = np.minimum(v, 1 - v)
    inside = np.where((low > 0) & (low <= 0.5), low, 0.25)
    q = np.sqrt(-2 * np.log(np.minimum(inside, 0.02425)))
    r = inside - 0.5
    near = r * _horner(_NEAR, r * r) / _horner(_NEAR_BELOW, r * r)
    x = np.where(inside < 0.02425, _horner(_TAIL, q) / _horner(_TAIL_BELOW, q), near)
    for _ in range(3):  # Halley's step; the error is measured in units of the density
        error = (0.5 * erfc(-x * _HALF) - inside) * np.sqrt(2 * np.pi) * np.exp(np.minimum(0.5 * x * x, 700))
        x = x - error / (1 + 0.5 * x * error)
    x = np.where(v > 0.5, -x, x)
    out = np.where(v == 0, -np.inf, np.where(v == 1, np.inf, x))
    return np.where((v >= 0) & (v <= 1), out, np.nan).astype(np.asarray(p).dtype)
