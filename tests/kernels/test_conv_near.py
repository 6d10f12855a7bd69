"""Convolution with one vector of outputs, against sums in float64."""

import numpy as np
import pytest

from rushlight.arrays import convolution as oracle
from rushlight.arrays.convolution import Geometry
from rushlight.kernels import conv, conv_lines, conv_near, native, targets, winograd
from tests.kernels.threads import same_bits

pytestmark = pytest.mark.skipif(
    not native.on() or targets.host().registers < 32, reason="no machine code with 32 registers"
)


@pytest.fixture(autouse=True)
def always(monkeypatch):
    """Whatever has a tile."""
    conv._route.cache_clear()
    monkeypatch.setattr(winograd, "pays", lambda *_: False)
    monkeypatch.setattr(conv_lines, "pays", lambda *_: False)
    fits = lambda s, lanes, registers: s.counts[0] > 1 and s.outputs <= lanes  # noqa: E731
    monkeypatch.setattr(conv_near, "pays", fits)
    yield
    conv._route.cache_clear()


SHAPES = [  # (N, C, H, W, O, kernel, stride): two lines and more, columns that tiles do not fill
    (64, 6, 14, 14, 8, (5, 5), 1), (1, 1, 3, 4, 1, (2, 3), 1), (5, 3, 64, 50, 8, (7, 7), 2),
    (3, 9, 8, 35, 5, (3, 4), 1), (2, 40, 9, 33, 7, (4, 3), 2), (2, 2, 7, 9, 3, (1, 5), 1),
]  # fmt: skip


def operands(shape, dtype):
    """x, w, bias, the geometry and the sizes of the output."""
    images, channels, height, width, outputs, kernel, stride = shape
    rng, geometry = np.random.default_rng(0), Geometry((stride, stride), (0, 0), (1, 1))
    x = rng.standard_normal((images, channels, height, width)).astype(dtype)
    w = rng.standard_normal((outputs, channels, *kernel)).astype(dtype)
    bias = rng.standard_normal(outputs).astype(dtype)
    return x, w, bias, geometry, geometry.output_sizes((height, width), kernel)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", SHAPES)
def test_convolution(shape, dtype, monkeypatch):
    x, w, bias, geometry, counts = operands(shape, dtype)
    route, _ = conv._route(x.shape, w.shape, geometry, counts, False, x.dtype)
    assert isinstance(route, conv.Near)
    y = conv.convolve(x, w, bias, geometry, counts)
    monkeypatch.setattr(conv, "suits", lambda *_: False)
    expected = oracle.convolution(x.astype(float), w.astype(float), geometry, None, bias)
    assert y.shape == expected.shape
    limit = 16 * np.finfo(dtype).eps * np.abs(expected).max()
    np.testing.assert_allclose(y, expected, rtol=0, atol=limit)


def test_any_number_of_threads_gives_the_same_bits():
    x, w, bias, geometry, counts = operands(SHAPES[0], "f")
    assert same_bits(lambda: conv.convolve(x, w, bias, geometry, counts))


def test_it_is_chosen_for_one_vector_of_outputs(monkeypatch):
    monkeypatch.undo()

    def chosen(channels, size, outputs, kernel, padding=0):
        geometry = Geometry((1, 1), (padding, padding), (1, 1))
        counts = geometry.output_sizes((size, size), (kernel, kernel))
        shapes = (64, channels, size, size), (outputs, channels, kernel, kernel)
        return isinstance(conv._route(*shapes, geometry, counts, False, np.dtype("f"))[0], conv.Near)

    lanes = targets.host().lanes(conv.f32)
    assert chosen(6, 14, lanes, 5)
    assert not chosen(6, 14, 2 * lanes, 5) and not chosen(6, 14, lanes, 1) and not chosen(6, 14, lanes, 5, 2)
