"""log x and its relatives, of any float type and number of lanes, without branches.

x = m·2^e with m in [√½, √2); log m = f - ½ f² + f³·P(f), f = m - 1; e·ln 2 is added in two parts.
"""

from __future__ import annotations

import math

from .arithmetic import greater
from .exponential import exp
from .floats import absolute, copysign, fma, format_of, is_nan, polynomial, power_of_two
from .values import Value

#: (log(1 + f) - f + ½ f²) / f³: Cephes' logf; minimax for float64 (Remez, in 60 digits)
_LOG = {
    "float": (
        *(7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1),
        *(-1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1),
    ),
    "double": (
        *(0.02615238731482897, -0.05981764322440317, 0.065033650024034, -0.05677713456178846),
        *(0.05668406006997547, -0.06196699901281858, 0.06684586864945245, -0.07149436492666776),
        *(0.07691529806545443, -0.08332913769858473, 0.09090923944197449, -0.10000015196486044),
        *(0.11111111146726169, -0.1249999969167121, 0.1428571428011139, -0.16666666669823216),
        *(0.2000000000006643, -0.24999999999987987, 0.3333333333333314),
    ),
}

#: the bits of √½
_ROOT_HALF = {"float": 0x3F3504F3, "double": 0x3FE6A09E667F3BCD}

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


def split(x: Value) -> tuple[Value, Value]:
    """m - 1, and e + bias as an integer, where x = m·2^e and m in [√½, √2), for normal x."""
    form, root = format_of(x), _ROOT_HALF[x.type.name]
    bits = x.bits(form.integer) + ((form.bias << form.mantissa) - root)
    m = ((bits & ((1 << form.mantissa) - 1)) + root).bits(x.type.scalar)
    return m - 1.0, bits >> form.mantissa


def exponent(biased: Value, origin: Value) -> Value:
    """e as a number: it is put into the low bits of 2^mantissa; `origin` is 2^mantissa + bias."""
    form = format_of(origin)
    return (biased | ((form.bias + form.mantissa) << form.mantissa)).bits(origin.type.scalar) - origin


def origin_of(x: Value) -> Value:
    """The number that stands for e = 0 in `exponent`."""
    form = format_of(x)
    return x.f.const(x.type, 2.0**form.mantissa + form.bias)


def normal(x: Value) -> tuple[Value, Value]:
    """`x`, scaled to a normal number if it is not, and the origin of its exponent then."""
    form = format_of(x)
    tiny = x < 2.0 ** (1 - form.bias)
    origin = 2.0**form.mantissa + form.bias
    return tiny.select(x * 2.0**form.mantissa, x), tiny.select(origin + form.mantissa, origin_of(x))


def _parts(x: Value) -> tuple[Value, Value]:
    """m - 1 and e: -inf for 0, NaN for what is below."""
    y, origin = normal(x)
    f, biased = split(y)
    origin = (x < 0.0).select(math.nan, (x == 0.0).select(math.inf, origin))
    return f, exponent(biased, origin)


def _tail(f: Value) -> Value:
    """log(1 + f) - f for f in [√½ - 1, √2 - 1)."""
    z = f * f
    return fma(z, -0.5, f * z * polynomial(f, _LOG[f.type.name]))


def _joined(f: Value, e: Value) -> Value:
    """log(1 + f) + e·ln 2, the small parts first."""
    high, low = _LN2[f.type.name]
    z = f * f
    y = fma(e, low, f * z * polynomial(f, _LOG[f.type.name]))
    return fma(e, high, f + fma(z, -0.5, y))


def _unless_endless(x: Value, y: Value) -> Value:
    """`y`, or `x` itself where that is infinite or NaN."""
    return (x < math.inf).select(y, x)


def log(x: Value) -> Value:
    """The natural logarithm."""
    return _unless_endless(x, _joined(*_parts(x)))


def log2(x: Value) -> Value:
    """The logarithm of base 2, exact for powers of 2."""
    f, e = _parts(x)
    tail = _tail(f)
    y = fma(f, _LOG2E_LESS_1, tail * _LOG2E_LESS_1)
    return _unless_endless(x, y + tail + f + e)


def log10(x: Value) -> Value:
    """The logarithm of base 10."""
    f, e = _parts(x)
    tail = _tail(f)
    y = fma(tail, _LOG10E[0], (tail + f) * _LOG10E[1])
    y = fma(e, _LOG10_2[1], fma(f, _LOG10E[0], y))
    return _unless_endless(x, fma(e, _LOG10_2[0], y))


def log1p(x: Value) -> Value:
    """log(1 + x): what was lost in adding 1 is put back, times 2^-e (½ of it apart, as e may be bias + 1)."""
    u = x + 1.0
    f, biased = split(u)
    lost = (x - (u - 1.0)) * power_of_two(-biased + (2 * format_of(x).bias + 1), x)
    y = _joined(fma(lost, 0.5, f), exponent(biased, origin_of(x)))
    y = (x < -1.0).select(math.nan, (x == -1.0).select(-math.inf, y))
    return copysign(_unless_endless(x, y), x)


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
