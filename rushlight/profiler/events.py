"""What a profiler has seen: stretches of time with names, and how they lie within each other."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass
class Event:
    """A stretch of time, in nanoseconds: an op, a node of a plan, a whole plan, or a stretch with a name.

    `bytes` are those of the arrays that it reads and writes, `line` is the user's file and line.
    """

    name: str
    kind: str
    start: int
    end: int
    bytes: int = 0
    shapes: tuple[Any, ...] = ()
    line: tuple[str, int] = ("", 0)
    module: str = ""
    node: str = ""

    @property
    def duration(self) -> int:
        """How long it took."""
        return self.end - self.start

    @property
    def where(self) -> str:
        """The user's line: "train.py:12"."""
        return f"{Path(self.line[0]).name}:{self.line[1]}" if self.line[0] else ""


def self_times(events: Sequence[Event]) -> list[int]:
    """The time of each event that is not time of events within it; they come in the order of their starts."""
    times = [e.duration for e in events]
    around: list[int] = []
    for k in range(len(events)):
        while around and events[around[-1]].end <= events[k].start:
            around.pop()
        if around:
            times[around[-1]] -= events[k].duration
        around.append(k)
    return times


def chrome_trace(events: Sequence[Event]) -> dict[str, Any]:
    """The events in the format of chrome://tracing and Perfetto."""
    place = {"pid": os.getpid(), "tid": threading.get_native_id()}
    return {"displayTimeUnit": "ms", "traceEvents": [_traced(e) | place for e in events]}


def _traced(e: Event) -> dict[str, Any]:
    """A complete event ("ph": "X"); its times are in microseconds."""
    said = {"shapes": e.shapes, "bytes": e.bytes, "line": e.where, "module": e.module, "node": e.node}
    args = {k: v for k, v in said.items() if v}
    return {
        **{"ph": "X", "cat": e.kind, "name": e.name},
        **{"ts": e.start / 1000, "dur": e.duration / 1000, "args": args},
    }


def export(events: Sequence[Event], path: str | os.PathLike[str]) -> None:
    """Write the events to a file, as Chrome reads them."""
    Path(path).write_text(json.dumps(chrome_trace(events)), encoding="utf-8")
