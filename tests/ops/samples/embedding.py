"""Samples of embeddings: padding, frequencies, every bag mode, empty bags."""

import numpy as np

from . import Sample, samples


@samples("embedding")
def _(rng):
    table = rng.normal(size=(5, 3))
    for shape in ((4,), (2, 3), (), (0,), (2, 0)):
        yield Sample((rng.integers(0, 5, shape), table))
    repeated = np.array([[1, 1, 4], [0, 1, 4]])
    yield Sample((repeated, table), dict(padding_idx=1), gradcheck=False)
    yield Sample((repeated, table), dict(padding_idx=-1), gradcheck=False)
    yield Sample((repeated.astype(np.int32), table), dict(scale_grad_by_freq=True), gradcheck=False)
    yield Sample((repeated, table), dict(scale_grad_by_freq=True, padding_idx=0), gradcheck=False)


@samples("embedding_bag")
def _(rng):
    table = rng.normal(size=(6, 3))
    flat, offsets = np.array([1, 2, 4, 5, 4, 3, 2, 0, 1]), np.array([0, 4, 4])
    for mode in ("sum", "mean", "max"):
        yield Sample((flat, table, offsets), dict(mode=mode))
        yield Sample((flat.reshape(3, 3), table), dict(mode=mode))
        yield Sample((flat, table, offsets), dict(mode=mode, padding_idx=4))
        yield Sample((flat, table, np.array([0, 4, 9])), dict(mode=mode, include_last_offset=True))
        yield Sample((flat[:0], table, np.array([0, 0])), dict(mode=mode))
    yield Sample((flat, table, offsets), dict(mode="sum", per_sample_weights=rng.normal(size=9)))
    yield Sample(
        (flat.reshape(3, 3), table),
        dict(mode="sum", per_sample_weights=rng.normal(size=(3, 3)), padding_idx=2),
    )
