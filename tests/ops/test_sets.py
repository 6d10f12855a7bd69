"""Distinct elements: what is returned, along dimensions, nan, and no gradient."""

import math

import numpy as np
import pytest

import rushlight as rl

NAN = math.nan


def test_what_is_returned():
    x = rl.tensor([[3, 1], [1, 2]])
    assert x.unique().tolist() == [1, 2, 3]
    values, counts = rl.unique(x, return_counts=True)
    assert counts.tolist() == [2, 1, 1]
    values, inverse, counts = rl.unique(x, True, True, True)
    assert values[inverse].tolist() == x.tolist() and inverse.dtype is rl.int64
    assert rl.unique(rl.tensor(3), return_inverse=True)[1].shape == ()


def test_slices():
    x = rl.tensor([[2, 0, 2], [1, 0, 1]])
    values, inverse = x.unique(dim=1, return_inverse=True)
    assert values.tolist() == [[0, 2], [0, 1]] and inverse.tolist() == [1, 0, 1]
    assert rl.empty(0, 3).unique(dim=0).shape == (0, 3)
    y = rl.tensor([[1, 1], [1, 1], [2, 1], [1, 1]])
    values, counts = y.unique_consecutive(dim=0, return_counts=True)
    assert values.tolist() == [[1, 1], [2, 1], [1, 1]] and counts.tolist() == [2, 1, 1]


def test_runs():
    x = rl.tensor([1, 1, 2, 2, 2, 1])
    values, inverse, counts = rl.unique_consecutive(x, return_inverse=True, return_counts=True)
    assert (
        values.tolist() == [1, 2, 1]
        and inverse.tolist() == [0, 0, 1, 1, 1, 2]
        and counts.tolist() == [2, 3, 1]
    )
    assert rl.unique_consecutive(rl.empty(0), return_inverse=True)[1].shape == (0,)


def test_every_nan_is_distinct():
    x = rl.tensor([NAN, 1.0, NAN])
    np.testing.assert_array_equal(x.unique().numpy(), [1, NAN, NAN])
    assert rl.unique(x, return_counts=True)[1].tolist() == [1, 1, 1]
    assert rl.tensor([NAN, NAN, 1.0]).unique_consecutive().shape == (3,)


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda: rl.empty(0, 3).unique(dim=1), RuntimeError, "0 sized dimensions"),
        (lambda: rl.ones(3).unique(dim=3), IndexError, "Dimension out of range"),
        (lambda: rl.tensor([1j]).unique(), NotImplementedError, "complex"),
        (lambda: rl.ones(3, requires_grad=True).unique().sum().backward(), RuntimeError, "not implemented"),
    ],
)
def test_refusals(call, error, said):
    with pytest.raises(error, match=said):
        call()
