"""1x1 convolution with pixels in the lanes, against sums in float64."""

import numpy as np
import pytest

from rushlight.arrays import convolution as oracle
from rushlight.arrays.convolution import Geometry
from rushlight.kernels import conv, conv_few, conv_points, native
from tests.kernels.threads import same_bits

pytestmark = pytest.mark.skipif(not native.on(), reason="machine code is off")


@pytest.fixture
def always(monkeypatch):
    """By points wherever it can be: where an image has a tile of pixels, or others beside it."""
    conv._route.cache_clear()
    monkeypatch.setattr(conv_few, "pays", lambda *_: False)
    monkeypatch.setattr(conv_points, "pays", lambda s, lanes, registers: s.kernel == (1, 1))
    yield
    conv._route.cache_clear()


SHAPES = [  # (N, C, H, W, O, stride): a tile and more; tails; many channels; several images at once
    (1, 5, 6, 8, 3, (1, 1)), (2, 300, 7, 9, 20, (1, 1)), (5, 600, 7, 7, 70, (1, 1)),
    (9, 40, 5, 5, 24, (1, 1)), (5, 270, 14, 14, 33, (2, 2)), (1, 7, 30, 31, 8, (2, 2)),
    (3, 2, 40, 61, 9, (1, 1)), (2, 3, 33, 40, 5, (3, 1)), (3, 17, 28, 27, 64, (1, 3)),
    (1, 64, 56, 56, 20, (1, 1)), (1, 300, 1, 31, 20, (1, 1)), (3, 5, 1, 1, 17, (1, 1)),
]  # fmt: skip


def operands(shape, dtype):
    """x, w, bias, the geometry and the sizes of the output."""
    images, channels, height, width, outputs, stride = shape
    rng = np.random.default_rng(0)
    x = rng.standard_normal((images, channels, height, width)).astype(dtype)
    w = rng.standard_normal((outputs, channels, 1, 1)).astype(dtype)
    geometry = Geometry(stride, (0, 0), (1, 1))
    counts = geometry.output_sizes((height, width), (1, 1))
    return x, w, rng.standard_normal(outputs).astype(dtype), geometry, counts


def close(actual, expected, terms):
    """Equal to the rounding of a sum of so many terms."""
    assert actual.shape == expected.shape
    limit = max(8, terms**0.5) * np.finfo(actual.dtype).eps * np.abs(expected).max()
    np.testing.assert_allclose(actual, expected, rtol=0, atol=limit)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("deep, sums, near", [(256, 128 << 10, 48 << 10), (100, 5000, 3000)])
def test_convolution_and_input_gradient(shape, dtype, deep, sums, near, always, monkeypatch):
    monkeypatch.setattr(conv_points, "DEEP", deep)
    monkeypatch.setattr(conv_points, "SUMS", sums)
    monkeypatch.setattr(conv_points, "NEAR", near)
    x, w, bias, geometry, counts = operands(shape, dtype)
    route, _ = conv._route(x.shape, w.shape, geometry, counts, False, x.dtype)
    assert isinstance(route, conv.ByPoints)
    y = conv.convolve(x, w, bias, geometry, counts)
    one = Geometry((1, 1), (0, 0), (1, 1))
    back = np.ascontiguousarray(w.swapaxes(0, 1))
    dx = conv.convolve(x, back, None, one, x.shape[2:], transposed=True)
    monkeypatch.setattr(conv, "suits", lambda *_: False)
    close(y, oracle.convolution(x.astype(float), w.astype(float), geometry, None, bias), x.shape[1])
    close(dx, oracle.input_gradient(x.astype(float), back.astype(float), one, x.shape[2:]), x.shape[1])


@pytest.mark.parametrize("shape", [SHAPES[1], SHAPES[2], SHAPES[4]])
def test_any_number_of_threads_gives_the_same_bits(shape):
    x, w, bias, geometry, counts = operands(shape, "f")
    assert same_bits(lambda: conv.convolve(x, w, bias, geometry, counts))


def test_it_is_chosen_where_its_tiles_are_full():
    def chosen(images, channels, size, outputs, stride=1, padding=0):
        geometry = Geometry((stride, stride), (padding, padding), (1, 1))
        counts = geometry.output_sizes((size, size), (1, 1))
        shapes = (images, channels, size, size), (outputs, channels, 1, 1)
        return isinstance(conv._route(*shapes, geometry, counts, False, np.dtype("f"))[0], conv.ByPoints)

    assert chosen(8, 64, 56, 256) and chosen(8, 1024, 14, 256) and chosen(32, 64, 32, 128, stride=2)
    assert not chosen(1, 64, 3, 64) and not chosen(8, 64, 56, 256, padding=1) and not chosen(8, 64, 56, 1)
