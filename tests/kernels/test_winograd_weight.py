"""Winograd's weight gradient against sums in float64, at float32's own accuracy."""

import numpy as np
import pytest

from rushlight.arrays import convolution as oracle
from rushlight.arrays.convolution import Geometry
from rushlight.kernels import conv, conv_last, native, winograd_weight
from tests.kernels.threads import same_bits

pytestmark = pytest.mark.skipif(not native.on(), reason="machine code is off")


@pytest.fixture(autouse=True)
def always(monkeypatch):
    """Winograd wherever it can be, small or not."""
    conv._weight_route.cache_clear()
    monkeypatch.setattr(winograd_weight, "pays", winograd_weight.suits)
    yield
    conv._weight_route.cache_clear()


SHAPES = [  # (N, C, H, W, O, padding): odd sizes, images that fill no block, several blocks an image
    (1, 16, 4, 4, 16, 1), (2, 16, 7, 9, 48, 1), (3, 48, 32, 32, 64, 1), (9, 64, 8, 8, 32, 0),
    (17, 128, 4, 4, 160, 1), (2, 64, 56, 30, 64, 2), (1, 16, 1, 1, 16, 1), (3, 16, 65, 5, 16, 0),
]  # fmt: skip
ONE = Geometry((1, 1), (1, 1), (1, 1))


def operands(shape, dtype):
    """x, g and the geometry."""
    images, channels, height, width, outputs, p = shape
    rng, geometry = np.random.default_rng(0), Geometry((1, 1), (p, p), (1, 1))
    counts = geometry.output_sizes((height, width), (3, 3))
    x = rng.standard_normal((images, channels, height, width)).astype(dtype)
    return x, rng.standard_normal((images, outputs, *counts)).astype(dtype), geometry


def exact(x, g, geometry, monkeypatch, kernel=(3, 3)):
    """The gradient in float64."""
    with monkeypatch.context() as m:
        m.setattr(conv, "suits", lambda *_: False)
        return oracle.weight_gradient(x.astype(float), g.astype(float), geometry, kernel)


def close(actual, expected):
    """As near as a direct sum comes."""
    assert actual.shape == expected.shape
    limit = 8 * np.finfo(actual.dtype).eps * np.abs(expected).max()
    np.testing.assert_allclose(actual, expected, rtol=0, atol=limit)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("sums, stage", [(1 << 16, 5 << 18), (0, 1 << 15), (1 << 16, 1 << 15)])
def test_weight_gradient(shape, dtype, sums, stage, monkeypatch):
    monkeypatch.setattr(winograd_weight, "SUMS", sums)
    monkeypatch.setattr(winograd_weight, "STAGE", stage)
    x, g, geometry = operands(shape, dtype)
    route, _ = conv._weight_route(x.shape, g.shape, geometry, (3, 3), x.dtype)
    assert isinstance(route, conv.TileWeights) and bool(route.plan.squares) == (sums == 0)
    close(conv.weight_gradient(x, g, geometry, (3, 3)), exact(x, g, geometry, monkeypatch))


STRIDED = [  # the same, for stride 2
    (1, 16, 4, 4, 16, 1), (2, 16, 7, 9, 48, 1), (3, 48, 32, 32, 64, 1), (9, 64, 9, 8, 32, 0),
    (17, 128, 4, 4, 160, 1), (2, 64, 111, 30, 64, 2), (3, 16, 131, 5, 16, 0), (1, 16, 2, 2, 16, 1),
]  # fmt: skip


@pytest.mark.parametrize("size", [3, 4])
@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", STRIDED)
@pytest.mark.parametrize("sums, stage", [(1 << 16, 5 << 18), (0, 1 << 15), (1 << 16, 1 << 15)])
def test_strided_weight_gradient(shape, dtype, sums, stage, last, size, monkeypatch):
    monkeypatch.setattr(winograd_weight, "SUMS", sums)
    monkeypatch.setattr(winograd_weight, "STAGE", stage)
    images, channels, height, width, outputs, p = shape
    rng, geometry, kernel = np.random.default_rng(0), Geometry((2, 2), (p, p), (1, 1)), (size, size)
    counts = geometry.output_sizes((height, width), kernel)
    x = rng.standard_normal((images, channels, height, width)).astype(dtype)
    g = rng.standard_normal((images, outputs, *counts)).astype(dtype)
    module = conv_last if last else conv
    module._weight_route.cache_clear()
    route, _ = module._weight_route(x.shape, g.shape, geometry, kernel, x.dtype)
    assert isinstance(route, conv.TileWeights) and bool(route.plan.squares) == (sums == 0)
    given = [
        np.ascontiguousarray(a.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2) if last else a for a in (x, g)
    ]
    dw = module.weight_gradient(*given, geometry, kernel)
    module._weight_route.cache_clear()
    close(dw, exact(x, g, geometry, monkeypatch, kernel))


def test_nothing_but_numbers_of_the_images_is_used():
    x, g, geometry = operands((3, 16, 7, 9, 16, 1), "f")
    twice = [conv.weight_gradient(x, g, geometry, (3, 3)) for _ in range(2)]
    assert np.isfinite(twice[0]).all() and twice[0].tobytes() == twice[1].tobytes()
    np.testing.assert_array_equal(conv.weight_gradient(x, g * 0, geometry, (3, 3)), 0)


@pytest.mark.parametrize("sums", [0, 1 << 16])
def test_any_number_of_threads_gives_the_same_bits(sums, monkeypatch):
    monkeypatch.setattr(winograd_weight, "SUMS", sums)
    x, g, geometry = operands((37, 32, 20, 20, 160, 1), "f")
    assert same_bits(lambda: conv.weight_gradient(x, g, geometry, (3, 3)))


def test_it_is_chosen_where_it_saves_more_than_it_costs(monkeypatch):
    monkeypatch.undo()

    def chosen(images, channels, size):
        x = images, channels, size, size
        route, _ = conv._weight_route(x, x, ONE, (3, 3), np.dtype("f"))
        return isinstance(route, conv.TileWeights)

    assert chosen(32, 64, 32) and chosen(32, 512, 4)
    assert not chosen(1, 512, 4) and not chosen(32, 3, 32)
