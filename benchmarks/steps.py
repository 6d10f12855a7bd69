"""Whole training steps: the two-layer nets of the tutorial and a deep narrow network that is all overhead."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .timing import Row, interleaved

Step = Callable[[], None]


def _normal(m: Any, *shape: int, scale: float = 1.0, grad: bool = False) -> Any:
    values = np.random.default_rng(sum(shape)).standard_normal(shape).astype(np.float32) * np.float32(scale)
    return m.tensor(values, requires_grad=grad)


def deep_mlp(m: Any) -> Step:
    """20 layers of width 32, batch 8: forward, backward, plain gradient step."""
    x = _normal(m, 8, 32)
    layers = [m.nn.Linear(32, 32) for _ in range(20)]
    model = m.nn.Sequential(*(part for layer in layers for part in (layer, m.nn.ReLU())))
    parameters = list(model.parameters())

    def step() -> None:
        out = model(x)
        (out * out).sum().backward()
        with m.no_grad():
            for p in parameters:
                p.sub_(1e-4 * p.grad)
                p.grad = None

    return step


def seed_autograd(m: Any) -> Step:
    """The tutorial's two-layer net by autograd: 64x1000x100x10, ReLU, squared error, gradient step."""
    x, y = _normal(m, 64, 1000), _normal(m, 64, 10)
    w1, w2 = _normal(m, 1000, 100, grad=True), _normal(m, 100, 10, grad=True)

    def step() -> None:
        loss = (x.mm(w1).clamp(min=0).mm(w2) - y).pow(2).sum()
        loss.backward()
        with m.no_grad():
            w1.sub_(1e-6 * w1.grad)
            w2.sub_(1e-6 * w2.grad)
            w1.grad.zero_()
            w2.grad.zero_()

    return step


def seed_nn_adam(m: Any) -> Step:
    """The same net from nn and Adam."""
    x, y = _normal(m, 64, 1000), _normal(m, 64, 10)
    model = m.nn.Sequential(m.nn.Linear(1000, 100), m.nn.ReLU(), m.nn.Linear(100, 10))
    loss_fn, optimizer = m.nn.MSELoss(reduction="sum"), m.optim.Adam(model.parameters(), lr=1e-4)

    def step() -> None:
        loss = loss_fn(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


STEPS: dict[str, tuple[Callable[[Any], Step], float]] = {
    "MLP 20 layers, width 32, batch 8": (deep_mlp, 2.0),
    "two-layer net, autograd": (seed_autograd, 1.0),
    "two-layer net, nn + Adam": (seed_nn_adam, 1.0),
}


def steps(torch: Any, ours: Any, rounds: int) -> list[Row]:
    """Rows for training steps."""
    return [
        Row(name, *interleaved(make(torch), make(ours), rounds, 0.1), wanted)
        for name, (make, wanted) in STEPS.items()
    ]
