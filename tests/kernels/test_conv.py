"""Convolution kernels against the sums of NumPy in float64: any shape, and the same bits for any threads."""

from random import Random

import numpy as np
import pytest

from rushlight.arrays import convolution as oracle
from rushlight.arrays.convolution import Geometry
from rushlight.kernels import conv, native, pool

pytestmark = pytest.mark.skipif(not native.on(), reason="machine code is off")


def random_case(seed):
    """x, w, bias, geometry and the number of outputs of a random convolution over one axis or two."""
    random, rng = Random(seed), np.random.default_rng(seed)
    axes, groups = random.choice([1, 2, 2, 2]), random.choice([1, 1, 1, 2, 3])

    def each(low, high):
        return tuple(random.randint(low, high) for _ in range(axes))

    geometry = Geometry(each(1, 3), each(0, 3), each(1, 2), groups)
    kernel = each(1, 4)
    spans = zip(kernel, geometry.dilation, geometry.padding)
    sizes = tuple(max(d * (k - 1) + 1 - 2 * p, 1) + random.randint(0, 20) for k, d, p in spans)
    channels, outputs = random.randint(1, 20), random.randint(1, 40)
    x = rng.standard_normal((random.choice([1, 2, 5, 17]), channels * groups, *sizes))
    w = rng.standard_normal((outputs * groups, channels, *kernel))
    return x, w, rng.standard_normal(outputs * groups), geometry, geometry.output_sizes(sizes, kernel)


def close(actual, expected, terms):
    """Equal to the rounding of a sum of so many terms."""
    assert actual.shape == expected.shape
    limit = np.finfo(actual.dtype).eps * 4 * terms**0.5 * max(1, np.abs(expected).max())
    np.testing.assert_allclose(actual, expected, rtol=0, atol=limit)


@pytest.fixture
def numpy_only(monkeypatch):
    """The NumPy route of arrays/convolution.py."""
    monkeypatch.setattr(conv, "suits", lambda *_: False)
    return oracle


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("first", range(0, 60, 10))
def test_convolution(first, dtype, numpy_only):
    for seed in range(first, first + 10):
        x, w, bias, geometry, counts = random_case(seed)
        expected = numpy_only.convolution(x, w, geometry, counts, bias)
        y = conv.convolve(x.astype(dtype), w.astype(dtype), bias.astype(dtype), geometry, counts)
        close(y, expected, w[0].size)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("first", range(0, 60, 10))
def test_input_gradient(first, dtype, numpy_only):
    for seed in range(first, first + 10):
        x, w, _, geometry, counts = random_case(seed)
        g = np.random.default_rng(seed).standard_normal((x.shape[0], w.shape[0], *counts))
        expected = numpy_only.input_gradient(g, w, geometry, x.shape[2:])
        dx = conv.convolve(g.astype(dtype), w.astype(dtype), None, geometry, x.shape[2:], transposed=True)
        close(dx, expected, w[:, 0].size)


SHAPES = [  # of ResNet-18 and LeNet: (N, C, size, O, kernel, stride, padding)
    (4, 64, 32, 64, 3, 1, 1), (4, 64, 32, 128, 3, 2, 1), (9, 256, 8, 256, 3, 1, 1),
    (17, 128, 4, 160, 3, 1, 1),
    (4, 64, 32, 128, 1, 2, 0), (4, 3, 32, 64, 3, 1, 1), (3, 1, 28, 6, 5, 1, 2), (3, 6, 14, 16, 5, 1, 0),
    (1, 3, 224, 64, 7, 2, 3), (1, 300, 30, 20, 3, 1, 1),
]  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
def test_shapes_of_networks_give_the_same_bits_on_any_number_of_threads(shape, numpy_only):
    images, channels, size, outputs, kernel, stride, padding = shape
    rng = np.random.default_rng(0)
    x = rng.standard_normal((images, channels, size, size), np.float32)
    w = rng.standard_normal((outputs, channels, kernel, kernel), np.float32)
    geometry = Geometry((stride, stride), (padding, padding), (1, 1))
    counts = geometry.output_sizes(x.shape[2:], w.shape[2:])
    g = rng.standard_normal((images, outputs, *counts), np.float32)
    before, found = pool.size(), []
    for threads in (1, 2, 3):
        pool.resize(threads)
        dx = conv.convolve(g, w, None, geometry, (size, size), True)
        dw = conv.weight_gradient(x, g, geometry, w.shape[2:])
        found.append([conv.convolve(x, w, None, geometry, counts), dx, dw])
    pool.resize(before)
    close(found[0][0], numpy_only.convolution(x.astype(float), w.astype(float), geometry), w[0].size)
    dx = numpy_only.input_gradient(g.astype(float), w.astype(float), geometry, (size, size))
    close(found[0][1], dx, w[:, 0].size)
    dw = numpy_only.weight_gradient(x.astype(float), g.astype(float), geometry, w.shape[2:])
    close(found[0][2], dw, g[:, 0].size)
    for others in found[1:]:
        for a, b in zip(found[0], others):
            assert a.tobytes() == b.tobytes()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("first", range(0, 60, 10))
def test_weight_gradient(first, dtype, numpy_only):
    for seed in range(first, first + 10):
        x, w, _, geometry, counts = random_case(seed)
        g = np.random.default_rng(seed).standard_normal((x.shape[0], w.shape[0], *counts))
        expected = numpy_only.weight_gradient(x, g, geometry, w.shape[2:])
        dw = conv.weight_gradient(x.astype(dtype), g.astype(dtype), geometry, w.shape[2:])
        close(dw, expected, g[:, 0].size)
