"""A training step, eager and compiled: the same losses, and how long each takes."""

import time

import rushlight as torch
import rushlight.nn.functional as F
from rushlight import nn


def network(width=256):
    """A classifier of 64 numbers into ten classes, and its optimiser."""
    torch.manual_seed(0)
    layers = [nn.Linear(64, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 10)]
    model = nn.Sequential(*layers)
    return model, torch.optim.Adam(model.parameters(), lr=1e-3)


def training_step(model, optimizer):
    """The usual step as a function of a batch."""

    def step(x, y):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return step


def timed(step, x, y, steps):
    """The losses of some steps, and milliseconds for each."""
    start = time.perf_counter()
    losses = [step(x, y) for _ in range(steps)]
    return [loss.item() for loss in losses], (time.perf_counter() - start) / steps * 1e3


if __name__ == "__main__":
    x, y = torch.randn(32, 64), torch.randint(0, 10, (32,))
    eager = training_step(*network())
    compiled = torch.compile(training_step(*network()), fullgraph=True)
    for name, step in (("eager", eager), ("compiled", compiled)):
        step(x, y)  # the first call captures
        losses, milliseconds = timed(step, x, y, 200)
        print(f"{name:9} loss {losses[0]:.4f} -> {losses[-1]:.4f}   {milliseconds:.3f} ms a step")
