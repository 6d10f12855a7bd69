"""Where event files and traces are."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

MARK = "tfevents"  # what the name of every event file holds
TRACES = (".trace.json", ".trace.json.gz")  # how names of traces end
_DEEPEST = 30
_COARSE = 3 * 10**9  # ns: a change so short before may not have changed the time, on some file systems
_MOST_RUNS = 20_000


class Found(NamedTuple):
    """The event files and their folder by the folder's path from the root; (that path, file) of traces."""

    runs: dict[str, tuple[Path, set[Path]]]
    traces: list[tuple[str, Path]]


class Folders:
    """The files below `root`; a folder that hasn't changed since it was read isn't read again."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._known: dict[str, _Folder] = {}

    def look(self) -> Found:
        """What is there now. The path of `root` itself is ".".

        Links are not followed, what is hidden left out; bytes of a name that are no UTF-8 are written out.
        """
        found = Found({}, [])
        waiting = [(str(self.root), ".", 0)]
        before, self._known = self._known, {}
        while waiting and len(found.runs) < _MOST_RUNS:
            path, name, depth = waiting.pop()
            folder = _looked_into(path, before.get(path))
            if folder is None:
                continue
            self._known[path] = folder
            if depth < _DEEPEST:
                waiting += [
                    (below, part if name == "." else f"{name}/{part}", depth + 1)
                    for below, part in folder.below
                ]
            if folder.files:
                found.runs[_printable(name)] = Path(path), folder.files
            found.traces.extend((_printable(name), trace) for trace in folder.traces)
        return found


class _Folder(NamedTuple):
    """What a folder held: when it was changed last, when it was read, (path, name) of folders, files."""

    changed: int
    read: int
    below: list[tuple[str, str]]
    files: set[Path]
    traces: list[Path]


def _looked_into(path: str, before: _Folder | None) -> _Folder | None:
    try:
        changed = os.stat(path, follow_symlinks=False).st_mtime_ns
        if before is not None and before.changed == changed and before.read - changed > _COARSE:
            return before
        now = time.time_ns()
        with os.scandir(path) as entries:
            return _Folder(changed, now, *_sorted(entries))
    except OSError:
        return None


def _sorted(entries: Iterable[os.DirEntry[str]]) -> tuple[list[tuple[str, str]], set[Path], list[Path]]:
    """The folders to look into, as (path, name), the event files, and the traces."""
    below, files, traces = [], set(), []
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            if not entry.name.startswith("."):
                below.append((entry.path, entry.name))
        elif entry.is_file(follow_symlinks=False):
            if MARK in entry.name:
                files.add(Path(entry.path))
            elif entry.name.endswith(TRACES) and not entry.name.startswith("."):
                traces.append(Path(entry.path))
    return below, files, traces


def _printable(name: str) -> str:
    """The name without the lone surrogates by which Python writes bytes that are no UTF-8."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
