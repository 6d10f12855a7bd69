"""A function that draws from Python's or NumPy's generator: a plan would draw the same numbers for ever."""

import random
import threading

import numpy as np
import pytest

import rushlight as torch
from rushlight.compiler.foreign import noting_draws


@pytest.mark.parametrize("draw", [random.random, np.random.rand, lambda: random.choice([1.0, 2.0, 3.0])])
def test_it_runs_uncompiled_and_says_so(draw):
    torch.advice(True)  # what was said is said again
    f = torch.compile(lambda x: x * draw())
    random.seed(0)
    np.random.seed(0)
    with pytest.warns(torch.AdviceWarning, match="draws from Python's or NumPy's generator"):
        found = [f(torch.ones(1)).item() for _ in range(8)]
    random.seed(0)
    np.random.seed(0)
    assert found == [torch.tensor(draw()).item() for _ in range(8)]


def test_with_fullgraph_it_is_an_error():
    f = torch.compile(lambda x: x * random.random(), fullgraph=True)
    with pytest.raises(RuntimeError, match="pass the number in"):
        for _ in range(2):  # where other threads run, the second call is looked at closely
            f(torch.ones(1))


def test_our_own_generator_is_compiled():
    f = torch.compile(lambda x: x * torch.rand(2), fullgraph=True)
    assert f(torch.ones(2)).tolist() != f(torch.ones(2)).tolist() and len(f.plans) == 1


@pytest.fixture
def drawing():
    """Another thread that draws all the time."""
    done = threading.Event()

    def draw():
        while not done.is_set():
            random.random()

    thread = threading.Thread(target=draw)
    thread.start()
    yield
    done.set()
    thread.join()


def test_what_another_thread_draws_is_not_the_functions(drawing):
    f = torch.compile(lambda x: (x * 2).exp().sum(), fullgraph=True)
    for _ in range(3):
        f(torch.ones(100))
    assert len(f.plans) == 1


def test_what_the_function_draws_is_found_while_another_thread_draws(drawing):
    torch.advice(True)
    f = torch.compile(lambda x: x * np.random.rand())
    with pytest.warns(torch.AdviceWarning, match="draws from Python's or NumPy's generator"):
        found = {f(torch.ones(1)).item() for _ in range(6)}
    assert len(found) == 6


@pytest.mark.parametrize("draw", [random.random, lambda: random.gauss(0, 1), lambda: np.random.choice(3),
                                  lambda: random.shuffle([1, 2, 3]), np.random.standard_normal])  # fmt: skip
def test_every_call_is_looked_at(draw):
    with noting_draws(closely=True) as draws:
        draw()
    assert draws.drew
    with noting_draws(closely=True) as draws:
        torch.rand(3), np.random.default_rng(0).random(), random.Random(0).random()
    assert not draws.drew
