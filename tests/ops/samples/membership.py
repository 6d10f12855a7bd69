"""Samples of isin, fill_diagonal_, gumbel_softmax and the questions."""

import numpy as np

from . import Sample, samples


@samples("isin")
def _(rng):
    few, many = rng.integers(0, 9, (4, 5)), rng.integers(0, 9, (3, 1))
    for options in ({}, dict(invert=True), dict(assume_unique=False)):
        yield Sample((few, many), options)
        yield Sample((few, 3), options)
        yield Sample((3, many), options)
    yield Sample((np.array([1.0, np.nan, 2.0], np.float32), np.array([np.nan, 2.0], np.float32)))
    yield Sample((rng.permutation(6), rng.permutation(9)[:4]), dict(assume_unique=True))
    yield Sample((np.zeros((2, 0)), np.zeros(3)))
    yield Sample((np.zeros((2, 2)), np.zeros(0)))
    yield Sample((np.array(2.0), np.array([1.0, 2.0])))
    yield Sample((few, np.array([1.0, 2.5])))


@samples("is_conj", "is_neg", "is_distributed", "is_nonzero", "is_coalesced")
def _(rng):
    yield Sample((rng.normal(size=()),))
    yield Sample((rng.normal(size=(2, 3)),))


@samples("is_same_size")
def _(rng):
    x = rng.normal(size=(2, 3))
    yield Sample((x, x))
    yield Sample((x, x[:1]))


@samples("fill_diagonal")
def _(rng):
    for shape in ((3, 3), (2, 4), (7, 3), (8, 3), (3, 3, 3), (0, 3), (4, 1), (2, 3, 2), (3,)):
        yield Sample((rng.normal(size=shape), 2.5))
        yield Sample((rng.normal(size=shape), 0, True))


@samples("gumbel_softmax")
def _(rng):
    for options in ({}, dict(tau=0.5), dict(dim=0), dict(hard=True), dict(tau=2.0, hard=True, dim=0)):
        yield Sample((rng.normal(size=(3, 4)),), options, random=True, gradcheck=False)
    yield Sample((rng.normal(size=(2, 3, 2)),), dict(dim=1), random=True, gradcheck=False)
