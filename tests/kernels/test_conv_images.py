"""Input gradients with images in the lanes, against sums in float64."""

import subprocess
import sys

import numpy as np
import pytest

from rushlight.arrays import convolution as oracle
from rushlight.arrays.convolution import Geometry
from rushlight.kernels import conv, conv_images, native, targets, winograd
from tests.kernels import guarded
from tests.kernels.threads import same_bits

pytestmark = pytest.mark.skipif(not native.on(), reason="no machine code here")


def fits(s, lanes, registers):
    """Whatever has a kernel."""
    return s.transposed and s.groups == 1 and s.stride == s.dilation == (1, 1)


@pytest.fixture(autouse=True)
def always(monkeypatch):
    """Whatever has a kernel."""
    conv._route.cache_clear()
    monkeypatch.setattr(winograd, "pays", lambda *_: False)
    monkeypatch.setattr(conv_images, "pays", fits)
    yield
    conv._route.cache_clear()


SHAPES = [  # (N, C, H, W, O, kernel, padding) of the convolution: vectors not full, all sorts of padding
    (64, 6, 14, 14, 16, (5, 5), (0, 0)), (1, 1, 1, 1, 1, (1, 1), (0, 0)), (21, 3, 7, 9, 2, (3, 5), (1, 2)),
    (35, 2, 5, 6, 4, (5, 6), (0, 0)), (18, 2, 4, 3, 3, (2, 3), (2, 3)), (16, 1, 9, 20, 5, (9, 2), (4, 0)),
]  # fmt: skip


def operands(shape, dtype):
    """g, w, bias, the geometry and the sizes of the result."""
    images, channels, height, width, outputs, kernel, padding = shape
    rng, geometry = np.random.default_rng(0), Geometry((1, 1), padding, (1, 1))
    g = rng.standard_normal((images, outputs, *geometry.output_sizes((height, width), kernel)))
    w = rng.standard_normal((outputs, channels, *kernel))
    bias = rng.standard_normal(channels)
    return *(a.astype(dtype) for a in (g, w, bias)), geometry, (height, width)


@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", SHAPES)
def test_input_gradient(shape, dtype, biased, monkeypatch):
    g, w, bias, geometry, sizes = operands(shape, dtype)
    bias = bias if biased else None
    route, _ = conv._route(g.shape, w.shape, geometry, sizes, True, g.dtype)
    assert isinstance(route, conv.ByImages)
    dx = conv.convolve(g, w, bias, geometry, sizes, transposed=True)
    monkeypatch.setattr(conv, "suits", lambda *_: False)
    wide = None if bias is None else bias.astype(float)
    expected = oracle.input_gradient(g.astype(float), w.astype(float), geometry, sizes, wide)
    assert dx.shape == expected.shape
    limit = 16 * np.finfo(dtype).eps * np.abs(expected).max()
    np.testing.assert_allclose(dx, expected, rtol=0, atol=limit)


def test_any_number_of_threads_gives_the_same_bits():
    g, w, bias, geometry, sizes = operands(SHAPES[0], "f")
    assert same_bits(lambda: conv.convolve(g, w, bias, geometry, sizes, transposed=True))


@pytest.mark.parametrize("side", guarded.SIDES)
def test_nothing_beside_its_arrays_is_touched(side):
    command = [sys.executable, "-m", "tests.kernels.test_conv_images", side]
    assert subprocess.run(command, check=True, capture_output=True, text=True).stdout == "done\n"


def test_it_is_chosen_for_full_vectors_of_small_padded_images(monkeypatch):
    monkeypatch.undo()

    def chosen(images, size, kernel, transposed=True, stride=1, outputs=6):
        geometry = Geometry((stride, stride), (0, 0), (1, 1))
        counts = size + kernel - 1 if transposed else size - kernel + 1
        shapes = (images, 16, size, size), (16, outputs, kernel, kernel)
        route, _ = conv._route(*shapes, geometry, (counts, counts), transposed, np.dtype("f"))
        return isinstance(route, conv.ByImages)

    full = conv_images.FEWEST * 16
    if targets.host().bits == 512:
        assert chosen(full, 10, 5)
    assert not chosen(full - 1, 10, 5) and not chosen(full, 40, 5) and not chosen(full, 10, 1)
    assert not chosen(full, 10, 5, stride=2) and not chosen(full, 16, 5, transposed=False, outputs=16)


if __name__ == "__main__":
    import os

    winograd.pays, conv_images.pays = lambda *_: False, fits
    guarded.install(sys.argv[1])
    for shape in SHAPES:
        g, w, bias, geometry, sizes = operands(shape, "f")
        conv.convolve(g, w, bias, geometry, sizes, transposed=True)
    print("done", flush=True)
    os._exit(0)  # guarded memory does not outlive the interpreter
