"""What one batch does: the loop body that a PyTorch user would write, compiled or not."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from functools import partial
from typing import Any

import rushlight.dtypes as dtypes
import rushlight.nn.functional as F

from ..amp import autocast
from ..autograd.mode import no_grad
from ..creation import tensor
from ..errors import nearest
from ..nn import Module
from ..nn.utils.clip_grad import clip_grad_norm_, clip_grad_value_
from ..optim import Optimizer
from ..tensor import Tensor
from .batches import Batch
from .exact import Exact, kept

Loss = Callable[[Any, Any], Any]
PARTS = ("whole", "part", "update", "evaluated", "predicted")  # methods that are compiled


class Step:
    """Trains a model on batches: forward, loss, backward, clipping, the optimizer's step.

    With `compile` all of it is one native plan; without, it is the plain code below.
    """

    def __init__(
        self,
        model: Module,
        loss: Loss | str,
        optimizer: Optimizer,
        *,
        compile: bool = True,
        clip_grad_norm: float | None = None,
        clip_grad_value: float | None = None,
        precision: str | None = None,
    ) -> None:
        self.model, self.loss, self.optimizer = model, loss_function(loss), optimizer
        self.clip_grad_norm, self.clip_grad_value = clip_grad_norm, clip_grad_value
        self.context = context(precision)
        self.compiled: dict[str, Exact] = {}
        if compile:
            keep = partial(kept, model, optimizer)
            self.compiled = {name: Exact(getattr(self, name), keep) for name in PARTS}
        self.run = {name: getattr(self, name) for name in PARTS} | self.compiled

    # -- what is compiled ---------------------------------------------------------------------------------

    def whole(self, batch: Batch) -> tuple[Tensor, Any]:
        """One batch, one step of the optimizer. Returns the loss and the model's output."""
        self.optimizer.zero_grad()
        loss, output = self.forward(batch)
        loss.backward()
        self.update()
        return loss.detach(), detached(output)

    def part(self, batch: Batch, weight: Tensor) -> tuple[Tensor, Any]:
        """One batch of several that make one step: its gradients are added to those there are."""
        loss, output = self.forward(batch)
        (loss * weight.to(loss.dtype)).backward()
        return loss.detach(), detached(output)

    def update(self) -> None:
        """Clip the gradients, and step."""
        parameters = [p for group in self.optimizer.param_groups for p in group["params"]]
        if self.clip_grad_value is not None:
            clip_grad_value_(parameters, self.clip_grad_value)
        if self.clip_grad_norm is not None:
            clip_grad_norm_(parameters, self.clip_grad_norm)
        self.optimizer.step()

    def evaluated(self, batch: Batch) -> tuple[Tensor, Any]:
        """The loss and the output of a batch, without gradients."""
        with no_grad():
            return self.forward(batch)

    def predicted(self, batch: Batch) -> Any:
        """The output of a batch, without gradients."""
        with no_grad(), self.context():
            return self.model(*batch.args, **batch.kwargs)

    def forward(self, batch: Batch) -> tuple[Tensor, Any]:
        """The loss and the output of a batch."""
        with self.context():
            output = self.model(*batch.args, **batch.kwargs)
            loss = self.loss(output, batch.target)
        if not isinstance(loss, Tensor) or loss.numel() != 1:
            shape = tuple(loss.shape) if isinstance(loss, Tensor) else type(loss).__name__
            raise ValueError(f"the loss must be a tensor of one number, not {shape}: use reduction='mean'")
        return loss, output

    # -- how it is run ------------------------------------------------------------------------------------

    def __call__(self, group: list[Batch]) -> list[tuple[Tensor, Any]]:
        """One step of the optimizer on the batches of a group, as if they were one batch."""
        if len(group) == 1:
            return [self.run["whole"](group[0])]
        self.optimizer.zero_grad()
        found = [self.run["part"](batch, w) for batch, w in zip(group, self.weights(group), strict=True)]
        self.run["update"]()
        return found

    def weights(self, group: list[Batch]) -> list[Tensor]:
        """The share of each batch in the mean over all samples; ones where the loss is a sum."""
        if getattr(self.loss, "reduction", "mean") == "sum":
            return [tensor(1.0, dtype=dtypes.float64) for _ in group]
        sizes = [batch.size() for batch in group]
        return [tensor(size / sum(sizes), dtype=dtypes.float64) for size in sizes]

    def state_dict(self) -> dict[str, Any]:
        """What makes later steps of another process the same."""
        return {name: compiled.state_dict() for name, compiled in self.compiled.items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over the state of another process."""
        for name in self.compiled.keys() & state.keys():
            self.compiled[name].load_state_dict(state[name])


def loss_function(loss: Loss | str) -> Loss:
    """A loss as a function of output and target; a string names one of nn.functional."""
    if not isinstance(loss, str):
        if not callable(loss):
            raise TypeError(f"loss must be a Module, a function or a name, not {type(loss).__name__}")
        return loss
    found = getattr(F, loss, None)
    if found is None:
        close = nearest(loss, (name for name in dir(F) if "loss" in name or "entropy" in name))
        hint = f"; did you mean {close!r}?" if close else ""
        raise ValueError(f"nn.functional has no loss {loss!r}{hint}")
    return found


def context(precision: str | None) -> Callable[[], Any]:
    """What makes the context that a forward pass runs in. Raises ValueError for a precision unknown."""
    if precision in (None, "fp32"):
        return contextlib.nullcontext
    if precision != "bf16":
        raise ValueError(f"precision must be 'bf16', 'fp32' or None, not {precision!r}")
    return partial(autocast, device_type="cpu", dtype=dtypes.bfloat16)


def detached(output: Any) -> Any:
    """An output, or the tensors in tuples, lists and dicts of it, without their history."""
    if isinstance(output, Tensor):
        return output.detach()
    if isinstance(output, dict):
        return {k: detached(v) for k, v in output.items()}
    if isinstance(output, tuple) and hasattr(output, "_fields"):
        return type(output)(*map(detached, output))
    return type(output)(map(detached, output)) if isinstance(output, tuple | list) else output
