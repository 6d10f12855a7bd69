"""4x4 convolution of stride 2 by Winograd's algorithm, against sums in float64."""

import numpy as np
import pytest

from rushlight.arrays import convolution as oracle
from rushlight.arrays.convolution import Geometry
from rushlight.kernels import conv, native, winograd_strided
from rushlight.kernels.winograd import both
from rushlight.kernels.winograd_strided import BACKWARD, BACKWARD_ODD, FORWARD, FORWARD_ODD
from tests.kernels.threads import same_bits

pytestmark = pytest.mark.skipif(not native.on(), reason="machine code is off")


@pytest.fixture
def always(monkeypatch):
    """Wherever there is code for it."""
    conv._route.cache_clear()
    monkeypatch.setattr(winograd_strided, "pays", winograd_strided.suits)
    yield
    conv._route.cache_clear()


SHAPES = [  # (N, C, H, W, O, padding): odd sizes, several images a block, several blocks an image, tails
    (1, 16, 4, 4, 16, 1), (3, 32, 9, 12, 20, 1), (9, 16, 8, 8, 144, 1), (2, 16, 70, 37, 33, 1),
    (2, 16, 7, 150, 5, 1), (40, 16, 2, 2, 1, 1), (2, 32, 11, 10, 40, 0), (2, 16, 6, 5, 17, 2),
]  # fmt: skip


def close(actual, expected, terms):
    """Equal to the rounding of a sum of so many terms."""
    assert actual.shape == expected.shape
    limit = max(8, terms**0.5) * np.finfo(actual.dtype).eps * np.abs(expected).max()
    np.testing.assert_allclose(actual, expected, rtol=0, atol=limit)


@pytest.mark.parametrize("size", [3, 4])
@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", SHAPES)
def test_convolution(shape, dtype, biased, size, always, monkeypatch):
    images, channels, height, width, outputs, p = shape
    rng, geometry = np.random.default_rng(0), Geometry((2, 2), (p, p), (1, 1))
    x = rng.standard_normal((images, channels, height, width)).astype(dtype)
    w = rng.standard_normal((outputs, channels, size, size)).astype(dtype)
    bias = rng.standard_normal(outputs).astype(dtype) if biased else None
    counts = geometry.output_sizes((height, width), (size, size))
    route, _ = conv._route(x.shape, w.shape, geometry, counts, False, x.dtype)
    assert isinstance(route, conv.ByStridedTiles)
    y = conv.convolve(x, w, bias, geometry, counts)
    monkeypatch.setattr(conv, "suits", lambda *_: False)
    close(y, oracle.convolution(x.astype(float), w.astype(float), geometry, None, bias), w[0].size)


@pytest.mark.parametrize("size", [3, 4])
@pytest.mark.parametrize("extra", [0, 1])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [shape for shape in SHAPES if shape[-1] == 1])
def test_input_gradient(shape, dtype, extra, size, always, monkeypatch):
    images, outputs, height, width, channels, p = shape
    rng, geometry = np.random.default_rng(0), Geometry((2, 2), (p, p), (1, 1))
    g = rng.standard_normal((images, outputs, height, width)).astype(dtype)
    w = rng.standard_normal((outputs, channels, size, size)).astype(dtype)
    bias = rng.standard_normal(channels).astype(dtype)
    sizes = geometry.transposed_sizes((height, width), (size, size), (extra, extra))
    route, _ = conv._route(g.shape, w.shape, geometry, sizes, True, g.dtype)
    assert isinstance(route, conv.ByStridedTiles)
    dx = conv.convolve(g, w, bias, geometry, sizes, transposed=True)
    monkeypatch.setattr(conv, "suits", lambda *_: False)
    expected = oracle.input_gradient(g.astype(float), w.astype(float), geometry, sizes, bias)
    close(dx, expected, 4 * outputs)


@pytest.mark.parametrize("scheme", [FORWARD, BACKWARD, FORWARD_ODD, BACKWARD_ODD])
def test_a_scheme_along_one_axis_is_exact(scheme):
    x, w = np.arange(1, scheme.size + 1) ** 2, np.array([2, 3, 5, 7])[: scheme.taps]
    inputs, weights = scheme.inputs(*x), scheme.weights(*w)
    y = scheme.outputs(*(sum(inputs[i] * weights[k] for i, k in some) for some in scheme.meets))
    if scheme.made == 2:
        assert y == [x[: scheme.taps] @ w, x[2 : 2 + scheme.taps] @ w]
    else:  # input i is before output 2i, and adds to it and its neighbours, from 2i - 1 on
        spread = np.zeros(2 * scheme.size + 4, int)
        for i, number in enumerate(x):
            spread[2 * i : 2 * i + scheme.taps] += number * w
        first = 1 + 2 * scheme.before
        assert y == list(spread[first : first + 4])
    assert len(both(scheme.inputs, np.ones((scheme.size, scheme.size)))) ** 2 == scheme.matrices


def test_any_number_of_threads_gives_the_same_bits(always):
    rng, geometry = np.random.default_rng(0), Geometry((2, 2), (1, 1), (1, 1))
    x = rng.standard_normal((5, 16, 12, 12)).astype("f")
    w, back = (rng.standard_normal(shape).astype("f") for shape in ((80, 16, 4, 4), (16, 80, 4, 4)))
    assert same_bits(
        lambda: (
            conv.convolve(x, w, None, geometry, (6, 6)),
            conv.convolve(x, back, None, geometry, (24, 24), True),
        )
    )


def test_it_is_chosen_for_many_channels():
    def chosen(images, channels, size, outputs, kernel=4, transposed=False):
        counts = (size * 2,) * 2 if transposed else (size // 2,) * 2
        w = (channels, outputs, kernel, kernel) if transposed else (outputs, channels, kernel, kernel)
        geometry = Geometry((2, 2), (1, 1), (1, 1))
        x = (images, channels, size, size)
        route, _ = conv._route(x, w, geometry, counts, transposed, np.dtype("f"))
        return isinstance(route, conv.ByStridedTiles)

    assert chosen(32, 64, 16, 128) and chosen(32, 256, 4, 128, transposed=True)
    assert not chosen(32, 3, 32, 64) and not chosen(32, 64, 16, 128, 5) and not chosen(1, 64, 8, 64)
