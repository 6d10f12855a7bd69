"""All runs below a folder, and what is new in them."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from ..events.scanning import Scanner
from .file import LogFile
from .run import Fresh, Run
from .series import BYTES
from .traces import SUFFIXES

MARK = "tfevents"  # what the name of every event file holds
LEAST, MOST = 256, 1 << 17  # points kept of a series
MEMORY = 512 << 20
MOST_TRACES = 10_000
DISCOVER = 1.0  # seconds between two looks for new files
_DEEPEST = 30


@dataclass
class Changes:
    """What a poll found: runs or tags come or gone, scalars by run, (run, plugin, tag) of the rest."""

    runs: bool = False
    scalars: dict[str, Fresh] = field(default_factory=dict)
    others: set[tuple[str, str, str]] = field(default_factory=set)
    more: bool = False  # whether files hold more than was read

    def __bool__(self) -> bool:
        return self.runs or bool(self.scalars) or bool(self.others)


class Store:
    """The runs below `root`, at most about `memory` bytes of scalars; `poll` reads on.

    `lock` is held while runs change: hold it to look at them from another thread.
    """

    def __init__(self, root: str | os.PathLike[str], memory: int = MEMORY) -> None:
        self.root, self.memory = Path(root).resolve(), memory
        self.runs: dict[str, Run] = {}
        self.traces: dict[str, TraceFile] = {}  # by their path below the root
        self.lock = threading.RLock()
        self._scanner = Scanner()
        self._looked = 0.0
        self._limit = MOST

    def poll(self, pieces: int = 1) -> Changes:
        """Look for new files, once a second, and read up to `pieces` pieces of each that has grown."""
        changes = Changes()
        if time.monotonic() - self._looked >= DISCOVER:
            before = self.traces
            changes.runs = self.discover()
            changes.others |= {
                (file.run, "profile", "") for name, file in self.traces.items() if before.get(name) != file
            }
        for run in list(self.runs.values()):
            with self.lock:
                try:
                    fresh, others = run.read(self._scanner, pieces)
                except OSError:
                    continue  # gone since we looked: the next discovery says so
                if fresh:
                    changes.scalars[run.name] = fresh
                changes.others |= {(run.name, *which) for which in others}
                changes.more |= run.pending()
                changes.runs |= run.renewed
                run.renewed = False
        self._settle()
        return changes

    def discover(self) -> bool:
        """Find event files that are new or gone; whether there were any."""
        found, traces = log_files(self.root)
        self._looked = time.monotonic()
        with self.lock:
            changed = self.traces.keys() != traces.keys()
            self.traces = traces
            for name in [name for name in self.runs if name not in found]:
                del self.runs[name]
                changed = True
            for name, paths in found.items():
                if name not in self.runs:
                    self.runs[name] = Run(name, self.root / name, self._limit)
                run = self.runs[name]
                if run.files.keys() != paths:
                    changed = True
                    run.files = {path: run.files.get(path) or LogFile(path) for path in sorted(paths)}
        return changed

    def _settle(self) -> None:
        """Keep the sum of all series within the memory: the more there are, the fewer points each."""
        count = sum(len(run.series) for run in self.runs.values())
        limit = max(LEAST, min(MOST, self.memory // (BYTES * 2 * max(count, 1))))
        if limit >= self._limit:
            return
        with self.lock:
            self._limit = limit // 2  # half: not with every new series
            for run in self.runs.values():
                run.limit = self._limit
                for series in run.series.values():
                    series.settle(self._limit)


class TraceFile(NamedTuple):
    """A file of a profiler's trace: the path of its folder from the root, and what it was when last seen."""

    run: str
    path: Path
    size: int
    time: float


def log_files(root: Path) -> tuple[dict[str, set[Path]], dict[str, TraceFile]]:
    """The files below a folder: event files by their folder's path from there, "." for itself, and traces by
    their own path. Links are not followed.
    """
    found: dict[str, set[Path]] = {}
    traces: dict[str, TraceFile] = {}
    waiting = [(root, ".", 0)]
    while waiting:
        folder, name, depth = waiting.pop()
        try:
            entries = list(os.scandir(folder))
        except OSError:
            continue
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                if depth < _DEEPEST and not entry.name.startswith("."):
                    below = entry.name if name == "." else f"{name}/{entry.name}"
                    waiting.append((Path(entry.path), below, depth + 1))
            elif MARK in entry.name and entry.is_file(follow_symlinks=False):
                found.setdefault(name, set()).add(Path(entry.path))
            elif entry.name.endswith(SUFFIXES) and not entry.name.startswith("."):
                if len(traces) < MOST_TRACES and (trace := _trace_file(name, entry)) is not None:
                    traces[entry.name if name == "." else f"{name}/{entry.name}"] = trace
    return found, traces


def _trace_file(run: str, entry: os.DirEntry[str]) -> TraceFile | None:
    try:
        if not entry.is_file(follow_symlinks=False):
            return None
        now = entry.stat(follow_symlinks=False)
    except OSError:
        return None  # gone
    return TraceFile(run, Path(entry.path), now.st_size, now.st_mtime)
