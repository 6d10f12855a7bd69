"""The error function and what is made of it."""

from __future__ import annotations

import math

from .exponential import exp_fast, exp_near, exp_nonpositive, reduce, scaled
from .floats import absolute, copysign, fma, format_of, head, is_double, polynomial
from .types import f64
from .values import Value

#: erf x = x + x·P(x²) below the border, and log(erfc x) = x·Q(x) - x beyond: N. Juffa's (stackoverflow.com
#: answer 35148199) for float32, minimax up to 6 for float64
_NEAR = {
    "float": (
        *(-5.96761703e-4, 4.99119423e-3, -2.67681349e-2, 1.12819925e-1, -3.76125336e-1, 1.28379166e-1),
    ),
    "double": (
        *(-8.305751838396966e-10, 1.3969022441296707e-08, -1.6260961404393285e-07),
        *(1.6453672294838576e-06, -1.4925198368976932e-05, 0.00012055316774829),
        *(-0.0008548326640001719, 0.005223977619682641, -0.02686617064462037, 0.11283791670952784),
        *(-0.3761263890318371, 0.1283791670955126),
    ),
}
_FAR = {
    "float": (
        *(-1.72853470e-5, 3.83197126e-4, -3.88396438e-3, 2.42546219e-2, -1.06777877e-1, -6.34846687e-1),
        *(-1.28717512e-1,),
    ),
    "double": (
        *(1.6956610043002663e-12, -7.443886003726711e-11, 1.5305966541469875e-09),
        *(-1.957765975986759e-08, 1.7428710296479194e-07, -1.1422835533374687e-06),
        *(5.662124084561257e-06, -2.1276155715357713e-05, 5.845866540087592e-05),
        *(-0.00010047730674054942, 9.085234154224226e-06, 0.0005643305995770953),
        *(-0.0016824269553849633, 0.00020442989407757885, 0.019129124946840683),
        *(-0.10277239692523213, -0.6366198877092054, -0.12837915022884813),
    ),
}
_BORDER = 0.927734375


def _erf_near(x: Value) -> Value:
    return fma(polynomial(x * x, _NEAR[x.type.name]), x, x)


def erf(x: Value) -> Value:
    """(2/√π) ∫₀ˣ exp(-t²) dt."""
    t = absolute(x)
    near = _erf_near(x)
    far = (t > 6.0).select(6.0, t) if is_double(x) else t
    tail = exp_nonpositive(fma(polynomial(far, _FAR[x.type.name]), far, -far))
    return (t > _BORDER).select(copysign(1.0 - tail, x), near)


#: (1 + 2x)·exp(x²)·erfc(x) as a polynomial in (x - 4) / (x + 4), for 0 <= x <= 28: minimax, in the variable
#: of Shepherd and Laframboise, Mathematics of Computation 36 (1981), 249-253
_TAIL = (
    *(-1.7176318639882257e-09, -1.3386213050196423e-08, -7.778666459207953e-09),
    *(1.1456143533149013e-07, 6.238864424967111e-08, -8.34240915353413e-07),
    *(3.0195674337620124e-07, 5.7172958544774715e-06, -1.1225283114578381e-05),
    *(-2.4402941865863325e-05, 0.00015062247152703142, -0.00019925556114737953),
    *(-0.0007577734048269664, 0.00503196976354933, -0.01619773404843438, 0.03716751556185385),
    *(-0.0663303658125625, 0.09373283499682387, -0.10103906603630124, 0.0680970542547366),
    *(0.015379652102619766, -0.1396211168405629, 1.2329951186255526),
)


def erfc(x: Value) -> Value:
    """1 - erf x, as precise where it is small; computed in float64."""
    y = x.to(f64)
    a = absolute(y)
    a = (a > 28.0).select(28.0, a)
    most = head(a, 27)  # whose square is exact
    r, n, bits = reduce(-(most * most), 2 * format_of(y).bias)
    e = exp_near(r - (a - most) * (a + most))
    tail = scaled(e * polynomial((a - 4.0) / (a + 4.0), _TAIL) / fma(a, 2.0, 1.0), n, bits)
    far = (y < 0).select(2.0 - tail, tail)
    return (a < 0.5).select(1.0 - _erf_near(y), far).to(x.type.scalar)


def ndtr(x: Value) -> Value:
    """Φ(x) = ½ erfc(-x / √2), the normal distribution function."""
    return (erfc(x.to(f64) * -math.sqrt(0.5)) * 0.5).to(x.type.scalar)


def gelu(x: Value) -> Value:
    """x·Φ(x), by erf."""
    half = x * 0.5
    return fma(half, erf(x * math.sqrt(0.5)), half)


def gelu_tanh(x: Value) -> Value:
    """½ x (1 + tanh u) = x / (1 + e^-2u), u = √(2/π)·(x + 0.044715 x³)."""
    scale = -2 * math.sqrt(2 / math.pi)
    return x / (exp_fast(x * fma(x * x, scale * 0.044715, scale)) + 1.0)
