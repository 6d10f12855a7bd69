"""Weight gradients as inner products of pixels, against sums in float64."""

import numpy as np
import pytest

from rushlight.arrays import convolution as oracle
from rushlight.arrays.convolution import Geometry
from rushlight.kernels import conv, conv_dots, conv_points_weight, native, winograd_weight
from tests.kernels.threads import same_bits

pytestmark = pytest.mark.skipif(not native.on(), reason="machine code is off")


def fits(s, lanes):
    """Whether there is code for it."""
    return s.groups == 1 and (s.stride == (1, 1) if s.kernel != (1, 1) else s.padding == (0, 0))


@pytest.fixture
def always(monkeypatch):
    """By inner products wherever it can be."""
    conv._weight_route.cache_clear()
    monkeypatch.setattr(winograd_weight, "pays", lambda *_: False)
    monkeypatch.setattr(conv_points_weight, "pays", lambda *_: False)
    monkeypatch.setattr(conv_dots, "pays", fits)
    yield
    conv._weight_route.cache_clear()


SHAPES = [  # (N, C, H, W, O, kernel, stride, padding, dilation): tails, several blocks, blocks of lines
    (3, 3, 32, 32, 64, (3, 3), (1, 1), 1, 1), (1, 1, 1, 1, 1, (1, 1), (1, 1), 0, 1),
    (9, 2, 7, 9, 5, (2, 3), (1, 1), 2, 2), (17, 5, 6, 19, 4, (1, 2), (1, 1), 0, 1),
    (2, 3, 256, 130, 2, (3, 3), (1, 1), 2, 1), (5, 64, 16, 16, 33, (1, 1), (2, 2), 0, 1),
    (2, 7, 31, 30, 8, (1, 1), (2, 3), 0, 1), (3, 20, 9, 9, 10, (1, 1), (1, 1), 0, 1),
    (1, 2, 700, 101, 3, (1, 2), (1, 1), 0, 1),
]  # fmt: skip


def operands(shape, dtype):
    """x, g and the geometry."""
    images, channels, height, width, outputs, kernel, stride, p, d = shape
    rng, geometry = np.random.default_rng(0), Geometry(stride, (p, p), (d, d))
    counts = geometry.output_sizes((height, width), kernel)
    x = rng.standard_normal((images, channels, height, width)).astype(dtype)
    return x, rng.standard_normal((images, outputs, *counts)).astype(dtype), geometry


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", SHAPES)
def test_weight_gradient(shape, dtype, always, monkeypatch):
    x, g, geometry = operands(shape, dtype)
    route, _ = conv._weight_route(x.shape, g.shape, geometry, shape[5], x.dtype)
    assert isinstance(route, conv.Dots)
    dw = conv.weight_gradient(x, g, geometry, shape[5])
    monkeypatch.setattr(conv, "suits", lambda *_: False)
    expected = oracle.weight_gradient(x.astype(float), g.astype(float), geometry, shape[5])
    assert dw.shape == expected.shape
    terms = g[:, 0].size
    limit = max(8, terms**0.5 / 8) * np.finfo(dtype).eps * np.abs(expected).max()
    np.testing.assert_allclose(dw, expected, rtol=0, atol=limit)


def test_what_lies_beside_a_line_is_not_used(always):
    x, g, geometry = operands((2, 1, 3, 20, 4, (1, 2), (1, 1), 0, 1), "f")
    whole = conv.weight_gradient(x, g, geometry, (1, 2))
    x[:, :, 1], g[:, :, 1] = np.inf, 0
    assert np.isnan(conv.weight_gradient(x, g, geometry, (1, 2))).all()  # as 0 · inf is
    x[:, :, 1] = 0
    assert np.isfinite(conv.weight_gradient(x, g, geometry, (1, 2))).all() and np.isfinite(whole).all()


@pytest.mark.parametrize("shape", [SHAPES[0], SHAPES[4], SHAPES[5]])
def test_any_number_of_threads_gives_the_same_bits(shape, always):
    x, g, geometry = operands(shape, "f")
    assert same_bits(lambda: conv.weight_gradient(x, g, geometry, shape[5]))


def test_it_is_chosen_for_few_inputs():
    def chosen(channels, size, outputs, kernel, stride=1):
        geometry = Geometry((stride, stride), (kernel // 2, kernel // 2), (1, 1))
        x = 32, channels, size, size
        g = (32, outputs, *geometry.output_sizes((size, size), (kernel, kernel)))
        route, _ = conv._weight_route(x, g, geometry, (kernel, kernel), np.dtype("f"))
        return isinstance(route, conv.Dots)

    assert chosen(3, 32, 64, 3) and chosen(64, 32, 128, 1, 2)
    assert not chosen(64, 32, 64, 3) and not chosen(256, 14, 64, 1) and not chosen(3, 224, 64, 7, 2)
