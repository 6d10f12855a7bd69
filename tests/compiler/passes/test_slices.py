"""Sums of slices in zeros: written side by side, where they do not meet."""

import numpy as np
import pytest

import rushlight as rl
from rushlight.compiler.compiled import compile
from rushlight.compiler.passes.slices import with_slices_side_by_side
from tests.compiler.passes.programs import ops, traced


def gradient(f):
    """The function that gives the gradient of the sum of f's results."""

    def backward(x):
        leaf = x.detach().requires_grad_()
        (grad,) = rl.autograd.grad((f(leaf * 2)).sum(), [leaf])
        return grad

    return backward


def qkv(x):
    q, k, v = x.split(4, dim=-1)
    return q * k.tanh() + v


def left(f, x):
    """The ops of the gradient, and whether it is the eager one, twice."""
    compiled, backward = compile(gradient(f)), gradient(f)
    for _ in range(2):
        np.testing.assert_allclose(compiled(x).numpy(), backward(x).numpy(), rtol=1e-6)
    return ops(with_slices_side_by_side(traced(backward, x)))


def test_slices_that_are_all_there_is():
    found = left(qkv, rl.randn(5, 12))
    assert "slice_zeros" not in found and found.count("copy_") == 3 and "zeros" not in found


def test_slices_with_gaps_stand_in_zeros():
    found = left(lambda x: x.narrow(-1, 1, 3) * x.narrow(-1, 7, 3), rl.randn(5, 12))
    assert "slice_zeros" not in found and found.count("copy_") == 2 and found.count("zeros") == 1


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x.narrow(-1, 0, 4) * x.narrow(-1, 2, 4),
        lambda x: x.narrow(0, 0, 2).sum() + x.narrow(1, 4, 2).sum(),
    ],
)
def test_slices_that_meet_are_added(f):
    assert left(f, rl.randn(5, 12)).count("slice_zeros") == 2


def test_one_slice_is_left_alone():
    assert left(lambda x: x.narrow(-1, 2, 4).exp(), rl.randn(5, 12)).count("slice_zeros") == 1
