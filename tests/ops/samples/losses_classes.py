"""Sample calls of the losses of class scores."""

import numpy as np

from . import Sample, samples

REDUCTIONS = ("mean", "sum", "none")
SHAPES = ((4,), (5, 4), (1, 1), (2, 4, 3), (2, 4, 3, 2), (2, 3, 2, 2, 2))


def labels(rng, shape):
    """Class indices for scores of this shape."""
    return np.asarray(
        rng.integers(0, shape[1] if len(shape) > 1 else shape[0], shape[:1] * (len(shape) > 1) + shape[2:])
    )


@samples("nll_loss", "cross_entropy")
def _(rng):
    for shape in SHAPES:
        for reduction in REDUCTIONS:
            x, t = rng.standard_normal(shape) * 3, labels(rng, shape)
            yield Sample((x, t), {"reduction": reduction})
    for shape in ((5, 4), (2, 4, 3)):
        x, t = rng.standard_normal(shape), labels(rng, shape)
        for reduction in REDUCTIONS:
            yield Sample((x, t), {"reduction": reduction, "ignore_index": 1})
            yield Sample((x, t, rng.random(4) + 0.1), {"reduction": reduction}, gradcheck=False)
        t.flat[0] = -100
        yield Sample((x, t))
        yield Sample((x, t, rng.random(4)), {"ignore_index": -100}, gradcheck=False)
        t[...] = -100
        yield Sample((x, t), gradcheck=False)
        yield Sample((x, t), {"reduction": "sum"})
    x = rng.standard_normal((3, 4))
    yield Sample((x, np.array([0, 1, 2], np.uint8)))
    yield Sample((np.zeros((0, 4)), np.zeros(0, np.int64)), gradcheck=False)
    yield Sample((np.zeros((0, 4)), np.zeros(0, np.int64)), {"reduction": "sum"})
    yield Sample((np.zeros((0, 4)), np.zeros(0, np.int64)), {"reduction": "none"})
    for wrong in ([0, 1, 7], [0, 1, -7], [0, 1], [[0, 1, 2]] * 3):
        yield Sample((x, np.array(wrong)))
    yield Sample((x, np.array([0, 1, 2], np.int32)))
    yield Sample((x, np.zeros(3)))
    yield Sample((x, np.array([0, 1, 2]), rng.random(5)), gradcheck=False)
    yield Sample((rng.standard_normal((2, 4, 3)), np.zeros((2, 5), np.int64)))
    yield Sample((rng.standard_normal((2, 4, 3, 2)), np.zeros((2, 5), np.int64)))
    yield Sample((rng.standard_normal(4), np.array([1, 2])))
    yield Sample((x, np.array([0, 1, 2])), {"reduction": "middle"})
    yield Sample((x, np.array([0, 1, 2])), {"size_average": False})


@samples("cross_entropy")
def _(rng):
    for shape in SHAPES[1:]:
        for reduction in REDUCTIONS:
            x, t = rng.standard_normal(shape) * 3, labels(rng, shape)
            yield Sample((x, t), {"reduction": reduction, "label_smoothing": 0.2})
    x, t, w = rng.standard_normal((5, 4)), rng.integers(0, 4, 5), rng.random(4) + 0.1
    for reduction in REDUCTIONS:
        yield Sample(
            (x, t, w), {"label_smoothing": 0.2, "reduction": reduction, "ignore_index": 1}, gradcheck=False
        )
        yield Sample((x, t), {"label_smoothing": 1.0, "reduction": reduction, "ignore_index": 1})
    yield Sample((rng.standard_normal((40, 50)) * 100, rng.integers(0, 50, 40)), gradcheck=False)
    yield Sample(
        (np.array([[0.0, -np.inf, 1], [1e4, -1e4, 0], [np.inf, 0, 0]]), np.array([0, 1, 2])), gradcheck=False
    )
    yield Sample((x, t), {"label_smoothing": 1.5})


@samples("cross_entropy")
def _(rng):
    for shape in SHAPES:
        for reduction in REDUCTIONS:
            x, p = rng.standard_normal(shape), rng.random(shape)
            yield Sample((x, p), {"reduction": reduction})
    x, p, w = rng.standard_normal((5, 4)), rng.random((5, 4)), rng.random(4)
    for reduction in REDUCTIONS:
        yield Sample((x, p, w), {"reduction": reduction, "label_smoothing": 0.3})
    yield Sample((x, p), {"ignore_index": 1})
    yield Sample((x, np.zeros((5, 4), np.int64)))


@samples("linear_cross_entropy")
def _(rng):
    x, w, b, t = (
        rng.standard_normal((5, 3)),
        rng.standard_normal((4, 3)),
        rng.standard_normal(4),
        rng.integers(0, 4, 5),
    )
    yield Sample((x, w, t))
    yield Sample((x, w, t), {"linear_bias": b, "reduction": "sum", "label_smoothing": 0.1})
    yield Sample((x, w, t), {"linear_bias": b, "ignore_index": 1, "reduction": "none"})
    yield Sample((x, w, t), {"weight": rng.random(4)}, gradcheck=False)
    yield Sample((x[0], w, np.array(2)))
    yield Sample((x, w, rng.random((5, 4))))
    yield Sample(
        (x, rng.standard_normal((4, 2, 3)), rng.integers(0, 4, (5, 2))),
        {"linear_bias": rng.standard_normal((4, 2))},
    )
    yield Sample((x, rng.standard_normal((4, 2)), t))
    yield Sample((x, w, t), {"linear_bias": b[:2]})
