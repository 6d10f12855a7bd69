"""Where event files are."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

MARK = "tfevents"  # what the name of every event file holds
_DEEPEST = 30
_COARSE = 3 * 10**9  # ns: a change so short before may not have changed the time, on some file systems
_MOST_RUNS = 20_000


class Folders:
    """The event files below `root`; a folder that hasn't changed since it was read isn't read again."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._known: dict[str, _Folder] = {}

    def event_files(self) -> dict[str, tuple[Path, set[Path]]]:
        """The folder and its event files by the folder's path from the root; "." for `root` itself.

        Links are not followed, hidden folders left out; bytes of a name that are no UTF-8 are written out.
        """
        found: dict[str, tuple[Path, set[Path]]] = {}
        waiting = [(str(self.root), ".", 0)]
        before, self._known = self._known, {}
        while waiting and len(found) < _MOST_RUNS:
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
                found[_printable(name)] = Path(path), folder.files
        return found


class _Folder(NamedTuple):
    """What a folder held: the time of its last change, when it was read, (path, name) of folders, files."""

    changed: int
    read: int
    below: list[tuple[str, str]]
    files: set[Path]


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


def _sorted(entries: Iterable[os.DirEntry[str]]) -> tuple[list[tuple[str, str]], set[Path]]:
    """The folders to look into, as (path, name), and the event files."""
    below, files = [], set()
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            if not entry.name.startswith("."):
                below.append((entry.path, entry.name))
        elif MARK in entry.name and entry.is_file(follow_symlinks=False):
            files.add(Path(entry.path))
    return below, files


def _printable(name: str) -> str:
    """The name without the lone surrogates by which Python writes bytes that are no UTF-8."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
