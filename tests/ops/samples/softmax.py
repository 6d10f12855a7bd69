"""Sample calls of softmax and its relatives."""

import numpy as np

from . import Sample, samples
from .reduce import dims_of


@samples("softmax", "log_softmax", "functional_softmax", "functional_log_softmax", "softmin")
def _(rng):
    for shape in ((), (5,), (3, 4), (2, 3, 4), (0, 3)):
        x = rng.standard_normal(shape)
        yield Sample((x, -1))
        yield Sample((x, 0))
    yield Sample((rng.standard_normal((40, 50)) * 30, 1), gradcheck=False)
    yield Sample((rng.standard_normal((4, 3)).T,), {"dim": 0})
    yield Sample(
        (np.array([[0.0, -np.inf, 1.0], [-np.inf, -np.inf, -np.inf], [np.inf, 0, 1]]), 1), gradcheck=False
    )


@samples("logsumexp")
def _(rng):
    for shape in ((), (5,), (3, 4), (2, 3, 4)):
        x = rng.standard_normal(shape)
        for options in dims_of(x):
            yield Sample((x,), {"dim": 0} | options)
    yield Sample((np.zeros((2, 0)), 1))
    yield Sample(
        (np.array([[0.0, -np.inf], [-np.inf, -np.inf], [np.inf, 0], [1e4, 1e4]]), 1), gradcheck=False
    )
    yield Sample((rng.integers(0, 5, (3, 4)), 1))
