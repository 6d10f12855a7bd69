"""`Trainer`: the training loop, written once, to be read."""

from __future__ import annotations

import copy
import math
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any

from ..nn import Module
from ..optim import Optimizer
from ..tensor import Tensor
from . import checkpoint
from .batches import Batch, Divide, divided, groups, inputs_of, structure
from .callbacks.base import Callback
from .callbacks.checkpoints import Checkpoint
from .callbacks.progress_bar import ProgressBar
from .exact import random_states, set_random_states
from .history import History
from .metrics.base import Metric
from .modes import evaluating
from .predicting import in_slices, joined
from .schedules import Schedule
from .step import Loss, Step
from .totals import Totals


class Trainer:
    """Trains a model: Trainer(model, loss, optimizer, metrics=[...]).fit(train_loader, epochs=10).

    loss(output, target) is a Module, a function, or the name of one in nn.functional. What a batch may be is
    told at `train.batches.divided`; `divide` brings others into that form.

    metrics: of `train.metrics`, counted in training and validation. scheduler: stepped after each epoch, or
    with schedule="batch" after each step of the optimizer; a ReduceLROnPlateau gets the value of `monitor`.
    compile: run each step as one native plan. clip_grad_norm, clip_grad_value: bounds of the gradients.
    accumulate=k: one step of the optimizer for k batches, as if they were one. precision="bf16": forward in
    bfloat16 where that is safe (amp.autocast). nonfinite: whether a loss that is inf or nan is an error
    ("raise") or not ("ignore").

    Raises TypeError and ValueError, which say what to mend, for arguments that do not fit.
    """

    def __init__(
        self,
        model: Module,
        loss: Loss | str,
        optimizer: Optimizer,
        metrics: Sequence[Metric] = (),
        *,
        scheduler: Any = None,
        schedule: str = "epoch",
        monitor: str | None = None,
        compile: bool = True,
        clip_grad_norm: float | None = None,
        clip_grad_value: float | None = None,
        accumulate: int = 1,
        precision: str | None = None,
        divide: Divide | None = None,
        nonfinite: str = "raise",
    ) -> None:
        check(model, optimizer, metrics, accumulate, nonfinite)
        self.model, self.optimizer, self.scheduler = model, optimizer, scheduler
        self.step = Step(
            *(model, loss, optimizer),
            compile=compile,
            clip_grad_norm=clip_grad_norm,
            clip_grad_value=clip_grad_value,
            precision=precision,
        )
        self.schedule = Schedule(scheduler, schedule, monitor)
        self.accumulate, self.divide, self.nonfinite = accumulate, divide, nonfinite
        self.totals, self.valid_totals = Totals(metrics), Totals(copy.deepcopy(list(metrics)))
        self.epoch = 0  # epochs done
        self.batch = 0  # batches done of the present epoch
        self.steps = 0  # steps of the optimizer, in all epochs
        self.drained = False  # whether the loader is known to have no more batches in this epoch
        self.began = 0  # the epoch at which the present or last fit began
        self.until = 0  # and the one at which it ends
        self.loss = math.nan  # of the last batch, or the mean of those that made the last step
        self.logs: dict[str, Any] = {}  # of the last epoch
        self.history = History()
        self.stopping = False
        self.train_loader: Any = ()
        self.valid_loader: Any = None
        self.callbacks: list[Callback] = []

    # -- training -----------------------------------------------------------------------------------------

    def fit(
        self,
        train_loader: Iterable[Any],
        valid_loader: Iterable[Any] | None = None,
        epochs: int = 1,
        callbacks: Iterable[Callback] = (),
        *,
        resume: bool | str | os.PathLike[str] = False,
        progress: bool = True,
    ) -> History:
        """Train for `epochs` epochs more; what each gave, those of earlier calls included.

        resume: a folder of checkpoints, or True for that of the Checkpoint among the callbacks. If there is a
        checkpoint, training goes on from there, to the epoch at which the call that wrote it would have
        ended; else it starts. Give the same arguments as in that call.
        """
        self.train_loader, self.valid_loader = train_loader, valid_loader
        self.callbacks = sorted(with_progress(callbacks, progress), key=lambda callback: callback.order)
        self.began, self.batch, self.drained, self.stopping = self.epoch, 0, False, False
        if resume:
            self.resume(self.folder() if resume is True else resume)
        self.until = self.began + epochs
        try:
            self.hook("on_fit_begin")
            while self.epoch < self.until and not self.stopping:
                self.train_epoch()
            self.hook("on_fit_end")
        finally:
            self.hook("close")
        return self.history

    def train_epoch(self) -> None:
        """One epoch, or what is left of it: training, validation, schedule."""
        start = time.perf_counter()
        if self.batch == 0:
            self.totals.reset()
            self.hook("on_epoch_begin")
        self.model.train()
        for group in groups(self.batches(), self.accumulate):
            self.train_batch(group)
            if self.stopping:
                return
        if self.batch == 0:
            raise ValueError(
                "the train_loader gave no batch; an iterator that is used up has no second epoch"
            )
        self.logs = self.totals.compute()
        if self.valid_loader is not None:
            self.logs |= {f"valid_{k}": v for k, v in self.evaluate(self.valid_loader).items()}
            self.hook("on_validation_end")
        self.schedule.after_epoch(self.logs)
        self.epoch, self.batch, self.drained = self.epoch + 1, 0, False
        self.history.append({"epoch": self.epoch, **self.logs, "seconds": time.perf_counter() - start})
        self.hook("on_epoch_end")

    def train_batch(self, group: list[Any]) -> None:
        """One step of the optimizer on the batches of a group."""
        self.hook("on_batch_begin")
        with self.named(group):
            batches = [divided(batch, self.divide) for batch in group]
            results = self.step(batches)
            self.loss = self.count(self.totals, batches, results)
        self.schedule.after_batch()
        self.batch, self.steps = self.batch + len(group), self.steps + 1
        self.drained = len(group) < self.accumulate  # the loader's own state is then that of a new epoch
        self.hook("on_batch_end")

    def count(self, totals: Totals, batches: list[Batch], results: list[tuple[Tensor, Any]]) -> float:
        """Count losses and outputs in, and give the mean loss. Raises FloatingPointError for inf and nan."""
        losses = [loss.item() for loss, _ in results]
        if self.nonfinite == "raise" and not all(map(math.isfinite, losses)):
            where = self.place() if totals is self.totals else "evaluation"
            raise FloatingPointError(
                f"the loss is {', '.join(map(str, losses))} in {where}: lower the learning rate, give "
                "clip_grad_norm, or look for nan in the data; nonfinite='ignore' goes on"
            )
        for batch, loss, (_, output) in zip(batches, losses, results, strict=True):
            totals.update(loss, batch.size(), output, batch.target)
        return sum(losses) / len(losses)

    def stop(self) -> None:
        """End the training after the present batch, or after the epoch if that is at its end."""
        self.stopping = True

    # -- without training ---------------------------------------------------------------------------------

    def evaluate(self, loader: Iterable[Any]) -> dict[str, Any]:
        """{"loss": ..., metric: ...} over the batches of a loader, the model in eval mode."""
        totals, batches = self.valid_totals, 0
        totals.reset()
        with evaluating(self.model):
            for batches, given in enumerate(loader, 1):  # noqa: B007
                with self.named([given], f"evaluation, batch {batches}"):
                    batch = divided(given, self.divide)
                    self.count(totals, [batch], [self.step.run["evaluated"](batch)])
        if batches == 0:
            raise ValueError("evaluate: the loader gave no batch")
        return totals.compute()

    def predict(self, data: Any, batch_size: int | None = None) -> Any:
        """The model's outputs for a tensor (all at once, or `batch_size` rows at a time) or for all batches
        of a loader, whose targets are left out. In eval mode, without gradients.
        """
        batches = in_slices(data, batch_size) if isinstance(data, Tensor) else data
        outputs = []
        with evaluating(self.model):
            for k, given in enumerate(batches, 1):
                with self.named([given], f"prediction, batch {k}"):
                    outputs.append(self.step.run["predicted"](inputs_of(given, self.divide)))
        return joined(outputs)

    def running(self) -> dict[str, Any]:
        """The loss and the metrics of the present epoch so far, but for those that are costly to compute."""
        return self.totals.compute(costly=False)

    # -- checkpoints --------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """All that a training depends on, for `load_state_dict` and `torch.save`."""
        names = ("epoch", "batch", "steps", "drained", "began", "loss", "logs")
        return {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scheduler": self.schedule.state_dict(),
            "step": self.step.state_dict(),
            "totals": self.totals.state_dict(),
            "progress": {name: getattr(self, name) for name in names},
            "history": [dict(row) for row in self.history],
            "loaders": [stated.state_dict() if stated else None for stated in map(stateful, self.loaders())],
            "callbacks": {key: callback.state_dict() for key, callback in self.by_key().items()},
            "random": random_states(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Stand where `state_dict` was taken, the generators of Rushlight, NumPy and Python included."""
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["scheduler"])
        self.step.load_state_dict(state["step"])
        self.totals.load_state_dict(state["totals"])
        self.__dict__.update(state["progress"])
        self.history[:] = state["history"]
        for loader, saved in zip(self.loaders(), state["loaders"], strict=False):
            if saved is not None and (stated := stateful(loader)):
                stated.load_state_dict(saved)
        for key, callback in self.by_key().items():
            if key in state["callbacks"]:
                callback.load_state_dict(state["callbacks"][key])
        set_random_states(state["random"])

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the state to a file, all of it or nothing."""
        checkpoint.write_to(path, self.state_dict())

    def resume(self, path: str | os.PathLike[str]) -> bool:
        """Load the newest whole checkpoint of a folder, or a file; whether there was one."""
        if os.path.isfile(path):
            self.load_state_dict(checkpoint.read(path))
            return True
        found = checkpoint.newest(path)
        if found is not None:
            self.load_state_dict(found[1])
        return found is not None

    def folder(self) -> str | os.PathLike[str]:
        """Where the Checkpoint among the callbacks writes."""
        for callback in self.callbacks:
            if isinstance(callback, Checkpoint):
                return callback.folder
        raise ValueError("resume=True needs a Checkpoint(folder) among the callbacks; or give resume=folder")

    # -- helpers ------------------------------------------------------------------------------------------

    def hook(self, name: str) -> None:
        """Call a hook of all callbacks."""
        for callback in self.callbacks:
            getattr(callback, name)(self)

    def batches(self) -> Iterator[Any]:
        """The batches of the present epoch that are still to come."""
        if self.drained:
            return iter(())
        done = 0 if stateful(self.train_loader) else self.batch
        return islice(iter(self.train_loader), done, None)

    def loaders(self) -> tuple[Any, Any]:
        """The loaders of the present or last fit."""
        return self.train_loader, self.valid_loader

    def by_key(self) -> dict[str, Callback]:
        """The callbacks by class and number: "Checkpoint 0"."""
        found: dict[str, Callback] = {}
        for callback in self.callbacks:
            kind = type(callback).__name__
            found[f"{kind} {sum(key.startswith(f'{kind} ') for key in found)}"] = callback
        return found

    @contextmanager
    def named(self, group: list[Any], where: str = "") -> Iterator[None]:
        """Add to exceptions which batch they are about."""
        try:
            yield
        except Exception as error:
            error.add_note(f"in {where or self.place()}: {', '.join(map(structure, group))}")
            raise

    def place(self) -> str:
        """Where training is, for messages."""
        return f"epoch {self.epoch + 1}, batch {self.batch + 1}"


def stateful(loader: Any) -> Any:
    """A loader that says where in the epoch it stands, or None."""
    return loader if hasattr(loader, "load_state_dict") and hasattr(loader, "state_dict") else None


def with_progress(callbacks: Iterable[Callback], progress: bool) -> list[Callback]:
    """The callbacks, and a progress bar if one is wanted and none is there."""
    listed = list(callbacks)
    for callback in listed:
        if not isinstance(callback, Callback):
            raise TypeError(f"a callback is a train.Callback, not {type(callback).__name__}; LambdaCallback")
    is_there = any(isinstance(callback, ProgressBar) for callback in listed)
    return [*listed, ProgressBar()] if progress and not is_there else listed


def check(model: Any, optimizer: Any, metrics: Any, accumulate: Any, nonfinite: Any) -> None:
    """Refuse arguments that do not fit."""
    if not isinstance(model, Module):
        raise TypeError(f"Trainer: model must be a Module, not {type(model).__name__}")
    if not isinstance(optimizer, Optimizer):
        raise TypeError(
            f"Trainer: optimizer must be an Optimizer, not {type(optimizer).__name__}; for one, "
            "torch.optim.Adam(model.parameters())"
        )
    for metric in metrics:
        if not isinstance(metric, Metric):
            name = getattr(metric, "__name__", type(metric).__name__)
            raise TypeError(f"Trainer: a metric is a train.metrics.Metric object, not {name}; write {name}()")
    if not isinstance(accumulate, int) or accumulate < 1:
        raise ValueError(f"Trainer: accumulate must be a whole number of batches, not {accumulate!r}")
    if nonfinite not in ("raise", "ignore"):
        raise ValueError(f"Trainer: nonfinite must be 'raise' or 'ignore', not {nonfinite!r}")
