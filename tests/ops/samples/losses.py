"""Sample calls of the losses of an input and a target."""

import numpy as np

from . import Sample, samples

REDUCTIONS = ("mean", "sum", "none")


def pairs(rng, *shapes):
    for shape in shapes or ((), (5,), (3, 4), (0, 3), (2, 3, 4)):
        yield rng.standard_normal(shape), rng.standard_normal(shape)


@samples("mse_loss", "l1_loss", "huber_loss", "smooth_l1_loss")
def _(rng):
    for x, y in pairs(rng):
        for reduction in REDUCTIONS:
            yield Sample((x, y), {"reduction": reduction})
    yield Sample((np.array([np.inf, np.nan, 0, 1]), np.array([1, 2, 0, np.inf])), gradcheck=False)
    yield Sample((rng.standard_normal((3, 4)), rng.standard_normal((5, 4))))


@samples("mse_loss", "l1_loss", "smooth_l1_loss", "binary_cross_entropy_with_logits", "hinge_embedding_loss")
def _(rng):
    x, y = rng.standard_normal((3, 4)), rng.random((3, 4))
    for old in (
        {"size_average": True},
        {"size_average": False},
        {"reduce": False},
        {"reduce": True, "size_average": False},
    ):
        yield Sample((x, y), old)
    yield Sample((x, y), {"reduction": "middle"})


@samples("mse_loss", "l1_loss", "huber_loss")
def _(rng):
    for reduction in REDUCTIONS:
        x, y = rng.standard_normal((2, 3, 4))
        yield Sample((x, y), {"reduction": reduction, "weight": rng.random((3, 4))})
    yield Sample((x, y), {"weight": rng.random(4)})


@samples("smooth_l1_loss")
def _(rng):
    for x, y in pairs(rng, (3, 4)):
        for beta in (0.0, 0.3, 2.0, -1.0):
            yield Sample((x, y), {"beta": beta})
    yield Sample((np.array([0.0, 0.5, 1.0, -1.0]), np.zeros(4)), {"reduction": "none"}, gradcheck=False)


@samples("huber_loss")
def _(rng):
    for x, y in pairs(rng, (3, 4)):
        for delta in (0.3, 2.0, 0.0):
            yield Sample((x, y), {"delta": delta})
    yield Sample((np.array([0.0, 0.5, 1.0, -1.0]), np.zeros(4)), {"reduction": "none"}, gradcheck=False)


@samples("l1_loss")
def _(rng):
    x, y = rng.standard_normal((2, 3)), rng.integers(0, 5, (2, 3))
    yield Sample((y, y[::-1].copy()), {"reduction": "sum"})
    yield Sample((x, y))


@samples("binary_cross_entropy")
def _(rng):
    for shape in ((), (5,), (3, 4), (0, 3)):
        for reduction in REDUCTIONS:
            yield Sample((rng.random(shape), rng.random(shape)), {"reduction": reduction})
    x, y = rng.random((2, 3, 4))
    yield Sample((x, y, rng.random((3, 4))), gradcheck=False)
    yield Sample(
        (np.array([0.0, 1.0, 0.0, 1.0]), np.array([0.0, 1.0, 1.0, 0.0])),
        {"reduction": "none"},
        gradcheck=False,
    )
    yield Sample((np.array([0.5, 1.5]), np.array([0.0, 1.0])))
    yield Sample((x, y[:2]))
    yield Sample((x, y), {"reduction": "middle"})


@samples("binary_cross_entropy_with_logits")
def _(rng):
    for shape in ((), (5,), (3, 4), (0, 3)):
        for reduction in REDUCTIONS:
            yield Sample((rng.standard_normal(shape) * 5, rng.random(shape)), {"reduction": reduction})
    x, y = rng.standard_normal((2, 3, 4))
    yield Sample((x, y, rng.random((3, 4))))
    yield Sample((x, y), {"pos_weight": rng.random(4)})
    yield Sample((x, y, rng.random((3, 1))), {"pos_weight": rng.random(4), "reduction": "sum"})
    yield Sample(
        (np.array([1000.0, -1000.0, 0.0]), np.array([0.0, 1.0, 0.5])), {"reduction": "none"}, gradcheck=False
    )
    yield Sample((x, y[:2]))


@samples("kl_div")
def _(rng):
    for shape in ((), (5,), (3, 4), (0, 3)):
        for reduction in (*REDUCTIONS, "batchmean"):
            for log_target in (True, False):
                yield Sample(
                    (rng.standard_normal(shape), rng.random(shape)),
                    {"reduction": reduction, "log_target": log_target},
                )
    yield Sample((rng.standard_normal(4), np.array([0.0, 1, 0, 0.5])), gradcheck=False)
    yield Sample((rng.standard_normal((3, 1)), rng.random((3, 4))), {"reduction": "sum"})


@samples("poisson_nll_loss")
def _(rng):
    for log_input in (True, False):
        for full in (True, False):
            for reduction in REDUCTIONS:
                x, y = rng.random((3, 4)) + 0.2, rng.random((3, 4)) * 5 + 0.1
                yield Sample((x, y, log_input, full), {"reduction": reduction, "eps": 1e-3})
    yield Sample((rng.random((3, 4)), rng.integers(0, 5, (3, 4))), {"full": True})


@samples("gaussian_nll_loss")
def _(rng):
    x, y = rng.standard_normal((2, 3, 4))
    for reduction in REDUCTIONS:
        for full in (True, False):
            yield Sample((x, y, rng.random((3, 4)) + 0.1), {"reduction": reduction, "full": full})
    for shape in ((3,), (3, 1), (1, 4)):
        yield Sample((x, y, rng.random(shape) + 0.1))
    yield Sample((x, y, rng.random((3, 4)) + 0.1), {"eps": 0.5}, gradcheck=False)
    yield Sample((x, y, 0.7))
    yield Sample((x, y, rng.random((2, 4))))
    yield Sample((x, y, -rng.random((3, 4))))
