"""einsum: messages, notation, and plans that do not grow."""

from __future__ import annotations

import numpy as np
import pytest

import rushlight as rl
from rushlight.ops.einsum import make_plan
from rushlight.ops.einsum_syntax import parse_equation

A, B = (rl.from_numpy(np.arange(float(n * m)).reshape(n, m)) for n, m in ((2, 3), (3, 4)))

REFUSALS = [
    (
        lambda: rl.einsum("ijk->i", A),
        "number of subscripts in the equation .3. does not match the number of dimensions .2.",
    ),
    (
        lambda: rl.einsum("ij,jk->ik", A, A),
        "subscript j has size 2 for operand 1 which does not broadcast with previously seen size 3",
    ),
    (lambda: rl.einsum("ij->k", A), "output subscript k does not appear"),
    (lambda: rl.einsum("ij->ii", A), "output subscript i appears more than once"),
    (lambda: rl.einsum("i1->i", A), "invalid subscript given at index 1"),
    (lambda: rl.einsum("i..->i", A), "found '.' for operand 0 that is not part of any ellipsis"),
    (lambda: rl.einsum("...i...->i", A), "an ellipsis was already found"),
    (lambda: rl.einsum("ij,jk->ik", A), "fewer operands were provided"),
    (lambda: rl.einsum("ij->ik", A, B), "more operands were provided"),
    (lambda: rl.einsum("ii->i", A), "repeated for operand 0 but the sizes don't match"),
    (lambda: rl.einsum("ij,jk->ik", A, B.float()), "same dtype"),
]


@pytest.mark.parametrize(("call", "message"), REFUSALS)
def test_refusals(call, message) -> None:
    with pytest.raises(RuntimeError, match=message):
        call()


def test_refusals_of_other_kinds() -> None:
    with pytest.raises(ValueError, match="must specify the equation string"):
        rl.einsum("ij")
    with pytest.raises(ValueError, match="not within the valid range"):
        rl.einsum(A, [0, 52])
    with pytest.raises(NotImplementedError, match="Bool"):
        rl.einsum("ij,jk->ik", A > 0, B > 0)


def test_subscripts_of_either_case_stand_in_alphabetical_order() -> None:
    assert parse_equation("aZ", 1) == (((26, 25),), None)
    assert rl.einsum("aZ", A).shape == (3, 2)  # capitals first, as in torch


def test_a_chain_is_contracted_in_the_cheapest_order() -> None:
    inputs, output = parse_equation("ij,jk,kl->il", 3)
    plan = make_plan(inputs, output, ((100, 2), (2, 100), (100, 2)))
    assert (plan.steps[0].i, plan.steps[0].j) == (1, 2)


def test_plans_are_kept() -> None:
    before = make_plan.cache_info().hits
    for _ in range(3):
        rl.einsum("ij,jk->ik", A, B)
    assert make_plan.cache_info().hits >= before + 2


def test_a_permutation_is_a_view() -> None:
    assert rl.einsum("ij->ji", A).data_ptr() == A.data_ptr()
