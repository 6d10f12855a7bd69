"""Deleting runs so that it can be undone: what goes is moved to <logdir>/.trash, nothing is erased."""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .run import Run

FOLDER = ".trash"
_WRITTEN = 30.0  # seconds after which a run that isn't written to counts as at rest


class BeingWritten(ValueError):
    """A run that somebody writes to would go on in a file that nobody sees."""


@dataclass(frozen=True)
class Deleted:
    """A run in the trash: its number there, its name, when it went (seconds since 1970)."""

    id: str
    name: str
    when: float


class Trash:
    """The runs that were deleted below `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root / FOLDER

    def delete(self, run: Run, others: set[Path], force: bool = False) -> Deleted:
        """Move a run's folder into the trash; where `others`, runs' folders, lie in it, its files.

        Raises BeingWritten if it grew in the last 30 seconds and not `force`; OSError if it can't be moved.
        """
        if not force and time.time() - run.modified() < _WRITTEN:
            raise BeingWritten(f"{run.name} is being written to; what that writes on would be lost")
        whole = run.folder != self.root and not any(folder.is_relative_to(run.folder) for folder in others)
        sources = [run.folder] if whole else sorted(run.files)
        for source in sources:
            self._check(source)
        deleted = Deleted(f"{time.time_ns():x}", run.name, time.time())
        place = self.folder / deleted.id
        if self.folder.is_symlink():
            raise OSError(f"{self.folder} is a link; what it leads to is not touched")
        place.mkdir(parents=True)
        moved = [str(source.relative_to(self.root)) for source in sources]
        about = {"name": run.name, "when": deleted.when, "moved": moved}
        (place / "about.json").write_text(json.dumps(about), "utf-8")
        for k, source in enumerate(sources):
            os.rename(source, place / str(k))
        return deleted

    def restore(self, id: str) -> str:
        """Move a run back; its name. Raises LookupError if the trash has none such, OSError if it can't."""
        place = next((place for place in self._places() if place.name == id), None)
        if place is None:
            raise LookupError(f"the trash holds nothing under {id!r}")
        about = self._about(place)
        targets = [self.root / path for path in about["moved"]]
        for target in targets:
            if os.path.lexists(target):
                raise FileExistsError(f"{target} is there again; move it away first")
            target.parent.mkdir(parents=True, exist_ok=True)
            self._check(target.parent, inside=False)
        for k, target in enumerate(targets):
            if (place / str(k)).exists():
                os.rename(place / str(k), target)
        (place / "about.json").unlink()
        place.rmdir()
        return str(about["name"])

    def all(self) -> list[Deleted]:
        """What is in the trash, the last first."""
        found = []
        for place in self._places():
            try:
                about = self._about(place)
            except (OSError, LookupError):
                continue  # something that this class did not put there
            found.append(Deleted(place.name, str(about["name"]), float(about["when"])))
        return sorted(found, key=lambda deleted: -deleted.when)

    def _places(self) -> list[Path]:
        try:
            places = [] if self.folder.is_symlink() else list(self.folder.iterdir())
            return [place for place in places if place.is_dir() and not place.is_symlink()]
        except OSError:
            return []

    def _about(self, place: Path) -> dict[str, Any]:
        """What is said of a place in the trash; the paths in it lie below the root, whoever wrote them."""
        try:
            about = json.loads((place / "about.json").read_text("utf-8"))
            paths = [Path(path) for path in about["moved"]]
            about = {**about, "when": float(about["when"]), "name": str(about["name"])}
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise LookupError(f"{place} does not say what it holds") from error
        if not paths or any(path.is_absolute() or ".." in path.parts for path in paths):
            raise LookupError(f"{place} names a path outside the log folder")
        return about

    def _check(self, path: Path, inside: bool = True) -> None:
        """Refuse what does not lie where it seems to: a link may have taken a folder's place."""
        real = path.resolve()
        if real != path or not real.is_relative_to(self.root) or (inside and real == self.root):
            raise OSError(f"{path} is, or lies behind, a link; it is not touched")
