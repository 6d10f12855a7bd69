"""Convolution with few pixels, against sums in float64."""

import numpy as np
import pytest

from rushlight.arrays import convolution as oracle
from rushlight.arrays.convolution import Geometry
from rushlight.kernels import conv, conv_few, native
from tests.kernels.threads import same_bits

pytestmark = pytest.mark.skipif(not native.on(), reason="machine code is off")


@pytest.fixture
def always(monkeypatch):
    """Wherever there is code for it."""
    conv._route.cache_clear()
    monkeypatch.setattr(conv_few, "pays", lambda s, lanes: conv_few.vectors_of(s, lanes) <= conv_few.VECTORS)
    yield
    conv._route.cache_clear()


SHAPES = [  # (N, C, H, W, O, kernel, stride, padding, dilation): one vector to four, tails, some images
    (1, 20, 4, 4, 24, (3, 3), (1, 1), 1, 1), (1, 3, 1, 1, 1, (1, 1), (1, 1), 0, 1),
    (2, 5, 3, 3, 13, (3, 2), (1, 1), 1, 1), (1, 7, 9, 8, 40, (3, 3), (2, 2), 1, 1),
    (1, 16, 8, 4, 12, (1, 1), (1, 1), 0, 1), (3, 6, 7, 5, 11, (1, 1), (2, 3), 0, 1),
    (1, 4, 9, 5, 5, (2, 3), (1, 1), 2, 2), (1, 33, 4, 13, 30, (5, 5), (1, 1), 3, 2),
    (5, 2, 1, 5, 26, (1, 3), (1, 2), 1, 1), (1, 2, 2, 2, 3, (1, 1), (1, 1), 1, 1),
]  # fmt: skip


@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", SHAPES)
def test_convolution(shape, dtype, biased, always, monkeypatch):
    images, channels, height, width, outputs, kernel, stride, p, d = shape
    rng, geometry = np.random.default_rng(0), Geometry(stride, (p, p), (d, d))
    x = rng.standard_normal((images, channels, height, width)).astype(dtype)
    w = rng.standard_normal((outputs, channels, *kernel)).astype(dtype)
    bias = rng.standard_normal(outputs).astype(dtype) if biased else None
    counts = geometry.output_sizes((height, width), kernel)
    route, _ = conv._route(x.shape, w.shape, geometry, counts, False, x.dtype)
    few = isinstance(route, conv.Few)
    assert few or dtype == "float64"  # of which twice as many vectors are needed
    y = conv.convolve(x, w, bias, geometry, counts)
    monkeypatch.setattr(conv, "suits", lambda *_: False)
    expected = oracle.convolution(x.astype(float), w.astype(float), geometry, None, bias)
    assert y.shape == expected.shape
    limit = max(8, w[0].size ** 0.5) * np.finfo(dtype).eps * np.abs(expected).max()
    np.testing.assert_allclose(y, expected, rtol=0, atol=limit)


def test_any_number_of_threads_gives_the_same_bits():
    rng, geometry = np.random.default_rng(0), Geometry((1, 1), (1, 1), (1, 1))
    x = rng.standard_normal((1, 40, 8, 8)).astype("f")
    w = rng.standard_normal((50, 40, 3, 3)).astype("f")
    assert same_bits(lambda: conv.convolve(x, w, None, geometry, (8, 8)))


def test_infinity_and_nan_stay_in_the_windows_that_see_them():
    x, w = np.ones((1, 2, 4, 4), "f"), np.ones((16, 2, 3, 3), "f")
    x[0, 0, 0, 0], x[0, 1, 3, 3] = np.inf, np.nan
    y = conv.convolve(x, w, None, Geometry((1, 1), (1, 1), (1, 1)), (4, 4))
    assert np.isinf(y[0, :, :2, :2]).all() and np.isnan(y[0, :, 2:, 2:]).all()
    assert np.isfinite(y[0, :, 2:, :2]).all() and np.isfinite(y[0, :, :2, 2:]).all()


def test_it_is_chosen_for_few_pixels():
    def chosen(images, channels, size, outputs, stride=1, kernel=3):
        geometry = Geometry((stride, stride), (kernel // 2,) * 2, (1, 1))
        counts = geometry.output_sizes((size, size), (kernel, kernel))
        shapes = (images, channels, size, size), (outputs, channels, kernel, kernel)
        return isinstance(conv._route(*shapes, geometry, counts, False, np.dtype("f"))[0], conv.Few)

    assert chosen(1, 512, 4, 512) and chosen(1, 256, 8, 512, 2) and chosen(1, 256, 8, 512, 2, 1)
    assert not chosen(8, 512, 4, 512) and not chosen(1, 512, 1, 512) and not chosen(1, 512, 4, 5)
