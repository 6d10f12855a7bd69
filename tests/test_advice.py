"""Beginner's traps: told once, with the line; switched off; and not seen where they are not."""

import warnings
from pathlib import Path

import pytest

import rushlight as rl
from rushlight import nn
from rushlight.ops import losses_classes

F = nn.functional
HERE = Path(__file__)


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    """Advice on, nothing said so far."""
    monkeypatch.setattr(losses_classes, "_calls", 0)
    rl.advice(True)
    yield
    rl.advice(True)


def said(action):
    """The pieces of advice that `action` gives: (line, message)."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        action()
    return [(Path(w.filename), w.lineno, str(w.message)) for w in caught if w.category is rl.AdviceWarning]


def line_of(mark):
    return HERE.read_text(encoding="utf-8").split(f"# {mark}\n")[0].count("\n") + 1


def train(steps=3, clear=lambda model, optimizer: None, backwards=1):
    model = nn.Linear(2, 1)
    optimizer = rl.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(steps):
        clear(model, optimizer)
        for _ in range(backwards):
            model(rl.ones(3, 2)).sum().backward()
        optimizer.step()  # the step


def probabilities_to_cross_entropy():
    scores = rl.tensor([[1.0, 2.0], [0.0, 1.0]], requires_grad=True)
    F.cross_entropy(scores.softmax(1), rl.tensor([0, 1]))  # the softmax


def dropout_at_inference():
    model = nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.5))
    with rl.no_grad():
        model(rl.ones(1, 2))  # the dropout


def broadcasting_in_a_loss():
    F.mse_loss(rl.ones(4, 1), rl.ones(4))  # the loss


TRAPS = {
    "the step": (train, "zero_grad()"),
    "the softmax": (probabilities_to_cross_entropy, "cross_entropy applies log_softmax itself"),
    "the dropout": (dropout_at_inference, "call model.eval()"),
    "the loss": (broadcasting_in_a_loss, "broadcasting to (4, 4)"),
}


@pytest.mark.parametrize("mark", TRAPS)
def test_a_trap_is_told_once_with_its_line(mark):
    trap, words = TRAPS[mark]
    ((path, line, message),) = said(trap)
    assert words in message and "torch.advice(False)" in message
    assert (path, line) == (HERE, line_of(mark))
    losses_classes._calls = 0
    assert said(trap) == []  # once


@pytest.mark.parametrize("mark", TRAPS)
def test_advice_can_be_switched_off(mark):
    rl.advice(False)
    assert said(TRAPS[mark][0]) == []


def by_data(model, optimizer):
    for p in model.parameters():
        if p.grad is not None:
            p.grad.data.zero_()


def by_hand(model, optimizer):
    for p in model.parameters():
        if p.grad is not None:
            p.grad.zero_()


def by_none(model, optimizer):
    for p in model.parameters():
        p.grad = None


@pytest.mark.parametrize(
    "clear",
    [
        lambda model, optimizer: optimizer.zero_grad(),
        lambda model, optimizer: optimizer.zero_grad(set_to_none=False),
        lambda model, optimizer: model.zero_grad(),
        *(by_data, by_hand, by_none),
    ],
)
@pytest.mark.parametrize("backwards", [1, 4])
def test_cleared_gradients_are_no_trap(clear, backwards):
    assert said(lambda: train(5, clear, backwards)) == []


def test_one_step_or_steps_without_a_backward_between_are_no_trap():
    assert said(lambda: train(1, backwards=5)) == []
    w = rl.ones(2, requires_grad=True)
    optimizer = rl.optim.Adam([w])
    (w * 2).sum().backward()
    assert said(lambda: [optimizer.step() for _ in range(3)]) == []


def test_scores_and_a_model_in_eval_are_no_traps():
    assert said(lambda: F.cross_entropy(rl.randn(2, 3), rl.tensor([0, 1]))) == []
    model = nn.Dropout(0.5).eval()
    with rl.no_grad():
        assert said(lambda: model(rl.ones(2))) == []
    assert said(lambda: F.mse_loss(rl.ones(4, 1), rl.ones(4, 1))) == []
