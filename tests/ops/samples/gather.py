"""Samples of elements and slices by position: repeats, negative dims, smaller indices, expanded indices,
empty ones.
"""

import numpy as np

from . import Sample, samples

I = np.array  # noqa: E741 (short for the many index arrays below)


def places(rng):
    """(shape, dim, index) with as many dimensions, repeats included, some smaller than the tensor."""
    yield (3, 4), 1, rng.integers(0, 4, (3, 6))
    yield (3, 4), 0, rng.integers(0, 3, (5, 4))
    yield (3, 4), -1, rng.integers(0, 4, (2, 2))
    yield (2, 3, 4), 1, rng.integers(0, 3, (2, 5, 4))
    yield (2, 3, 4), -3, rng.integers(0, 2, (3, 1, 2)).astype(np.int32)
    yield (5, 3), 0, np.broadcast_to(I([4, 0, 0, 2])[:, None], (4, 3))
    yield (2, 5), 1, np.broadcast_to(I([4, 0, 0, 2]), (2, 4))
    yield (5,), 0, I([1, 1, 0])
    yield (), 0, I(0)
    yield (3, 4), 1, np.zeros((3, 0), np.int64)
    yield (0, 4), 1, np.zeros((0, 2), np.int64)


@samples("index_put")
def _(rng):
    x = rng.normal(size=(3, 4))
    yield Sample((x, (I([0, 2]),), rng.normal(size=(2, 4))))
    yield Sample((x, (I([0, 2, 0]), I([1, -1, 1])), rng.normal(size=3), True))
    yield Sample((x, (I([[0], [2]]), I([1, 3])), rng.normal(size=(2, 2))))
    yield Sample((x, (I([2, 2, 0]),), np.asarray(rng.normal())), dict(accumulate=True))
    yield Sample((x, (rng.random((3, 4)) < 0.5,), np.asarray(rng.normal())))
    yield Sample((x, [I([True, False, True])], rng.normal(size=(2, 4))))
    yield Sample((x, (I([True, False, True]),), rng.normal(size=(2, 4)), True))
    halves = rng.integers(-2, 3, (90, 30)) / 2  # sums that every type holds
    yield Sample((np.zeros((20, 30)), (rng.integers(0, 20, 90),), halves, True), gradcheck=False)


@samples("gather")
def _(rng):
    for shape, dim, index in places(rng):
        yield Sample((rng.normal(size=shape), dim, index))
    yield Sample((rng.normal(size=3), 0, I(1)))
    yield Sample((np.asarray(rng.normal()), 0, I([0, 0])))


@samples("scatter")
def _(rng):
    for shape, dim, index in places(rng):
        yield Sample((rng.normal(size=shape), dim, index, 1.5))
    unique = np.argsort(rng.random((3, 4)), 1)
    yield Sample((rng.normal(size=(3, 4)), 1, unique, rng.normal(size=(3, 4))))
    yield Sample((rng.normal(size=(3, 4)), 1, unique[:2, :3], rng.normal(size=(3, 4))))
    yield Sample((rng.normal(size=(3, 4)), -1, unique[:, :2], rng.normal(size=(3, 2))))
    yield Sample((rng.normal(size=(3, 4)), 1, unique), dict(value=2))
    yield Sample((np.asarray(rng.normal()), 0, I(0), np.asarray(rng.normal())))
    yield Sample((rng.normal(size=(3, 4)), 1, np.zeros((0, 4), np.int64), rng.normal(size=(3, 4))))
    repeated = I([[0, 0, 3], [1, 2, 1]])
    for how in ("add", "multiply"):
        yield Sample((rng.normal(size=(3, 4)), 1, repeated, 2.5), dict(reduce=how), gradcheck=how == "add")
        source = rng.normal(size=(2, 3))
        yield Sample((rng.normal(size=(3, 4)), 1, repeated, source), dict(reduce=how), gradcheck=how == "add")


@samples("scatter_add")
def _(rng):
    for shape, dim, index in places(rng):
        yield Sample((rng.normal(size=shape), dim, index, rng.normal(size=index.shape)))
    yield Sample((rng.normal(size=(3, 4)), 1, I([[0, 0], [1, 1]]), rng.normal(size=(3, 4))))
    yield Sample(
        (
            rng.normal(size=(4, 9)),
            0,
            np.broadcast_to(I([1, 1, 3, 1])[:, None], (4, 9)),
            rng.normal(size=(4, 9)),
        )
    )


@samples("scatter_reduce")
def _(rng):
    for shape, dim, index in places(rng):
        yield Sample((rng.normal(size=shape), dim, index, rng.normal(size=index.shape), "sum"))
    index = I([[0, 0, 3, 3], [1, 2, 1, 1]])
    for how in ("sum", "prod", "mean", "amax", "amin"):
        for include_self in (True, False):
            for src in (rng.normal(size=(2, 4)), rng.normal(size=(3, 5))):
                yield Sample((rng.normal(size=(3, 4)), 1, index, src, how), dict(include_self=include_self))
    ties = np.round(rng.normal(size=(3, 4)))
    yield Sample((ties, 1, index, ties, "amax"), gradcheck=False)
    yield Sample((ties, 1, index, np.where(ties == 1, 0, ties), "prod"), gradcheck=False)


def vectors():
    """(shape, dim, index): a vector of positions, repeats included."""
    yield (4, 3), 0, I([2, 0, 2])
    yield (4, 3), 1, I([1])
    yield (2, 3, 4), -1, I([3, 3, 3, 0, 1])
    yield (2, 3, 4), 1, I([0, 2])
    yield (5,), 0, I([4, 4])
    yield (4, 3), 0, I([], np.int64)


@samples("index_select")
def _(rng):
    for shape, dim, index in vectors():
        yield Sample((rng.normal(size=shape), dim, index))
    yield Sample((rng.normal(size=(4, 3)), 0, I([1, 0], np.int32)))
    yield Sample((rng.normal(size=(4, 3)), 0, I(1)))
    yield Sample((np.asarray(rng.normal()), 0, I(0)))
    yield Sample((rng.normal(size=(40, 16)), 0, rng.integers(0, 40, 200)), gradcheck=False)


@samples("index_add")
def _(rng):
    for shape, dim, index in vectors():
        source = list(shape)
        source[dim] = index.size
        yield Sample((rng.normal(size=shape), dim, index, rng.normal(size=source)))
        yield Sample((rng.normal(size=shape), dim, index, rng.normal(size=source)), dict(alpha=2))
    yield Sample((np.asarray(rng.normal()), 0, I(0), np.asarray(rng.normal())))
    yield Sample(
        (rng.normal(size=(40, 16)), 0, rng.integers(0, 40, 200), rng.normal(size=(200, 16))), gradcheck=False
    )


@samples("index_copy")
def _(rng):
    for shape, dim, index in (
        ((4, 3), 0, I([2, 0])),
        ((2, 3, 4), -1, I([3, 1])),
        ((5,), 0, I([4])),
        ((4, 3), 1, I([], np.int64)),
    ):
        source = list(shape)
        source[dim] = index.size
        yield Sample((rng.normal(size=shape), dim, index, rng.normal(size=source)))
    yield Sample((rng.normal(size=(4, 3)), 0, I(1), rng.normal(size=(1, 3))))
    yield Sample((np.asarray(rng.normal()), 0, I(0), np.asarray(rng.normal())))


@samples("index_fill")
def _(rng):
    for shape, dim, index in vectors():
        yield Sample((rng.normal(size=shape), dim, index, 2.5))
    yield Sample((rng.normal(size=(4, 3)), 0, I([-1, 0]), np.asarray(1.5)))
    yield Sample((rng.normal(size=(4, 3)), 1, I(-2), 1))
    yield Sample((np.asarray(rng.normal()), 0, I(0), 1.5))


@samples("index_reduce")
def _(rng):
    for how in ("prod", "mean", "amax", "amin"):
        for include_self in (True, False):
            for dim, index in ((0, I([1, 1, 0])), (-1, I([0, 2, 2, 2]))):
                source = [3, 4] if dim == 0 else [3, 4]
                index = index if dim == 0 else I([0, 2, 2, 3])
                given = (rng.normal(size=(3, 4)), dim, index, rng.normal(size=source), how)
                yield Sample(given, dict(include_self=include_self))


@samples("take")
def _(rng):
    for index in (I([[0, -1], [5, 5]]), I(3), I([], np.int64)):
        yield Sample((rng.normal(size=(2, 3)), index))
    yield Sample((np.asarray(rng.normal()), I(0)))
    yield Sample((rng.normal(size=0), I([], np.int64)))


@samples("put")
def _(rng):
    yield Sample((rng.normal(size=(2, 3)), I([[0, -1], [2, 4]]), rng.normal(size=(2, 2))))
    yield Sample((rng.normal(size=(2, 3)), I([0, 0, -1]), rng.normal(size=3), True))
    yield Sample((rng.normal(size=(2, 3)), I(1), np.asarray(rng.normal())))
    yield Sample((rng.normal(size=(2, 3)), I([], np.int64), rng.normal(size=0)))


@samples("take_along_dim")
def _(rng):
    yield Sample((rng.normal(size=(3, 4)), I([[0, 3, 1]])), dict(dim=1))
    yield Sample((rng.normal(size=(3, 4)), I([[0], [2]])), dict(dim=0))
    yield Sample((rng.normal(size=(3, 4)), rng.integers(-4, 4, (3, 2)), -1))
    yield Sample((rng.normal(size=(1, 4)), rng.integers(0, 4, (3, 2)), 1))
    yield Sample((rng.normal(size=12), I([5, 11, 0])))


@samples("masked_fill")
def _(rng):
    mask = rng.random((3, 4)) < 0.5
    for shape, m in (
        ((3, 4), mask),
        ((2, 3, 4), mask),
        ((3, 4), mask[:, :1]),
        ((4,), mask),
        ((3, 4), I(True)),
        ((0, 4), mask[:0]),
    ):
        yield Sample((rng.normal(size=shape), m, 2.5))
    yield Sample((rng.normal(size=(3, 4)), mask, np.asarray(rng.normal())))
    yield Sample((rng.normal(size=(3, 4)), mask, float("-inf")), gradcheck=False)
    yield Sample((rng.normal(size=(70, 70)), rng.random((70, 70)) < 0.3, 3), gradcheck=False)


@samples("masked_select")
def _(rng):
    mask = rng.random((3, 4)) < 0.5
    for shape, m in (
        ((3, 4), mask),
        ((2, 3, 4), mask),
        ((3, 4), mask[:, :1]),
        ((4,), mask),
        ((), I(True)),
        ((3, 4), I(False)),
    ):
        yield Sample((np.asarray(rng.normal(size=shape)), m))


@samples("masked_scatter")
def _(rng):
    mask = rng.random((3, 4)) < 0.5
    for shape, m in (((3, 4), mask), ((2, 3, 4), mask), ((3, 4), mask[:, :1]), ((3, 4), mask[:1])):
        yield Sample((rng.normal(size=shape), m, rng.normal(size=(5, 5))))
    yield Sample((rng.normal(size=(2, 2)), I([[True, False], [True, True]]), rng.normal(size=3)))
