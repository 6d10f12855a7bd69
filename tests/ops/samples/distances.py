"""Samples of distances between vectors: all orders, coinciding points, broadcasting, many rows."""

import numpy as np

from . import Sample, samples

INF = float("inf")


@samples("cdist")
def _(rng):
    x, y = rng.normal(size=(2, 4, 3)), rng.normal(size=(2, 5, 3))
    for p in (2.0, 1.0, 3.0, 0.0, INF, 1.5):
        yield Sample((x, y), dict(p=p))
    yield Sample((x[0], y))
    yield Sample((x[:, None], y[None]))
    yield Sample((rng.normal(size=(30, 3)), rng.normal(size=(4, 3))), tolerance=1e-4)
    yield Sample((x, y), dict(compute_mode="use_mm_for_euclid_dist"), tolerance=1e-4)
    yield Sample((x, y), dict(compute_mode="donot_use_mm_for_euclid_dist"))
    yield Sample((x, x), gradcheck=False)
    yield Sample((x[:, :0], y))
    yield Sample((np.zeros((2, 0)), np.zeros((3, 0))), gradcheck=False)


@samples("pdist")
def _(rng):
    x = rng.normal(size=(4, 3))
    for p in (2.0, 1.0, 3.0, 0.0, INF):
        yield Sample((x, p))
    yield Sample((x[:2],))  # with fewer rows torch's backward ends in a segmentation fault


@samples("pairwise_distance")
def _(rng):
    x, y = rng.normal(size=(4, 3)), rng.normal(size=(4, 3))
    for p in (2.0, 1.0, 3.0, INF):
        yield Sample((x, y), dict(p=p))
    yield Sample((x, y), dict(eps=0.1, keepdim=True))
    yield Sample((x[0], y[0]))
    yield Sample((x, y[:1]))


@samples("cosine_similarity")
def _(rng):
    x, y = rng.normal(size=(4, 3)), rng.normal(size=(4, 3))
    yield Sample((x, y))
    yield Sample((x, y), dict(dim=0, eps=0.5))
    yield Sample((x, y), dict(dim=-1))
    yield Sample((rng.normal(size=(2, 1, 3)), rng.normal(size=(4, 3))), dict(dim=2))
