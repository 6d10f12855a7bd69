"""Python's operators on tensors: numbers, arrays and strangers on either side."""

import numpy as np
import pytest

import rushlight as torch


class Stranger:
    """Knows how to combine itself with anything."""

    def __radd__(self, other):
        return "radd"

    def __rmatmul__(self, other):
        return "rmatmul"


def test_a_strangers_own_operator_is_tried():
    assert torch.ones(2) + Stranger() == "radd"
    assert torch.ones(2) @ Stranger() == "rmatmul"


@pytest.mark.parametrize("other", ["a", None, [1, 2], {}])
@pytest.mark.parametrize(
    "call", [lambda a, b: a + b, lambda a, b: a * b, lambda a, b: a < b, lambda a, b: a // b]
)
def test_what_nobody_knows_is_a_type_error(call, other):
    with pytest.raises(
        TypeError,
        match="not supported between instances|unsupported operand|multiply sequence|converted to an index",
    ):
        call(torch.ones(2), other)


def test_equality_with_a_stranger_is_false():
    assert (torch.ones(2) == None) is False  # noqa: E711
    assert (torch.ones(2) != "a") is True


@pytest.mark.parametrize(
    "call", [lambda a, b: a + b, lambda a, b: b + a, lambda a, b: a * b, lambda a, b: b - a]
)
def test_arrays_take_part_with_their_own_type(call):
    result = call(torch.ones(2), np.full(2, 3.0))
    assert result.dtype is torch.float64
    np.testing.assert_array_equal(result.numpy(), call(np.ones(2), np.full(2, 3.0)))


def test_numpys_numbers_are_numbers():
    for value in (np.float64(2), np.float32(2), np.int64(2)):
        assert (torch.ones(2) * value).dtype is torch.float32
        assert (value * torch.ones(2)).tolist() == [2.0, 2.0]


def test_reflected_operators():
    x = torch.tensor([1.0, 2.0, 4.0])
    assert (2 - x).tolist() == [1.0, 0.0, -2.0]
    assert (2 / x).tolist() == [2.0, 1.0, 0.5]
    assert (2**x).tolist() == [2.0, 4.0, 16.0]
    assert (5 // x).tolist() == [5.0, 2.0, 1.0]
    assert (5 % x).tolist() == [0.0, 1.0, 1.0]
