"""Sample calls of the dropouts; both libraries draw from the same seed."""

import numpy as np

from . import Sample, samples


@samples("dropout", "alpha_dropout")
def _(rng):
    for shape in ((), (5,), (3, 4), (2, 3, 40), (0, 3)):
        for p in (0.5, 0.2, 0.0, 1.0):
            yield Sample((rng.standard_normal(shape), p), {"training": True}, gradcheck=False, random=True)
    x = rng.standard_normal((6, 7))
    yield Sample((x,), {"training": False}, random=True)
    yield Sample((x, 0.3, True, True), gradcheck=False, random=True)
    yield Sample((np.array([np.inf, -np.inf, np.nan, 0.0] * 3), 0.5, True), gradcheck=False, random=True)
    yield Sample((x.T[::2], 0.3, True), gradcheck=False, random=True)
    yield Sample((x, 1.5), random=True)


@samples("plain_dropout", "plain_alpha_dropout")
def _(rng):
    for p, train in ((0.4, True), (0.4, False), (1.0, True), (-0.1, True)):
        yield Sample((rng.standard_normal((4, 5)), p, train), gradcheck=False, random=True)


@samples("plain_feature_dropout", "plain_feature_alpha_dropout", "feature_alpha_dropout", "dropout2d")
def _(rng):
    for p, train in ((0.4, True), (0.4, False), (1.0, True), (0.0, True)):
        yield Sample((rng.standard_normal((4, 5, 2, 3)), p, train), gradcheck=False, random=True)
    yield Sample(
        (rng.standard_normal((5, 4, 2, 3)).transpose(1, 0, 3, 2), 0.5, True), gradcheck=False, random=True
    )


@samples("dropout1d")
def _(rng):
    for shape in ((4, 5), (3, 4, 5)):
        yield Sample((rng.standard_normal(shape), 0.4), gradcheck=False, random=True)
    yield Sample((rng.standard_normal((4, 5)), 0.4, True, True), gradcheck=False, random=True)
    yield Sample((rng.standard_normal(4), 0.4), random=True)


@samples("dropout3d")
def _(rng):
    for shape in ((4, 2, 3, 2), (3, 4, 2, 1, 2)):
        yield Sample((rng.standard_normal(shape), 0.4), gradcheck=False, random=True)
        yield Sample((rng.standard_normal(shape), 0.4, False), gradcheck=False, random=True)
