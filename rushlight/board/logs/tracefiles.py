"""The files of profilers' traces below a folder: which there are, and which are new."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import NamedTuple

from .traces import SUFFIXES

MOST_FILES = 10_000
EVERY = 1.0  # seconds between two looks, or more where a look takes long
LONGEST = 10.0  # seconds between two looks, however long they take
_DEEPEST = 30


class TraceFile(NamedTuple):
    """A file: the path of its folder from the root ("." for the root), and what it was when last seen."""

    run: str
    path: Path
    size: int
    time: float


class TraceFiles:
    """The traces below `root` by their path from there; `files` is another dictionary after every change."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.files: dict[str, TraceFile] = {}
        self._next = 0.0

    def look(self) -> set[str]:
        """Look for traces, if it is time: the folders in which some are new, changed or gone."""
        if time.monotonic() < self._next:
            return set()
        begun = time.thread_time()  # not of the clock: on a busy machine a look would seem to be long
        found, old = trace_files(self.root), self.files
        self.files = found
        self._next = time.monotonic() + min(max(EVERY, 20 * (time.thread_time() - begun)), LONGEST)
        names = [name for name in old.keys() | found.keys() if old.get(name) != found.get(name)]
        return {(found.get(name) or old[name]).run for name in names}


def trace_files(root: Path) -> dict[str, TraceFile]:
    """The traces below a folder. Links are not followed; files whose name begins with a dot are not done."""
    found: dict[str, TraceFile] = {}
    waiting = [(str(root), ".", 0)]
    while waiting:
        folder, name, depth = waiting.pop()
        try:
            entries = list(os.scandir(folder))
        except OSError:
            continue
        for entry in entries:
            below = entry.name if name == "." else f"{name}/{entry.name}"
            if entry.name.startswith("."):
                continue
            if entry.name.endswith(SUFFIXES):
                file = _trace_file(name, entry)
                if file is not None and len(found) < MOST_FILES:
                    found[below] = file
            elif depth < _DEEPEST and entry.is_dir(follow_symlinks=False):
                waiting.append((entry.path, below, depth + 1))
    return found


def _trace_file(run: str, entry: os.DirEntry[str]) -> TraceFile | None:
    try:
        if not entry.is_file(follow_symlinks=False):
            return None
        now = entry.stat(follow_symlinks=False)
    except OSError:
        return None  # gone
    return TraceFile(run, Path(entry.path), now.st_size, now.st_mtime)
