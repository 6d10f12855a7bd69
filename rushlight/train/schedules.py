"""When a learning-rate schedule is stepped."""

from __future__ import annotations

from typing import Any

from ..optim.lr_scheduler import ReduceLROnPlateau
from .callbacks.monitoring import monitored


class Schedule:
    """A scheduler (or None), stepped after each "epoch" or each "batch" (step of the optimizer).

    A ReduceLROnPlateau gets the value of `monitor`: "valid_loss" where there is one, else "loss".
    """

    def __init__(self, scheduler: Any, every: str = "epoch", monitor: str | None = None) -> None:
        if every not in ("epoch", "batch"):
            raise ValueError(f"schedule must be 'epoch' or 'batch', not {every!r}")
        if scheduler is not None and not hasattr(scheduler, "step"):
            raise TypeError(f"scheduler must have step(), which {type(scheduler).__name__} has not")
        self.wants_metric = isinstance(scheduler, ReduceLROnPlateau)
        if self.wants_metric and every == "batch":
            raise ValueError("a ReduceLROnPlateau is stepped after each epoch: leave schedule='epoch'")
        self.scheduler, self.every, self.monitor = scheduler, every, monitor

    def after_batch(self) -> None:
        """Step, if that is every batch."""
        if self.scheduler is not None and self.every == "batch":
            self.scheduler.step()

    def after_epoch(self, logs: dict[str, Any]) -> None:
        """Step, if that is every epoch."""
        if self.scheduler is None or self.every != "epoch":
            return
        if self.wants_metric:
            name = self.monitor or ("valid_loss" if "valid_loss" in logs else "loss")
            self.scheduler.step(monitored(logs, name))
        else:
            self.scheduler.step()

    def state_dict(self) -> dict[str, Any] | None:
        """The scheduler's."""
        return None if self.scheduler is None else self.scheduler.state_dict()

    def load_state_dict(self, state: dict[str, Any] | None) -> None:
        """Set the scheduler's."""
        if self.scheduler is not None and state is not None:
            self.scheduler.load_state_dict(state)
