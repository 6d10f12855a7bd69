"""Whole training steps: from the same weights, the first losses compared, then timed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .models import losses, pair
from .timing import Call


@dataclass(frozen=True)
class Step:
    """A row to be: a model of models.py."""

    name: str
    wanted: float
    model: str
    units: int = 1

    def sides(self, torch: Any, ours: Any) -> tuple[Call, Call]:
        """Torch's call and ours; what is compared is the losses of five steps."""
        m, sides = (torch, ours), pair(torch, ours, self.model)
        calls = [
            Call("step()", {"step": side.step}, lambda i=i, side=side: m[i].tensor(losses(m[i], side)))
            for i, side in enumerate(sides)
        ]
        return calls[0], calls[1]


STEPS = [
    Step("step: two-layer net, autograd (the seed's)", 2.5, "seed"),
    Step("step: two-layer net, nn + Adam", 3.0, "adam"),
    Step("step: MLP, 20 layers of width 32", 4.0, "mlp"),
    Step("step: LeNet 28x28, batch 64", 1.3, "lenet"),
    Step("step: ResNet-18 32x32, batch 32", 1.3, "resnet18"),
    Step("step: GPT 6 layers, d 384, T 256, batch 4", 1.3, "gpt"),
    Step("step: VAE 784-400-20, batch 128", 1.3, "vae"),
    Step("step: LSTM LM 2x200, bptt 35, batch 20", 1.3, "lstm"),
]


def steps() -> list[Step]:
    """All of them."""
    return STEPS
