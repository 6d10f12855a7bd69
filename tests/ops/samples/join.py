"""Samples of putting tensors together and of splitting them."""

import numpy as np

from . import Sample, samples


@samples("cat")
def _(rng):
    a, b = rng.normal(size=(2, 3)), rng.normal(size=(4, 3))
    yield Sample(([a, b],))
    yield Sample(([a, a, a], 1))
    yield Sample(((a, b), -2))
    yield Sample(([a],))
    yield Sample(([a, rng.normal(size=0), b],))
    yield Sample(([rng.normal(size=0), a], 1))
    yield Sample(([rng.normal(size=0), rng.normal(size=0)],))
    yield Sample(([a, rng.normal(size=(0, 3))],))
    yield Sample(([a, b.astype(np.float32)],), gradcheck=False)
    yield Sample(([a, np.arange(3).reshape(1, 3)],))
    yield Sample(([rng.normal(size=(2, 2, 3)), rng.normal(size=(2, 1, 3))],), dict(dim=1))


@samples("stack")
def _(rng):
    a, b = rng.normal(size=(2, 3)), rng.normal(size=(2, 3))
    for dim in (0, 1, 2, -1, -3):
        yield Sample(([a, b], dim))
    yield Sample(([np.asarray(1.0), np.asarray(2.0)],))
    yield Sample(([a[:0], b[:0]],))
    yield Sample(([a, np.ones((2, 3), np.int64)],))


@samples("hstack", "vstack", "dstack", "column_stack")
def _(rng):
    for shape in ((), (3,), (2, 3), (2, 3, 4)):
        yield Sample(([np.asarray(rng.normal(size=shape)), np.asarray(rng.normal(size=shape))],))


@samples("column_stack")
def _(rng):
    yield Sample(([rng.normal(size=3), rng.normal(size=(3, 2))],))


@samples("block_diag")
def _(rng):
    yield Sample((rng.normal(size=(2, 3)), np.asarray(rng.normal()), rng.normal(size=2)))
    yield Sample((rng.normal(size=(2, 3)), rng.normal(size=(1, 1)).astype(np.float32)), gradcheck=False)


@samples("tensor_split")
def _(rng):
    x = rng.normal(size=(5, 6))
    for where in (1, 2, 4, 7, (1,), (1, 4), (2, 9, 3), (-2,), ()):
        yield Sample((x, where))
        yield Sample((x, where), dict(dim=-1))
    yield Sample((x, np.array([1, 3])))


@samples("hsplit", "vsplit", "dsplit")
def _(rng):
    yield Sample((rng.normal(size=(4, 6, 2)), 2))
    yield Sample((rng.normal(size=(4, 6, 2)), (1,)))


@samples("hsplit")
def _(rng):
    yield Sample((rng.normal(size=6), 3))
    yield Sample((rng.normal(size=6), (2, 5)))
