"""The three convolution kernels against their definition (NumPy float64) and against torch."""

from itertools import product
from random import Random

import numpy as np
import pytest

from rushlight.arrays.convolution import (
    Geometry,
    convolution,
    input_gradient,
    transposed_convolution,
    weight_gradient,
)
from rushlight.arrays.windows import Window, blocks, fold, unfold


def by_definition(x, w, g, geometry):
    """The trilinear form's three partial derivatives, one product at a time."""
    stride, padding, dilation, groups = geometry
    outputs, inputs = w.shape[0] // groups, w.shape[1]
    y, dx, dw = np.zeros_like(g), np.zeros_like(x), np.zeros_like(w)
    for p in product(*map(range, g.shape[2:])):
        for k in product(*map(range, w.shape[2:])):
            q = tuple(a * s + b * d - e for a, s, b, d, e in zip(p, stride, k, dilation, padding))
            if not all(0 <= a < n for a, n in zip(q, x.shape[2:])):
                continue
            for i in range(groups):
                o, c = slice(i * outputs, (i + 1) * outputs), slice(i * inputs, (i + 1) * inputs)
                y[(slice(None), o, *p)] += x[(slice(None), c, *q)] @ w[(o, slice(None), *k)].T
                dx[(slice(None), c, *q)] += g[(slice(None), o, *p)] @ w[(o, slice(None), *k)]
                dw[(o, slice(None), *k)] += g[(slice(None), o, *p)].T @ x[(slice(None), c, *q)]
    return y, dx, dw


def random_case(random, numbers):
    """x, w, g and a geometry of one to three axes, grouped or depthwise, sometimes with an empty batch."""
    axes = random.choice([1, 2, 2, 3])
    groups = random.choice([1, 1, 2, 3])
    channels, outputs = random.choice([1, 2, 9]) * groups, random.choice([1, 2, 5]) * groups
    if random.random() < 0.25:
        groups = channels = random.choice([2, 5])
        outputs = channels * random.choice([1, 2])

    def pick(*choices):
        return tuple(random.choice(choices) for _ in range(axes))

    kernel = pick(1) if random.random() < 0.15 else pick(1, 2, 3, 4)
    stride = pick(1) if random.random() < 0.4 else pick(1, 2, 3)
    geometry = Geometry(stride, pick(0, 0, 1, 2, 4), pick(1, 1, 2, 3), groups)
    spans = zip(kernel, geometry.dilation, geometry.padding)
    sizes = tuple(max(1, random.randint(1, 6) + d * (k - 1) - 2 * p) for k, d, p in spans)
    counts = geometry.output_sizes(sizes, kernel)
    if min(counts) < 1:
        return random_case(random, numbers)
    images = random.choice([0, 1, 2, 3])
    shapes = (images, channels, *sizes), (outputs, channels // groups, *kernel), (images, outputs, *counts)
    return [scattered(random, numbers.standard_normal(shape)) for shape in shapes], geometry


def scattered(random, x):
    """The same numbers, sometimes not contiguous in memory."""
    axis = random.randrange(x.ndim)
    return np.ascontiguousarray(x.swapaxes(0, axis)).swapaxes(0, axis) if random.random() < 0.3 else x


CASES = [random_case(Random(seed), np.random.default_rng(seed)) for seed in range(150)]


@pytest.mark.parametrize("seed", range(0, 150, 3))
def test_the_three_derivatives_are_those_of_the_definition(seed):
    (x, w, g), geometry = CASES[seed]
    y, dx, dw = by_definition(x, w, g, geometry)
    np.testing.assert_allclose(convolution(x, w, geometry), y, atol=1e-10)
    np.testing.assert_allclose(input_gradient(g, w, geometry, x.shape[2:]), dx, atol=1e-10)
    np.testing.assert_allclose(weight_gradient(x, g, geometry, w.shape[2:]), dw, atol=1e-10)


@pytest.mark.parametrize("first", range(0, 150, 30))
def test_agrees_with_torch(first):
    torch = pytest.importorskip("torch")
    for (x, w, g), geometry in CASES[first : first + 30]:
        axes = len(geometry.stride)
        tensors = [torch.from_numpy(np.ascontiguousarray(a)) for a in (x, w, g)]
        for tensor in tensors[:2]:
            tensor.requires_grad_()
        conv = getattr(torch.nn.functional, f"conv{axes}d")
        y = conv(tensors[0], tensors[1], None, *geometry)
        dx, dw = torch.autograd.grad(y, tensors[:2], tensors[2])
        np.testing.assert_allclose(convolution(x, w, geometry), y.detach().numpy(), atol=1e-10)
        np.testing.assert_allclose(input_gradient(g, w, geometry, x.shape[2:]), dx.numpy(), atol=1e-10)
        np.testing.assert_allclose(weight_gradient(x, g, geometry, w.shape[2:]), dw.numpy(), atol=1e-10)


def test_transposed_agrees_with_torch():
    torch = pytest.importorskip("torch")
    random, checked = Random(1), 0
    for (_, w, g), geometry in CASES:
        stride, padding, dilation, groups = geometry
        extra = tuple(random.randrange(max(s, d)) for s, d in zip(stride, dilation))
        if not g.size or min(geometry.transposed_sizes(g.shape[2:], w.shape[2:], extra)) < 1:
            continue
        conv = getattr(torch.nn.functional, f"conv_transpose{len(stride)}d")
        given = [torch.from_numpy(np.ascontiguousarray(a)) for a in (g, w)]
        expected = conv(*given, None, stride, padding, extra, groups, dilation)
        ours = transposed_convolution(g, w, geometry, extra)
        np.testing.assert_allclose(ours, expected.numpy(), atol=1e-10)
        checked += 1
    assert checked > 60


@pytest.mark.parametrize("seed", range(20))
def test_one_trilinear_form(seed):
    """<g, conv(x, w)> = <x, input_gradient(g, w)> = <w, weight_gradient(x, g)>."""
    (x, w, g), geometry = CASES[seed]
    value = np.sum(g * convolution(x, w, geometry))
    assert np.sum(x * input_gradient(g, w, geometry, x.shape[2:])) == pytest.approx(value, abs=1e-9)
    assert np.sum(w * weight_gradient(x, g, geometry, w.shape[2:])) == pytest.approx(value, abs=1e-9)


def test_more_input_than_the_windows_need():
    """The result of a dilated transposed convolution with output_padding has more windows than its input."""
    geometry, rng = Geometry((1,), (1,), (3,)), np.random.default_rng(0)
    g, w = rng.standard_normal((2, 4, 5)), rng.standard_normal((4, 3, 2))
    x = transposed_convolution(g, w, geometry, (2,))
    assert convolution(x, w, geometry).shape[2] == 7
    y = convolution(x, w, geometry, (5,))
    np.testing.assert_array_equal(y, convolution(x, w, geometry)[..., :5])
    value = np.sum(x * x)
    assert np.sum(g * y) == pytest.approx(value)
    assert np.sum(w * weight_gradient(x, g, geometry, (2,))) == pytest.approx(value)


SHAPES = {
    "rows slid": ((3, 32, 12, 12), (4, 32, 3, 3), 1),
    "image cut into rows": ((1, 3, 130, 400), (2, 3, 11, 11), 1),
    "many images together": ((70, 1, 8, 8), (4, 1, 3, 3), 1),
    "depthwise in channel blocks": ((2, 40, 40, 40), (40, 1, 3, 3), 40),
    "grouped": ((2, 32, 9, 9), (8, 16, 3, 3), 2),
}


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("stride", [1, 2])
def test_float32_of_realistic_sizes(name, stride):
    x_shape, w_shape, groups = SHAPES[name]
    rng, geometry = np.random.default_rng(0), Geometry((stride, stride), (1, 1), (1, 1), groups)
    x, w = rng.standard_normal(x_shape), rng.standard_normal(w_shape)
    g = rng.standard_normal((x_shape[0], w_shape[0], *geometry.output_sizes(x_shape[2:], w_shape[2:])))
    thin = [a.astype(np.float32) for a in (x, w, g)]
    for f, a, b, sizes in (
        (convolution, 0, 1, ()),
        (input_gradient, 2, 1, (x_shape[2:],)),
        (weight_gradient, 0, 2, (w_shape[2:],)),
    ):
        wide = f((x, w, g)[a], (x, w, g)[b], geometry, *sizes)
        narrow = f(thin[a], thin[b], geometry, *sizes)
        assert narrow.dtype == np.float32
        np.testing.assert_allclose(narrow, wide, atol=2e-5 * np.abs(wide).max())
    value = np.sum(g * convolution(x, w, geometry))
    assert np.sum(x * input_gradient(g, w, geometry, x_shape[2:])) == pytest.approx(value)
    assert np.sum(w * weight_gradient(x, g, geometry, w_shape[2:])) == pytest.approx(value)


@pytest.mark.parametrize("name", ["float16", "bfloat16"])
def test_half_types_are_summed_in_float32(name):
    import ml_dtypes

    dtype = np.dtype(getattr(ml_dtypes, name, name))
    x = np.ones((1, 300, 3, 3), dtype)
    w = np.ones((1, 300, 3, 3), dtype)
    y = convolution(x, w, Geometry((1, 1), (0, 0), (1, 1)))
    assert y.dtype == dtype
    assert float(y[0, 0, 0, 0]) == float(np.float32(2700).astype(dtype))


@pytest.mark.parametrize("name", ["float16", "bfloat16"])
@pytest.mark.parametrize("last", [False, True])
def test_half_types_are_rounded_once(name, last):
    """By the way that float32 goes, with channels first and last, which the result keeps."""
    import ml_dtypes

    dtype = np.dtype(getattr(ml_dtypes, name, name))
    x, w, bias, g = (
        np.random.default_rng(k).normal(size=size).astype(dtype)
        for k, size in enumerate([(2, 16, 9, 9), (16, 16, 3, 3), (16,), (2, 16, 9, 9)])
    )
    if last:
        x, g = (np.ascontiguousarray(a.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2) for a in (x, g))
    geometry = Geometry((1, 1), (1, 1), (1, 1))
    full = [a.astype(np.float32, order="K") for a in (x, w, bias, g)]
    for f, half, wide in (
        (convolution, (x, w, geometry, None, bias), (full[0], full[1], geometry, None, full[2])),
        (input_gradient, (g, w, geometry, (9, 9), bias), (full[3], full[1], geometry, (9, 9), full[2])),
        (weight_gradient, (x, g, geometry, (3, 3)), (full[0], full[3], geometry, (3, 3))),
    ):
        found, expected = f(*half), f(*wide)
        assert found.dtype == dtype and found.strides == tuple(n // 2 for n in expected.strides)
        assert np.array_equal(found, expected.astype(dtype))


def test_a_nan_stays_in_the_windows_that_see_it():
    x = np.zeros((1, 1, 1, 9), np.float32)
    x[..., 4] = np.nan
    y = convolution(x, np.ones((1, 1, 1, 3), np.float32), Geometry((1, 1), (0, 1), (1, 1)))
    assert np.flatnonzero(np.isnan(y)).tolist() == [3, 4, 5]


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("shape", [(1, 2, 1, 40), (1, 2, 40)])
@pytest.mark.filterwarnings("ignore:invalid value")
def test_depthwise_products_with_zeros_leave_no_nan(value, shape):
    """The banded matrices multiply far inputs by zero; infinity must not become NaN there."""
    x, axes = np.zeros(shape, np.float32), len(shape) - 2
    x[..., 20] = value
    kernel = (1,) * (axes - 1) + (3,)
    geometry = Geometry((1,) * axes, (0,) * (axes - 1) + (1,), (1,) * axes, 2)
    w = np.ones((2, 1, *kernel), np.float32)
    y = convolution(x, w, geometry)
    for channel in y[0].reshape(2, 40):
        assert np.flatnonzero(~np.isfinite(channel)).tolist() == [19, 20, 21]
        np.testing.assert_array_equal(channel[19:22], value)
    wide = Geometry((2,) * axes, (0,) * axes, (1,) * axes, 2)
    g = x[..., ::2]
    dx = input_gradient(g, w, wide, tuple(2 * n + k - 2 for n, k in zip(g.shape[2:], kernel)))
    assert np.flatnonzero(~np.isfinite(dx[0, 0].ravel())).tolist() == [20, 21, 22]


def test_blocks_cover_everything_once():
    cases = [(1, 1, 1), (7, 5, 1 << 18), (2, 100, 1 << 18), (3, 4, 1 << 25), (0, 4, 8)]
    for images, rows, row_bytes in cases:
        seen = np.zeros((images, rows), int)
        for block in blocks(images, rows, row_bytes):
            seen[block] += 1
        assert (seen == 1).all()


def test_unfold_and_fold_are_transposes_and_agree_with_torch():
    rng = np.random.default_rng(0)
    x, padding = rng.standard_normal((2, 3, 7, 8)), (1, 2)
    window = Window(kernel=(3, 2), stride=(2, 1), dilation=(1, 3))
    columns = unfold(x, window, padding)
    g = rng.standard_normal(columns.shape)
    back = fold(g, x.shape[2:], window, padding)
    assert np.sum(columns * g) == pytest.approx(np.sum(x * back))
    torch = pytest.importorskip("torch")
    functional = torch.nn.functional
    expected = functional.unfold(torch.from_numpy(x), window.kernel, window.dilation, padding, window.stride)
    np.testing.assert_array_equal(columns, expected.numpy())
    given = torch.from_numpy(g), x.shape[2:], window.kernel, window.dilation, padding, window.stride
    expected = functional.fold(*given)
    np.testing.assert_allclose(back, expected.numpy())
