"""Where event files are."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

MARK = "tfevents"  # what the name of every event file holds
_DEEPEST = 30
_MOST_RUNS = 20_000


def event_files(root: Path) -> dict[str, tuple[Path, set[Path]]]:
    """The event files below a folder, and their folder, by its path from there; "." for `root` itself.

    Links are not followed, hidden folders are left out. Bytes of a name that are no UTF-8 are written out.
    """
    found: dict[str, tuple[Path, set[Path]]] = {}
    waiting = [(str(root), ".", 0)]
    while waiting and len(found) < _MOST_RUNS:
        folder, name, depth = waiting.pop()
        try:
            with os.scandir(folder) as entries:
                below, files = _sorted(entries, depth)
        except OSError:
            continue
        waiting += [(path, part if name == "." else f"{name}/{part}", depth + 1) for path, part in below]
        if files:
            found[_printable(name)] = Path(folder), files
    return found


def _sorted(entries: Iterable[os.DirEntry[str]], depth: int) -> tuple[list[tuple[str, str]], set[Path]]:
    """The folders to look into, as (path, name), and the event files."""
    below, files = [], set()
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            if depth < _DEEPEST and not entry.name.startswith("."):
                below.append((entry.path, entry.name))
        elif MARK in entry.name and entry.is_file(follow_symlinks=False):
            files.add(Path(entry.path))
    return below, files


def _printable(name: str) -> str:
    """The name without the lone surrogates by which Python writes bytes that are no UTF-8."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
