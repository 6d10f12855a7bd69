"""Orthogonal polynomials by their three-term recurrences, elementwise in degree and argument."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

#: p_{k+1} from (k, x, p_k, p_{k-1})
Step = Callable[[int, Any, Any, Any], Any]

_MOST = 1000  # NaN beyond: the recurrence has lost every digit long before


def _polynomial(first: Callable[[Any], Any], step: Step) -> Callable[[Any, Any], Any]:
    """The function of (x, n): 0 for negative (or no) degrees, 1 for degree 0, `first` for degree 1."""

    def value(x: Any, n: Any) -> Any:
        x, n = np.broadcast_arrays(np.asarray(x), np.asarray(n))
        dtype, degree = np.result_type(x, n), np.where(np.isfinite(n), np.trunc(n), -1)
        x = x.astype(np.float64)
        before, here = np.ones_like(x), first(x)
        out = np.where(degree < 0, 0.0, np.where(degree < 1, 1.0, here))
        out = np.where(degree > _MOST, np.nan, out)
        top = int(np.max(degree, initial=0, where=degree <= _MOST))
        for k in range(1, top):
            before, here = here, step(k, x, here, before)
            out = np.where(degree == k + 1, here, out)
        return out.astype(dtype)

    return value


def _chebyshev(first: Callable[[Any], Any]) -> tuple[Callable[[Any, Any], Any], Callable[[Any, Any], Any]]:
    """A kind of Chebyshev polynomial, and its shifted form p(2x - 1)."""
    plain = _polynomial(first, lambda k, x, p, q: 2 * x * p - q)
    return plain, lambda x, n: plain(2 * x - 1, n)


chebyshev_t, shifted_chebyshev_t = _chebyshev(lambda x: x)
chebyshev_u, shifted_chebyshev_u = _chebyshev(lambda x: 2 * x)
chebyshev_v, shifted_chebyshev_v = _chebyshev(lambda x: 2 * x - 1)
chebyshev_w, shifted_chebyshev_w = _chebyshev(lambda x: 2 * x + 1)
hermite_h = _polynomial(lambda x: 2 * x, lambda k, x, p, q: 2 * x * p - 2 * k * q)
hermite_he = _polynomial(lambda x: x, lambda k, x, p, q: x * p - k * q)
laguerre_l = _polynomial(lambda x: 1 - x, lambda k, x, p, q: ((2 * k + 1 - x) * p - k * q) / (k + 1))
legendre_p = _polynomial(lambda x: x, lambda k, x, p, q: ((2 * k + 1) * x * p - k * q) / (k + 1))

POLYNOMIALS = {
    **{"chebyshev_polynomial_t": chebyshev_t, "chebyshev_polynomial_u": chebyshev_u},
    **{"chebyshev_polynomial_v": chebyshev_v, "chebyshev_polynomial_w": chebyshev_w},
    **{
        "shifted_chebyshev_polynomial_t": shifted_chebyshev_t,
        "shifted_chebyshev_polynomial_u": shifted_chebyshev_u,
    },
    **{
        "shifted_chebyshev_polynomial_v": shifted_chebyshev_v,
        "shifted_chebyshev_polynomial_w": shifted_chebyshev_w,
    },
    **{"hermite_polynomial_h": hermite_h, "hermite_polynomial_he": hermite_he},
    **{"laguerre_polynomial_l": laguerre_l, "legendre_polynomial_p": legendre_p},
}
globals().update(POLYNOMIALS)  # arrays/numpy.py asks for them by these names
