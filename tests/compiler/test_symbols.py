"""Numbers among the arguments that change from call to call."""

import math

import pytest

import rushlight as torch
from rushlight.compiler.symbols import argument, formula_of, plain


def test_arithmetic_is_remembered():
    x = argument(0, 2.0)
    k = argument(1, 3)
    made = (1 - x**k) / (k + 0.5) * -x
    assert plain(made) == (1 - 8.0) / 3.5 * -2.0
    assert formula_of(made)([0.5, 2]) == (1 - 0.25) / 2.5 * -0.5
    assert isinstance(k + 1, int) and isinstance(k * 0.5, float)


def f(x, lr, k, beta=0.5):
    correction = 1 - beta**k
    if k > 20:
        x = x * 2
    return (x * lr + torch.sin(x * beta) / correction).add(x, alpha=-lr) * math.sqrt(lr), 2 * lr


def test_one_plan_serves_all_values_and_a_condition_makes_another():
    c = torch.compile(f)
    for k in range(1, 40, 2):
        x = torch.randn(5)
        found, wanted = c(x, 0.1 * k, k, 0.3 + k / 1000), f(x, 0.1 * k, k, 0.3 + k / 1000)
        torch.testing.assert_close(found[0], wanted[0])
        assert found[1] == wanted[1] and type(found[1]) is float
    assert len(c.plans) <= 3 and not c.given_up


def test_numbers_that_change_the_graph_are_constants():
    def g(x, n):
        total = x
        for i in range(n):
            total = total + x * i
        return total

    c = torch.compile(g)
    for n in (1, 2, 3, 4, 2, 3):
        x = torch.randn(3)
        torch.testing.assert_close(c(x, n), g(x, n))


@pytest.mark.parametrize("n", [2, 3])
def test_numbers_behind_pythons_back(n):
    table = [10.0, 20.0, 30.0, 40.0, 50.0]
    c = torch.compile(lambda x, i: x * table[i])
    for i in (0, 1, 2, 3, 4, 1, 2):
        assert c(torch.ones(1), i).item() == table[i]


def test_booleans_and_strings_are_constants():
    c = torch.compile(lambda x, flag, word: x + 1 if flag and word == "a" else x)
    assert [c(torch.zeros(1), flag, w).item() for flag in (True, False) for w in "ab"] == [1, 0, 0, 0]


def test_gradients_use_the_numbers_of_their_call():
    w = torch.ones(3, requires_grad=True)
    c = torch.compile(lambda x, k: (x * w * k).sum())
    for k in (1.0, 2.0, 3.0, 4.0):
        w.grad = None
        c(torch.ones(3), k).backward()
        assert w.grad.tolist() == [k] * 3
