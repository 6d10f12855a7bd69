"""Convolutions of images with channels last: the same numbers, channels last again, nothing read outside."""

import numpy as np
import pytest

import rushlight as torch
from rushlight.arrays import convolution as arrays
from rushlight.arrays.convolution import Geometry
from rushlight.kernels import conv, conv_last, native, pool
from tests.kernels.test_conv import SHAPES, close, random_case

pytestmark = pytest.mark.skipif(not native.on(), reason="machine code is off")
MORE = [  # (N, C, size, O, kernel, stride, padding)
    (8, 64, 14, 96, 1, 1, 0), (2, 40, 9, 17, 1, 3, 0), (1, 16, 1, 16, 1, 1, 0), (5, 32, 3, 32, 2, 1, 0),
    (3, 48, 57, 33, 3, 2, 1), (1, 64, 56, 64, 1, 2, 0), (2, 7, 40, 64, 5, 3, 0),
]  # fmt: skip


def last(x, guard=0):
    """The same numbers with channels last, between numbers that are NaN."""
    n = x.size
    memory = np.full(n + 2 * guard, np.nan, x.dtype)
    inner = memory[guard : guard + n].reshape(x.shape[0], *x.shape[2:], x.shape[1])
    inner[:] = x.transpose(0, 2, 3, 1)
    return inner.transpose(0, 3, 1, 2)


def all_three(x, w, bias, geometry, counts, g):
    """y, dx and dw."""
    y = conv_last.convolve(x, w, bias, geometry, counts)
    dx = conv_last.convolve(g, w, None, geometry, x.shape[2:], True)
    return y, dx, conv_last.weight_gradient(x, g, geometry, w.shape[2:])


@pytest.fixture
def numpy_only(monkeypatch):
    """The NumPy route of arrays/convolution.py."""
    monkeypatch.setattr(conv, "suits", lambda *_: False)
    return arrays


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("first", range(0, 120, 20))
def test_random_shapes(first, dtype, numpy_only):
    for seed in range(first, first + 20):
        x, w, bias, geometry, counts = random_case(seed)
        if x.ndim != 4 or geometry.groups > 1 and x.shape[1] == geometry.groups:
            continue
        g = np.random.default_rng(seed).standard_normal((x.shape[0], w.shape[0], *counts))
        made = (a.astype(dtype) for a in (x, w, bias, g))
        x_, w_, bias_, g_ = made
        y, dx, dw = all_three(last(x_, 16), w_, bias_, geometry, counts, last(g_, 16))
        close(y, numpy_only.convolution(x, w, geometry, counts, bias), w[0].size)
        close(dx, numpy_only.input_gradient(g, w, geometry, x.shape[2:]), w[:, 0].size)
        close(dw, numpy_only.weight_gradient(x, g, geometry, w.shape[2:]), g[:, 0].size)


@pytest.mark.parametrize("shape", SHAPES + MORE)
def test_shapes_of_networks_give_the_same_bits_on_any_number_of_threads(shape, numpy_only):
    images, channels, size, outputs, kernel, stride, padding = shape
    rng = np.random.default_rng(0)
    x = rng.standard_normal((images, channels, size, size), np.float32)
    w = rng.standard_normal((outputs, channels, kernel, kernel), np.float32)
    geometry = Geometry((stride, stride), (padding, padding), (1, 1))
    counts = geometry.output_sizes(x.shape[2:], w.shape[2:])
    g = rng.standard_normal((images, outputs, *counts), np.float32)
    before, found = pool.size(), []
    for threads in (1, 2, 3):
        pool.resize(threads)
        found.append(all_three(last(x, 16), w, None, geometry, counts, last(g, 16)))
    pool.resize(before)
    wide = [a.astype(float) for a in (x, w, g)]
    close(found[0][0], numpy_only.convolution(*wide[:2], geometry), w[0].size)
    close(found[0][1], numpy_only.input_gradient(wide[2], wide[1], geometry, (size, size)), w[:, 0].size)
    close(found[0][2], numpy_only.weight_gradient(wide[0], wide[2], geometry, w.shape[2:]), g[:, 0].size)
    for others in found[1:]:
        for a, b in zip(found[0], others, strict=True):
            assert a.tobytes() == b.tobytes()


def test_nothing_is_written_outside_the_result(monkeypatch):
    rng, held = np.random.default_rng(0), []
    empty = np.empty

    def guarded(shape, dtype):
        if len(np.atleast_1d(shape)) != 4:
            return empty(shape, dtype)
        held.append(np.full(np.prod(shape) + 64, 77, dtype))
        return held[-1][32:-32].reshape(shape)

    monkeypatch.setattr(conv_last.np, "empty", guarded)
    for images, channels, size, outputs, kernel, stride, padding in SHAPES + MORE:
        x = last(rng.standard_normal((images, channels, size, size), np.float32))
        w = rng.standard_normal((outputs, channels, kernel, kernel), np.float32)
        geometry = Geometry((stride, stride), (padding, padding), (1, 1))
        counts = geometry.output_sizes(x.shape[2:], w.shape[2:])
        g = last(rng.standard_normal((images, outputs, *counts), np.float32))
        all_three(x, w, None, geometry, counts, g)
    assert held and all((a[:32] == 77).all() and (a[-32:] == 77).all() for a in held)


def test_what_comes_of_channels_last_has_channels_last():
    x = torch.randn(2, 8, 6, 6).to(memory_format=torch.channels_last).requires_grad_()
    w = torch.randn(5, 8, 3, 3, requires_grad=True)
    y = torch.nn.functional.conv2d(x, w, padding=1)
    y.sum().backward()
    assert y.is_contiguous(memory_format=torch.channels_last)
    plain = torch.nn.functional.conv2d(x.detach().contiguous(), w.detach(), padding=1)
    assert plain.is_contiguous() and torch.allclose(y, plain, atol=1e-5)
    assert x.grad.shape == x.shape and w.grad.shape == w.shape


def test_cotangents_in_another_layout_than_the_input_are_turned():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2, 20, 9, 9)).astype(np.float32)
    g = rng.standard_normal((2, 24, 5, 5)).astype(np.float32)
    geometry = Geometry((2, 2), (1, 1), (1, 1))
    for given in (g, np.asfortranarray(g), np.broadcast_to(g[:1, :1], g.shape)):
        found = arrays.weight_gradient(last(x), given, geometry, (3, 3))
        close(found, conv.weight_gradient(x, given, geometry, (3, 3)), 50)


def network(x, train):
    """Loss and gradients of a convolution with batch norm and what mostly follows."""
    rng = np.random.default_rng(3)
    w = torch.from_numpy(rng.standard_normal((24, 16, 3, 3)).astype(np.float32)).requires_grad_()
    x, scale = x.detach().requires_grad_(), torch.linspace(0.5, 1.5, 24).requires_grad_()
    mean, var = torch.zeros(24), torch.ones(24)
    y = torch.nn.functional.conv2d(x, w, padding=1)
    y = torch.nn.functional.batch_norm(y, mean, var, scale, torch.linspace(-1, 1, 24), train)
    z = torch.nn.functional.max_pool2d(torch.relu(y), 2)
    loss = (z * torch.linspace(0, 1, z.numel()).reshape(z.shape)).sum()
    loss.backward()
    return y, [loss, x.grad, w.grad, scale.grad, mean, var]


@pytest.mark.parametrize("train", [True, False])
def test_networks_give_the_same_in_both_layouts(train):
    x = torch.from_numpy(np.random.default_rng(0).standard_normal((5, 16, 12, 10)).astype(np.float32))
    plain, want = network(x, train)
    last, found = network(x.to(memory_format=torch.channels_last), train)
    assert plain.is_contiguous() and last.is_contiguous(memory_format=torch.channels_last)
    for a, b in zip(found, want, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4 * float(b.abs().max()))
