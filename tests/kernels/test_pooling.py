"""Pooling kernels against NumPy's windows: planes and channels last, edges, NaN, threads."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import rushlight
from rushlight.arrays import averaging, pooling, pooling_native
from rushlight.arrays.bins import Bins, adaptive_bins, window_bins
from rushlight.kernels import native

pytestmark = pytest.mark.skipif(not native.on(), reason="no machine code here")

WINDOWS = [
    (2, 2, 0, 1, False),
    (3, 2, 1, 1, False),
    (3, 1, 1, 1, False),
    (3, 3, 0, 1, True),
    (2, 1, 1, 3, False),
    (5, 4, 2, 1, True),
    (2, 2, 1, 1, True),
]
SHAPES = [(3, 5, 28, 28), (2, 33, 9, 7), (1, 1, 40, 50), (2, 64, 12, 35)]


def images(shape: tuple[int, ...], kind: Any, last: bool) -> np.ndarray:
    x = np.random.default_rng(0).standard_normal(shape).astype(kind)
    x[0, 0, 3, 2:4] = np.nan
    x[0, 0, 5:] = -np.inf
    return np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2) if last else x


def without_kernels(monkeypatch: pytest.MonkeyPatch, f: Any, *args: Any) -> Any:
    with monkeypatch.context() as m:
        m.setattr(pooling_native, "_job", lambda *_: None)
        m.setattr(pooling_native, "scatter", lambda *_: None)
        return f(*args)


def bins_of(shape: tuple[int, ...], window: tuple[Any, ...]) -> list[Bins]:
    return [window_bins(n, *window) for n in shape[-2:]]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_windows(shape: Any, window: Any, last: bool, kind: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    x, bins = images(shape, kind, last), bins_of(shape, window)
    divisors = averaging.window_divisors(bins, (window[2],) * 2, True, None)
    for f, args in (
        (pooling.max_pool, (x, bins)),
        (pooling.max_pool_indices, (x, bins)),
        (averaging.avg_pool, (np.nan_to_num(x, neginf=3), bins, divisors)),
    ):
        assert pooling_native._job(x, bins) is not None
        want = without_kernels(monkeypatch, f, *args)
        np.testing.assert_allclose(f(*args), want, rtol=3e-5, atol=1e-5)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("last", [False, True])
def test_transposes(shape: Any, window: Any, last: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    x, bins = images(shape, np.float32, last), bins_of(shape, window)
    divisors = averaging.window_divisors(bins, (window[2],) * 2, False, None)
    g = np.random.default_rng(1).standard_normal((*shape[:2], *(b.count for b in bins))).astype(np.float32)
    g = np.ascontiguousarray(g.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2) if last else g
    indices = pooling.max_pool_indices(x, bins)
    for f, args in (
        (averaging.avg_pool_gradient, (g, bins, divisors)),
        (pooling.scatter, (g, indices, shape[-2:])),
        (pooling.spread_maxima, (g, x, bins)),
    ):
        want = without_kernels(monkeypatch, f, *args)
        np.testing.assert_allclose(f(*args), want, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("counts", [(1, 1), (7, 7), (3, 5), (28, 1), (14, 28)])
@pytest.mark.parametrize("last", [False, True])
def test_adaptive(counts: Any, last: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.nan_to_num(images((3, 5, 28, 28), np.float32, last), neginf=1)
    for f, args in (
        (averaging.adaptive_avg_pool, (x, counts)),
        (averaging.adaptive_avg_pool_gradient, (x, (61, 56))),
        (pooling.max_pool, (x, [adaptive_bins(28, n) for n in counts])),
    ):
        want = without_kernels(monkeypatch, f, *args)
        np.testing.assert_allclose(f(*args), want, rtol=3e-5, atol=1e-5)


def test_one_axis_and_few_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    for n in (2, 5, 64, 1001):
        x = np.random.default_rng(0).standard_normal((2, 3, n)).astype(np.float32)
        bins = [window_bins(n, 2, 2)]
        want = without_kernels(monkeypatch, pooling.max_pool, x, bins)
        np.testing.assert_array_equal(pooling.max_pool(x, bins), want)


def test_layout_is_kept_and_threads_change_no_bit() -> None:
    x = np.nan_to_num(images((4, 64, 28, 28), np.float32, True), neginf=0)
    found = []
    for threads in (1, 2, 3):
        rushlight.set_num_threads(threads)
        y = averaging.adaptive_avg_pool(x, (5, 5))
        assert y.transpose(0, 2, 3, 1).flags.c_contiguous
        found.append(y.tobytes() + averaging.adaptive_avg_pool_gradient(y, (28, 28)).tobytes())
    rushlight.set_num_threads(1)
    assert found[0] == found[1] == found[2]
