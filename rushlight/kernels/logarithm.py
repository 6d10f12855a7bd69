"""log x and its relatives, of any float type and number of lanes, without branches.

x = m·2^e with m in [√½, √2); log m = f - ½ f² + f³·P(f), f = m - 1; e·ln 2 is added in two parts.
"""

from __future__ import annotations

import math

from .floats import fma, format_of, polynomial
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


def _split(x: Value, origin: Value) -> tuple[Value, Value]:
    """m - 1 and e, where x = m·2^e and m in [√½, √2), for normal x; `origin` is 2^mantissa + bias.

    The exponent becomes a number by being put into the low bits of 2^mantissa.
    """
    form, root = format_of(x), _ROOT_HALF[x.type.name]
    bits = x.bits(form.integer) + ((form.bias << form.mantissa) - root)
    m = ((bits & ((1 << form.mantissa) - 1)) + root).bits(x.type.scalar)
    ordinal = (bits >> form.mantissa) | ((form.bias + form.mantissa) << form.mantissa)
    return m - 1.0, ordinal.bits(x.type.scalar) - origin


def _normal(x: Value) -> tuple[Value, Value]:
    """`x`, scaled to a normal number if it is not; and the origin of its exponent, which also says that the
    logarithm of 0 is -inf, and of what is below NaN.
    """
    form = format_of(x)
    scale, origin = 2.0**form.mantissa, 2.0**form.mantissa + form.bias
    tiny = x < 2.0 ** (1 - form.bias)
    start = tiny.select(x.f.const(x.type, origin + form.mantissa), x.f.const(x.type, origin))
    start = (x == 0.0).select(math.inf, start)
    start = (x < 0.0).select(math.nan, start)
    return tiny.select(x * scale, x), start


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


def log(x: Value) -> Value:
    """The natural logarithm."""
    y, origin = _normal(x)
    return (x < math.inf).select(_joined(*_split(y, origin)), x)
