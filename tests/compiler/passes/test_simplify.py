"""Rules on programs: each makes steps fewer and leaves every bit, nan, inf and -0 included."""

import numpy as np
import pytest

import rushlight as rl
from rushlight.compiler import passes
from rushlight.compiler.compiled import compile
from rushlight.compiler.passes.fuse import fused
from rushlight.compiler.passes.simplify import simplified
from tests.compiler.passes.programs import check, traced

BATCH = 25
X = rl.tensor([1.5, -2.0, 0.0, -0.0, float("inf"), float("-inf"), float("nan"), 1e-40, 3e38])


@pytest.mark.parametrize("first", range(5000, 5200, BATCH))
def test_random_programs_give_what_eager_gives(first, monkeypatch):
    monkeypatch.setattr(passes, "PASSES", (fused, simplified))
    for seed in range(first, first + BATCH):
        check(seed)


def steps(f, *args):
    """How many steps are left of all programs."""
    return sum(len(n.body.steps) for n in simplified(fused(traced(f, *args))).nodes)


def agrees(f, *args):
    """Whether plan and function give the same bits, twice."""
    compiled = compile(f)
    return all(compiled(*args).numpy().tobytes() == f(*args).numpy().tobytes() for _ in range(2))


GONE = {
    "x * 1": lambda x: x * 1.0,
    "x / 1": lambda x: x / 1.0,
    "x ** 1": lambda x: x**1,
    "-(-x)": lambda x: x.neg().neg(),
    "to a wider type and back": lambda x: x.double().float(),
    "-1 * -1": lambda x: (x * -1.0) * -1.0,
}


@pytest.mark.parametrize("name", GONE)
def test_steps_that_change_nothing_go(name):
    f = GONE[name]
    assert steps(f, X) == 0 and agrees(f, X)
    assert steps(lambda x: f(x) + 2, X) == 1 and agrees(lambda x: f(x) + 2, X)


STAY = {
    "x + 0 is 0 at -0": lambda x: x + 0.0,
    "to a narrower type and back": lambda x: x.half().float(),
    "to whole numbers and back": lambda x: rl.where(x == x, x.clamp(-5, 5), 0.0).int().float(),
    "x * 0 is nan at inf": lambda x: x * 0.0,
    "x - x is nan at inf": lambda x: x - x,
    "x / x": lambda x: x / x,
    "0 - x is not -x": lambda x: 0.0 - x,
}


@pytest.mark.parametrize("name", STAY)
def test_steps_that_change_something_stay(name):
    assert steps(STAY[name], X) >= 1 and agrees(STAY[name], X)


def test_squares_are_products():
    (node,) = simplified(traced(lambda x: x**2, X)).nodes
    assert node.body.steps[0].expr.fn.name == "square" and agrees(lambda x: x**2, X)


def test_halves_are_rounded_where_they_were():
    x = X.half()
    assert agrees(lambda x: (x * 1.1).float().half() * 1.0, x)


def test_a_step_that_is_written_and_used_stays():
    f = compile(lambda x: (x.neg(), x.neg().neg()))
    for _ in range(2):
        a, b = f(X)
        assert np.array_equal(a.numpy(), -X.numpy(), equal_nan=True)
        assert np.array_equal(b.numpy(), X.numpy(), equal_nan=True)
