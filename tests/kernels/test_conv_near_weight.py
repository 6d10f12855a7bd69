"""Weight gradients with one vector of outputs, against sums in float64."""

import os
import subprocess
import sys

import numpy as np
import pytest

from rushlight.arrays import convolution as oracle
from rushlight.arrays.convolution import Geometry
from rushlight.kernels import conv, conv_near_weight, native, targets, winograd_weight
from tests.kernels import guarded
from tests.kernels.threads import same_bits

pytestmark = pytest.mark.skipif(
    not native.on() or targets.host().registers < 32, reason="no machine code with 32 registers"
)
GEOMETRY = Geometry((1, 1), (0, 0), (1, 1))


def fits(s, lanes, registers):
    """Whatever has a kernel."""
    return s.outputs <= lanes and s.groups == 1 and s.padding == (0, 0)


@pytest.fixture(autouse=True)
def always(monkeypatch):
    """Whatever has a kernel."""
    conv._weight_route.cache_clear()
    monkeypatch.setattr(winograd_weight, "pays", lambda *_: False)
    monkeypatch.setattr(conv_near_weight, "pays", fits)
    yield
    conv._weight_route.cache_clear()


SHAPES = [  # (N, C, H, W, O, kernel): blocks and tiles that are not full, lines in one part and in several
    (64, 6, 14, 14, 8, (5, 5)), (1, 1, 3, 7, 1, (2, 3)), (35, 3, 4, 26, 5, (3, 7)), (17, 7, 9, 8, 3, (4, 4)),
    (33, 2, 5, 38, 7, (1, 3)), (2, 5, 1, 9, 6, (1, 5)), (5, 4, 3, 60, 2, (3, 1)),
]  # fmt: skip


def operands(shape, dtype):
    """x, g and the kernel's sizes."""
    images, channels, height, width, outputs, kernel = shape
    rng = np.random.default_rng(0)
    x = rng.standard_normal((images, channels, height, width))
    g = rng.standard_normal((images, outputs, *GEOMETRY.output_sizes((height, width), kernel)))
    return x.astype(dtype), g.astype(dtype), kernel


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", SHAPES)
def test_weight_gradient(shape, dtype, monkeypatch):
    x, g, kernel = operands(shape, dtype)
    route, _ = conv._weight_route(x.shape, g.shape, GEOMETRY, kernel, x.dtype)
    assert isinstance(route, conv.NearWeights)
    dw = conv.weight_gradient(x, g, GEOMETRY, kernel)
    monkeypatch.setattr(conv, "suits", lambda *_: False)
    expected = oracle.weight_gradient(x.astype(float), g.astype(float), GEOMETRY, kernel)
    assert dw.shape == expected.shape
    limit = 32 * np.finfo(dtype).eps * np.abs(expected).max()
    np.testing.assert_allclose(dw, expected, rtol=0, atol=limit)


def test_any_number_of_threads_gives_the_same_bits():
    x, g, kernel = operands(SHAPES[0], "f")
    assert same_bits(lambda: conv.weight_gradient(x, g, GEOMETRY, kernel))


@pytest.mark.parametrize("side", guarded.SIDES)
def test_nothing_beside_its_arrays_is_touched(side):
    command = [sys.executable, "-m", "tests.kernels.test_conv_near_weight", side]
    assert subprocess.run(command, check=True, capture_output=True, text=True).stdout == "done\n"


def test_it_is_chosen_for_one_vector_of_outputs(monkeypatch):
    monkeypatch.undo()

    def chosen(images, size, outputs, kernel, padding=0):
        geometry = Geometry((1, 1), (padding, padding), (1, 1))
        counts = geometry.output_sizes((size, size), (kernel, kernel))
        shapes = (images, 6, size, size), (images, outputs, *counts)
        route, _ = conv._weight_route(*shapes, geometry, (kernel, kernel), np.dtype("f"))
        return isinstance(route, conv.NearWeights)

    lanes = targets.host().lanes(conv.f32)
    assert chosen(64, 14, lanes, 5) and not chosen(8, 14, lanes, 5) and not chosen(64, 17, lanes, 5)
    assert not any(chosen(64, 14, *other) for other in ((2 * lanes, 5), (lanes, 1), (lanes, 5, 2)))


if __name__ == "__main__":
    winograd_weight.pays, conv_near_weight.pays = lambda *_: False, fits
    guarded.install(sys.argv[1])
    for shape in SHAPES:
        x, g, kernel = operands(shape, "f")
        conv.weight_gradient(x, g, GEOMETRY, kernel)
    print("done", flush=True)
    os._exit(0)  # guarded memory does not outlive the interpreter
