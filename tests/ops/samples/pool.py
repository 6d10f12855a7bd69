"""Samples of pooling: windows of every kind over one to three axes, adaptive bins, unpooling."""

import numpy as np

from . import Sample, samples

SHAPES = {1: (2, 3, 9), 2: (2, 2, 7, 6), 3: (1, 2, 5, 4, 6)}


def axes_of(name):
    """How many axes max_pool2d pools: 2."""
    return int(name[name.index("d") - 1] if "pool" not in name else name[name.index("pool") + 4])


def windows(name, dilated):
    """Positional and keyword arguments of a pooling call."""
    yield (2,), {}
    yield (3, 2, 1), {}
    yield (3, 1), {"ceil_mode": True, "padding": 1}
    yield ((2,) * (axes_of(name) - 1) + (3,),), {"stride": 2, "ceil_mode": True}
    if dilated:
        yield (2, 1, 1, 2), {}


def register(name, dilated):
    """Samples of one pooling function."""

    @samples(name)
    def _(rng):
        x = rng.permutation(int(np.prod(SHAPES[axes_of(name)]))).reshape(SHAPES[axes_of(name)]) / 10
        for args, kwargs in windows(name, dilated):
            yield Sample((x, *args), kwargs)
        yield Sample((x[0], 2))
        yield Sample((x[:0], 2))
        if dilated:
            yield Sample((x, 2), {"return_indices": True})


for _name in ("max_pool1d", "max_pool2d", "max_pool3d"):
    register(_name, True)
    register(f"{_name}_with_indices", True)
for _name in ("avg_pool1d", "avg_pool2d", "avg_pool3d"):
    register(_name, False)


@samples("avg_pool2d", "avg_pool3d")
def _(rng):
    x = rng.normal(size=(2, 4, 5, 6))
    yield Sample((x, 2, None, 1), {"count_include_pad": False})
    yield Sample((x, 2), {"divisor_override": 3})


def adaptive(name, *counts):
    """Samples of one adaptive pooling function."""

    @samples(name)
    def _(rng):
        shape = SHAPES[axes_of(name)]
        x = rng.permutation(int(np.prod(shape))).reshape(shape) / 10
        for count in counts:
            yield Sample((x, count))
        yield Sample((x[0], counts[0]))


for _kind in ("adaptive_avg_pool", "adaptive_max_pool"):
    adaptive(f"{_kind}1d", 3, 4, 1)
    adaptive(f"{_kind}2d", (3, 2), 1, (None, 4), (7, 9))
    adaptive(f"{_kind}3d", (2, 3, 4), 1, (None, 2, 2))


@samples("max_unpool1d")
def _(rng):
    yield Sample((rng.normal(size=(2, 3)), np.array([[0, 2, 5], [1, 3, 4]]), 2))
    yield Sample((rng.normal(size=(1, 2, 2)), np.array([[[0, 3], [1, 2]]]), 2), {"output_size": (5,)})


@samples("max_unpool2d")
def _(rng):
    yield Sample((rng.normal(size=(1, 2, 2)), np.array([[[0, 3], [9, 14]]]), 2))


@samples("max_unpool3d")
def _(rng):
    yield Sample((rng.normal(size=(1, 1, 2, 1)), np.array([[[[3], [14]]]]), 2))


@samples("lp_pool1d")
def _(rng):
    yield Sample((rng.uniform(0.5, 2, size=(1, 2, 7)), 2, 2))


@samples("lp_pool3d")
def _(rng):
    yield Sample((rng.uniform(0.5, 2, size=(1, 2, 4, 5, 6)), 2, 2, (1, 2, 2)))


@samples("lp_pool2d")
def _(rng):
    x = rng.uniform(0.5, 2, size=(2, 5, 6))
    yield Sample((x, 3.0, (2, 3), 2, True))
    yield Sample((x, float("inf"), 2))
