"""Sample calls of the losses with margins, and of ctc_loss."""

import numpy as np

from . import Sample, samples

REDUCTIONS = ("mean", "sum", "none")


def signs(rng, *shape):
    return np.where(rng.random(shape) < 0.5, -1, 1)


@samples("soft_margin_loss")
def _(rng):
    for shape in ((), (5,), (3, 4), (0, 3)):
        for reduction in REDUCTIONS:
            yield Sample((rng.standard_normal(shape) * 2, signs(rng, *shape)), {"reduction": reduction})
    yield Sample((rng.standard_normal((3, 4)), signs(rng, 4)))
    yield Sample((rng.standard_normal(4), np.ones(4)), gradcheck=False)


@samples("hinge_embedding_loss")
def _(rng):
    for shape in ((), (5,), (3, 4)):
        for reduction in REDUCTIONS:
            yield Sample(
                (rng.standard_normal(shape) * 2, signs(rng, *shape)), {"reduction": reduction, "margin": 1.5}
            )
    yield Sample(
        (np.array([0.5, 2, 3, 1]), np.array([1.0, -1, 0, -1])), {"reduction": "none"}, gradcheck=False
    )
    yield Sample((rng.standard_normal((3, 4)), signs(rng, 4)))


@samples("margin_ranking_loss")
def _(rng):
    for shape in ((), (5,), (3, 4)):
        for reduction in REDUCTIONS:
            x, y = rng.standard_normal((2, *shape))
            yield Sample(
                (np.asarray(x), np.asarray(y), signs(rng, *shape)), {"reduction": reduction, "margin": 0.3}
            )
    yield Sample((rng.standard_normal((3, 4)), rng.standard_normal((1, 4)), signs(rng, 3, 4).astype(float)))
    yield Sample((np.array([0.5, 2, 3]), np.array([0.5, 1, 3]), np.array([1.0, -1, 1])), gradcheck=False)
    yield Sample((rng.standard_normal((3, 4)), rng.standard_normal(4), signs(rng, 3, 4)))


@samples("multilabel_soft_margin_loss")
def _(rng):
    for shape in ((4,), (3, 4), (2, 3, 4)):
        for reduction in REDUCTIONS:
            yield Sample((rng.standard_normal(shape) * 4, rng.random(shape)), {"reduction": reduction})
            yield Sample(
                (rng.standard_normal(shape), rng.random(shape), rng.random(4)), {"reduction": reduction}
            )
    yield Sample((np.array(1.0), np.array(1.0)))


@samples("cosine_embedding_loss")
def _(rng):
    for reduction in REDUCTIONS:
        x, y = rng.standard_normal((2, 6, 4))
        yield Sample((x, y, signs(rng, 6)), {"reduction": reduction, "margin": 0.1})
        yield Sample((x[0], y[0], np.array(1)), {"reduction": reduction})
    yield Sample((x, y[:1], signs(rng, 6)))
    yield Sample(
        (np.zeros((3, 4)), np.zeros((3, 4)), np.array([1, -1, 0])), {"reduction": "none"}, gradcheck=False
    )
    yield Sample((x, y, signs(rng, 5)))
    yield Sample((x, y, np.array(1)))
    yield Sample((x[0], y[0], np.array([1])))
    yield Sample((x, y, signs(rng, 6, 1)))


@samples("triplet_margin_loss")
def _(rng):
    for reduction in REDUCTIONS:
        for options in ({}, {"p": 1.0}, {"swap": True}, {"margin": 0.5, "eps": 1e-3, "p": 3}):
            a, b, c = rng.standard_normal((3, 5, 4))
            yield Sample((a, b, c), {"reduction": reduction} | options)
    yield Sample(tuple(rng.standard_normal((3, 4))))
    yield Sample((a, b[0], c))
    yield Sample((a, b, c), {"margin": -1.0})
    yield Sample((a, b, c), {"reduction": "middle"})


@samples("triplet_margin_with_distance_loss")
def _(rng):
    for reduction in REDUCTIONS:
        a, b, c = rng.standard_normal((3, 5, 4))
        yield Sample((a, b, c), {"reduction": reduction, "swap": True})
        yield Sample(
            (a, b, c), {"distance_function": lambda x, y: ((x - y) * (x - y)).sum(-1), "margin": 2.0}
        )


@samples("multi_margin_loss")
def _(rng):
    for p in (1, 2):
        for reduction in REDUCTIONS:
            x, t = rng.standard_normal((5, 4)), rng.integers(0, 4, 5)
            yield Sample((x, t), {"reduction": reduction, "p": p})
            yield Sample((x, t, p, 0.5, rng.random(4)), {"reduction": reduction}, gradcheck=False)
    yield Sample((x[0], np.array(2)), {"reduction": "none"})
    yield Sample((x[0], np.array([2])), {"reduction": "none"})
    yield Sample((x, np.array([0, 1, 2, 3, 4])))
    yield Sample((x, t.astype(np.int32)))
    yield Sample((x, t[:2]))
    yield Sample((x, t), {"p": 3})
    yield Sample((rng.standard_normal((2, 3, 4)), t[:2]))


@samples("multilabel_margin_loss")
def _(rng):
    x, t = rng.standard_normal((4, 4)), np.array([[0, 1, -1, 2], [3, -1, 0, 0], [-1, 0, 0, 0], [2, 0, 3, 1]])
    for reduction in REDUCTIONS:
        yield Sample((x, t), {"reduction": reduction})
    yield Sample((x[0], t[0]), {"reduction": "none"})
    yield Sample((np.array([[1.0, 2, 3, 4]]), np.array([[0, 0, 1, -1]])), gradcheck=False)
    yield Sample((x, np.where(t == 3, 7, t)))
    yield Sample((x, t[:2]))
    yield Sample((x, t.astype(float)), gradcheck=False)


def log_probs(rng, times, count, classes):
    x = rng.standard_normal((times, count, classes))
    return x - np.log(np.exp(x).sum(-1, keepdims=True))


@samples("ctc_loss")
def _(rng):
    x = log_probs(rng, 12, 3, 5)
    t = rng.integers(1, 5, (3, 4))
    t[0] = [1, 1, 2, 2]  # repeated labels need a blank between
    for reduction in REDUCTIONS:
        for lengths in (((12, 12, 12), (4, 4, 4)), ((12, 9, 7), (4, 2, 0))):
            yield Sample((x, t, *map(np.array, lengths)), {"reduction": reduction}, gradcheck=False)
        yield Sample((x, t, (12, 9, 7), (4, 2, 3)), {"reduction": reduction}, gradcheck=False)
    yield Sample((x, t[t > 0], (12, 9, 7), (4, 4, 4)), gradcheck=False)
    yield Sample((x, t - 1, (12, 9, 7), (4, 3, 3), 4), gradcheck=False)
    yield Sample((x[:, 0], t[0], np.array([12]), np.array([4])), {"reduction": "none"}, gradcheck=False)
    short = (x[:4], t, (4, 3, 4), (4, 4, 2))
    yield Sample(short, {"zero_infinity": True}, gradcheck=False)
    yield Sample(short, {"reduction": "none"}, gradcheck=False)
    yield Sample((x, t, (12, 12), (4, 4, 4)), gradcheck=False)
    yield Sample((x, t, (13, 12, 12), (4, 4, 4)), gradcheck=False)
    yield Sample((x, t, (12, 12, 12), (4, 4, 5)), gradcheck=False)
    yield Sample((x, t, (12, 12, 12), (4, 4, 4)), {"blank": 5}, gradcheck=False)
