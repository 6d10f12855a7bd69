"""Sine, cosine and tangent."""

from __future__ import annotations

from .floats import fma, format_of, polynomial
from .reduction import quadrant, quadrant_and_tail
from .values import Value

#: (sin r - r) / r³, (cos r - 1 + ½ r²) / r⁴ and (tan r - r) / r³ as functions of r², |r| <= ¼π: Cephes' sinf
#: and cosf, and minimax (Remez, in 70 digits)
_SIN = {
    "float": (-0.000195152956, 0.00833216123, -0.166666552),
    "double": (
        *(1.589666623636111e-10, -2.505075595609664e-08, 2.7557313678626384e-06),
        *(-0.00019841269829771032, 0.00833333333332237, -0.16666666666666632),
    ),
}
_COS = {
    "float": (2.44331568e-05, -0.00138873165, 0.0416666456),
    "double": (
        *(-1.135955938905922e-11, 2.0875721624787726e-09, -2.75573143406665e-07),
        *(2.4801587289443502e-05, -0.0013888888888874064, 0.0416666666666666),
    ),
}

_TAN = {
    "float": (
        *(0.00441931747, -1.28884062e-06, 0.0109107187, 0.0212518144, 0.0540661402, 0.133326054),
        *(0.333333522,),
    ),
    "double": (
        *(9.819717001863952e-06, -2.4377525308405475e-05, 4.886820574839815e-05),
        *(-2.5941754848343e-05, 6.749072836491683e-05, 8.339620708400818e-05),
        *(0.00024382113697254533, 0.0005888429113394965, 0.0014560503484863654),
        *(0.003592100133067274, 0.008863238001649325, 0.021869488393900557, 0.05396825397312179),
        *(0.13333333333324898, 0.33333333333333387),
    ),
}


def _near(r: Value) -> tuple[Value, Value]:
    """sin r and cos r for |r| <= ¼π."""
    z = r * r
    sine = fma(z * polynomial(z, _SIN[r.type.name]), r, r)
    return sine, fma(z * z, polynomial(z, _COS[r.type.name]), fma(z, -0.5, 1.0))


def _turned(x: Value, quarter: int) -> Value:
    """The sine of `x` plus quarter turns."""
    r, n = quadrant(x)
    n = n + quarter if quarter else n
    sine, cosine = _near(r)
    y = ((n & 1) != 0).select(cosine, sine)
    flip = (n & 2) << (x.type.bits - 2)
    return (y.bits(format_of(x).integer) ^ flip).bits(x.type.scalar)


def sin(x: Value) -> Value:
    """The sine; -0 stays."""
    return (x == 0).select(x, _turned(x, 0))


def cos(x: Value) -> Value:
    """The cosine."""
    return _turned(x, 1)


def tan(x: Value) -> Value:
    """The tangent: of r + its tail, whose share is about tail·(1 + tan² r); -1 / that after odd quarters."""
    r, n, tail = quadrant_and_tail(x)
    z = r * r
    y = r + fma(z * r, polynomial(z, _TAN[x.type.name]), tail * fma(z, 1.6, 1.0))
    y = ((n & 1) != 0).select(-1.0 / y, y)
    return (x == 0).select(x, y)
