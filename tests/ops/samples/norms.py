"""Sample calls of norms."""

import math

import numpy as np

from . import Sample, samples

ORDERS = (2, 1, 0, 3, 0.5, 1.5, 2.5, math.inf, -math.inf, -1)


@samples("vector_norm", "norm")
def _(rng):
    x = rng.standard_normal((2, 3, 4))
    for p in ORDERS:
        yield Sample((x, p))
        yield Sample((x, p, 1))
        yield Sample((x, p, (0, -1), True))
    yield Sample((x,))
    yield Sample((rng.standard_normal(()),))
    yield Sample((np.zeros(0),))
    zeros = np.zeros((2, 3))
    zeros[0, 1] = 2
    for p in (2, 1, 3, 1.5, math.inf, 0):
        yield Sample((zeros, p, 1), gradcheck=False)
    ties = np.array([[1.0, -2.0, 2.0], [3.0, 3.0, 3.0]])
    yield Sample((ties, math.inf, 1), gradcheck=False)
    yield Sample((ties, -math.inf), gradcheck=False)


@samples("norm")
def _(rng):
    yield Sample((rng.standard_normal((3, 4)), "fro", (0, 1)))
    yield Sample((rng.standard_normal((3, 4)),), {"p": "fro", "dim": 1, "keepdim": True})


@samples("dist")
def _(rng):
    for p in (2, 1, 0, 3, math.inf):
        yield Sample((rng.standard_normal((3, 4)), rng.standard_normal(4), p))


@samples("normalize")
def _(rng):
    x = rng.standard_normal((3, 4, 2))
    yield Sample((x,))
    yield Sample((x,), {"p": 1.0, "dim": -1})
    yield Sample((x,), {"p": 3, "dim": (0, 2)})
    yield Sample((np.zeros((2, 3)),), gradcheck=False)


@samples("renorm")
def _(rng):
    x = rng.standard_normal((3, 4, 2))
    yield Sample((x, 2, 0, 2.0))
    yield Sample((x, 1, 1, 3.0))
    yield Sample((x, math.inf, -1, 0.7))
