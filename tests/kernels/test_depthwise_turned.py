"""Depthwise convolution of small images and its gradients against sums in float64."""

import numpy as np
import pytest

from rushlight.arrays import convolution as oracle
from rushlight.arrays.convolution import Geometry
from rushlight.kernels import conv, depthwise_turned, native
from tests.kernels.depthwise_cases import close, operands
from tests.kernels.threads import same_bits

pytestmark = pytest.mark.skipif(not native.on(), reason="machine code is off")


@pytest.fixture(autouse=True)
def always(monkeypatch):
    """Wherever there is code for it."""
    routes = conv._route, conv._weight_route
    for route in routes:
        route.cache_clear()
    monkeypatch.setattr(
        depthwise_turned, "pays", lambda s, _: s.kernel[0] * s.kernel[1] <= depthwise_turned.MOST_TAPS
    )
    yield
    for route in routes:
        route.cache_clear()


SHAPES = [  # (N, C, H, W, kernel, stride, padding, dilation): whole groups of channels, and tails
    (2, 16, 4, 4, (3, 3), (1, 1), (1, 1), (1, 1)), (3, 37, 8, 8, (3, 3), (2, 2), (1, 1), (1, 1)),
    (1, 2, 7, 5, (4, 4), (2, 2), (2, 2), (1, 1)), (3, 20, 8, 6, (3, 2), (1, 2), (0, 1), (2, 3)),
    (2, 18, 6, 6, (1, 1), (2, 2), (0, 0), (1, 1)), (2, 33, 5, 5, (3, 3), (2, 1), (4, 4), (1, 1)),
    (2, 2, 1, 9, (1, 4), (1, 2), (0, 3), (1, 2)), (1, 48, 1, 1, (3, 3), (1, 1), (1, 1), (1, 1)),
    (2, 19, 13, 17, (3, 3), (1, 1), (1, 1), (1, 1)), (1, 17, 2, 3, (3, 3), (2, 2), (1, 1), (1, 1)),
]  # fmt: skip


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", SHAPES)
def test_all_three_directions(shape, dtype, monkeypatch):
    geometry, counts, x, w, bias, g = operands(shape, dtype)
    kernel = w.shape[2:]
    route, _ = conv._route(x.shape, w.shape, geometry, counts, False, x.dtype)
    assert isinstance(route, conv.DepthwiseTurned)
    route, _ = conv._weight_route(x.shape, g.shape, geometry, kernel, x.dtype)
    assert isinstance(route, conv.DepthwiseTurnedWeights)
    y = conv.convolve(x, w, bias, geometry, counts)
    plain = conv.convolve(x, w, None, geometry, counts)
    dx = conv.convolve(g, w, None, geometry, x.shape[2:], transposed=True)
    dw = conv.weight_gradient(x, g, geometry, kernel)
    monkeypatch.setattr(conv, "suits", lambda *_: False)
    x, w, bias, g = (a.astype(float) for a in (x, w, bias, g))
    close(y, oracle.convolution(x, w, geometry, None, bias))
    close(plain, oracle.convolution(x, w, geometry))
    close(dx, oracle.input_gradient(g, w, geometry, x.shape[2:]))
    close(dw, oracle.weight_gradient(x, g, geometry, kernel))


def test_what_is_not_finite_stays_where_it_is():
    geometry, counts, x, w, bias, g = operands((2, 18, 6, 6, (3, 3), (1, 1), (1, 1), (1, 1)), "float32")
    x[0, 0, 0, 0], x[1, 17, 5, 5] = np.nan, np.inf
    y = conv.convolve(x, w, bias, geometry, counts)
    assert np.isnan(y).sum() == 4 and np.isinf(y).sum() == 4
    dw = conv.weight_gradient(x, g, geometry, (3, 3))
    assert np.isfinite(dw[1:17]).all() and not np.isfinite(dw[[0, 17]]).all()


def test_any_number_of_threads_gives_the_same_bits():
    geometry, counts, x, w, bias, g = operands((5, 70, 8, 8, (3, 3), (2, 2), (1, 1), (1, 1)), "float32")
    assert same_bits(
        lambda: (
            conv.convolve(x, w, bias, geometry, counts),
            conv.weight_gradient(x, g, geometry, (3, 3)),
        )
    )


def test_it_is_chosen_for_short_lines(monkeypatch):
    monkeypatch.undo()

    def chosen(channels, size, stride=1, kernel=3):
        geometry = Geometry((stride, stride), (kernel // 2,) * 2, (1, 1), channels)
        counts = geometry.output_sizes((size, size), (kernel, kernel))
        shapes = (4, channels, size, size), (channels, 1, kernel, kernel)
        route = conv._route(*shapes, geometry, counts, False, np.dtype("f"))[0]
        return isinstance(route, conv.DepthwiseTurned)

    assert chosen(512, 2) and chosen(64, 2, 2)
    assert not chosen(64, 32) and not chosen(2, 2) and not chosen(64, 2, kernel=5)
