"""What all learning-rate schedules share: counting steps, setting the rates, checkpoints."""

from __future__ import annotations

import warnings
import weakref
from collections.abc import Callable
from functools import wraps
from typing import Any

from ...arrays.tracing import at_every_run
from ..optimizer import Optimizer

EPOCH_WARNING = (
    "scheduler.step(epoch) is deprecated: call scheduler.step() without an argument after each epoch"
)


class LRScheduler:
    """Base of schedules. `get_lr()` gives the rate of each parameter group for step `last_epoch`,
    from the present ones.

    Making a schedule takes its first step, so the optimizer's rates are those of epoch 0.
    """

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"{type(optimizer).__name__} is not an Optimizer")
        self.optimizer = optimizer
        for i, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", group["lr"])
            elif "initial_lr" not in group:
                raise KeyError(
                    f"param 'initial_lr' is not specified in param_groups[{i}] when resuming an optimizer"
                )
        self.base_lrs = [group["initial_lr"] for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        self._count_steps()
        self._step_count = 0
        self._is_initial = True
        self.step()
        self._is_initial = False

    def _count_steps(self) -> None:
        """Note on the optimizer when it steps, to warn about the wrong order."""
        optimizer: Any = self.optimizer
        if hasattr(optimizer, "_opt_called"):
            return
        optimizer._opt_called = False
        reference = weakref.ref(optimizer)
        step: Callable[..., Any] = type(optimizer).step

        @wraps(step)
        def counted(*args: Any, **kwargs: Any) -> Any:
            held: Any = reference()
            held._opt_called = True
            return step(held, *args, **kwargs)

        optimizer.step = counted

    def get_lr(self) -> list[Any]:
        """The rate of each group at `last_epoch`."""
        raise NotImplementedError(f"{type(self).__name__} must define get_lr()")

    def get_last_lr(self) -> list[Any]:
        """The rates set by the last step."""
        return self._last_lr

    def __init_subclass__(cls, **more: Any) -> None:
        """Have compiled training steps go to the next epoch, however the schedule does so."""
        super().__init_subclass__(**more)
        if "step" in cls.__dict__:
            cls.step = at_every_run(cls.__dict__["step"])

    @at_every_run
    def step(self, epoch: int | None = None) -> None:
        """Go to the next epoch (or to `epoch`) and set the optimizer's rates."""
        if self._step_count == 1 and not getattr(self.optimizer, "_opt_called", True):
            warnings.warn(
                "Detected call of `lr_scheduler.step()` before "
                "`optimizer.step()`: call them in the opposite order, "
                "optimizer.step() first. Otherwise the first value of the learning rate schedule is skipped",
                UserWarning,
                stacklevel=2,
            )
        self._step_count += 1
        if epoch is None:
            self.last_epoch += 1
            values = self.get_lr()
        else:
            warnings.warn(EPOCH_WARNING, UserWarning, stacklevel=2)
            self.last_epoch = epoch
            closed: Any = getattr(self, "_get_closed_form_lr", self.get_lr)
            values = closed()
        self._set(values)

    def _set(self, values: list[Any]) -> None:
        for group, lr in zip(self.optimizer.param_groups, values, strict=True):
            if hasattr(group["lr"], "fill_"):
                group["lr"].fill_(float(lr))
            else:
                group["lr"] = lr
        self._last_lr = [group["lr"] for group in self.optimizer.param_groups]

    def _present(self) -> list[Any]:
        return [group["lr"] for group in self.optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        """Everything but the optimizer."""
        return {k: v for k, v in self.__dict__.items() if k != "optimizer"}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over the state from state_dict()."""
        self.__dict__.update(state_dict)


_LRScheduler = LRScheduler
