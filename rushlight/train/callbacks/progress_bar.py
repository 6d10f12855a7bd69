"""The bar that moves while training."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TextIO

from ..batches import length
from ..progress import Line, bar, columns, duration, number, width
from .base import Callback


class ProgressBar(Callback):
    """A bar for each epoch: batches, rate, time left, loss and metrics so far; one line where it is done.

    Drawn at most ten times per second. Where `file` (standard output) is not a terminal, only the last line
    of each epoch is written.
    """

    order = 100  # shows what the others have done
    narrowest = 10  # columns of the bar

    def __init__(self, file: TextIO | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self.file, self.clock = file, clock
        self.line: Line | None = None

    def on_fit_begin(self, trainer: Any) -> None:
        self.line = Line(self.file, self.clock)
        self.encodable = can_encode(self.line.file)
        self.begin(trainer)

    def on_epoch_begin(self, trainer: Any) -> None:
        self.begin(trainer)

    def begin(self, trainer: Any) -> None:
        """Count from here: an epoch that is gone on with does not begin at 0."""
        self.start, self.first, self.total = self.clock(), trainer.batch, length(trainer.train_loader)

    def on_batch_end(self, trainer: Any) -> None:
        if self.line is not None and self.line.due():
            self.line.draw(self.text(trainer, trainer.running(), columns(self.line.file) - 1))

    def on_epoch_end(self, trainer: Any) -> None:
        if self.line is not None:
            shown = values(trainer.logs)
            self.line.finish(
                f"{label(trainer.epoch, trainer)}  {duration(self.clock() - self.start)}  {shown}"
            )

    def close(self, trainer: Any) -> None:
        if self.line is not None:
            self.line.close()

    def text(self, trainer: Any, logs: dict[str, Any], size: int) -> str:
        """The line now, in so many columns."""
        seconds = self.clock() - self.start
        rate = (trainer.batch - self.first) / seconds if seconds > 0 else 0.0
        left = label(trainer.epoch + 1, trainer)
        if self.total is None:
            return f"{left}  {trainer.batch} batches  {rate:.3g}/s  {values(logs)}"
        rest = f"  eta {duration((self.total - trainer.batch) / rate)}" if rate else ""
        right = f"{trainer.batch}/{self.total}  {rate:.3g}/s{rest}  {values(logs)}"
        room = max(self.narrowest, min(40, size - width(left) - width(right) - 4))
        drawn = bar(trainer.batch, self.total, room, *("━─" if self.encodable else "#-"))
        return f"{left}  {drawn}  {right}"


def label(epoch: int, trainer: Any) -> str:
    """Which epoch, as in: epoch  3/10."""
    return f"epoch {epoch:>{len(str(trainer.until))}}/{trainer.until}"


def values(logs: dict[str, Any]) -> str:
    """The numbers among the logs, as in: loss 0.1234  accuracy 0.98."""
    return "  ".join(f"{k} {number(v)}" for k, v in logs.items() if isinstance(v, int | float))


def can_encode(file: Any) -> bool:
    """Whether the bar's own characters can be written there."""
    try:
        "━─".encode(getattr(file, "encoding", None) or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
