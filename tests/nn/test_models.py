"""Whole models trained as torch trains them: losses and parameters after a few steps, from one seed."""

import json
from pathlib import Path

import numpy as np
import pytest

import rushlight

LOSSES = Path(__file__).with_name("model_losses.json")
STEPS = 5


def perceptron(n):
    return n.Sequential(
        n.Linear(12, 16), n.ReLU(), n.Dropout(0.2), n.Linear(16, 16), n.GELU(), n.Linear(16, 4)
    )


def lenet(n):
    return n.Sequential(
        *(n.Conv2d(1, 4, 5, padding=2), n.ReLU(), n.MaxPool2d(2)),
        *(n.Conv2d(4, 8, 3, bias=False), n.BatchNorm2d(8), n.ReLU(), n.AdaptiveAvgPool2d(2)),
        *(n.Flatten(), n.Linear(32, 4)),
    )


def residual(n):
    class Block(n.Module):
        def __init__(self, channels):
            super().__init__()
            self.conv1 = n.Conv2d(channels, channels, 3, padding=1, bias=False)
            self.bn1 = n.BatchNorm2d(channels)
            self.conv2 = n.Conv2d(channels, channels, 3, padding=1, bias=False)
            self.bn2 = n.BatchNorm2d(channels)
            self.relu = n.ReLU(inplace=True)

        def forward(self, x):
            return self.relu(self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x))))) + x)

    stem = n.Conv2d(1, 6, 3, stride=2, padding=1), n.BatchNorm2d(6), n.ReLU(inplace=True)
    return n.Sequential(*stem, Block(6), Block(6), n.AdaptiveAvgPool2d(1), n.Flatten(), n.Linear(6, 4))


def transformer(n):
    class Model(n.Module):
        def __init__(self):
            super().__init__()
            self.embed = n.Embedding(11, 16)
            layer = n.TransformerEncoderLayer(16, 2, 32, 0.1, "gelu", batch_first=True, norm_first=True)
            self.body = n.TransformerEncoder(layer, 2, n.LayerNorm(16), enable_nested_tensor=False)
            self.head = n.Linear(16, 4)

        def forward(self, tokens):
            mask = n.Transformer.generate_square_subsequent_mask(tokens.shape[1])
            return self.head(self.body(self.embed(tokens), mask=mask, is_causal=True).mean(1))

    return Model()


def recurrent(n):
    class Model(n.Module):
        def __init__(self):
            super().__init__()
            self.embed = n.Embedding(11, 8, padding_idx=0)
            self.lstm = n.LSTM(8, 12, 2, batch_first=True, bidirectional=True, dropout=0.1)
            self.head = n.Linear(24, 4)

        def forward(self, tokens):
            return self.head(self.lstm(self.embed(tokens))[0][:, -1])

    return Model()


IMAGES, TOKENS, ROWS = "images", "tokens", "rows"
# No bias before a batch norm, and a large eps: Adam would make steps of mere rounding errors.
MODELS = {
    "perceptron": (perceptron, ROWS, "SGD", {"lr": 0.1, "momentum": 0.9}),
    "lenet": (lenet, IMAGES, "Adam", {"lr": 0.01}),
    "residual": (residual, IMAGES, "SGD", {"lr": 0.05, "momentum": 0.9, "nesterov": True}),
    "transformer": (transformer, TOKENS, "AdamW", {"lr": 0.01, "eps": 1e-4}),
    "recurrent": (recurrent, TOKENS, "Adam", {"lr": 0.01, "weight_decay": 0.01}),
}


def inputs(library, kind):
    rng = np.random.default_rng(0)
    if kind == TOKENS:
        return library.from_numpy(rng.integers(1, 11, (8, 6)))
    shape = (8, 12) if kind == ROWS else (8, 1, 12, 12)
    return library.from_numpy(rng.standard_normal(shape).astype(np.float32))


def train(library, name):
    """The loss of every step, at last the one in eval mode, and the parameters in the end."""
    make, kind, optimizer, settings = MODELS[name]
    library.manual_seed(0)
    model, criterion = make(library.nn), library.nn.CrossEntropyLoss(label_smoothing=0.1)
    optim = getattr(library.optim, optimizer)(model.parameters(), **settings)
    x, y = inputs(library, kind), library.tensor([0, 1, 2, 3, 0, 1, 2, 3])
    losses = []
    for _ in range(STEPS):
        optim.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        library.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optim.step()
        losses.append(loss.item())
    with library.no_grad():
        losses.append(criterion(model.eval()(x), y).item())
    return losses, [p.detach().numpy() for p in model.parameters()]


@pytest.mark.parametrize("name", MODELS)
def test_trains_as_in_torch(name):
    torch = pytest.importorskip("torch")
    (ours, parameters), (theirs, expected) = train(rushlight, name), train(torch, name)
    np.testing.assert_allclose(ours, theirs, rtol=1e-4)
    for a, b in zip(parameters, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-2, atol=1e-3)


@pytest.mark.parametrize("name", MODELS)
def test_trains_as_torch_did(name):
    losses, _ = train(rushlight, name)
    np.testing.assert_allclose(losses, json.loads(LOSSES.read_text(encoding="utf-8"))[name], rtol=1e-3)
    assert losses[-1] < losses[0]
