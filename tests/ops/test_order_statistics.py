"""Medians, modes, the k-th smallest, quantiles: which of several, nan, refusals."""

import math

import numpy as np
import pytest

import rushlight as rl

NAN = math.nan


def test_the_lower_median():
    assert rl.tensor([3, 1, 2, 4]).median().item() == 2
    values, indices = rl.tensor([[3.0, 1.0, 2.0, 4.0]]).median(1)
    assert values.tolist() == [2] and indices.tolist() == [2]
    assert math.isnan(rl.empty(0).median().item())


def test_medians_and_nan():
    x = rl.tensor([[NAN, 1, NAN], [0, NAN, 1], [NAN, NAN, NAN]])
    assert math.isnan(x.median().item()) and x.nanmedian().item() == 1
    values, indices = x.median(1)
    assert np.isnan(values.numpy()).all() and indices.tolist() == [0, 1, 0]
    values, indices = x.nanmedian(1)
    np.testing.assert_array_equal(values.numpy(), [1, 0, NAN])
    assert indices.tolist() == [1, 0, 0]


def test_the_smallest_of_the_most_frequent_at_its_last_place():
    values, indices = rl.tensor([[1, 2, 2, 1, 3, 0], [5, 5, 5, 0, 0, 0]]).mode()
    assert values.tolist() == [1, 0] and indices.tolist() == [3, 5]
    assert rl.tensor([[1, 1], [1, 2]]).mode(0, True).values.shape == (1, 2)


def test_kth_smallest():
    x = rl.tensor([3.0, NAN, 1.0, 2.0])
    assert x.kthvalue(2) == (rl.tensor(2.0), rl.tensor(3)) and math.isnan(x.kthvalue(4).values.item())


@pytest.mark.parametrize("interpolation", ["linear", "lower", "higher", "midpoint", "nearest"])
def test_quantiles_are_numpys(interpolation):
    x = np.random.default_rng(0).standard_normal((4, 7))
    q = np.array([0.0, 0.17, 0.5, 1.0])
    for axis in (None, 0, 1, -1):
        for keep in (False, True):
            expected = np.quantile(x, q, axis=axis, keepdims=keep, method=interpolation)
            found = rl.quantile(rl.from_numpy(x), rl.from_numpy(q), axis, keep, interpolation=interpolation)
            np.testing.assert_allclose(found.numpy(), expected)
            one = rl.nanquantile(rl.from_numpy(x), 0.17, axis, keep, interpolation=interpolation)
            np.testing.assert_allclose(one.numpy(), expected[1])


def test_quantiles_and_nan():
    x = rl.tensor([[1.0, NAN, 3.0], [1.0, 2.0, 3.0], [NAN, NAN, NAN]])
    np.testing.assert_array_equal(x.quantile(0.5, 1).numpy(), [NAN, 2, NAN])
    np.testing.assert_array_equal(x.nanquantile(0.5, 1).numpy(), [2, 2, NAN])
    assert rl.tensor(2.0).quantile(0.3).item() == 2


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda: rl.tensor([True]).median(), NotImplementedError, "not implemented"),
        (lambda: rl.empty(0, 3).median(0), IndexError, "non-zero size"),
        (lambda: rl.empty(0).mode(), IndexError, "non-zero size"),
        (lambda: rl.ones(2, 3).kthvalue(5), RuntimeError, "k out of range"),
        (lambda: rl.ones(3).quantile(1.5), RuntimeError, r"range \[0, 1\] but got 1.5"),
        (lambda: rl.ones(3).quantile(rl.tensor([0.5, 1.5])), RuntimeError, r"range \[0, 1\]"),
        (lambda: rl.arange(3).quantile(0.5), RuntimeError, "float or double"),
        (lambda: rl.ones(3).quantile(rl.tensor(0.5, dtype=rl.float64)), RuntimeError, "same dtype"),
        (lambda: rl.ones(3).quantile(rl.tensor([[0.5]])), RuntimeError, "scalar or 1D"),
        (lambda: rl.empty(0).quantile(0.5), RuntimeError, "non-empty"),
        (lambda: rl.ones(3).quantile(0.5, interpolation="cubic"), RuntimeError, "cubic"),
    ],
)
def test_refusals(call, error, said):
    with pytest.raises(error, match=said):
        call()
