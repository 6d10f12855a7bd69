"""Programs that are given to `compile`, each written once for `m`, which is torch or rushlight: plain nets.

A function gives a Program: one function of its data that does all of a training step, or an answer of
inference, and the tensors that begin the same on all sides. Images and sequences have files of their own.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from .models import normal


@dataclass
class Program:
    """What is compiled, what it is called with, and the tensors that must begin the same."""

    step: Callable[..., Any]
    data: tuple[Any, ...]
    state: dict[str, Any]
    carries: bool = False  # the step gives its result and what takes its last argument's place in the next

    def call(self, step: Callable[..., Any]) -> Callable[[], Any]:
        """A call without arguments of the step, or of what it was compiled to."""
        if not self.carries:
            return partial(step, *self.data)
        *data, carried = self.data

        def call() -> Any:
            nonlocal carried
            result, carried = step(*data, carried)
            return result

        return call


def trained(
    m: Any,
    model: Any,
    loss: Callable[..., Any],
    optimizer: Any,
    data: tuple[Any, Any],
    clip: float = math.inf,
) -> Program:
    """The usual step: gradients away, loss, backward, clipping where asked, and the update."""

    def step(x: Any, y: Any) -> Any:
        optimizer.zero_grad()
        value = loss(x, y)
        value.backward()
        if clip < math.inf:
            m.nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimizer.step()
        return value

    return Program(step, data, model.state_dict())


def answering(m: Any, model: Any, *data: Any) -> Program:
    """Inference: the model in evaluation, no gradients."""
    model.eval()

    def step(*data: Any) -> Any:
        with m.no_grad():
            return model(*data)

    return Program(step, data, model.state_dict())


def dense(m: Any, *widths: int) -> Any:
    """Linear layers with ReLU between them."""
    layers = [m.nn.Linear(before, after) for before, after in zip(widths, widths[1:])]
    parts = [part for layer in layers for part in (layer, m.nn.ReLU())]
    return m.nn.Sequential(*parts[:-1])


def seed_autograd(m: Any) -> Program:
    """The tutorial's two-layer net by autograd: 64x1000x100x10, ReLU, squared error, gradient step."""
    w1, w2 = normal(m, 1000, 100, grad=True), normal(m, 100, 10, grad=True)

    def step(x: Any, y: Any) -> Any:
        loss = (x.mm(w1).clamp(min=0).mm(w2) - y).pow(2).sum()
        loss.backward()
        with m.no_grad():
            for w in (w1, w2):
                w.sub_(1e-6 * w.grad)
                w.grad = None
        return loss

    return Program(step, (normal(m, 64, 1000), normal(m, 64, 10)), {"w1": w1, "w2": w2})


def seed_adam(m: Any) -> Program:
    """The same net from nn and Adam."""
    model = dense(m, 1000, 100, 10)
    optimizer = m.optim.Adam(model.parameters(), lr=1e-4)
    loss = m.nn.MSELoss(reduction="sum")
    data = normal(m, 64, 1000), normal(m, 64, 10)
    return trained(m, model, lambda x, y: loss(model(x), y), optimizer, data)


def mlp(m: Any) -> Program:
    """784-512-512-10, batch 128, SGD with momentum."""
    model = dense(m, 784, 512, 512, 10)
    optimizer = m.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    return trained(m, model, entropy(m, model), optimizer, labelled(m, 128, 784))


def entropy(m: Any, model: Any) -> Callable[[Any, Any], Any]:
    """The cross entropy of what the model says of x and the classes y."""
    return lambda x, y: m.nn.functional.cross_entropy(model(x), y)


def labelled(m: Any, *shape: int, below: int = 10) -> tuple[Any, Any]:
    """Normal inputs, and a class number of each."""
    labels = np.random.default_rng(below).integers(0, below, shape[0])
    return normal(m, *shape), m.tensor(labels)


def deep_mlp(m: Any) -> Program:
    """20 layers of width 32, batch 8, plain gradient step: all overhead."""
    model = dense(m, *[32] * 21)
    optimizer = m.optim.SGD(model.parameters(), lr=1e-3)
    data = normal(m, 8, 32), normal(m, 8, 32)
    return trained(m, model, lambda x, y: m.nn.functional.mse_loss(model(x), y), optimizer, data)


def mlp_answer(m: Any) -> Program:
    """784-512-512-10 for one input."""
    return answering(m, dense(m, 784, 512, 512, 10), normal(m, 1, 784))


def vae(m: Any) -> Program:
    """PyTorch's example of an autoencoder: 784-400-20, batch 128, Adam, noise drawn in the step."""
    nn, F = m.nn, m.nn.functional

    class VAE(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.hidden, self.mean, self.spread = nn.Linear(784, 400), nn.Linear(400, 20), nn.Linear(400, 20)
            self.decoder = dense(m, 20, 400, 784)

        def forward(self, x: Any) -> tuple[Any, Any, Any]:
            hidden = F.relu(self.hidden(x))
            mean, logvar = self.mean(hidden), self.spread(hidden)
            std = m.exp(0.5 * logvar)
            return m.sigmoid(self.decoder(mean + m.randn_like(std) * std)), mean, logvar

    model = VAE()

    def loss(x: Any, target: Any) -> Any:
        again, mean, logvar = model(x)
        apart = F.binary_cross_entropy(again, target, reduction="sum")
        return apart - 0.5 * m.sum(1 + logvar - mean.pow(2) - logvar.exp())

    x = m.sigmoid(normal(m, 128, 784))
    return trained(m, model, loss, m.optim.Adam(model.parameters(), lr=1e-3), (x, x))


def gcn(m: Any, nodes: int = 2708, edges: int = 10556, features: int = 1433, hidden: int = 16) -> Program:
    """Kipf and Welling's two layers on a random graph of Cora's size; messages meet by index_add; Adam."""
    nn, F = m.nn, m.nn.functional
    ends = np.random.default_rng(7).integers(0, nodes, (2, edges))
    source, target = (m.tensor(np.concatenate([end, np.arange(nodes)])) for end in ends)
    degree = m.zeros(nodes).index_add(0, target, m.ones(edges + nodes))
    weight = (degree[source] * degree[target]).rsqrt().unsqueeze(1)

    class Layer(nn.Module):
        def __init__(self, before: int, after: int) -> None:
            super().__init__()
            self.linear = nn.Linear(before, after, bias=False)
            self.bias = nn.Parameter(m.zeros(after))

        def forward(self, x: Any) -> Any:
            h = self.linear(x)
            return m.zeros(nodes, h.shape[1]).index_add(0, target, h[source] * weight) + self.bias

    model = nn.Sequential(Layer(features, hidden), nn.ReLU(), Layer(hidden, 7))
    optimizer = m.optim.Adam(model.parameters(), lr=0.01, weight_decay=5e-4)
    data = labelled(m, nodes, features, below=7)
    return trained(m, model, lambda x, y: F.nll_loss(F.log_softmax(model(x), dim=1), y), optimizer, data)
