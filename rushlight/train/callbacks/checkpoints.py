"""Writing checkpoints while training."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from .. import checkpoint
from .base import Callback
from .monitoring import Monitor


class Checkpoint(Callback):
    """Write the whole state of a training to `folder`, so that fit(..., resume=True) goes on from there.

    every_epochs: after so many epochs (0: never); every_batches: after so many steps of the optimizer too.
    The newest `keep` stay (0: all). With `monitor` the state of the best epoch is kept besides, in best.pt.
    The files are written whole or not at all; `torch.load(path)["model"]` is the model's state_dict.
    """

    order = 1000  # after all others, whose states are then those of the same moment

    def __init__(
        self,
        folder: str | os.PathLike[str],
        every_epochs: int = 1,
        every_batches: int = 0,
        keep: int = 2,
        monitor: str | None = None,
        mode: str = "auto",
    ) -> None:
        if min(every_epochs, every_batches, keep) < 0:
            raise ValueError("Checkpoint: every_epochs, every_batches and keep must not be negative")
        self.folder, self.keep = Path(folder), keep
        self.every_epochs, self.every_batches = every_epochs, every_batches
        self.monitor = Monitor(monitor, mode) if monitor is not None else None

    def on_fit_begin(self, trainer: Any) -> None:
        checkpoint.sweep(self.folder)

    def on_batch_end(self, trainer: Any) -> None:
        if self.every_batches and trainer.steps % self.every_batches == 0:
            self.write(trainer)

    def on_epoch_end(self, trainer: Any) -> None:
        best = self.monitor is not None and self.monitor.improved(trainer.logs)
        if best:
            checkpoint.write_to(self.folder / "best.pt", trainer.state_dict())
        is_last = trainer.stopping or trainer.epoch >= trainer.until
        if self.every_epochs and (trainer.epoch % self.every_epochs == 0 or is_last):
            self.write(trainer)

    def write(self, trainer: Any) -> Path:
        """Write a checkpoint now; its path."""
        return checkpoint.write(self.folder, trainer.steps, trainer.state_dict(), self.keep)

    def state_dict(self) -> dict[str, Any]:
        return {"best": None if self.monitor is None else self.monitor.best}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        if self.monitor is not None and state["best"] is not None:
            self.monitor.best = state["best"]
