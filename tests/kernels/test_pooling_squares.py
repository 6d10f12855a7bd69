"""Maxima over squares of 2 x 2 that tile planes, against NumPy's windows."""

from __future__ import annotations

import numpy as np
import pytest

from rushlight.arrays import pooling, pooling_native
from rushlight.arrays.bins import window_bins
from rushlight.kernels import native, pooling_squares, targets
from tests.kernels.threads import same_bits

pytestmark = pytest.mark.skipif(not native.on() or not targets.host().masks, reason="no masks here")


def operands(shape: tuple[int, ...], kind: str):
    """x with ties, NaN and infinities, g, and the windows."""
    rng = np.random.default_rng(0)
    x = rng.integers(-2, 3, shape).astype(kind)
    x[..., 0, :2] = np.nan
    x[..., -1, -2:] = np.inf
    x[0, ..., :] = np.where(rng.random(x[0].shape) < 0.5, -np.inf, x[0])
    g = rng.standard_normal((*shape[:-2], shape[-2] // 2, shape[-1] // 2)).astype(kind)
    return x, g, [window_bins(n, 2, 2) for n in shape[-2:]]


@pytest.mark.parametrize("kind", ["float32", "float64"])
@pytest.mark.parametrize("columns", [2, 3, 5, 8, 14, 16, 17, 40])
def test_squares(columns, kind, monkeypatch):
    x, g, bins = operands((3, 5, 6, 2 * columns), kind)
    assert pooling_native._job(x, bins).squares
    turned = np.ascontiguousarray(g.transpose(3, 2, 1, 0)).transpose(3, 2, 1, 0)
    found = [pooling.max_pool(x, bins), *(pooling.spread_maxima(given, x, bins) for given in (g, turned))]
    monkeypatch.setattr(pooling_native, "_job", lambda *_: None)
    monkeypatch.setattr(pooling_native, "scatter", lambda *_: None)
    wanted = pooling.max_pool(x, bins), *2 * [pooling.spread_maxima(g, x, bins)]
    for a, b in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(a, b)


def test_other_windows_are_no_squares():
    others = (9, (2, 2)), (8, (3, 2)), (8, (2, 1)), (8, (2, 2, 1)), (8, (4, 4)), (8, (2, 2, 0, 2))
    for width, window in others:
        x = np.zeros((2, 3, 8, width), "f")
        job = pooling_native._job(x, [window_bins(8, *window), window_bins(width, *window)])
        assert job is not None and not job.squares


def test_any_number_of_threads_gives_the_same_bits():
    x, g, bins = operands((64, 6, 28, 28), "float32")
    assert same_bits(lambda: (pooling.max_pool(x, bins), pooling.spread_maxima(g, x, bins)))


def test_a_short_line_is_one_vector():
    target = targets.host()
    assert [pooling_squares.lanes_of("float32", n, target) for n in (1, 5, 16, 40)] == [2, 8, 16, 16]
