"""Winograd's convolution against sums in float64, at float32's own accuracy."""

import numpy as np
import pytest

from rushlight.arrays import convolution as oracle
from rushlight.arrays.convolution import Geometry
from rushlight.kernels import conv, native, winograd, winograd_panels
from tests.kernels.threads import same_bits

pytestmark = pytest.mark.skipif(not native.on(), reason="machine code is off")


@pytest.fixture(autouse=True)
def always(monkeypatch):
    """Winograd wherever it can be, small or not."""
    conv._route.cache_clear()
    monkeypatch.setattr(winograd, "pays", lambda s, lanes: s.channels % lanes == 0)
    yield
    conv._route.cache_clear()


SHAPES = [  # (N, C, H, W, O, padding): odd sizes, several images a block, several blocks an image
    (1, 16, 4, 4, 16, 1), (2, 16, 7, 9, 40, 1), (3, 32, 32, 32, 64, 1), (9, 64, 8, 8, 33, 0),
    (17, 128, 4, 4, 160, 1), (2, 64, 56, 30, 64, 2), (1, 16, 1, 1, 5, 1), (3, 16, 65, 5, 16, 0),
]  # fmt: skip


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("panels", [False, True])
def test_convolution_and_input_gradient(shape, dtype, panels, monkeypatch):
    monkeypatch.setattr(winograd_panels, "pays", lambda s: panels and max(s.counts) <= 16)
    images, channels, height, width, outputs, p = shape
    rng = np.random.default_rng(0)
    x = rng.standard_normal((images, channels, height, width)).astype(dtype)
    w = rng.standard_normal((outputs, channels, 3, 3)).astype(dtype)
    bias = rng.standard_normal(outputs).astype(dtype)
    geometry = Geometry((1, 1), (p, p), (1, 1))
    counts = geometry.output_sizes(x.shape[2:], (3, 3))
    g = rng.standard_normal((images, channels, *counts)).astype(dtype)
    back = np.ascontiguousarray(w.swapaxes(0, 1))
    y = conv.convolve(x, w, bias, geometry, counts)
    dx = conv.convolve(g, back, None, geometry, (height, width), transposed=True)
    monkeypatch.setattr(conv, "suits", lambda *_: False)
    close(y, oracle.convolution(x.astype(float), w.astype(float), geometry, None, bias))
    close(dx, oracle.input_gradient(g.astype(float), back.astype(float), geometry, (height, width)))


def close(actual, expected):
    """As near as a direct sum comes."""
    assert actual.shape == expected.shape
    limit = 8 * np.finfo(actual.dtype).eps * np.abs(expected).max()
    np.testing.assert_allclose(actual, expected, rtol=0, atol=limit)


@pytest.mark.parametrize("panels", [False, True])
def test_any_number_of_threads_gives_the_same_bits(panels, monkeypatch):
    monkeypatch.setattr(winograd_panels, "pays", lambda s: panels and max(s.counts) <= 16)
    rng = np.random.default_rng(0)
    size = 15 if panels else 20
    x, w = (
        rng.standard_normal((5, 32, size, size), np.float32),
        rng.standard_normal((160, 32, 3, 3), np.float32),
    )
    assert same_bits(lambda: conv.convolve(x, w, None, Geometry((1, 1), (1, 1), (1, 1)), (size, size)))


def test_it_is_chosen_where_it_saves_more_than_it_costs(monkeypatch):
    monkeypatch.undo()
    geometry = Geometry((1, 1), (1, 1), (1, 1))

    def chosen(images, channels, size):
        x, w = (images, channels, size, size), (channels, channels, 3, 3)
        route, _ = conv._route(x, w, geometry, (size, size), False, np.dtype("f"))
        return type(route)

    assert chosen(32, 64, 32) is conv.ByTiles and chosen(32, 512, 4) is conv.ByPanels
    assert chosen(1, 512, 4) is conv.Few and chosen(32, 3, 32) is not conv.ByTiles
