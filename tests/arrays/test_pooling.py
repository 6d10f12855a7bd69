"""Pooling kernels against their definition (NumPy float64) and against torch: values, indices, gradients."""

from itertools import product
from random import Random

import numpy as np
import pytest

from rushlight.arrays.averaging import (
    adaptive_avg_pool,
    adaptive_avg_pool_gradient,
    avg_pool,
    avg_pool_gradient,
    window_divisors,
)
from rushlight.arrays.bins import adaptive_bins, pooled_size, window_bins
from rushlight.arrays.pooling import gather, max_pool, max_pool_indices, max_unpool, scatter


def random_windows(random, dilated=True):
    """Sizes and one (kernel, stride, padding, dilation) per axis, as torch allows them; ceil_mode."""
    axes, ceil_mode = random.choice([1, 2, 2, 3]), random.random() < 0.4
    sizes, windows = [], []
    for _ in range(axes):
        kernel, dilation = random.randint(1, 4), random.choice([1, 1, 2]) if dilated else 1
        window = (kernel, random.randint(1, 4), random.randint(0, kernel // 2), dilation)
        smallest = dilation * (kernel - 1) + 1 - (2 * window[2] if dilated else 0)
        size = max(smallest, 1) + random.randint(0, 5)
        sizes.append(size + (pooled_size(size, *window, ceil_mode) < 1))
        windows.append(window)
    return tuple(sizes), windows, ceil_mode


def spoiled(random, rng, shape):
    """Numbers with ties, sometimes with NaN and infinities, sometimes not contiguous."""
    x = rng.integers(-3, 4, shape).astype(float)
    if random.random() < 0.3:
        x[rng.random(shape) < 0.1] = random.choice([np.nan, np.inf, -np.inf])
    return np.ascontiguousarray(x.swapaxes(0, -1)).swapaxes(0, -1) if random.random() < 0.3 else x


def torch_max_pool(torch, x, windows, ceil_mode):
    kernel, stride, padding, dilation = zip(*windows)
    pool = getattr(torch.nn.functional, f"max_pool{len(windows)}d")
    return pool(x, kernel, stride, padding, dilation, ceil_mode, return_indices=True)


@pytest.mark.parametrize("first", range(0, 240, 40))
def test_max_pool_agrees_with_torch(first):
    torch = pytest.importorskip("torch")
    for seed in range(first, first + 40):
        random, rng = Random(seed), np.random.default_rng(seed)
        sizes, windows, ceil_mode = random_windows(random)
        x = spoiled(random, rng, (random.choice([0, 1, 3]), 2, *sizes))
        bins = [window_bins(n, *window, ceil_mode) for n, window in zip(sizes, windows)]
        y = max_pool(x, bins)
        indices = max_pool_indices(x, bins)
        expected, where = torch_max_pool(torch, torch.from_numpy(x.copy()), windows, ceil_mode)
        np.testing.assert_array_equal(y, expected.numpy(), err_msg=f"{sizes} {windows} {ceil_mode}")
        np.testing.assert_array_equal(indices, where.numpy(), err_msg=f"{sizes} {windows} {ceil_mode}")
        assert indices.dtype == np.int64


def test_max_pool_gradient_agrees_with_torch():
    torch = pytest.importorskip("torch")
    for seed in range(60):
        random, rng = Random(seed), np.random.default_rng(seed)
        sizes, windows, ceil_mode = random_windows(random)
        x = rng.integers(-3, 4, (2, 3, *sizes)).astype(float)
        bins = [window_bins(n, *window, ceil_mode) for n, window in zip(sizes, windows)]
        indices = max_pool_indices(x, bins)
        g = rng.standard_normal(indices.shape)
        given = torch.from_numpy(x).requires_grad_()
        expected, _ = torch_max_pool(torch, given, windows, ceil_mode)
        (dx,) = torch.autograd.grad(expected, given, torch.from_numpy(g))
        np.testing.assert_allclose(scatter(g, indices, sizes), dx.numpy())


def test_the_maximum_by_definition():
    x = np.random.default_rng(0).standard_normal((1, 7, 9))
    bins = [window_bins(7, 3, 2, 1), window_bins(9, 2, 3, 0, 2)]
    y = max_pool(x, bins)
    for i, j in product(range(y.shape[1]), range(y.shape[2])):
        seen = [
            (x[0, a, b], a * 9 + b)
            for a in range(i * 2 - 1, i * 2 + 2)
            for b in (j * 3, j * 3 + 2)
            if 0 <= a < 7 and b < 9
        ]
        assert (y[0, i, j], max_pool_indices(x, bins)[0, i, j]) == max(seen)


def test_ties_and_nan():
    x = np.array([[1.0, 2.0, 2.0, np.nan, 5.0, np.nan]])
    bins = [window_bins(6, 3, 3)]
    y = max_pool(x, bins)
    assert y[0, 0] == 2 and np.isnan(y[0, 1])
    assert max_pool_indices(x, bins).tolist() == [[1, 5]]


def test_minus_infinity_never_points_into_the_padding():
    x = np.full((1, 3, 3), -np.inf)
    bins = [window_bins(3, 2, 1, 1)] * 2
    indices = max_pool_indices(x, bins)
    assert indices.tolist() == [[[0, 0, 1, 2], [0, 0, 1, 2], [3, 3, 4, 5], [6, 6, 7, 8]]]


def test_windows_of_more_than_256_places():
    x = np.random.default_rng(0).standard_normal((2, 40, 40))
    bins = [window_bins(40, 20, 20)] * 2
    y = max_pool(x, bins)
    expected = x.reshape(2, 2, 20, 2, 20).max((2, 4))
    np.testing.assert_array_equal(y, expected)
    np.testing.assert_array_equal(gather(x, max_pool_indices(x, bins), 2), expected)


@pytest.mark.parametrize("dtype", ["int64", "int8", "uint8", "float16", "float32", "bfloat16"])
def test_max_pool_keeps_the_type(dtype):
    import ml_dtypes

    kind = np.dtype(getattr(ml_dtypes, dtype, dtype))
    x = np.arange(16).reshape(1, 4, 4).astype(kind)
    bins = [window_bins(4, 2, 2, 1)] * 2
    y = max_pool(x, bins)
    assert y.dtype == kind
    assert y.astype(int).tolist() == [[[0, 2, 3], [8, 10, 11], [12, 14, 15]]]


def test_gather_and_scatter_are_transposes():
    rng = np.random.default_rng(0)
    x, indices = rng.standard_normal((2, 3, 4, 5)), rng.integers(0, 20, (2, 3, 2, 6))
    g = rng.standard_normal(indices.shape)
    assert np.sum(gather(x, indices, 2) * g) == pytest.approx(np.sum(x * scatter(g, indices, (4, 5))))


def test_max_unpool_undoes_and_the_last_of_several_stays():
    x = np.random.default_rng(0).standard_normal((2, 3, 6, 6))
    bins = [window_bins(6, 2, 2)] * 2
    y = max_pool(x, bins)
    indices = max_pool_indices(x, bins)
    back = max_unpool(y, indices, (6, 6))
    np.testing.assert_array_equal(gather(back, indices, 2), y)
    assert np.count_nonzero(back) == y.size
    assert max_unpool(np.array([[1.0, 2.0]]), np.array([[0, 0]]), (3,)).tolist() == [[2, 0, 0]]


@pytest.mark.parametrize("first", range(0, 160, 40))
def test_avg_pool_agrees_with_torch(first):
    torch = pytest.importorskip("torch")
    for seed in range(first, first + 40):
        random, rng = Random(seed), np.random.default_rng(seed)
        sizes, windows, ceil_mode = random_windows(random, dilated=False)
        include, override = random.random() < 0.5, random.choice([None, None, 3])
        override = None if len(sizes) == 1 else override
        x = rng.standard_normal((2, random.choice([1, 3]), *sizes))
        bins = [window_bins(n, *window, ceil_mode) for n, window in zip(sizes, windows)]
        kernel, stride, padding, _ = zip(*windows)
        divisors = window_divisors(bins, padding, include, override)
        given = torch.from_numpy(x).requires_grad_()
        pool = getattr(torch.nn.functional, f"avg_pool{len(sizes)}d")
        rest = (override,) if len(sizes) > 1 else ()
        expected = pool(given, kernel, stride, padding, ceil_mode, include, *rest)
        y = avg_pool(x, bins, divisors)
        np.testing.assert_allclose(y, expected.detach().numpy(), atol=1e-12)
        g = rng.standard_normal(y.shape)
        (dx,) = torch.autograd.grad(expected, given, torch.from_numpy(g))
        np.testing.assert_allclose(avg_pool_gradient(g, bins, divisors), dx.numpy(), atol=1e-12)


def test_avg_pool_by_definition_and_of_integers():
    x = np.arange(-4, 5)[None]
    bins = [window_bins(9, 3, 2, 1)]
    divisors = window_divisors(bins, (1,), False, None)
    assert divisors.tolist() == [2, 3, 3, 3, 2]
    assert avg_pool(x, bins, divisors).tolist() == [[-3, -2, 0, 2, 3]]
    assert avg_pool(x.astype(float), bins, divisors).tolist() == [[-3.5, -2, 0, 2, 3.5]]


CASES = [((7,), (3,)), ((6,), (3,)), ((5, 7), (1, 1)), ((5, 7), (2, 7)), ((4, 6), (2, 3)), ((3, 2), (5, 4))]
CASES += [((5, 4, 6), (2, 2, 5)), ((4, 4, 4), (2, 1, 4))]


@pytest.mark.parametrize(("sizes", "counts"), CASES)
def test_adaptive_pools_agree_with_torch(sizes, counts):
    torch = pytest.importorskip("torch")
    rng, name = np.random.default_rng(0), f"{len(sizes)}d"
    x = rng.standard_normal((2, 3, *sizes))
    given = torch.from_numpy(x).requires_grad_()
    expected = getattr(torch.nn.functional, "adaptive_avg_pool" + name)(given, counts)
    y = adaptive_avg_pool(x, counts)
    np.testing.assert_allclose(y, expected.detach().numpy())
    g = rng.standard_normal(y.shape)
    (dx,) = torch.autograd.grad(expected, given, torch.from_numpy(g))
    np.testing.assert_allclose(adaptive_avg_pool_gradient(g, sizes), dx.numpy(), atol=1e-12)
    bins = [adaptive_bins(n, count) for n, count in zip(sizes, counts)]
    pool = getattr(torch.nn.functional, "adaptive_max_pool" + name)
    for a in (x, np.round(x), np.where(x > 1, np.nan, x)):
        expected, where = pool(torch.from_numpy(a), counts, return_indices=True)
        y = max_pool(a, bins)
        np.testing.assert_array_equal(y, expected.numpy())
        np.testing.assert_array_equal(max_pool_indices(a, bins), where.numpy())


@pytest.mark.parametrize(("sizes", "counts"), CASES)
def test_adaptive_average_and_its_gradient_are_transposes(sizes, counts):
    rng = np.random.default_rng(0)
    x, g = rng.standard_normal((2, *sizes)), rng.standard_normal((2, *counts))
    forward, backward = adaptive_avg_pool(x, counts), adaptive_avg_pool_gradient(g, sizes)
    assert np.sum(forward * g) == pytest.approx(np.sum(x * backward))
    np.testing.assert_allclose(adaptive_avg_pool(np.ones_like(x), counts), 1)


def test_no_outputs():
    x = np.ones((2, 3, 3))
    assert adaptive_avg_pool(x, (0, 2)).shape == (2, 0, 2)
    assert not adaptive_avg_pool_gradient(np.ones((2, 0, 2)), (3, 3)).any()


def test_half_averages_are_summed_in_float32():
    x = np.full((1, 4096), 1.001, np.float16)
    assert adaptive_avg_pool(x, (1,))[0, 0] == x[0, 0]
    bins = [window_bins(4096, 4096, 1)]
    y = avg_pool(x, bins, window_divisors(bins, (0,), True, None))
    assert y.dtype == np.float16 and y[0, 0] == x[0, 0]
