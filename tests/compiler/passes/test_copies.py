"""Copies that go: stores forwarded, sources read directly; and copies that must stay."""

import pytest

import rushlight as rl
from rushlight.compiler import passes
from rushlight.compiler.compiled import compile
from rushlight.compiler.passes.copies import without_copies
from tests.compiler.passes.programs import check, ops, traced

BATCH = 25


@pytest.mark.parametrize("first", range(2000, 2200, BATCH))
def test_random_programs_give_what_eager_gives(first, monkeypatch):
    monkeypatch.setattr(passes, "PASSES", (without_copies,))
    for seed in range(first, first + BATCH):
        check(seed)


def after(f, *args):
    """The ops that are left, and whether the plan gives what the function gives, twice."""
    compiled = compile(f)
    for _ in range(2):
        ours, theirs = [x.clone() for x in args], [x.clone() for x in args]
        found, wanted = compiled(*ours), f(*theirs)
        assert all((a == b).all() for a, b in zip((*found, *ours), (*wanted, *theirs), strict=True))
    return ops(without_copies(traced(f, *[x.clone() for x in args])))


X, Y = rl.randn(12, 12), rl.randn(12, 12)


def test_a_product_goes_where_it_is_copied():
    def f(x):
        out = rl.empty(12, 12)
        out.copy_(x @ x)
        return (out,)

    assert after(f, X)[-1] == "matmul"


def test_part_of_an_array_is_written_directly():
    def f(x):
        out = rl.zeros(24, 12)
        out[6:18] = x @ x
        return (out,)

    assert after(f, X)[-1] == "matmul"


def test_an_argument_is_not_written_early():
    """Two arguments may be one memory; and a reader of the old value may stand in between."""

    def f(x, y):
        z = x @ x
        w = y + 1
        y.copy_(z)
        return z, w

    assert "copy_" in after(f, X, Y)


def test_a_clone_is_its_source_while_that_stays():
    assert after(lambda x: (x.clone() + 1,), X) == ["add"]


def test_a_clone_keeps_what_changes():
    def f(x):
        old = x.clone()
        x.add_(1)
        return (old * 2,)

    assert "copy_" in after(f, X)


def test_a_clone_that_changes_stays():
    def f(x):
        y = x.clone()
        y.add_(1)
        return x * 2, y

    assert after(f, X) == ["clone", "add", "copy_", "mul"]


def test_a_copy_of_other_layout_stays():
    assert after(lambda x: (x.t().contiguous() @ x,), X) == ["clone", "matmul"]


def test_a_copy_of_a_copy_is_one():
    assert after(lambda x: ((x + 1).clone().clone().clone(),), X) == ["add"]


def test_what_is_read_twice_afterwards():
    def f(x):
        y = x @ x
        kept = y.clone()
        return kept + 1, y * 2

    assert after(f, X) == ["matmul", "add", "mul"]
