"""Running sums, products and extremes; differences and trapezoids: edges and refusals."""

import numpy as np
import pytest

import rushlight as rl
from rushlight.ops.scans import linear_recurrence


def test_no_dimensions_and_no_elements():
    for name in ("cumsum", "cumprod", "logcumsumexp"):
        f = getattr(rl, name)
        assert f(rl.tensor(3.0), 0).item() == 3 and f(rl.empty(2, 0), 1).shape == (2, 0)
    values, indices = rl.cummax(rl.empty(0, 3), 0)
    assert values.shape == indices.shape == (0, 3)


def test_types_of_sums():
    assert rl.tensor([True, True]).cumsum(0).tolist() == [1, 2]
    assert rl.tensor([1, 2], dtype=rl.uint8).cumprod(0).dtype is rl.int64
    assert rl.ones(2).cumsum(0, dtype=rl.float64).dtype is rl.float64
    out = rl.empty(2, dtype=rl.int64)
    assert rl.cumsum(rl.tensor([0.6, 1.6]), 0, out=out).tolist() == [0, 1]


def test_a_long_running_sum_is_accurate():
    x = np.random.default_rng(0).random(1_000_000).astype(np.float32)
    exact = x.astype(np.float64).cumsum()
    assert np.abs(rl.from_numpy(x).cumsum(0).numpy() / exact - 1).max() < 1e-7


@pytest.mark.parametrize("reverse", [False, True])
def test_linear_recurrence_is_its_loop(reverse):
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, 3, 37))
    expected, s = np.empty_like(b), np.zeros(3)
    for t in range(37)[:: -1 if reverse else 1]:
        s = a[:, t] * s + b[:, t]
        expected[:, t] = s
    np.testing.assert_allclose(linear_recurrence(a, b, 1, reverse), expected, rtol=1e-10, atol=1e-10)


def test_logcumsumexp_far_apart():
    x = rl.tensor([-1e4, 1e4, 0.0, -float("inf")], dtype=rl.float64, requires_grad=True)
    y = x.logcumsumexp(0)
    assert y.tolist() == [-1e4, 1e4, 1e4, 1e4]
    y.sum().backward()
    assert x.grad.tolist() == [1, 3, 0, 0]


def test_running_maximum_keeps_the_last_of_equals_and_nan():
    values, indices = rl.tensor([1.0, 1.0, 0.0, float("nan"), 2.0]).cummax(0)
    np.testing.assert_array_equal(values.numpy(), [1, 1, 1, np.nan, np.nan])
    assert indices.tolist() == [0, 1, 1, 3, 3]


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda: rl.ones(2, 3).cumsum(3), IndexError, "Dimension out of range"),
        (lambda: rl.arange(3).logcumsumexp(0), NotImplementedError, "not implemented"),
        (lambda: rl.tensor([1j]).cummax(0), NotImplementedError, "order"),
        (lambda: rl.tensor(3.0).diff(), RuntimeError, "at least one-dimensional"),
        (lambda: rl.ones(3).diff(n=-1), RuntimeError, "non-negative"),
        (lambda: rl.ones(2, 3).diff(prepend=rl.ones(2)), RuntimeError, "same dimension"),
        (lambda: rl.trapezoid(rl.tensor(3.0)), IndexError, "no dimensions"),
        (lambda: rl.trapezoid(rl.ones(3), rl.ones(2)), RuntimeError, "one `x` value"),
        (lambda: rl.trapezoid(rl.ones(3), rl.ones(3), dx=1), TypeError, "not both"),
    ],
)
def test_refusals(call, error, said):
    with pytest.raises(error, match=said):
        call()
