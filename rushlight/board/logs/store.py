"""All runs below a folder, and what is new in them."""

from __future__ import annotations

import os
import secrets
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ..events.scanning import Scanner
from .allocation import give_back
from .annotations import Annotations
from .discovery import Folders
from .file import LogFile
from .news import Changes
from .run import Room, Run
from .series import BYTES, OVERHEAD
from .tracefiles import TraceFiles

LEAST, MOST = 32, 1 << 12  # points kept of a series: two for each pixel of a wide screen
_LEAST_BYTES = OVERHEAD + LEAST * BYTES * 2  # what a series takes when there are very many
MEMORY = 512 << 20
DISCOVER = 1.0  # seconds between two looks for new files, or more where a look takes long
BUDGET = 0.06  # seconds that a poll reads, so that what was read is soon seen
LONGEST = 5.0  # seconds between two looks of any kind, however long they take
SWEEP = 0.2  # seconds within which every file is looked at; those that grew lately at every poll
HOT = 30.0  # seconds for which a file that grew is one that grows
THREADS = min(4, os.cpu_count() or 1)  # more would wait for Python's lock


class Store:
    """The runs below `root`, at most about `memory` bytes of scalars; `poll` reads on.

    `lock` is held while runs change: hold it to look at them from another thread. `version` goes up with
    every change of the list of runs in one life of the store, its `epoch`; `Run.version` is what it was when
    that run last changed. `watched` are the names of runs that somebody looks at: they are read first.
    """

    def __init__(self, root: str | os.PathLike[str], memory: int = MEMORY) -> None:
        self.root, self.memory = Path(root).resolve(), memory
        self.runs: dict[str, Run] = {}
        self.traces = TraceFiles()
        self.gone: dict[str, int] = {}  # runs that went away, and the version since when
        self.annotations = Annotations(self.root)
        self.version, self.epoch = 0, secrets.token_hex(8)
        self.watched: frozenset[str] = frozenset()
        self.lock = threading.RLock()
        self._folders = Folders(self.root)
        self._scanners = [Scanner()]  # as many as have been of use
        self._pool = ThreadPoolExecutor(THREADS, "rushlight-board-scan")
        self._looked = self._pause = 0.0
        self._swept, self._sweep_pause = 0.0, SWEEP
        self._hot: list[tuple[Run, LogFile]] = []
        self._limit = MOST
        self._freed = False
        self._room = Room(memory // _LEAST_BYTES)

    def poll(self, budget: float = BUDGET) -> Changes:
        """Look for new files, once a second, and read for about `budget` seconds what has grown."""
        changes = Changes()
        if time.monotonic() - self._looked >= self._pause:
            begun = time.thread_time()
            changes.runs = self.discover(changes)
            self._swept = -1e9 if changes.runs else self._swept  # look into new files at once
            self._looked = time.monotonic()
            self._pause = min(max(DISCOVER, 60 * (time.thread_time() - begun)), LONGEST)
        self._look()
        self._read(changes, time.monotonic() + budget)
        self._mark(changes)
        self._settle()
        if self._freed and not changes.more:  # all is read
            self._freed = False
            give_back()
        return changes

    def discover(self, changes: Changes | None = None) -> bool:
        """Find event files and traces that are new or gone; whether there were any."""
        found, there = self._folders.look()
        traced = self.traces.update(there)
        if changes is not None:
            changes.others |= {(run, "profile", "") for run in traced}
        changed = self.annotations.refresh() or bool(traced)
        with self.lock:
            for name in [name for name in self.runs if name not in found]:
                self.forget(name)
                changed = True
            for name, (folder, paths) in found.items():
                if name not in self.runs:
                    self.runs[name] = Run(name, folder, self._limit, self._room)
                run = self.runs[name]
                if run.files.keys() != paths:
                    changed = run.renewed = True
                    run.files = {path: run.files.get(path) or LogFile(path) for path in sorted(paths)}
                run.renewed |= run.look_for_projector()
        if changed and self.annotations.touched:
            self._touch(self.annotations.take_touched())
        return changed

    def forget(self, name: str) -> None:
        """Take a run out of the list; its files are not touched."""
        with self.lock:
            if self.runs.pop(name, None) is not None:
                self.version += 1
                self.gone[name] = self.version

    def count_of(self, run: str, tag: str) -> int:
        """How many points of a scalar came; 0 of one that isn't there."""
        found = self.runs.get(run)
        series = None if found is None else found.series.get(tag)
        return 0 if series is None else series.count

    def annotate(self, names: Iterable[str], **fields: str | bool | None) -> None:
        """Set runs' label, colour, note or hiding, for all who look. Raises OSError, ValueError."""
        self.annotations.set(names, **fields)
        self._touch(self.annotations.take_touched())

    def _touch(self, names: set[str]) -> None:
        with self.lock:
            self.version += 1
            for name in names & self.runs.keys():
                self.runs[name].version = self.version

    def look_again(self) -> None:
        """Look for new and vanished files at the next poll."""
        self._pause = 0.0

    def _look(self) -> None:
        """See what has grown: of files that grew lately at every poll, of all others every SWEEP seconds."""
        begun = time.thread_time()  # not of the clock: on a busy machine a look would seem to be long
        if time.monotonic() - self._swept < self._sweep_pause:
            self._hot = [(run, file) for run, file in self._hot if self._grown(run, file)]
            return
        everything = [(run, file) for run in list(self.runs.values()) for file in run.files.values()]
        self._hot = [(run, file) for run, file in everything if self._grown(run, file)]
        self._swept = time.monotonic()
        self._sweep_pause = min(max(SWEEP, 40 * (time.thread_time() - begun)), LONGEST)

    def _grown(self, run: Run, file: LogFile) -> bool:
        """Look at a file; whether it grew lately."""
        file.grown()
        if file.anew:
            with self.lock:
                run.begin_anew()
        return time.monotonic() - file.grew < HOT

    def _read(self, changes: Changes, deadline: float) -> None:
        """Read on until the deadline: first what grows, then what is looked at, then the newest runs."""
        waiting = [(run, file) for run in list(self.runs.values()) if (file := run.next_file()) is not None]
        waiting.sort(key=self._urgency)
        changes.more = bool(waiting)
        if len(waiting) < 2 or THREADS == 1:
            self._read_some(iter(waiting), self._scanners[0], changes, deadline)
        else:
            shared = _OneByOne(waiting)
            self._scanners += [Scanner() for _ in range(THREADS - len(self._scanners))]
            parts = [
                self._pool.submit(self._read_some, shared, scanner, changes, deadline)
                for scanner in self._scanners
            ]
            for part in parts:
                part.result()
        if waiting:
            changes.more = any(run.next_file() is not None for run, _ in waiting)

    def _urgency(self, item: tuple[Run, LogFile]) -> tuple[bool, bool, bool, float]:
        run, file = item
        return (not file.live, file.damaged > file.offset // 2, run.name not in self.watched, -run.modified())

    def _read_some(
        self, waiting: Iterator[tuple[Run, LogFile]], scanner: Scanner, changes: Changes, deadline: float
    ) -> None:
        for run, file in waiting:
            while file.unread():
                self._read_piece(run, file, scanner, changes)
                if time.monotonic() > deadline or file.live:
                    break
            if time.monotonic() > deadline:
                break

    def _read_piece(self, run: Run, file: LogFile, scanner: Scanner, changes: Changes) -> None:
        try:
            news = run.read(file, scanner, self.lock)
        except OSError:  # gone, or not for us to read: until it changes
            file.fail()
            return
        with self.lock:
            changes.add(run.name, news)

    def _mark(self, changes: Changes) -> None:
        """Give those runs whose tags are others a new version."""
        with self.lock:
            renewed = [run for run in self.runs.values() if run.renewed]
            if renewed or changes.runs:
                self.version += 1
                changes.runs = True
            for run in renewed:
                run.version, run.renewed = self.version, False

    def _settle(self) -> None:
        """Keep the sum of all series within the memory: the more there are, the fewer points each."""
        count = sum(len(run.series) for run in self.runs.values())
        self._room.left = self.memory // _LEAST_BYTES - count
        room = self.memory - OVERHEAD * count
        limit = max(LEAST, min(MOST, room // (BYTES * 2 * max(count, 1))))
        if limit >= self._limit:
            return
        with self.lock:
            self._limit = max(LEAST, limit // 2)  # half: not with every new series
            for run in self.runs.values():
                run.limit = self._limit
                for series in run.series.values():
                    series.settle(self._limit)
        self._freed = True
        give_back()


class _OneByOne:
    """Items that several threads take, each one once."""

    def __init__(self, items: list[tuple[Run, LogFile]]) -> None:
        self._items = iter(items)
        self._lock = threading.Lock()

    def __iter__(self) -> _OneByOne:
        return self

    def __next__(self) -> tuple[Run, LogFile]:
        with self._lock:
            return next(self._items)
