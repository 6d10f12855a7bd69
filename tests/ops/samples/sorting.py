"""Sample calls of sorting, sets, searches and histograms."""

import numpy as np

from . import Sample, samples


@samples("sort", "argsort")
def _(rng):
    for shape in ((), (6,), (3, 4), (2, 3, 4), (0,), (2, 300)):
        x = rng.standard_normal(shape)
        yield Sample((x,), gradcheck=x.size < 50)
        if x.ndim:
            yield Sample((x, 0, True), gradcheck=x.size < 50)
            yield Sample((x,), {"dim": -1, "stable": True, "descending": True}, gradcheck=x.size < 50)
    ties = rng.integers(-3, 3, (3, 7)).astype(np.float64)
    ties[0, 2] = np.nan
    ties[1, 3] = -0.0
    for descending in (False, True):
        yield Sample((ties,), {"descending": descending}, gradcheck=False)
        stable = {
            "descending": descending,
            "stable": True,
        }  # long lines with ties: else PyTorch's order is its own
        yield Sample((rng.integers(-3, 3, (2, 400)),), stable)
        yield Sample((np.round(rng.standard_normal((2, 400)), 1),), stable, gradcheck=False)
        yield Sample((np.round(rng.standard_normal((2, 400)), 1).T,), stable | {"dim": 0}, gradcheck=False)
    yield Sample((rng.integers(0, 2, 8).astype(bool),))
    yield Sample((rng.integers(0, 256, 300).astype(np.uint8),), {"descending": True, "stable": True})


@samples("msort")
def _(rng):
    yield Sample((rng.standard_normal((5, 3)),))
    yield Sample((rng.standard_normal(4),))


@samples("topk")
def _(rng):
    for shape in ((6,), (3, 5), (2, 90)):
        x = rng.permuted(
            np.tile(np.arange(shape[-1]) * 1.0, (*shape[:-1], 1)), axis=-1
        )  # no ties, in no dtype
        yield Sample((x, 3), gradcheck=x.size < 50)
        yield Sample((x, 2), {"largest": False}, gradcheck=x.size < 50)
        yield Sample((x.T, 1, 0), gradcheck=x.size < 50)
        yield Sample((x, shape[-1]), gradcheck=x.size < 50)
    yield Sample((rng.standard_normal(()), 1))
    yield Sample((rng.standard_normal((3, 4)), 0))
    yield Sample((np.array([1.0, np.nan, 3.0, 0.0]), 2), gradcheck=False)
    yield Sample((rng.permutation(8), 3))


@samples("unique")
def _(rng):
    x = rng.integers(0, 4, (3, 5))
    yield Sample((x,))
    yield Sample((x,), {"return_inverse": True, "return_counts": True})
    yield Sample((x,), {"return_counts": True})
    yield Sample((x % 2,), {"dim": 0})
    yield Sample((x % 2,), {"dim": 1, "return_inverse": True, "return_counts": True})
    yield Sample((x.astype(np.float64),), gradcheck=False)
    yield Sample((np.zeros(0),), {"return_inverse": True}, gradcheck=False)


@samples("unique_consecutive")
def _(rng):
    x = np.array([1, 1, 2, 2, 3, 1, 1, 2])
    yield Sample((x,))
    yield Sample((x,), {"return_inverse": True})
    yield Sample((x.reshape(2, 4),), {"return_inverse": True, "return_counts": True})
    yield Sample((x.reshape(4, 2)[[0, 0, 1, 2]],), {"dim": 0, "return_counts": True})


@samples("histc")
def _(rng):
    x = rng.random(50)
    yield Sample((x,), {"bins": 4, "min": 0.1, "max": 0.8}, gradcheck=False)
    yield Sample((x,), {"bins": 5}, gradcheck=False)
    yield Sample((x.reshape(5, 10),), gradcheck=False)


@samples("histogram")
def _(rng):
    x = rng.random(50)
    yield Sample((x, 5), gradcheck=False)
    yield Sample((x, 4), {"range": (0.1, 0.9), "density": True}, gradcheck=False)
    yield Sample((x, np.array([0.0, 0.2, 0.5, 1.0])), gradcheck=False)
    yield Sample((x, 4), {"weight": rng.random(50)}, gradcheck=False)


@samples("bincount")
def _(rng):
    x = rng.integers(0, 6, 20)
    yield Sample((x,))
    yield Sample((x,), {"minlength": 10})
    yield Sample((x, rng.random(20)), gradcheck=False)
    yield Sample((np.zeros(0, np.int64),))


@samples("searchsorted")
def _(rng):
    edges = np.sort(rng.integers(0, 9, 6)).astype(np.float64)
    rows = np.sort(rng.standard_normal((3, 5)), 1)
    values = rng.integers(0, 9, (2, 7)).astype(np.float64)
    yield Sample((edges, values), gradcheck=False)
    yield Sample((edges, values), {"right": True}, gradcheck=False)
    yield Sample((edges, values), {"side": "right", "out_int32": True}, gradcheck=False)
    yield Sample((rows, rng.standard_normal((3, 4))), gradcheck=False)
    shuffled = rng.permutation(6)
    back = np.argsort(shuffled)
    yield Sample((edges[shuffled], values), {"sorter": back}, gradcheck=False)


@samples("bucketize")
def _(rng):
    edges = np.array([1.0, 2.0, 2.0, 5.0])
    yield Sample((rng.integers(0, 7, (3, 4)).astype(np.float64), edges), gradcheck=False)
    yield Sample((rng.integers(0, 7, (3, 4)).astype(np.float64), edges), {"right": True}, gradcheck=False)
