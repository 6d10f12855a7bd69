"""log x and its relatives, of any float type and number of lanes, without branches.

x = m·2^e with m in [¾, 3/2); log m = f + f²·P(f), f = m - 1; e·ln 2 is added in two parts.
"""

from __future__ import annotations

import math

from . import avx512
from .arithmetic import greater
from .exponential import exp
from .floats import absolute, copysign, fma, format_of, is_nan, polynomial, power_of_two
from .values import Value

#: (log(1 + f) - f) / f²: minimax (Remez, in 80 digits)
_LOG = {
    "float": (
        *(-0.04490961886269488, 0.1044833514941045, -0.13162234899790143, 0.14482061945451322),
        *(-0.1664776696996207, 0.19990606709259529, -0.2500005457863535, 0.3333345444347578),
        *(-0.5000000082286862,),
    ),
    "double": (
        *(0.008056193402733126, -0.02935257430184545, 0.050742840627753694, -0.059772126905902154),
        *(0.06087243760111653, -0.062491975447136215, 0.06642302701142079, -0.07138419823228521),
        *(0.07693477916318775, -0.08333731899433794, 0.09090889790168899, -0.09999983773293929),
        *(0.11111110794472333, -0.1250000034934335, 0.14285714301422056, -0.16666666662760332),
        *(0.1999999999981589, -0.25000000000019573, 0.3333333333333395, -0.4999999999999997),
    ),
}

#: the bits of ¾
_LOWEST = {"float": 0x3F400000, "double": 0x3FE8000000000000}

#: ln 2 in two parts: SLEEF's (float32), fdlibm's (float64); the first so short that its multiples are exact
_LN2 = {
    "float": (0.693145751953125, 1.428606765330187045e-06),
    "double": (6.93147180369123816490e-01, 1.90821492927058770002e-10),
}


#: log2 e - 1; log10 e and log10 2 in two parts, the first short (Cephes' log10f)
_LOG2E_LESS_1 = 0.44269504088896340736
_LOG10E = (4.3359375e-1, 7.00731903251827651129e-4)
_LOG10_2 = (3.0078125e-1, 2.48745663981195213739e-4)
_LN2_WHOLE = 0.6931471805599453


def _ordinal(x: Value) -> Value:
    """The bits of x, so shifted that e + bias stands above the mantissa."""
    form = format_of(x)
    return x.bits(form.integer) + ((form.bias << form.mantissa) - _LOWEST[x.type.name])


def _origin(x: Value) -> float:
    """2^mantissa + bias: what is e = 0 where the exponent is put into the low bits of 2^mantissa."""
    form = format_of(x)
    return 2.0**form.mantissa + form.bias


def _split_normal(x: Value, origin: Value | float) -> tuple[Value, Value]:
    """The same for what is not subnormal."""
    form, bits = format_of(x), _ordinal(x)
    m = ((bits & ((1 << form.mantissa) - 1)) + _LOWEST[x.type.name]).bits(x.type.scalar)
    e = (bits >> form.mantissa) | ((form.bias + form.mantissa) << form.mantissa)
    return m - 1.0, e.bits(x.type.scalar) - origin


def _split_wide(x: Value) -> tuple[Value, Value]:
    m = avx512.mantissa(x)
    return m - 1.0, avx512.exponent(x) - avx512.exponent(m)


def _normal(x: Value) -> tuple[Value, Value]:
    """`x`, scaled to a normal number if it is not, and the origin of its exponent then."""
    form, origin = format_of(x), _origin(x)
    tiny = x < 2.0 ** (1 - form.bias)
    start = tiny.select(origin + form.mantissa, x.f.const(x.type, origin))
    return tiny.select(x * 2.0**form.mantissa, x), start


def split(x: Value, subnormal: bool = True) -> tuple[Value, Value]:
    """m - 1 and e, where x = m·2^e and m in [¾, 3/2), for x > 0."""
    if avx512.fits(x):
        return _split_wide(x)
    return _split_normal(*(_normal(x) if subnormal else (x, _origin(x))))


def _parts(x: Value) -> tuple[Value, Value]:
    """The same for every x: e is -inf of 0, inf of inf, NaN of NaN and what is below zero."""
    if avx512.fits(x):
        return _split_wide(x)
    y, origin = _normal(x)
    origin = (x < 0.0).select(math.nan, (x == 0.0).select(math.inf, origin))
    return _split_normal(y, (x < math.inf).select(origin, -x))


def _tail(f: Value) -> Value:
    """log(1 + f) - f for f in [-¼, ½)."""
    return f * f * polynomial(f, _LOG[f.type.name])


def _joined(f: Value, e: Value) -> Value:
    """log(1 + f) + e·ln 2, the small parts first."""
    high, low = _LN2[f.type.name]
    return fma(e, high, f + fma(f * f, polynomial(f, _LOG[f.type.name]), e * low))


def log(x: Value) -> Value:
    """The natural logarithm."""
    return _joined(*_parts(x))


def log2(x: Value) -> Value:
    """The logarithm of base 2, exact for powers of 2."""
    f, e = _parts(x)
    tail = _tail(f)
    y = fma(f, _LOG2E_LESS_1, tail * _LOG2E_LESS_1)
    return y + tail + f + e


def log10(x: Value) -> Value:
    """The logarithm of base 10."""
    f, e = _parts(x)
    tail = _tail(f)
    y = fma(tail, _LOG10E[0], (tail + f) * _LOG10E[1])
    y = fma(e, _LOG10_2[1], fma(f, _LOG10E[0], y))
    return fma(e, _LOG10_2[0], y)


def log1p(x: Value) -> Value:
    """log(1 + x): what was lost in adding 1 is put back, times 2^-e."""
    u = x + 1.0
    f, e = split(u, subnormal=False)
    y = _joined(f + _unscaled(x - (u - 1.0), u, e), e)
    y = (x < -1.0).select(math.nan, (x == -1.0).select(-math.inf, y))
    return copysign((x < math.inf).select(y, x), x)


def _unscaled(x: Value, u: Value, e: Value) -> Value:
    """x·2^-e, where e is the exponent of u (in two steps, as 2^-e may be subnormal)."""
    if avx512.fits(x):
        return avx512.scale(x, -e)
    form = format_of(x)
    biased = _ordinal(u) >> form.mantissa
    return x * power_of_two(-biased + (2 * form.bias + 1), x) * 0.5


# -- with other functions ------------------------------------------------------------------------------


def logaddexp(x: Value, y: Value) -> Value:
    """log(e^x + e^y)."""
    gap = x - y
    far = greater(x, y) + log1p(exp(-absolute(gap)))
    return (x == y).select(x + _LN2_WHOLE, is_nan(gap).select(gap, far))


def _nothing(x: Value, y: Value, product: Value) -> Value:
    """0 where x = 0 and `y` is a number; the product elsewhere."""
    return ((x == 0) & (y == y)).select(0, product)


def xlogy(x: Value, y: Value) -> Value:
    """x·log y, and 0 where x = 0 (but NaN where `y` is)."""
    return _nothing(x, y, x * log(y))


def xlog1py(x: Value, y: Value) -> Value:
    """x·log(1 + y), and 0 where x = 0 (but NaN where `y` is)."""
    return _nothing(x, y, x * log1p(y))


def entr(x: Value) -> Value:
    """-x·log x; 0 at 0, -inf below."""
    inside = -x * log((x > 0).select(x, 1))
    return (x < 0).select(-math.inf, inside)
