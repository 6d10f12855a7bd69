"""Which steps of a long run a profiler looks at, and what is done with what it saw."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import Any


class ProfilerAction(Enum):
    """What a profiler does in a step."""

    NONE = 0
    WARMUP = 1
    RECORD = 2
    RECORD_AND_SAVE = 3


def schedule(
    *, wait: int, warmup: int, active: int, repeat: int = 0, skip_first: int = 0
) -> Callable[[int], ProfilerAction]:
    """Skip some steps; then in each round wait, warm up, and record `active` steps. `repeat` 0: for ever."""

    def action(step: int) -> ProfilerAction:
        step -= skip_first
        rounds, at = divmod(step, wait + warmup + active)
        if step < 0 or (repeat and rounds >= repeat) or at < wait:
            return ProfilerAction.NONE
        if at < wait + warmup:
            return ProfilerAction.WARMUP
        last = at == wait + warmup + active - 1
        return ProfilerAction.RECORD_AND_SAVE if last else ProfilerAction.RECORD

    return action


def tensorboard_trace_handler(
    dir_name: str | os.PathLike[str], worker_name: str | None = None, use_gzip: bool = False
) -> Callable[[Any], None]:
    """What writes each round's trace to a folder, under the name that TensorBoard's plugin looks for.

    Give it a run's folder, and `rushlight board` shows the trace among what the run logged. worker_name: by
    default the host and the process. use_gzip: packed, about a tenth as long.
    """
    suffix = ".pt.trace.json.gz" if use_gzip else ".pt.trace.json"

    def handle(profile: Any) -> None:
        folder = Path(dir_name)
        folder.mkdir(parents=True, exist_ok=True)
        worker = worker_name or f"{socket.gethostname()}_{os.getpid()}"
        profile.export_chrome_trace(folder / f"{worker}.{time.time_ns()}{suffix}")

    return handle
