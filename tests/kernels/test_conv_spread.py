"""Input gradients of stride 2 with pixels in the lanes, against sums in float64."""

import numpy as np
import pytest

from rushlight.arrays import convolution as oracle
from rushlight.arrays.convolution import Geometry
from rushlight.kernels import conv, conv_spread, native
from tests.kernels.threads import same_bits

pytestmark = pytest.mark.skipif(not native.on(), reason="machine code is off")


def fits(s, lanes):
    """Whether there is code for it."""
    return s.transposed and s.stride == (2, 2) and min(s.counts) > 1 and s.outputs <= lanes


@pytest.fixture(autouse=True)
def always(monkeypatch):
    """Wherever it can be."""
    conv._route.cache_clear()
    monkeypatch.setattr(conv_spread, "pays", fits)
    yield
    conv._route.cache_clear()


SHAPES = [  # (N, C, H, W, O, kernel, padding, dilation): odd sizes, several blocks, classes without taps
    (2, 3, 224, 224, 16, (7, 7), 3, 1), (1, 1, 2, 2, 1, (1, 1), 0, 1), (5, 3, 9, 13, 8, (3, 3), 1, 1),
    (3, 2, 40, 61, 9, (2, 4), 0, 1), (2, 4, 33, 40, 70, (3, 5), 2, 2), (1, 3, 501, 7, 40, (1, 3), 1, 1),
]  # fmt: skip


def operands(shape, dtype):
    """g, w, bias, the geometry and the sizes of the result."""
    images, channels, height, width, outputs, kernel, p, d = shape
    rng, geometry = np.random.default_rng(0), Geometry((2, 2), (p, p), (d, d))
    g = rng.standard_normal((images, outputs, *geometry.output_sizes((height, width), kernel)))
    w = rng.standard_normal((outputs, channels, *kernel))
    bias = rng.standard_normal(channels)
    return *(a.astype(dtype) for a in (g, w, bias)), geometry, (height, width)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", SHAPES)
def test_input_gradient(shape, dtype, monkeypatch):
    g, w, bias, geometry, sizes = operands(shape, dtype)
    route, _ = conv._route(g.shape, w.shape, geometry, sizes, True, g.dtype)
    assert isinstance(route, conv.BySpread) or conv.host().bits < 512
    dx = conv.convolve(g, w, bias, geometry, sizes, transposed=True)
    monkeypatch.setattr(conv, "suits", lambda *_: False)
    expected = oracle.input_gradient(g.astype(float), w.astype(float), geometry, sizes, bias.astype(float))
    assert dx.shape == expected.shape
    limit = 16 * np.finfo(dtype).eps * np.abs(expected).max()
    np.testing.assert_allclose(dx, expected, rtol=0, atol=limit)


def test_any_number_of_threads_gives_the_same_bits():
    g, w, bias, geometry, sizes = operands(SHAPES[0], "f")
    assert same_bits(lambda: conv.convolve(g, w, bias, geometry, sizes, transposed=True))


def test_it_is_chosen_for_images_of_few_channels(monkeypatch):
    monkeypatch.undo()
    geometry = Geometry((2, 2), (3, 3), (1, 1))

    def chosen(channels):
        shapes = (8, 64, 112, 112), (64, channels, 7, 7)
        return isinstance(conv._route(*shapes, geometry, (224, 224), True, np.dtype("f"))[0], conv.BySpread)

    assert not chosen(64)
    if conv.host().bits == 512:
        assert chosen(3)
