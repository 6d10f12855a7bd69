"""Telling the learning rate."""

from __future__ import annotations

import sys
from typing import Any, TextIO

from .base import Callback


class LearningRate(Callback):
    """Print the learning rate of each parameter group when an epoch begins, if it has changed."""

    def __init__(self, file: TextIO | None = None) -> None:
        self.file = file
        self.told: list[float] = []

    def on_epoch_begin(self, trainer: Any) -> None:
        rates = learning_rates(trainer.optimizer)
        if rates != self.told:
            self.told = rates
            shown = ", ".join(f"{rate:.3g}" for rate in rates)
            print(f"epoch {trainer.epoch + 1}: learning rate {shown}", file=self.file or sys.stdout)


def learning_rates(optimizer: Any) -> list[float]:
    """The present rate of each parameter group."""
    return [float(group["lr"]) for group in optimizer.param_groups]
