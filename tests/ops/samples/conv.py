"""Samples of convolutions: strides, paddings, dilations, groups, depthwise, unbatched and empty batches."""

from . import Sample, samples


@samples("convolution")
def _(rng):
    x, w = rng.normal(size=(2, 4, 5, 6)), rng.normal(size=(6, 2, 3, 2))
    yield Sample((x, w, rng.normal(size=6), [1, 1], [0, 0], [1, 1], False, [0, 0], 2))
    yield Sample((x, w.swapaxes(0, 1).repeat(2, 0), None, [2, 1], [1, 0], [1, 2], True, [1, 0], 1))
    yield Sample((x[:, :, 0], w[:, :, 0], None, [2], [1], [1], False, [0], 2))


@samples("conv1d")
def _(rng):
    x = rng.normal(size=(2, 3, 8))
    yield Sample((x, rng.normal(size=(4, 3, 3)), rng.normal(size=4)))
    yield Sample((x[0], rng.normal(size=(4, 3, 2))), {"padding": "same"})
    yield Sample((x, rng.normal(size=(6, 1, 3)), None, 2, 2, 2, 3))


@samples("conv2d")
def _(rng):
    x, w, b = rng.normal(size=(2, 4, 6, 7)), rng.normal(size=(6, 4, 3, 2)), rng.normal(size=6)
    yield Sample((x, w, b))
    yield Sample((x, w, b, (2, 1), (1, 2), (1, 2)))
    yield Sample((x, w[:, :2]), {"groups": 2, "padding": 1})
    yield Sample((x, rng.normal(size=(8, 1, 3, 3)), rng.normal(size=8), 1, 1, 1, 4))
    yield Sample((x, rng.normal(size=(4, 1, 3, 3)), None, 2, 1, 1, 4))
    yield Sample((x, rng.normal(size=(3, 4, 1, 1)), rng.normal(size=3)))
    yield Sample((x[0], w, b), {"padding": "valid"})
    yield Sample((x[:0], w, b))


@samples("conv3d")
def _(rng):
    x = rng.normal(size=(1, 2, 4, 5, 3))
    yield Sample((x, rng.normal(size=(3, 2, 2, 3, 1)), rng.normal(size=3)))
    yield Sample((x, rng.normal(size=(2, 1, 2, 2, 2)), None, (1, 2, 1), 1, 1, 2))


@samples("conv_transpose1d")
def _(rng):
    x = rng.normal(size=(2, 3, 4))
    yield Sample((x, rng.normal(size=(3, 2, 3)), rng.normal(size=2), 2, 1, 1))
    yield Sample((x[0], rng.normal(size=(3, 2, 3)), None, 1, 0, 1, 1, 2))


@samples("conv_transpose2d")
def _(rng):
    x = rng.normal(size=(2, 4, 3, 4))
    yield Sample((x, rng.normal(size=(4, 3, 3, 2)), rng.normal(size=3)))
    yield Sample((x, rng.normal(size=(4, 2, 4, 4)), None, 2, 1, 0, 2))
    yield Sample((x, rng.normal(size=(4, 1, 3, 3)), rng.normal(size=4), 2, 1, 1, 4))
    yield Sample((x, rng.normal(size=(4, 3, 2, 2)), None, (3, 1), 0, (2, 0)))


@samples("conv_transpose3d")
def _(rng):
    x = rng.normal(size=(1, 2, 2, 3, 2))
    yield Sample((x, rng.normal(size=(2, 3, 2, 2, 3)), rng.normal(size=3), 2, 1, (1, 0, 1)))
