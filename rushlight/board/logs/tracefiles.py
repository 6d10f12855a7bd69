"""The files of profilers' traces below a folder: which are new, changed or gone."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

MOST_FILES = 10_000


class TraceFile(NamedTuple):
    """A file: the path of its folder from the root ("." for the root), and what it was when last seen."""

    run: str
    path: Path
    size: int
    time: float


class TraceFiles:
    """Traces by their path from the root; `files` is another dictionary after every change."""

    def __init__(self) -> None:
        self.files: dict[str, TraceFile] = {}

    def update(self, there: Iterable[tuple[str, Path]]) -> set[str]:
        """Look at those that are there, as (folder, path): folders where some are new, changed or gone."""
        found: dict[str, TraceFile] = {}
        for run, path in there:
            file = _trace_file(run, path)
            if file is not None and len(found) < MOST_FILES:
                found[path.name if run == "." else f"{run}/{path.name}"] = file
        old = self.files
        names = [name for name in old.keys() | found.keys() if old.get(name) != found.get(name)]
        self.files = found if names else old
        return {(found.get(name) or old[name]).run for name in names}


def _trace_file(run: str, path: Path) -> TraceFile | None:
    try:
        now = os.stat(path, follow_symlinks=False)
    except OSError:
        return None  # gone
    return TraceFile(run, path, now.st_size, now.st_mtime) if stat.S_ISREG(now.st_mode) else None
