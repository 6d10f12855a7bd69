"""Samples of the special functions; those with default arguments follow from the declarations."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from . import Sample, samples

Rng = np.random.Generator


@samples("mvlgamma")
def _(rng: Rng) -> Iterator[Sample]:
    for p in (1, 2, 4):
        yield Sample((rng.uniform(2.5, 6, (2, 3)), p))
        yield Sample((np.asarray(3.5), p))
    yield Sample((np.zeros((0, 2)), 2))
    yield Sample((rng.uniform(2.5, 6, 3), 0))


@samples("frexp")
def _(rng: Rng) -> Iterator[Sample]:
    yield Sample((rng.uniform(0.6, 0.9, (2, 3)) * 8,))
    yield Sample((np.asarray(-3.0),))
    yield Sample((np.zeros((0, 2)),))
    yield Sample((np.array([0.0, np.inf, -np.inf, np.nan]),), gradcheck=False)
    yield Sample((np.array([1, 2]),))


@samples(
    *("chebyshev_polynomial_t", "chebyshev_polynomial_u", "chebyshev_polynomial_v", "chebyshev_polynomial_w"),
    *("shifted_chebyshev_polynomial_t", "shifted_chebyshev_polynomial_u", "shifted_chebyshev_polynomial_v"),
    *(
        "shifted_chebyshev_polynomial_w",
        "hermite_polynomial_h",
        "hermite_polynomial_he",
        "laguerre_polynomial_l",
    ),
    "legendre_polynomial_p",
)
def _(rng: Rng) -> Iterator[Sample]:
    x = np.concatenate([rng.uniform(-0.9, 0.9, 6), [1.0, -1.0, 1.4]])
    for n in (-1, 0, 1, 2, 5, 9):
        yield Sample((x, n), tolerance=1e-3)
        yield Sample((x, np.full(x.shape, n)), tolerance=1e-3)
    yield Sample((0.5, np.arange(5)))


@samples(
    "bessel_j0", "bessel_j1", "bessel_y0", "bessel_y1", "modified_bessel_k0", "modified_bessel_k1", "airy_ai"
)
@samples(
    "scaled_modified_bessel_k0", "scaled_modified_bessel_k1", "i0", "i0e", "i1", "i1e", "spherical_bessel_j0"
)
def _(rng: Rng) -> Iterator[Sample]:
    yield Sample((np.concatenate([np.geomspace(1e-2, 80, 40), [0.0]]),), gradcheck=False, tolerance=1e-4)
    yield Sample((-np.geomspace(1e-2, 30, 40),), gradcheck=False, tolerance=2e-4)


@samples("igamma", "igammac")
def _(rng: Rng) -> Iterator[Sample]:
    yield Sample((rng.uniform(0.1, 60, 40), rng.uniform(0.1, 60, 40)), gradcheck=False, tolerance=1e-4)
    yield Sample((np.array([0.0, 1.0, 2.0, -1.0]), np.array([1.0, 0.0, np.inf, 1.0])), gradcheck=False)


@samples("zeta")
def _(rng: Rng) -> Iterator[Sample]:
    for s in (1.5, 2, 3.5, 0.5, 1):
        yield Sample((s, rng.uniform(0.3, 9, (2, 3))), tolerance=1e-4)
