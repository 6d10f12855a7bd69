"""Sample calls of largest and smallest elements."""

import numpy as np

from . import Sample, samples
from .reduce import dims_of

SHAPES = ((), (5,), (1, 1), (3, 4), (2, 3, 4))


@samples("amax", "amin")
def _(rng):
    for shape in SHAPES:
        x = rng.standard_normal(shape)
        for options in dims_of(x):
            yield Sample((x,), options)
    ties = np.array([[1.0, 3.0, 3.0, 0.0], [2.0, 2.0, 2.0, 2.0]])
    for options in dims_of(ties):
        yield Sample((ties,), options, gradcheck=False)
    yield Sample((np.zeros((2, 0, 3)),), {"dim": 0})
    yield Sample((rng.integers(-5, 5, (3, 4)),), {"dim": 1})


@samples("max", "min")
def _(rng):
    for shape in SHAPES:
        x = rng.standard_normal(shape)
        yield Sample((x,))
        if x.ndim:
            yield Sample((x, -1))
            yield Sample((x,), {"dim": 0, "keepdim": True})
    yield Sample((np.zeros((2, 0, 3)), 0))
    yield Sample((rng.standard_normal(()), 0))
    x = rng.standard_normal((3, 4))
    yield Sample((x, rng.standard_normal(4)))
    yield Sample((x,), {"other": rng.standard_normal((3, 1))})
    ties = np.array([[1.0, 3.0, 3.0, 0.0], [2.0, 2.0, 2.0, 2.0]])
    yield Sample((ties,), gradcheck=False)
    yield Sample((ties, 1), gradcheck=False)
    yield Sample((ties, 0, True), gradcheck=False)
    yield Sample((rng.integers(0, 2, (3, 4)).astype(bool), 1))
    yield Sample((np.array([[1.0, np.nan, 3.0], [0.0, 1.0, 2.0]]), 1), gradcheck=False)
    yield Sample((np.array([1.0, np.nan, 3.0, np.nan]),), gradcheck=False)


@samples("argmax", "argmin")
def _(rng):
    for shape in SHAPES:
        x = rng.integers(-4, 4, shape).astype(np.float64)
        yield Sample((x,))
        yield Sample((x,), {"keepdim": True})
        if x.ndim:
            yield Sample((x, -1))
            yield Sample((x,), {"dim": 0, "keepdim": True})
            yield Sample((x.astype(np.int64), 0))
    yield Sample((np.array([1.0, np.nan, 3.0, np.nan]),))
    yield Sample((np.zeros((2, 0, 3)), 2))


@samples("aminmax")
def _(rng):
    for shape in SHAPES:
        x = rng.standard_normal(shape)
        yield Sample((x,))
        if x.ndim:
            yield Sample((x,), {"dim": -1})
            yield Sample((x,), {"dim": 0, "keepdim": True})


@samples("median", "nanmedian")
def _(rng):
    for shape in ((), (5,), (6,), (1, 1), (3, 4), (2, 3, 4)):
        x = rng.standard_normal(shape)
        yield Sample((x,))
        if x.ndim:
            yield Sample((x, -1))
            yield Sample((x,), {"dim": 0, "keepdim": True})
    x = rng.standard_normal((3, 4))
    x[0, 1] = x[0, 3] = np.nan
    x[2] = np.nan
    x[2, 0] = 1
    yield Sample((x,), gradcheck=False)
    yield Sample((x[:, :3], 0), gradcheck=False)
    yield Sample((rng.integers(-50, 50, (7,)),))


@samples("mode")
def _(rng):
    x = rng.integers(0, 4, (3, 9)).astype(np.float64)
    yield Sample((x,), gradcheck=False)
    yield Sample((x,), {"dim": 0, "keepdim": True}, gradcheck=False)
    yield Sample((x.astype(np.int64), 1))
    yield Sample((np.full((), 3.0),))
    yield Sample((rng.standard_normal((2, 3)),))


@samples("kthvalue")
def _(rng):
    x = rng.permuted(np.tile(np.arange(5.0), (3, 1)), axis=-1)  # no ties, in no dtype
    yield Sample((x, 2))
    yield Sample((x.T, 1, 0))
    yield Sample((x, 5), {"dim": 1, "keepdim": True})
    yield Sample((rng.standard_normal(()), 1))
    yield Sample((rng.permutation(12).reshape(3, 4), 3, 1))


@samples("quantile", "nanquantile")
def _(rng):
    x = rng.standard_normal((4, 5))
    q = np.array([0.05, 0.2, 0.55, 0.95])
    yield Sample((x, np.array([0.0, 1.0])), {"dim": 1}, gradcheck=False)
    yield Sample((x, 0.4))
    yield Sample((x, 0.5), {"dim": 1})
    yield Sample((x, q), {"dim": 0, "keepdim": True})
    yield Sample((x, q), {"dim": -1})
    yield Sample((x, q))
    for how in ("linear", "lower", "higher", "midpoint", "nearest"):
        yield Sample((x, 0.33), {"dim": 1, "interpolation": how})
        yield Sample((x, q), {"interpolation": how})
    x = x.copy()
    x[1, 2] = x[3] = np.nan
    yield Sample((x, 0.4), {"dim": 1}, gradcheck=False)
    yield Sample((x, q), {"dim": 0}, gradcheck=False)
