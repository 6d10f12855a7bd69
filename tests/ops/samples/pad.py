"""Samples of padding."""

import numpy as np

from . import Sample, samples


@samples("constant_pad_nd")
def _(rng):
    yield Sample((rng.normal(size=(2, 3)), (1, 2)))
    yield Sample((rng.normal(size=(2, 3)), (-1, 2, 0, 1), 1.5))
    yield Sample((np.arange(4), (1, 1), 7))


@samples("pad")
def _(rng):
    x = rng.normal(size=(1, 2, 4, 5))
    yield Sample((x, (1, 2)))
    yield Sample((x, (-1, 2, 3, -2), "constant", -0.5))
    for mode in ("reflect", "replicate", "circular"):
        yield Sample((x, (2, 1, 3, 0), mode))
        yield Sample((x[0], (1, 2), mode))
        yield Sample((x[None], (1, 1, 0, 2, 0, 1), mode) if mode != "reflect" else (x[0, 0], (3, 1), mode))
