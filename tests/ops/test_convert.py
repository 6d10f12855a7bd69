"""Conversions between dtypes."""

import pytest

import rushlight


@pytest.mark.parametrize("name", ["int", "long", "short", "char", "byte", "bool"])
def test_integers_carry_no_gradient(name):
    x = rushlight.ones(3, requires_grad=True)
    converted = getattr(x, name)()
    assert not converted.requires_grad and converted.grad_fn is None
    assert not x.to(converted.dtype).requires_grad and not x.type(converted.dtype).requires_grad
    (x * converted).sum().backward()
    assert x.grad.tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize("name", ["half", "double", "bfloat16"])
def test_floating_conversions_carry_the_gradient(name):
    x = rushlight.ones(3, requires_grad=True)
    (getattr(x, name)() * 2).sum().backward()
    assert x.grad.tolist() == [2.0, 2.0, 2.0] and x.grad.dtype is rushlight.float32
