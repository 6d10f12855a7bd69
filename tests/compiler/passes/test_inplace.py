"""Outputs in the memory of inputs that are read for the last time."""

import pytest

import rushlight as rl
from rushlight.compiler import passes
from rushlight.compiler.compiled import compile
from rushlight.compiler.passes.inplace import with_memory_reused
from tests.compiler.passes.programs import check, traced

BATCH = 25
X = rl.randn(16, 16)


@pytest.mark.parametrize("first", range(6000, 6200, BATCH))
def test_random_programs_give_what_eager_gives(first, monkeypatch):
    monkeypatch.setattr(passes, "PASSES", (with_memory_reused,))
    for seed in range(first, first + BATCH):
        check(seed)


def after(f, *args):
    return with_memory_reused(traced(f, *args))


def reused(graph):
    """How many programs write what they read."""
    return sum(bool(n.reads & n.writes) for n in graph.nodes)


def test_a_chain_takes_one_memory():
    assert reused(after(lambda x: ((x @ x).relu() @ x).tanh() @ x, X)) == 2


def test_arguments_and_results_are_not_taken():
    assert reused(after(lambda x: x + 1, X)) == 0
    assert reused(after(lambda x: (y := x @ x, y + 1), X)) == 0


def test_what_is_read_later_is_not_taken():
    assert reused(after(lambda x: ((y := x @ x) + 1) @ y, X)) == 0


def test_what_is_stretched_or_turned_is_not_taken():
    assert reused(after(lambda x: ((x @ x)[0] + x) @ x, X)) == 0
    assert reused(after(lambda x: (x + (x @ x).t()) @ x, X)) == 0


def test_read_twice_by_one_program():
    """Elements of its row are read after they were written."""

    def f(x):
        y = x @ x
        return (y + y[0]) @ x

    compiled = compile(f)
    for _ in range(2):
        assert rl.allclose(compiled(X), f(X), rtol=1e-5, atol=1e-4)
    assert reused(after(f, X)) == 0


def test_the_arena_is_smaller():
    def f(x):
        for _ in range(4):
            x = (x @ x).tanh()
        return x

    compiled = compile(f)
    compiled(X)
    assert compiled.plans[0].plan.arena_bytes <= 2 * X.nbytes


@pytest.mark.parametrize(("columns", "count"), [(7, 0), (16, 1), (33, 0), (300, 1)])
def test_rows_that_end_within_a_vector_have_memory_of_their_own(columns, count):
    x, w = rl.randn(8, columns), rl.randn(8, 1)
    assert reused(after(lambda x, w: ((x + x).matmul(x.t()) @ x * w) @ x.t(), x, w)) == count
    assert reused(after(lambda x: ((x @ x.t()) @ x * 2) @ x.t(), x)) == 1
