"""Weight gradients of 1x1 convolutions, against sums in float64."""

import numpy as np
import pytest

from rushlight.arrays import convolution as oracle
from rushlight.arrays.convolution import Geometry
from rushlight.kernels import conv, conv_points_weight, native
from tests.kernels.threads import same_bits

pytestmark = pytest.mark.skipif(not native.on(), reason="machine code is off")

ONE = Geometry((1, 1), (0, 0), (1, 1))


@pytest.fixture(autouse=True)
def always(monkeypatch):
    """Wherever there is code for it."""
    conv._weight_route.cache_clear()
    monkeypatch.setattr(conv_points_weight, "pays", conv_points_weight.suits)
    yield
    conv._weight_route.cache_clear()


SHAPES = [  # (N, C, H, W, O): tails of outputs, one vector of channels, several images, blocks of an image
    (1, 16, 1, 1, 1), (3, 48, 4, 4, 30), (40, 32, 5, 7, 17), (2, 80, 30, 41, 9), (1, 64, 23, 23, 70),
    (5, 16, 16, 16, 24), (3, 128, 1, 50, 8),
]  # fmt: skip


def operands(shape, dtype):
    """x and g."""
    images, channels, height, width, outputs = shape
    rng = np.random.default_rng(0)
    x = rng.standard_normal((images, channels, height, width)).astype(dtype)
    return x, rng.standard_normal((images, outputs, height, width)).astype(dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", SHAPES)
def test_weight_gradient(shape, dtype, monkeypatch):
    x, g = operands(shape, dtype)
    route, _ = conv._weight_route(x.shape, g.shape, ONE, (1, 1), x.dtype)
    assert isinstance(route, conv.PointWeights)
    dw = conv.weight_gradient(x, g, ONE, (1, 1))
    monkeypatch.setattr(conv, "suits", lambda *_: False)
    expected = oracle.weight_gradient(x.astype(float), g.astype(float), ONE, (1, 1))
    assert dw.shape == expected.shape
    limit = max(8, g[:, 0].size ** 0.5 / 4) * np.finfo(dtype).eps * np.abs(expected).max()
    np.testing.assert_allclose(dw, expected, rtol=0, atol=limit)


def test_any_number_of_threads_gives_the_same_bits():
    x, g = operands((5, 80, 12, 12, 50), "f")
    assert same_bits(lambda: conv.weight_gradient(x, g, ONE, (1, 1)))


def test_nan_stays_in_its_channel():
    x, g = operands((2, 32, 4, 4, 20), "f")
    x[1, 3, 2, 2] = np.nan
    dw = conv.weight_gradient(x, g, ONE, (1, 1))
    assert np.isnan(dw[:, 3]).all() and np.isfinite(np.delete(dw, 3, 1)).all()


def test_it_is_chosen_for_whole_vectors_of_channels(monkeypatch):
    monkeypatch.undo()

    def chosen(channels, outputs, kernel=1, stride=1):
        geometry = Geometry((stride, stride), (kernel // 2,) * 2, (1, 1))
        counts = geometry.output_sizes((8, 8), (kernel, kernel))
        shapes = (4, channels, 8, 8), (4, outputs, *counts)
        return isinstance(
            conv._weight_route(*shapes, geometry, (kernel, kernel), np.dtype("f"))[0], conv.PointWeights
        )

    assert chosen(64, 64) and chosen(256, 16)
    assert not chosen(3, 64) and not chosen(64, 4) and not chosen(64, 64, 3) and not chosen(64, 64, 1, 2)
