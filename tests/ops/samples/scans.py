"""Sample calls of scans and differences."""

import numpy as np

from . import Sample, samples


@samples("cumsum", "cumprod", "logcumsumexp")
def _(rng):
    for shape in ((5,), (3, 4), (2, 3, 4)):
        x = rng.standard_normal(shape)
        yield Sample((x, 0))
        yield Sample((x, -1))
    yield Sample((rng.standard_normal((4, 3)).T, 1))


@samples("cumsum", "cumprod")
def _(rng):
    yield Sample((rng.integers(-3, 3, (3, 4)), 1))
    yield Sample((rng.integers(0, 2, (3, 4)).astype(bool), 0))


@samples("cumprod")
def _(rng):
    x = rng.standard_normal((4, 5))
    x[0, 1] = x[1, 0] = x[1, 3] = x[2, 4] = x[3, 1] = x[3, 2] = 0
    yield Sample((x, 1))
    yield Sample((x, 0))


@samples("logcumsumexp")
def _(rng):
    yield Sample((np.array([-1e3, 1e3, 2.0, -5.0]), 0), gradcheck=False)
    yield Sample((np.array([1e3, -1e3, 999.0]), 0), gradcheck=False)


@samples("cummax", "cummin")
def _(rng):
    for shape in ((), (6,), (3, 4), (2, 3, 4)):
        x = rng.standard_normal(shape)
        yield Sample((x, 0))
        yield Sample((x, -1))
    ties = rng.integers(0, 4, (3, 7)).astype(np.float64)
    yield Sample((ties, 1), gradcheck=False)
    yield Sample((ties.astype(np.int64), 0))
    yield Sample((np.array([1.0, np.nan, 3.0, 0.0]), 0), gradcheck=False)


@samples("diff")
def _(rng):
    x = rng.standard_normal((3, 5))
    yield Sample((x,))
    yield Sample((x,), {"n": 2, "dim": 0})
    yield Sample((x,), {"n": 0})
    yield Sample((x,), {"n": 7})
    yield Sample((x,), {"prepend": rng.standard_normal((3, 1)), "append": rng.standard_normal((3, 2))})
    yield Sample((rng.integers(0, 9, 6),))
    yield Sample((rng.integers(0, 2, 6).astype(bool),))


@samples("trapezoid", "cumulative_trapezoid")
def _(rng):
    y = rng.standard_normal((3, 5))
    yield Sample((y,))
    yield Sample((y,), {"dx": 0.3, "dim": 0})
    yield Sample((y, rng.standard_normal(5)))
    yield Sample((y, rng.standard_normal((3, 5))))
    yield Sample((y, rng.standard_normal(3)), {"dim": 0})
