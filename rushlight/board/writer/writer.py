"""`Writer`: torch.utils.tensorboard's SummaryWriter, call for call."""

from __future__ import annotations

import os
import socket
import time
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from .sink import Sink


class Writer:
    """Writes what a training run shows into `log_dir`, for `rushlight board` and TensorBoard to read.

    log_dir: the run's folder; by default runs/<month><day>_<time>_<host><comment>. purge_step: entries from
    this step on that an earlier, crashed run left are hidden. max_queue and flush_secs are accepted for
    programs written for PyTorch: entries are in the file within 50 ms anyway. No call waits for the disk,
    and none raises because of it.
    """

    def __init__(
        self,
        log_dir: str | os.PathLike[str] | None = None,
        comment: str = "",
        purge_step: int | None = None,
        max_queue: int = 10,
        flush_secs: float = 120,
        filename_suffix: str = "",
    ) -> None:
        now = datetime.now().strftime("%b%d_%H-%M-%S")
        self.log_dir = str(log_dir or Path("runs", f"{now}_{socket.gethostname()}{comment}"))
        self.purge_step, self.filename_suffix = purge_step, filename_suffix
        self._sink = Sink(self.log_dir, filename_suffix)

    def add_scalar(
        self,
        tag: str,
        scalar_value: Any,
        global_step: int | None = None,
        walltime: float | None = None,
        new_style: bool = False,
        double_precision: bool = False,
    ) -> None:
        """One number under `tag` at a step: a float, or a tensor or array of one element."""
        x = scalar_value if scalar_value.__class__ is float else number(scalar_value)
        step: Any = global_step if global_step.__class__ is int else whole(global_step)
        if tag.__class__ is not str:
            raise TypeError(f"a tag is a string, not {tag!r}")
        self._sink.put((tag, x, step, time.time() if walltime is None else walltime))

    def flush(self) -> None:
        """Return when everything added so far is in the file."""
        self._sink.flush()

    def close(self) -> None:
        """Write what waits and close the file."""
        self._sink.close()

    def get_logdir(self) -> str:
        """The run's folder."""
        return self.log_dir

    def __enter__(self) -> Writer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def number(x: Any) -> float:
    """A float from a number, or a tensor or array of one element. Raises ValueError, TypeError otherwise."""
    if hasattr(x, "detach"):
        x = x.detach().cpu()
    array = np.asarray(x)
    if array.size != 1:
        raise ValueError(
            f"a scalar is one number, but this has shape {tuple(array.shape)}; take its mean() or sum()"
        )
    return float(array.reshape(()).item())


def whole(step: Any) -> int:
    """A step as an int; None is 0."""
    return 0 if step is None else int(number(step))
