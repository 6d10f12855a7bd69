"""Quantiles against NumPy's: every interpolation and dimension; nan; refusals."""

import math

import numpy as np
import pytest

import rushlight as rl

NAN = math.nan


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
