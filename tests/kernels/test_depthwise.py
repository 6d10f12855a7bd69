"""Depthwise convolution and its gradients against sums in float64."""

import numpy as np
import pytest

from rushlight.arrays import convolution as oracle
from rushlight.kernels import conv, native
from tests.kernels.depthwise_cases import close, operands
from tests.kernels.threads import same_bits

pytestmark = pytest.mark.skipif(not native.on(), reason="machine code is off")

SHAPES = [  # (N, C, H, W, kernel, stride, padding, dilation)
    (2, 3, 9, 9, (3, 3), (1, 1), (1, 1), (1, 1)), (2, 5, 17, 33, (3, 3), (2, 2), (1, 1), (1, 1)),
    (1, 2, 7, 40, (5, 5), (2, 2), (2, 2), (1, 1)), (3, 4, 8, 16, (3, 2), (1, 2), (0, 1), (2, 3)),
    (2, 3, 6, 6, (1, 1), (2, 2), (0, 0), (1, 1)), (2, 2, 14, 14, (7, 7), (1, 1), (3, 3), (1, 1)),
    (2, 2, 5, 5, (3, 3), (2, 1), (4, 4), (1, 1)), (1, 64, 4, 4, (3, 3), (1, 1), (1, 1), (1, 1)),
    (2, 2, 1, 31, (1, 4), (1, 2), (0, 3), (1, 2)), (2, 3, 12, 13, (3, 3), (3, 3), (1, 1), (1, 1)),
]  # fmt: skip


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", SHAPES)
def test_all_three_directions(shape, dtype, monkeypatch):
    geometry, counts, x, w, bias, g = operands(shape, dtype)
    y = conv.convolve(x, w, bias, geometry, counts)
    dx = conv.convolve(g, w, None, geometry, x.shape[2:], transposed=True)
    dw = conv.weight_gradient(x, g, geometry, w.shape[2:])
    monkeypatch.setattr(conv, "suits", lambda *_: False)
    x, w, bias, g = (a.astype(float) for a in (x, w, bias, g))
    close(y, oracle.convolution(x, w, geometry, None, bias))
    close(dx, oracle.input_gradient(g, w, geometry, x.shape[2:]))
    close(dw, oracle.weight_gradient(x, g, geometry, w.shape[2:]))


def test_what_is_not_finite_stays_where_it_is():
    geometry, counts, x, w, bias, g = operands(SHAPES[0], "float32")
    x[0, 0, 0, 0], x[1, 2, 8, 8] = np.nan, np.inf
    y = conv.convolve(x, w, bias, geometry, counts)
    assert np.isnan(y).sum() == 4 and np.isinf(y).sum() == 4
    dw = conv.weight_gradient(x, g, geometry, (3, 3))
    assert np.isfinite(dw[1]).all()


def test_any_number_of_threads_gives_the_same_bits():
    geometry, counts, x, w, bias, g = operands((3, 40, 30, 30, (3, 3), (2, 2), (1, 1), (1, 1)), "float32")
    assert same_bits(
        lambda: (
            conv.convolve(x, w, bias, geometry, counts),
            conv.weight_gradient(x, g, geometry, (3, 3)),
        )
    )
