"""The essay's miniature prints what the page says, agrees with Rushlight, and its checker can fail."""

import contextlib
import io
import runpy
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import rushlight

ESSAY = Path(__file__).parents[1] / "docs" / "how_it_works.py"


@pytest.fixture(scope="module")
def mini():
    """The names that the essay defines, and in `printed` what it prints."""
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        names = runpy.run_path(str(ESSAY))
    return SimpleNamespace(**names, printed=output.getvalue().splitlines())


PRINTED = [
    "tanh(x)   (g * (1 - (out * out)))",
    "x * y     (g * y)",
    "exp(x*y)  ((g * out) * x)",
    "d/dw [4. 6.]",
    "d/dx 20001.0",
    "seen through the other [ 1. 12. 13.] version [1]",
    "refused: sigmoid kept `out` for backward, and it was changed in place since then",
    "allowed: [3. 3.]",
    "x³ at 2: 12.0 and 12.0",
    "all gradients agree with differences, and theirs too",
]


def test_prints_what_the_page_says(mini):
    assert mini.printed[: len(PRINTED)] == PRINTED
    text = ESSAY.read_text(encoding="utf-8")
    for line in PRINTED[:3]:
        assert f"#     {line}\n" in text


def test_network_learns_exclusive_or(mini):
    assert mini.answers.round().tolist() == [0, 1, 1, 0]
    losses = [float(line.split()[-1]) for line in mini.printed if line.startswith("step")]
    assert len(losses) == 4 and losses == sorted(losses, reverse=True) and losses[-1] < 0.1


def test_what_backward_keeps_follows_from_the_formula(mini):
    kept = {
        name: {p: getattr(mini, name).rule(p)[1] for p in getattr(mini, name).params}
        for name in ("add", "mul", "relu", "softplus", "matmul")
    }
    assert kept == {
        "add": {"x": [], "y": []},
        "mul": {"x": ["y"], "y": ["x"]},
        "relu": {"x": ["x"]},
        "softplus": {"x": ["x"]},
        "matmul": {"x": ["y"], "y": ["x"]},
    }


# The same function on the miniature's tensors and on Rushlight's.
FUNCTIONS = {
    "sigmoid": (lambda m, x: m.sigmoid(x), lambda x: x.sigmoid()),
    "softplus": (lambda m, x: m.softplus(x), lambda x: rushlight.nn.functional.softplus(x)),
    "cube": (lambda m, x: x * x * x, lambda x: x * x * x),
    "gram": (lambda m, x: m.sigmoid(x @ m.t(x)), lambda x: (x @ x.t()).sigmoid()),
    "rows": (lambda m, x: x[0:1] * x[1:2] * x, lambda x: x[0:1] * x[1:2] * x),
    "broadcast": (lambda m, x: x * m.sum_to(x, shape=(1, 4)), lambda x: x * x.sum(0, keepdim=True)),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_first_and_second_derivatives_as_in_rushlight(mini, name):
    small, large = FUNCTIONS[name]
    a = np.random.default_rng(0).normal(size=(3, 4))
    once, twice = mini.slopes(lambda x: small(mini, x), a)
    x = rushlight.tensor(a, requires_grad=True)
    (first,) = rushlight.autograd.grad(large(x).sum(), x, create_graph=True)
    (second,) = rushlight.autograd.grad(first.sum(), x)
    np.testing.assert_allclose(once, first.detach().numpy(), rtol=1e-12)
    np.testing.assert_allclose(twice, second.numpy(), rtol=1e-12, atol=1e-14)


def test_the_checker_can_fail(mini):
    @mini.Op
    def wrong(x):
        return x * x * x

    wrong.vjp(x=lambda g, x: g * x * x)
    with pytest.raises(AssertionError):
        mini.check(wrong, np.ones((2, 2)))
    wrong.vjp(x=lambda g, x: g * x * x * 3)
    mini.check(wrong, np.ones((2, 2)))


def test_a_write_through_a_view_is_noticed(mini):
    x = mini.Tensor([[1.0], [2.0]]).requires_grad_()
    y = mini.sigmoid(x)
    mini.Tensor(y.a, None, y.version)[0:1].add_(1)
    with pytest.raises(RuntimeError, match="sigmoid kept `out`"):
        y.sum().backward()
    assert mini.backward.__globals__["recording"] is True  # the tape runs on after an error


def test_a_leaf_is_not_written_to_while_the_tape_runs(mini):
    with pytest.raises(RuntimeError, match="a leaf that requires grad"):
        mini.Tensor([1.0]).requires_grad_().add_(1)


def test_nothing_is_recorded_where_nobody_asked(mini):
    assert (mini.Tensor([1.0]) * mini.Tensor([2.0])).n is None


def test_zero_times_infinity_is_not_a_number(mini):
    """The shortening of expressions must not hide this."""
    x = mini.variable("x")
    assert str(0 * x) == "(x * 0)" and str(1 * x + 0) == "x"
