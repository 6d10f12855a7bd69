"""The error function and what is made of it."""

from __future__ import annotations

import math

from .arithmetic import relu
from .exponential import exp_fast, exp_near, exp_single, expm1_near, reduce, scaled
from .floats import absolute, copysign, fma, format_of, head, is_double, nearest, polynomial, power_of_two
from .types import f64
from .values import Value

#: (log erfc t + t) / t on [0, 4] and [0, 6]: minimax for what it makes of erf (Remez, in 60 digits)
_ERF = {
    "float": (
        *(9.254949174775808e-06, -0.00011763004377064611, 0.0006327996397565053),
        *(-0.0016669669039055773, 0.0001603460790812496, 0.019153083047308846),
        *(-0.10277783295740643, -0.6366193819867109, -0.12837917160684167),
    ),
    "double": (
        *(-7.833483339005386e-16, 3.8502045997357566e-14, -8.844894137327757e-13),
        *(1.2610118919383766e-11, -1.2483319442511336e-10, 9.081727137615445e-10),
        *(-4.997463500626312e-09, 2.0961762609963734e-08, -6.573093285080332e-08),
        *(1.4175618538215617e-07, -1.3717184218743173e-07, -3.3637916206400216e-07),
        *(1.741563724181958e-06, -2.835154476414009e-06, -3.407255978773385e-06),
        *(2.9724041598565367e-05, -6.449185950007876e-05, -2.587860437782622e-05),
        *(0.0005901255527884292, -0.001696206385694767, 0.00020919469483161502),
        *(0.01912844700507158, -0.10277260330178883, -0.6366197723675836, -0.12837916709551256),
    ),
}
_ERF_TOP = {"float": 4.0, "double": 6.0}  # from here on it is 1


def erf(x: Value) -> Value:
    """(2/√π) ∫₀ˣ exp(-t²) dt = 1 - e^p where p = log erfc |x|, by e^p - 1, precise where p is small."""
    t, top = absolute(x), _ERF_TOP[x.type.name]
    t = (t > top).select(top, t)
    r, _, n = reduce(fma(polynomial(t, _ERF[x.type.name]), t, -t), format_of(x).bias)
    power = power_of_two(n, x)
    return copysign(fma(-expm1_near(r), power, 1.0 - power), x)


#: (1 + 2x)·exp(x²)·erfc(x) as a polynomial in (x - 4) / (x + 4), for 0 <= x <= 28: minimax, in the variable
#: of Shepherd and Laframboise, Mathematics of Computation 36 (1981), 249-253
_TAIL = {
    "float": (
        *(-0.0006329989513772615, -0.0011060845001092383, 0.005078361493327932),
        *(-0.0160147794836124, 0.03721244022597335, -0.06636059988453281, 0.09372164748856729),
        *(-0.10103705959680688, 0.06809787880536862, 0.015379600519706715, -0.13962113236372362),
        *(1.232995118915825,),
    ),
    "double": (
        *(-1.7176318639882257e-09, -1.3386213050196423e-08, -7.778666459207953e-09),
        *(1.1456143533149013e-07, 6.238864424967111e-08, -8.34240915353413e-07),
        *(3.0195674337620124e-07, 5.7172958544774715e-06, -1.1225283114578381e-05),
        *(-2.4402941865863325e-05, 0.00015062247152703142, -0.00019925556114737953),
        *(-0.0007577734048269664, 0.00503196976354933, -0.01619773404843438, 0.03716751556185385),
        *(-0.0663303658125625, 0.09373283499682387, -0.10103906603630124, 0.0680970542547366),
        *(0.015379652102619766, -0.1396211168405629, 1.2329951186255526),
    ),
}


def erfc(x: Value) -> Value:
    """1 - erf x, as precise where it is small."""
    return _erfc_double(x) if is_double(x) else _erfc_single(x.to(f64)).to(x.type.scalar)


def _tail(a: Value, kind: str) -> Value:
    """exp(a²)·erfc(a) for a >= 0, by one division."""
    far, double = a + 4.0, fma(a, 2.0, 1.0)
    inverse = 1.0 / (far * double)
    return polynomial((a - 4.0) * double * inverse, _TAIL[kind]) * (far * inverse)


def _erfc_single(x: Value) -> Value:
    """To the precision of float32, in float64, where the square of a float32 is exact."""
    a = absolute(x)
    a = (a > 12.0).select(12.0, a)
    tail = exp_single(-(a * a)) * _tail(a, "float")
    return (x < 0).select(2.0 - tail, tail)


def _erfc_double(x: Value) -> Value:
    """1 - erf x near 0, where the tail would be a little less precise."""
    a = absolute(x)
    a = (a > 28.0).select(28.0, a)
    most = head(a, 27)  # whose square is exact
    r, n, bits = reduce(-(most * most), 2 * format_of(x).bias)
    e = exp_near(r - (a - most) * (a + most))
    tail = scaled(e * polynomial((a - 4.0) / (a + 4.0), _TAIL["double"]) / fma(a, 2.0, 1.0), n, bits)
    far = (x < 0).select(2.0 - tail, tail)
    return (a < 0.5).select(1.0 - erf(x), far)


def ndtr(x: Value) -> Value:
    """Φ(x) = ½ erfc(-x / √2), the normal distribution function."""
    y = x.to(f64) * -math.sqrt(0.5)
    return ((_erfc_double(y) if is_double(x) else _erfc_single(y)) * 0.5).to(x.type.scalar)


def gelu(x: Value) -> Value:
    """x·Φ(x), within 3e-7 in float32."""
    if not is_double(x):
        return _gelu_single(x)
    return x * 0.5 * (erf(x * math.sqrt(0.5)) + 1.0)  # not fused: -0 stays


#: (log2(½ erfc(t / √2)) + 1) / t on [0, 6.5], and 2^r for |r| <= ½: minimax for what they make of x·Φ(x)
_LOG_TAIL = (
    *(-2.1011762094899682e-07, 3.0365740091339218e-06, 1.6806959051080754e-05),
    *(-0.0007223284288384615, 0.00799013659408725, -0.053286273774592406, -0.4588803793823783),
    -1.151154572593478,
)
_EXP2 = (0.0013276476, 0.00967554148, 0.0555071327, 0.240221197, 0.693146967, 1.00000007)
_NOTHING = 12.3047  # there the logarithm is -126.9: of 2^-127 nothing is left


def _gelu_single(x: Value) -> Value:
    """max(x, 0) - t·½ erfc(t / √2), t = |x|: one power of 2, and no more precision than the sum keeps."""
    t = absolute(x)
    t = (t > _NOTHING).select(_NOTHING, t)
    log = fma(polynomial(t, _LOG_TAIL), t, -1.0)
    n, bits = nearest(log, 1, format_of(x).bias)
    tail = polynomial(log - n, _EXP2) * power_of_two(bits, x)
    return fma(-t, tail, relu(x))


def gelu_tanh(x: Value) -> Value:
    """½ x (1 + tanh u) = x / (1 + e^-2u), u = √(2/π)·(x + 0.044715 x³)."""
    scale = -2 * math.sqrt(2 / math.pi)
    return x / (exp_fast(x * fma(x * x, scale * 0.044715, scale)) + 1.0)
