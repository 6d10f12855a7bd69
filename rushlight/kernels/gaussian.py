"""The error function and what is made of it."""

from __future__ import annotations

from .exponential import exp_nonpositive
from .floats import absolute, copysign, fma, polynomial
from .values import Value

#: erf x = x + x·P(x²) below the border, and log(erfc x) = x·Q(x) - x beyond: N. Juffa's (stackoverflow.com
#: answer 35148199) for float32
_NEAR = {
    "float": (
        *(-5.96761703e-4, 4.99119423e-3, -2.67681349e-2, 1.12819925e-1, -3.76125336e-1, 1.28379166e-1),
    ),
}
_FAR = {
    "float": (
        *(-1.72853470e-5, 3.83197126e-4, -3.88396438e-3, 2.42546219e-2, -1.06777877e-1, -6.34846687e-1),
        *(-1.28717512e-1,),
    ),
}
_BORDER = 0.927734375


def erf(x: Value) -> Value:
    """(2/√π) ∫₀ˣ exp(-t²) dt."""
    t = absolute(x)
    near = fma(polynomial(x * x, _NEAR[x.type.name]), x, x)
    tail = exp_nonpositive(fma(polynomial(t, _FAR[x.type.name]), t, -t))
    return (t > _BORDER).select(copysign(1.0 - tail, x), near)
