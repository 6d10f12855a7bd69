"""Integers changed in place by Python numbers, which has a short way: as the long way, and as torch."""

import itertools

import pytest

import rushlight

VALUES = (1, -3, 0, 2**31 - 1, 2**31, 2**40, True, 2.0, 2.5)
DTYPES = ("int64", "int32", "uint8", "bool", "float32")
CALLS = [
    *itertools.product(("add_", "sub_"), VALUES, ({}, {"alpha": 2}, {"alpha": 0.5})),
    *itertools.product(("mul_", "div_"), VALUES, ({},)),
]


def outcome(library, name, value, options, dtype):
    """The numbers and the version, or the class of the error."""
    tensor = library.tensor([3, 1]).to(getattr(library, dtype))
    try:
        assert getattr(tensor, name)(value, **options) is tensor
    except (RuntimeError, OverflowError) as error:
        return type(error).__name__
    return tensor.tolist(), str(tensor.dtype), tensor._version


@pytest.mark.parametrize(("name", "value", "options"), CALLS)
def test_as_in_torch(name, value, options):
    torch = pytest.importorskip("torch")
    for dtype in DTYPES:
        if value or name != "div_":
            expected = outcome(torch, name, value, options, dtype)
            assert outcome(rushlight, name, value, options, dtype) == expected, dtype


def test_counting():
    count = rushlight.tensor(0)
    for _ in range(5):
        count += 1
    count.mul_(3).sub_(5)
    assert count.item() == 10 and count.dtype is rushlight.int64 and count._version == 7
