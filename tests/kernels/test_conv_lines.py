"""Convolution with pixels in the lanes, against sums in float64."""

import numpy as np
import pytest

from rushlight.arrays import convolution as oracle
from rushlight.arrays.convolution import Geometry
from rushlight.kernels import conv, conv_lines, native, winograd

pytestmark = pytest.mark.skipif(not native.on(), reason="machine code is off")


@pytest.fixture(autouse=True)
def always(monkeypatch):
    """By lines wherever it can be."""
    conv._route.cache_clear()
    monkeypatch.setattr(winograd, "pays", lambda *_: False)
    monkeypatch.setattr(conv_lines, "pays", lambda s, lanes: s.groups == 1 and s.stride == (1, 1))
    yield
    conv._route.cache_clear()


SHAPES = [  # (N, C, H, W, O, padding, kernel, dilation)
    (1, 3, 4, 4, 1, 1, (3, 3), 1), (2, 3, 7, 9, 4, 1, (3, 2), 2), (3, 2, 32, 32, 3, 2, (5, 5), 1),
    (9, 3, 8, 8, 4, 0, (1, 3), 1), (17, 4, 4, 4, 4, 1, (2, 2), 1), (2, 3, 256, 130, 2, 2, (3, 3), 1),
    (1, 4, 1, 1, 2, 4, (1, 1), 3), (1, 2, 700, 101, 1, 0, (1, 2), 1),
    (3, 3, 32, 32, 64, 1, (3, 3), 1), (2, 5, 9, 33, 43, 1, (3, 3), 2), (2, 17, 6, 20, 20, 0, (1, 1), 1),
]  # fmt: skip


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", SHAPES)
def test_convolution_and_input_gradient(shape, dtype, monkeypatch):
    images, channels, height, width, outputs, p, kernel, d = shape
    rng = np.random.default_rng(0)
    x = rng.standard_normal((images, channels, height, width)).astype(dtype)
    w = rng.standard_normal((outputs, channels, *kernel)).astype(dtype)
    bias = rng.standard_normal(outputs).astype(dtype)
    geometry = Geometry((1, 1), (p, p), (d, d))
    counts = geometry.output_sizes(x.shape[2:], kernel)
    g = rng.standard_normal((images, outputs, *counts)).astype(dtype)
    y = conv.convolve(x, w, bias, geometry, counts)
    dx = conv.convolve(g, w, None, geometry, (height, width), transposed=True)
    monkeypatch.setattr(conv, "suits", lambda *_: False)
    close(y, oracle.convolution(x.astype(float), w.astype(float), geometry, None, bias))
    close(dx, oracle.input_gradient(g.astype(float), w.astype(float), geometry, (height, width)))


def close(actual, expected):
    """Equal to rounding."""
    assert actual.shape == expected.shape
    limit = 8 * np.finfo(actual.dtype).eps * np.abs(expected).max()
    np.testing.assert_allclose(actual, expected, rtol=0, atol=limit)


def test_it_is_chosen_for_few_channels(monkeypatch):
    monkeypatch.undo()
    geometry = Geometry((1, 1), (2, 2), (1, 1))
    route, _ = conv._route((64, 1, 28, 28), (2, 1, 5, 5), geometry, (28, 28), False, np.dtype("f"))
    assert isinstance(route, conv.ByLines)


def test_it_is_chosen_where_turning_would_cost_much(monkeypatch):
    monkeypatch.undo()
    geometry = Geometry((1, 1), (1, 1), (1, 1))
    route, _ = conv._route((32, 3, 32, 32), (64, 3, 3, 3), geometry, (32, 32), False, np.dtype("f"))
    assert isinstance(route, conv.ByLines)
    route, _ = conv._route((32, 36, 8, 8), (64, 36, 3, 3), geometry, (8, 8), False, np.dtype("f"))
    assert not isinstance(route, conv.ByLines)
