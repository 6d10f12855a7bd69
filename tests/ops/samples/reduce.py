"""Sample calls of sums, means, products, counts, variances."""

import numpy as np

from . import Sample, samples

SHAPES = ((), (0,), (5,), (1, 1), (3, 4), (2, 3, 4), (2, 0, 3))


def dims_of(x):
    """Dimension arguments that suit `x`: first, last, several."""
    yield {}
    if x.ndim:
        yield {"dim": -1}
        yield {"dim": 0, "keepdim": True}
    if x.ndim > 1:
        yield {"dim": (0, -1)}
    if x.ndim > 2:
        yield {"dim": (0, 2), "keepdim": True}


@samples("sum", "nansum", "mean", "nanmean")
def _(rng):
    for shape in SHAPES:
        x = rng.standard_normal(shape)
        for options in dims_of(x):
            if x.size or options.get("dim") is None:
                yield Sample((x,), options, gradcheck=x.size > 0)
    x = rng.standard_normal((3, 4))
    yield Sample((x,), {"dim": ()})
    yield Sample((x,), {"dim": [1, 0], "keepdim": True})
    yield Sample((x.T,), {"dim": 0})
    yield Sample((rng.standard_normal((700, 11)),), {"dim": 0}, gradcheck=False)
    yield Sample((rng.standard_normal((9000, 2))[:, :1],), {}, gradcheck=False)


@samples("sum", "prod")
def _(rng):
    yield Sample((rng.integers(-3, 4, (3, 4)),), {"dim": 0})
    yield Sample((rng.integers(0, 2, (3, 4)).astype(bool),))
    yield Sample((rng.integers(0, 9, (5,)).astype(np.uint8),))


@samples("nansum", "nanmean")
def _(rng):
    x = rng.standard_normal((3, 4))
    x[0, 1] = x[2] = np.nan
    yield Sample((x,), gradcheck=False)
    yield Sample((x,), {"dim": 1}, gradcheck=False)
    yield Sample((x,), {"dim": (0,), "keepdim": True}, gradcheck=False)


@samples("prod")
def _(rng):
    for shape in SHAPES:
        x = rng.standard_normal(shape)
        for options in dims_of(x):
            if not isinstance(options.get("dim"), tuple):
                yield Sample((x,), options)
    x = rng.standard_normal((3, 4))
    x[0, 1] = 0  # one zero in a line, and two
    x[2, 1] = x[2, 3] = 0
    yield Sample((x,), {"dim": 1})
    yield Sample((x,), {"dim": 0, "keepdim": True})
    yield Sample((x,))
    yield Sample((x[:2],))


@samples("any", "all", "count_nonzero")
def _(rng):
    for shape in SHAPES:
        x = rng.integers(0, 2, shape)
        for options in dims_of(x):
            yield Sample((x.astype(bool),), {"dim": options["dim"]} if "dim" in options else {})
            yield Sample((x.astype(np.float64),), {"dim": options["dim"]} if "dim" in options else {})
    yield Sample((x.astype(np.uint8),))


@samples("any", "all")
def _(rng):
    x = rng.integers(0, 2, (3, 4)).astype(np.uint8)
    yield Sample((x,), {"dim": ()})
    yield Sample((x,), {"dim": (0, 1), "keepdim": True})
    yield Sample((x,), {"dim": 1, "keepdim": True})


@samples("trace")
def _(rng):
    yield Sample((rng.standard_normal((3, 3)),))
    yield Sample((rng.standard_normal((2, 4)),))
    yield Sample((rng.standard_normal((0, 4)),))
    yield Sample((rng.integers(0, 9, (3, 3)),))


@samples("var", "std", "var_mean", "std_mean")
def _(rng):
    for shape in ((5,), (3, 4), (2, 3, 4)):
        x = rng.standard_normal(shape)
        for options in dims_of(x):
            yield Sample((x,), options)
    x = rng.standard_normal((3, 4))
    yield Sample((x, 0))
    yield Sample((x, False))
    yield Sample((x, 1, False, True))
    yield Sample((x, [0, 1]), {"unbiased": True})
    yield Sample((x,), {"dim": 0, "correction": 0})
    yield Sample((x,), {"correction": 1.5})
    yield Sample((x,), {"unbiased": False})
    yield Sample((rng.standard_normal((500, 20)) + 100,), {"dim": 0}, gradcheck=False)
    yield Sample((x[:, :1],), {"dim": 1, "correction": 0}, gradcheck=False)


@samples("cov", "corrcoef")
def _(rng):
    yield Sample((rng.standard_normal((3, 5)),))
    yield Sample((rng.standard_normal(6),))


@samples("cov")
def _(rng):
    x = rng.standard_normal((3, 5))
    yield Sample((x,), {"correction": 0})
    yield Sample((x,), {"fweights": rng.integers(1, 4, 5)})
    yield Sample((x,), {"aweights": rng.random(5) + 0.1})
    yield Sample((x,), {"fweights": rng.integers(1, 4, 5), "aweights": rng.random(5) + 0.1, "correction": 2})
