"""What a profiler has seen: stretches of time with names, and how they lie within each other."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass
class Event:
    """A stretch of time, in nanoseconds: an op, a node of a plan, a whole plan, or a stretch with a name.

    `bytes` are those of the arrays that it reads and writes, `line` is the user's file and line, `thread` the
    system's number of the thread it ran in.
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
    thread: int = 0

    @property
    def duration(self) -> int:
        """How long it took."""
        return self.end - self.start

    @property
    def where(self) -> str:
        """The user's line: "train.py:12"."""
        return f"{Path(self.line[0]).name}:{self.line[1]}" if self.line[0] else ""


def self_times(events: Sequence[Event]) -> list[int]:
    """The time of each event that is not time of events within it, in its thread; they come in the order of
    their starts.
    """
    times = [e.duration for e in events]
    threads: dict[int, list[int]] = {}
    for k, e in enumerate(events):
        around = threads.setdefault(e.thread, [])
        while around and events[around[-1]].end <= e.start:
            around.pop()
        if around:
            times[around[-1]] -= e.duration
        around.append(k)
    return times


#: kinds by the names that PyTorch's traces and their readers have for them
CATEGORIES = {"op": "cpu_op", "node": "cpu_op", "plan": "user_annotation", "range": "user_annotation"}


def chrome_trace(events: Sequence[Event]) -> dict[str, Any]:
    """The events in the format of chrome://tracing and Perfetto, with the names of PyTorch's traces."""
    pid = os.getpid()
    threads = {e.thread for e in events}
    named = [_name(pid, 0, "process_name", "rushlight")]
    named += [_name(pid, thread, "thread_name", f"thread {thread}") for thread in sorted(threads)]
    traced = [_traced(e) | {"pid": pid, "tid": e.thread} for e in events]
    head = {"schemaVersion": 1, "deviceProperties": [], "displayTimeUnit": "ms"}
    return {**head, "traceEvents": [*named, *traced]}


def _name(pid: int, tid: int, which: str, name: str) -> dict[str, Any]:
    """What a process or thread is called."""
    return {"ph": "M", "cat": "", "name": which, "pid": pid, "tid": tid, "ts": 0, "args": {"name": name}}


def _traced(e: Event) -> dict[str, Any]:
    """A complete event ("ph": "X"); its times are in microseconds."""
    stack = f"{e.line[0]}({e.line[1]})" if e.line[0] else ""
    said = {"Input Dims": e.shapes, "bytes": e.bytes, "line": e.where, "Call stack": stack}
    said |= {"module": e.module, "node": e.node}
    args = {k: v for k, v in said.items() if v}
    return {
        **{"ph": "X", "cat": CATEGORIES.get(e.kind, e.kind), "name": e.name},
        **{"ts": e.start / 1000, "dur": e.duration / 1000, "args": args},
    }


def export(events: Sequence[Event], path: str | os.PathLike[str]) -> None:
    """Write the events to a file, as Chrome reads them, packed if its name ends with .gz.

    It appears when it is whole: somebody may be waiting for it.
    """
    path = Path(path)
    data = json.dumps(chrome_trace(events)).encode()
    begun = path.with_name(f".{path.name}.part")
    begun.write_bytes(gzip.compress(data, 5) if path.name.endswith(".gz") else data)
    begun.replace(path)
