"""Convolution with one window as products of matrices, against sums in float64."""

import numpy as np
import pytest

from rushlight.arrays import convolution as routes
from rushlight.arrays import one_window
from rushlight.arrays.convolution import Geometry
from rushlight.kernels import conv, native

pytestmark = pytest.mark.skipif(not native.on(), reason="machine code is off")

SHAPES = [  # (N, C, kernel, O)
    (32, 5, (4, 4), 7), (1, 1, (2, 1), 1), (3, 20, (5, 3), 40), (2, 3, (4,), 5), (1, 64, (7, 7), 130),
]  # fmt: skip


def operands(shape, dtype="d"):
    """x, w, bias, g and a geometry."""
    images, channels, kernel, outputs = shape
    rng, ones = np.random.default_rng(0), (1,) * len(kernel)
    sizes = (images, channels, *kernel), (outputs, channels, *kernel), (outputs,), (images, outputs, *ones)
    geometry = Geometry(tuple(2 for _ in kernel), tuple(0 for _ in kernel), ones)
    return *(rng.standard_normal(size).astype(dtype) for size in sizes), geometry


def all_three(x, w, bias, g, geometry):
    """y with and without a bias, dx, dw."""
    kernel = w.shape[2:]
    return (
        routes.convolution(x, w, geometry),
        routes.convolution(x, w, geometry, None, bias),
        routes.input_gradient(g, w, geometry, kernel),
        routes.weight_gradient(x, g, geometry, kernel),
    )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", SHAPES)
def test_all_three_directions(shape, dtype, monkeypatch):
    *arrays, geometry = operands(shape, dtype)
    found = all_three(*arrays, geometry)
    monkeypatch.setattr(conv, "suits", lambda *_: False)
    for actual, expected in zip(found, all_three(*(a.astype(float) for a in arrays), geometry), strict=True):
        assert actual.shape == expected.shape and actual.dtype == dtype
        limit = 32 * np.finfo(dtype).eps * np.abs(expected).max()
        np.testing.assert_allclose(actual, expected, rtol=0, atol=limit)


def test_whatever_else_is_left_alone():
    x, w, bias, g, _ = operands(SHAPES[0], "f")
    none, one = (0, 0), (1, 1)
    assert one_window.convolution(x, w, bias, none, 1) is not None
    assert one_window.convolution(x, w, bias, one, 1) is None
    assert one_window.convolution(x[:, :, :, ::-1], w, bias, none, 1) is None
    assert one_window.convolution(x[:0], w, bias, none, 1) is None
    assert one_window.convolution(x, w[:, :, 1:], bias, none, 1) is None
    assert one_window.convolution(x.astype(np.float16), w.astype(np.float16), bias, none, 1) is None
    assert one_window.input_gradient(g, w, none, 1, (4, 5)) is None
    assert one_window.input_gradient(np.ones((2, 7, 2, 1), "f"), w, none, 1, (4, 4)) is None
    assert one_window.weight_gradient(x, g, none, 1, (3, 4)) is None


def test_what_is_not_finite_stays_in_its_image():
    x, w, bias, _, geometry = operands(SHAPES[0], "f")
    x[3, 0, 0, 0] = np.inf
    y = routes.convolution(x, w, geometry, None, bias)
    assert np.isinf(y[3]).all() and np.isfinite(np.delete(y, 3, 0)).all()
