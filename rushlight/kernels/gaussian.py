"""The error function and what is made of it."""

from __future__ import annotations

from .exponential import exp_nonpositive
from .floats import absolute, copysign, fma, polynomial
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


def erf(x: Value) -> Value:
    """(2/√π) ∫₀ˣ exp(-t²) dt."""
    t = absolute(x)
    near = fma(polynomial(x * x, _NEAR[x.type.name]), x, x)
    far = (t > 6.0).select(6.0, t)
    tail = exp_nonpositive(fma(polynomial(far, _FAR[x.type.name]), far, -far))
    return (t > _BORDER).select(copysign(1.0 - tail, x), near)
