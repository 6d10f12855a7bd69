"""Writing to a board while training."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .base import Callback
from .learning_rate import learning_rates


class BoardLogger(Callback):
    """Write what happens to a SummaryWriter: any object with add_scalar(tag, value, step).

    writer: the object; or a function that makes it, of the first step that it will be given, such as
    lambda step: Writer(folder, purge_step=step): it is closed at the end, and what a killed run wrote after
    the checkpoint that is gone on from does not count. every: steps of the optimizer between two losses in
    the log. histograms: whether weights and gradients are written after each epoch (add_histogram). graph: an
    input of the model to draw its graph for (add_graph).

    The tags are "loss/train", "loss/valid", "<metric>/train", "<metric>/valid", "loss/batch",
    "learning rate/<group>"; a step is a step of the optimizer.
    """

    order = 10

    def __init__(
        self, writer: Any | Callable[[int], Any], every: int = 1, histograms: bool = False, graph: Any = None
    ) -> None:
        if not hasattr(writer, "add_scalar") and not callable(writer):
            raise TypeError(
                f"BoardLogger: a writer has add_scalar(tag, value, step), which {type(writer).__name__} has "
                "not; for a folder give lambda step: rushlight.board.Writer(folder, purge_step=step)"
            )
        self.given, self.every, self.histograms, self.graph = writer, max(every, 1), histograms, graph
        self.writer: Any = None

    def on_fit_begin(self, trainer: Any) -> None:
        self.writer = self.given if hasattr(self.given, "add_scalar") else self.given(trainer.steps + 1)
        if self.graph is not None and trainer.steps == 0:
            self.writer.add_graph(trainer.model, self.graph)

    def on_batch_end(self, trainer: Any) -> None:
        if trainer.steps % self.every == 0:
            self.writer.add_scalar("loss/batch", trainer.loss, trainer.steps)

    def on_epoch_end(self, trainer: Any) -> None:
        for name, value in trainer.logs.items():
            if isinstance(value, int | float):
                self.writer.add_scalar(tag(name), value, trainer.steps)
        for k, rate in enumerate(learning_rates(trainer.optimizer)):
            self.writer.add_scalar(f"learning rate/{k}", rate, trainer.steps)
        if self.histograms:
            self.write_histograms(trainer)

    def write_histograms(self, trainer: Any) -> None:
        """The weights, and the gradients of the last step."""
        for name, parameter in trainer.model.named_parameters():
            self.writer.add_histogram(f"weights/{name}", parameter.detach(), trainer.steps)
            if parameter.grad is not None:
                self.writer.add_histogram(f"gradients/{name}", parameter.grad, trainer.steps)

    def close(self, trainer: Any) -> None:
        end = "flush" if self.writer is self.given else "close"
        if hasattr(self.writer, end):
            getattr(self.writer, end)()


def tag(name: str) -> str:
    """One chart for both: accuracy as accuracy/train, valid_accuracy as accuracy/valid."""
    return f"{name.removeprefix('valid_')}/valid" if name.startswith("valid_") else f"{name}/train"
