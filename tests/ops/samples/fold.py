"""Samples of windows as columns, and of shuffles."""

from . import Sample, samples


@samples("unfold2d")
def _(rng):
    yield Sample((rng.normal(size=(2, 3, 5, 4)), 2))
    yield Sample((rng.normal(size=(3, 5, 4)), (3, 2), (1, 2), (2, 1), (2, 1)))


@samples("fold")
def _(rng):
    yield Sample((rng.normal(size=(2, 12, 12)), (5, 4), 2))
    yield Sample((rng.normal(size=(12, 6)), (5, 4), (2, 3), 1, 1, 2))


@samples("pixel_shuffle")
def _(rng):
    yield Sample((rng.normal(size=(2, 8, 3, 2)), 2))
    yield Sample((rng.normal(size=(9, 1, 2)), 3))


@samples("pixel_unshuffle")
def _(rng):
    yield Sample((rng.normal(size=(2, 2, 4, 6)), 2))


@samples("channel_shuffle")
def _(rng):
    yield Sample((rng.normal(size=(2, 6, 2, 3)), 3))
    yield Sample((rng.normal(size=(1, 6, 4)), 2))
