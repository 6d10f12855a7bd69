"""Sample calls of the normalisation layers."""

import numpy as np

from . import Sample, samples


def affine(rng, *shape):
    return rng.standard_normal(shape) + 1, rng.standard_normal(shape)


@samples("layer_norm")
def _(rng):
    for shape, inner in (
        ((3, 4), (4,)),
        ((5,), (5,)),
        ((2, 3, 4), (3, 4)),
        ((2, 0, 4), (4,)),
        ((3, 1), (1,)),
    ):
        x = rng.standard_normal(shape) * 3 + 1
        yield Sample((x, inner))
        yield Sample((x, inner, *affine(rng, *inner)))
    w, b = affine(rng, 4)
    yield Sample((rng.standard_normal((2, 3, 4)), [4], w))
    yield Sample((rng.standard_normal((2, 3, 4)), [4], None, b, 0.1))
    yield Sample((rng.standard_normal((2, 3, 4)), (4,)), {"weight": w, "bias": b, "eps": 1e-3})
    yield Sample((rng.standard_normal((70, 90)) * 100 + 1000, (90,)), gradcheck=False, tolerance=1e-3)
    yield Sample((rng.standard_normal((3, 4)), (5,)))
    yield Sample((rng.standard_normal((3, 4)), (4,), affine(rng, 3)[0]))
    yield Sample((rng.standard_normal((3, 4)), ()))


@samples("rms_norm")
def _(rng):
    for shape, inner in (((3, 4), (4,)), ((5,), (5,)), ((2, 3, 4), (3, 4)), ((2, 0, 4), (4,))):
        x = rng.standard_normal(shape) * 3 + 1
        yield Sample((x, inner))
        yield Sample((x, inner, rng.standard_normal(inner)))
    yield Sample((rng.standard_normal((2, 3, 4)), (4,)), {"weight": rng.standard_normal(4), "eps": 1e-3})
    yield Sample((rng.standard_normal((3, 4)), (5,)))


@samples("group_norm")
def _(rng):
    for shape, groups in (((3, 4, 5), 2), ((2, 6), 3), ((2, 4, 3, 2), 4), ((2, 4, 3, 2), 1), ((0, 4, 3), 2)):
        x = rng.standard_normal(shape) * 3 + 1
        yield Sample((x, groups))
        yield Sample((x, groups, *affine(rng, shape[1])))
    w, b = affine(rng, 4)
    yield Sample((rng.standard_normal((3, 4, 5)), 2, w), {"eps": 0.1})
    yield Sample((rng.standard_normal((3, 4, 5)), 2, None, b))
    yield Sample((rng.standard_normal((3, 5, 5)), 2))
    yield Sample((rng.standard_normal((3, 4)), 2, affine(rng, 3)[0]))
    yield Sample((rng.standard_normal((1, 4)), 4))
    yield Sample((rng.standard_normal(4), 4))


@samples("batch_norm")
def _(rng):
    for shape in ((5, 3), (4, 3, 5), (2, 3, 4, 2), (2, 3, 2, 2, 2)):
        x = rng.standard_normal(shape) * 3 + 1
        running = rng.standard_normal(3), rng.random(3) + 0.5
        yield Sample((x, None, None), {"training": True})
        yield Sample((x, None, None, *affine(rng, 3), True))
        yield Sample((x, *running, *affine(rng, 3)), {"training": False}, gradcheck=False)
        yield Sample((x, *running), {"eps": 0.1}, gradcheck=False)
    yield Sample(
        (rng.standard_normal((70, 3, 40)) * 10 + 100, None, None, None, None, True),
        gradcheck=False,
        tolerance=1e-3,
    )
    yield Sample((rng.standard_normal((5, 3)), None, None, affine(rng, 3)[0], None, True))
    yield Sample((rng.standard_normal((5, 3)), *running, None, affine(rng, 3)[0]), gradcheck=False)
    yield Sample((rng.standard_normal((1, 3)), None, None), {"training": True})
    yield Sample((rng.standard_normal((5, 3)), None, None))
    yield Sample((rng.standard_normal((5, 4)), *running))
    yield Sample((rng.standard_normal((5, 3)), *running), {"eps": -1.0})


@samples("plain_batch_norm")
def _(rng):
    x = rng.standard_normal((4, 3, 5))
    yield Sample((x, *affine(rng, 3), None, None, True, 0.1, 1e-5, False))
    running = rng.standard_normal(3), rng.random(3) + 0.5
    yield Sample((x, *affine(rng, 3), *running, False, 0.1, 1e-5, False), gradcheck=False)


@samples("instance_norm")
def _(rng):
    for shape in ((4, 3, 5), (2, 3, 4, 2), (2, 3, 2, 2, 2)):
        x = rng.standard_normal(shape) * 3 + 1
        running = rng.standard_normal(3), rng.random(3) + 0.5
        yield Sample((x,))
        yield Sample((x, None, None, *affine(rng, 3)))
        yield Sample((x, *running, *affine(rng, 3)), {"use_input_stats": False, "eps": 0.1}, gradcheck=False)
    yield Sample((rng.standard_normal((4, 3, 1)),))


@samples("plain_instance_norm")
def _(rng):
    yield Sample((rng.standard_normal((4, 3, 5)), *affine(rng, 3), None, None, True, 0.1, 1e-5, False))


@samples("local_response_norm")
def _(rng):
    for shape in ((3, 6, 4), (2, 5, 3, 2), (2, 4, 2, 2, 2), (2, 0, 3)):
        for size in (1, 2, 5):
            yield Sample((rng.standard_normal(shape), size))
    yield Sample((rng.standard_normal((3, 6, 4)) * 5, 3, 0.5, 0.3, 2.0))
    yield Sample((rng.standard_normal((2, 3, 4)), 9), {"alpha": 0.7})
    yield Sample((np.ones((3, 4)), 2))


@samples("channel_window_sum")
def _(rng):
    yield Sample((rng.standard_normal((2, 5, 3)), 2, 1))
    yield Sample((rng.standard_normal((2, 2, 3)), 0, 4))
