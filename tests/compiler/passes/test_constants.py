"""Constants: numbers in place of arrays that repeat one, and programs of constants that run once."""

import numpy as np
import pytest

import rushlight as rl
from rushlight.compiler import passes
from rushlight.compiler.compiled import compile
from rushlight.compiler.graph import Place
from rushlight.compiler.passes.constants import with_constants_folded
from tests.compiler.passes.programs import check, ops, traced

BATCH = 25
X = rl.randn(5, 6)


@pytest.mark.parametrize("first", range(4000, 4200, BATCH))
def test_random_programs_give_what_eager_gives(first, monkeypatch):
    monkeypatch.setattr(passes, "PASSES", (with_constants_folded,))
    for seed in range(first, first + BATCH):
        check(seed)


def after(f, *args):
    return with_constants_folded(traced(f, *args))


def places(node):
    """The arrays that a program reads."""
    return [p for p in node.body.inputs.values() if p.__class__ is Place]


def agrees(f, *args):
    """Whether plan and function give the same bits, twice."""
    compiled = compile(f)
    return all(np.asarray(compiled(*args)).tobytes() == np.asarray(f(*args)).tobytes() for _ in range(2))


@pytest.mark.parametrize("value", [1.0, -2.5, 1e30, float("inf"), 0.1])
def test_an_array_of_one_number_is_that_number(value):
    (node,) = after(lambda x: x * rl.full((5, 6), value), X).nodes
    assert len(places(node)) == 1
    assert agrees(lambda x: x * rl.full((5, 6), value), X)


def test_nan_and_arrays_of_several_numbers_stay():
    for f in (lambda x: x * rl.full((5, 6), float("nan")), lambda x: x * rl.tensor([1.0, 2, 3, 4, 5, 6])):
        assert len(places(after(f, X).nodes[0])) == 2


def test_nothing_added_to_minus_zero_is_zero():
    """x + 0.0 is not x where x is -0.0."""
    f, x = (lambda x: x + rl.zeros(3)), rl.tensor([-0.0, 0.0, 1.0])
    assert agrees(f, x)
    assert len(places(after(f, x).nodes[0])) == 2


def test_whole_numbers():
    assert agrees(lambda x: x + rl.ones(3, dtype=rl.int64), rl.tensor([1, 2, 3]))
    assert agrees(lambda x: x + rl.full((3,), 1 << 40, dtype=rl.int64), rl.tensor([1, 2, 3]))


def test_what_is_made_of_constants_is_made_once():
    def f(x):
        position = rl.arange(6.0)
        return x * (position * 2 + 1).sqrt()

    assert ops(after(f, X)) == ["mul"]
    assert agrees(f, X)


def test_a_constant_that_is_written_to_is_none():
    def f(x):
        total = rl.zeros(5, 6)
        total.add_(x)
        total.add_(x)
        return total * rl.ones(5, 6)

    assert agrees(f, X)


def test_a_constant_that_is_returned_is_the_callers():
    def f(x):
        y = rl.ones(5, 6)
        return x * y, y

    compiled = compile(f)
    compiled(X)
    _, y = compiled(X)
    y.mul_(3)
    found, _ = compiled(X)
    assert (found == X * y).all() or (found == X).all()
