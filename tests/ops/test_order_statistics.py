"""Medians, modes, the k-th smallest: which of several, nan, refusals."""

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


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda: rl.tensor([True]).median(), NotImplementedError, "not implemented"),
        (lambda: rl.empty(0, 3).median(0), IndexError, "non-zero size"),
        (lambda: rl.empty(0).mode(), IndexError, "non-zero size"),
        (lambda: rl.ones(2, 3).kthvalue(5), RuntimeError, "k out of range"),
    ],
)
def test_refusals(call, error, said):
    with pytest.raises(error, match=said):
        call()
