"""Common subexpressions: what runs once, and what must run again."""

import pytest

import rushlight as rl
from rushlight.compiler import passes
from rushlight.compiler.compiled import compile
from rushlight.compiler.passes.repeats import without_repeats
from tests.compiler.passes.programs import check, ops, traced

BATCH = 25


@pytest.mark.parametrize("first", range(3000, 3200, BATCH))
def test_random_programs_give_what_eager_gives(first, monkeypatch):
    monkeypatch.setattr(passes, "PASSES", (without_repeats,))
    for seed in range(first, first + BATCH):
        check(seed)


X = rl.randn(12, 12)


def after(f, *args):
    """The ops that are left."""
    return ops(without_repeats(traced(f, *[x.clone() for x in args])))


def test_equal_nodes_run_once():
    assert after(lambda x: (x @ x).relu() + (x @ x).relu(), X) == ["matmul", "relu", "add"]


def test_other_numbers_are_other_nodes():
    assert after(lambda x: (x * 2) + (x * 3) + (x * 0.0) + (x * -0.0), X).count("mul") == 4


def test_other_layouts_are_other_nodes():
    assert after(lambda x: (x[:6] + 1) @ (x[6:] + 1).t(), X).count("add") == 2


def test_what_was_written_in_between_is_read_again():
    def f(x):
        y = x * 2
        x.add_(1)
        return y + x * 2

    assert after(f, X).count("mul") == 2


def test_a_result_that_is_written_to_stays_its_own():
    def f(x):
        y, z = x * 2, x * 2
        y.add_(1)
        return y + z

    assert after(f, X).count("mul") == 2


def test_results_stay_apart():
    """Both are handed out: whoever writes to one must not find the other changed."""
    f = compile(lambda x: (x * 2, x * 2))
    for _ in range(2):
        a, b = f(X)
        a.add_(1)
        assert (b == X * 2).all()


def test_random_numbers_are_drawn_again():
    f = compile(lambda x: rl.rand_like(x) - rl.rand_like(x))
    assert all((f(X) != 0).any() for _ in range(3))
