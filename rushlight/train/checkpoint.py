"""Checkpoints in a folder: written whole or not at all, the newest whole one read."""

from __future__ import annotations

import contextlib
import os
import pickle
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..io import load, save

FORMAT = "rushlight.train 1"
NAME = "step-{:09d}.pt"
_OURS = re.compile(r"step-(\d+)\.pt")
_PART = re.compile(r"(step-\d+|best)\.pt\.[0-9a-f]+\.part")  # what io.atomic leaves when it is killed


def write(folder: str | os.PathLike[str], step: int, state: dict[str, Any], keep: int = 0) -> Path:
    """Write the state after `step` steps; then, and only then, delete all but the newest `keep` (0: none).

    The file is on the disk, all of it, before it has its name. Raises OSError where it cannot be written.
    """
    path = Path(folder, NAME.format(step))
    write_to(path, state)
    if keep:
        for old in listed(folder)[keep:]:
            old.unlink(missing_ok=True)
    return path


def write_to(path: str | os.PathLike[str], state: dict[str, Any]) -> None:
    """Write a state to a path, making its folder."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    save({"format": FORMAT, **state}, path)


def read(path: str | os.PathLike[str]) -> dict[str, Any]:
    """A state from a path. Raises ValueError for a file that is not a whole checkpoint of a Trainer."""
    try:
        state = load(path)
    except (RuntimeError, EOFError, ValueError, LookupError, pickle.UnpicklingError) as error:
        raise ValueError(f"{path} is torn or no checkpoint: {error}") from error
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise ValueError(f"{path} is no checkpoint of a Trainer (it lacks format={FORMAT!r})")
    return state


def listed(folder: str | os.PathLike[str]) -> list[Path]:
    """The checkpoints in a folder, the newest first; none where there is no folder."""
    if not os.path.isdir(folder):
        return []
    found = [path for path in Path(folder).iterdir() if _OURS.fullmatch(path.name) and path.is_file()]
    return sorted(found, key=lambda path: int(_OURS.fullmatch(path.name)[1]), reverse=True)  # type: ignore


def newest(folder: str | os.PathLike[str]) -> tuple[Path, dict[str, Any]] | None:
    """The newest whole checkpoint and its path; those that are not whole are passed over with a warning."""
    return next(_whole(folder), None)


def _whole(folder: str | os.PathLike[str]) -> Iterator[tuple[Path, dict[str, Any]]]:
    for path in listed(folder):
        try:
            yield path, read(path)
        except ValueError as error:
            warnings.warn(f"{error}; the one before it is taken", stacklevel=4)


def sweep(folder: str | os.PathLike[str]) -> None:
    """Delete the parts of files that a killed process left."""
    if os.path.isdir(folder):
        for path in Path(folder).iterdir():
            if _PART.fullmatch(path.name):
                with contextlib.suppress(OSError):
                    path.unlink()
