"""What batches may be."""

from collections import namedtuple

import pytest

import rushlight as torch
from rushlight import nn
from rushlight.train import Trainer
from rushlight.train.batches import Batch, divided, groups, inputs_of, length, structure

A, B, C = torch.ones(3, 2), torch.zeros(3, 2), torch.arange(3)
Pair = namedtuple("Pair", "x y")


def is_same(found, args, kwargs, target):
    assert found.args == args and found.kwargs == kwargs and found.target is target


@pytest.mark.parametrize(
    "batch, args, kwargs",
    [
        ((A, C), (A,), {}),
        ([A, C], (A,), {}),
        (Pair(A, C), (A,), {}),
        ((A, B, C), (A, B), {}),
        (((A, B), C), (A, B), {}),
        (({"x": A, "y": B}, C), (), {"x": A, "y": B}),
        ({"x": A, "target": C}, (), {"x": A}),
        ({"x": A, "y": B, "labels": C}, (), {"x": A, "y": B}),
    ],
)
def test_forms(batch, args, kwargs):
    found = divided(batch)
    is_same(found, args, kwargs, C)
    assert found.size() == 3
    assert inputs_of(batch).args == args and inputs_of(batch).kwargs == kwargs


@pytest.mark.parametrize(
    "batch, said",
    [
        (A, r"this one is Tensor \(3, 2\) float32"),
        ((A,), r"this one is \(Tensor \(3, 2\) float32,\)"),
        ({"x": A, "y": C}, r"this one is \{'x': Tensor \(3, 2\) float32, 'y': Tensor \(3,\) int64\}"),
        ({"label": C, "target": C, "x": A}, "one of the keys"),
        ("text", "this one is str"),
        (None, "this one is NoneType"),
    ],
)
def test_what_does_not_fit(batch, said):
    with pytest.raises(ValueError, match=said):
        divided(batch)


def test_a_function_that_divides():
    is_same(divided(A, lambda x: (x, x)), (A,), {}, A)
    is_same(divided({"a": A, "b": C}, lambda d: ({"x": d["a"]}, d["b"])), (), {"x": A}, C)
    model = nn.Linear(2, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    trainer = Trainer(model, "mse_loss", optimizer, divide=lambda x: (x, x))
    history = trainer.fit([A, A * 2], epochs=20, progress=False)
    assert history.column("loss")[-1] < history.column("loss")[0] / 10
    with pytest.raises(ValueError, match="divide=lambda batch"):
        Trainer(model, "mse_loss", optimizer).fit([A], progress=False)


def test_keyword_arguments_reach_a_compiled_model():
    class Sum(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(2, 1)

        def forward(self, left, right):
            return self.layer(left - right)

    model = Sum()
    trainer = Trainer(model, "mse_loss", torch.optim.SGD(model.parameters(), lr=0.1))
    batch = {"left": A, "right": B, "target": torch.ones(3, 1)}
    assert trainer.fit([batch] * 5, epochs=20, progress=False).column("loss")[-1] < 1e-3
    assert torch.allclose(trainer.predict([batch]), torch.ones(3, 1), atol=0.1)


def test_sizes():
    assert Batch((torch.tensor(1.0),), {"x": A}, None).size() == 3 and Batch((), {}, 1).size() == 1
    assert length([1, 2]) == 2 and length(iter([1])) is None
    assert [len(g) for g in groups(iter(range(7)), 3)] == [3, 3, 1]
    assert structure([A] * 7).endswith(", ...]") and structure((1, "a")) == "(int, str)"
