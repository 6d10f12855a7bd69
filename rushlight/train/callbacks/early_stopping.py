"""Ending when nothing gets better."""

from __future__ import annotations

from typing import Any

from ...tensor import Tensor
from .base import Callback
from .monitoring import Monitor


class EarlyStopping(Callback):
    """Stop after `patience` epochs in which `monitor` was not better than the best by more than `min_delta`.

    With `restore_best` the model then has the weights of the best epoch, also when all epochs were done.
    """

    def __init__(
        self,
        monitor: str = "valid_loss",
        patience: int = 3,
        mode: str = "auto",
        min_delta: float = 0.0,
        restore_best: bool = True,
    ) -> None:
        self.monitor, self.patience, self.restore_best = (
            Monitor(monitor, mode, min_delta),
            patience,
            restore_best,
        )
        self.waited, self.best_epoch = 0, 0
        self.weights: dict[str, Any] | None = None

    def on_fit_begin(self, trainer: Any) -> None:
        if self.waited >= self.patience:  # taken up again after it had stopped
            trainer.stop()

    def on_epoch_end(self, trainer: Any) -> None:
        if self.monitor.improved(trainer.logs):
            self.waited, self.best_epoch = 0, trainer.epoch
            if self.restore_best:
                self.weights = {k: copied(v) for k, v in trainer.model.state_dict().items()}
            return
        self.waited += 1
        if self.waited >= self.patience:
            trainer.stop()

    def on_fit_end(self, trainer: Any) -> None:
        if self.weights is not None:
            trainer.model.load_state_dict(self.weights)

    def state_dict(self) -> dict[str, Any]:
        state = {"best": self.monitor.best, "waited": self.waited, "best_epoch": self.best_epoch}
        return state | {"weights": self.weights}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.monitor.best, self.waited, self.best_epoch = state["best"], state["waited"], state["best_epoch"]
        self.weights = state["weights"]


def copied(value: Any) -> Any:
    """A tensor of a model's state in memory of its own; other values as they are."""
    return value.detach().clone() if isinstance(value, Tensor) else value
