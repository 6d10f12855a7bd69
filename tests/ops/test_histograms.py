"""Histograms and counts: bins' edges, outliers, refusals."""

import math

import numpy as np
import pytest

import rushlight as rl

X = rl.tensor([0.0, 1.0, 2.0, 2.5, 4.0, -1.0, 9.0])


def test_histc_counts_what_is_inside_and_the_right_edge():
    assert rl.histc(X, 4, 0, 4).tolist() == [1, 1, 2, 1]
    assert X.histc(bins=2).tolist() == [5, 2] and rl.empty(0).histc(3).tolist() == [0, 0, 0]
    assert rl.ones(2).histc(3).tolist() == [0, 2, 0]


def test_histogram_matches_numpy():
    x = np.random.default_rng(0).standard_normal(500)
    w = np.random.default_rng(1).random(500)
    for options in ({}, {"range": (-1.0, 2.0)}, {"density": True}):
        hist, edges = rl.histogram(rl.from_numpy(x), 7, **options)
        expected = np.histogram(x, 7, **options)
        np.testing.assert_allclose(hist.numpy(), expected[0])
        np.testing.assert_allclose(edges.numpy(), expected[1])
    found = rl.histogram(rl.from_numpy(x), rl.from_numpy(np.array([-1.0, 0, 0.5])), weight=rl.from_numpy(w))
    np.testing.assert_allclose(found.hist.numpy(), np.histogram(x, [-1, 0, 0.5], weights=w)[0])
    assert rl.histogram(rl.ones(3), 2).bin_edges.tolist() == [0.5, 1, 1.5]


def test_bincount():
    x = rl.tensor([1, 1, 3])
    assert x.bincount().tolist() == [0, 2, 0, 1] and x.bincount(minlength=6).shape == (6,)
    assert x.bincount(rl.tensor([0.5, 1.0, 2.0])).tolist() == [0, 1.5, 0, 2]
    assert x.bincount(rl.tensor([1, 1, 1])).dtype is rl.float64


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda: rl.arange(5).histc(3), NotImplementedError, "not implemented"),
        (lambda: rl.tensor([1.0, math.nan]).histc(3), RuntimeError, "not finite"),
        (lambda: X.histc(3, 5, 2), RuntimeError, "max must be larger than min"),
        (lambda: X.histc(0), RuntimeError, "bins must be > 0"),
        (lambda: rl.histogram(X, 3, range=(5.0, 2.0)), RuntimeError, "min should not exceed max"),
        (lambda: rl.histogram(X, 3, weight=rl.ones(2)), RuntimeError, "same shape"),
        (lambda: rl.tensor([1, -1]).bincount(), RuntimeError, "non-negative"),
        (lambda: rl.tensor([1.0]).bincount(), NotImplementedError, "not implemented"),
        (lambda: rl.tensor([1]).bincount(minlength=-1), RuntimeError, "minlength"),
        (lambda: rl.tensor([1, 2]).bincount(rl.ones(3)), RuntimeError, "same length"),
    ],
)
def test_refusals(call, error, said):
    with pytest.raises(error, match=said):
        call()
