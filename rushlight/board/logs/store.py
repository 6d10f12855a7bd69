"""All runs below a folder, and what is new in them."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from ..events.scanning import Scanner
from .file import LogFile
from .run import Fresh, Run
from .series import BYTES

MARK = "tfevents"  # what the name of every event file holds
LEAST, MOST = 256, 1 << 17  # points kept of a series
MEMORY = 512 << 20
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
        self.lock = threading.RLock()
        self._scanner = Scanner()
        self._looked = 0.0
        self._limit = MOST

    def poll(self, pieces: int = 1) -> Changes:
        """Look for new files, once a second, and read up to `pieces` pieces of each that has grown."""
        changes = Changes()
        if time.monotonic() - self._looked >= DISCOVER:
            changes.runs = self.discover()
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
        found = event_files(self.root)
        self._looked = time.monotonic()
        changed = False
        with self.lock:
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
                changed |= run.look_for_projector()
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


def event_files(root: Path) -> dict[str, set[Path]]:
    """The event files below a folder by their folder's path from there, "." for itself; no links."""
    found: dict[str, set[Path]] = {}
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
    return found
