"""All environments of a board: a folder with a log for each, and Visdom's JSON for those that were saved."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO
from urllib.parse import quote, unquote

from ...io.atomic import replacing
from .environment import Environment, dumped, sound
from .journal import Journal
from .window import Refused

LOG, SAVED = ".jsonl", ".json"
MOST_ENVIRONMENTS, LONGEST_NAME = 1000, 200
MEMORY = 1 << 30  # bytes of all windows, about; then posts are refused
log = logging.getLogger("rushlight.board")


def file_name(name: str) -> str:
    """A file name for any environment's name: it holds no separator and doesn't begin with a dot."""
    try:
        found = quote(name, safe=" ()+,=@")
    except UnicodeEncodeError:
        raise Refused("an environment's name must be text") from None
    if found.startswith("."):
        found = "%2E" + found[1:]
    if not name or len(found) > LONGEST_NAME:
        raise Refused(f"an environment's name has 1 to {LONGEST_NAME} characters")
    return found


class Environments:
    """The environments below `folder`, read when they are first asked for. Hold `lock` to use them.

    None as folder: nothing is kept on disk. Only one board writes to a folder; a second one shows what it
    finds there and refuses posts.
    """

    def __init__(self, folder: Path | None, memory: int = MEMORY) -> None:
        self.folder, self.memory = folder, memory
        self.lock = threading.RLock()
        self.changed: Callable[[], None] = lambda: None  # called when there is something new to show
        self._open: dict[str, Environment] = {}
        self._owning: IO[str] | None = None
        self._dirty: set[str] = set()

    def names(self) -> list[str]:
        """Those there are, "main" among them."""
        files = self.folder.iterdir() if self.folder is not None and self.folder.is_dir() else ()
        stored = {unquote(path.stem) for path in files if path.suffix in (LOG, SAVED)}
        return sorted(stored | set(self._open) | {"main"})

    def find(self, name: str) -> Environment | None:
        """An environment, if there is one of that name."""
        stem = file_name(name)
        if name not in self._open:
            journal = Journal(self._path(stem, LOG))
            saved = self._path(stem, SAVED)
            if journal.exists():
                self._open[name] = self._loaded(name, journal)
            elif saved is not None and saved.is_file():
                self._open[name] = self._restored(name, journal, saved)
        return self._open.get(name)

    def _loaded(self, name: str, journal: Journal) -> Environment:
        if self.folder is not None and not self._own():
            journal = Journal(journal.path)
            env = Environment(name, journal).load()
            env.journal = Journal(None)
            return env
        env = Environment(name, journal).load()
        env.write()
        return env

    def _restored(self, name: str, journal: Journal, saved: Path) -> Environment:
        """From a file that Visdom or `save` wrote."""
        env = Environment(name, journal if self._own() else Journal(None))
        try:
            found = json.loads(saved.read_bytes(), parse_constant=lambda _: None)
            jsons = {str(win): pane | {"id": str(win)} for win, pane in found["jsons"].items()}
            env.replace({win: p for win, p in jsons.items() if sound(p)}, dict(found.get("reload") or {}))
        except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            log.warning("%s is no saved environment (%s)", saved, error)
            env.replace({}, {})
        env.write()
        return env

    def need(self, name: str) -> Environment:
        """An environment to write to, made if there is none. Raises Refused."""
        if self.folder is not None and not self._own():
            raise Refused(f"another board writes the windows of {self.folder}: send them to that one")
        env = self.find(name)
        if env is None:
            if len(self.names()) >= MOST_ENVIRONMENTS:
                raise Refused(f"there are {MOST_ENVIRONMENTS} environments already: delete some")
            env = self._open[name] = Environment(name, Journal(self._path(file_name(name), LOG)))
            env.replace({}, {})
        self._dirty.add(name)
        return env

    def make_room(self, size: int) -> None:
        """Raise Refused if the windows take too much memory already."""
        taken = sum(sum(env.sizes.values()) for env in self._open.values())
        if taken + size > self.memory:
            raise Refused(f"the board's windows take {taken >> 20} MiB: close some, or delete environments")

    def write(self) -> None:
        """Have on disk what was posted, then tell who looks."""
        for name in self._dirty:
            if name in self._open:
                self._open[name].write()
        if self._dirty:
            self._dirty.clear()
            self.changed()

    def fork(self, name: str, new: str) -> None:
        """Copy an environment. Raises Refused if there is none of that name."""
        found = self.find(name)
        if found is None:
            raise Refused(f"env to be forked doesn't exist: {name!r}")
        copy = json.loads(dumped([found.jsons, found.layout]))
        self.make_room(sum(found.sizes.values()))
        self.need(new).replace(*copy)
        self.save([new])

    def save(self, names: list[str]) -> list[str]:
        """Write environments as Visdom does, {"jsons", "reload"}; which of them there were."""
        done = []
        for name in names:
            env = self.find(name)
            if env is None:
                continue
            path = self._path(file_name(name), SAVED)
            if path is not None and self._own():
                with replacing(path) as file:
                    file.write(dumped({"jsons": env.jsons, "reload": env.layout}).encode())
            done.append(name)
        return done

    def delete(self, name: str) -> None:
        """Remove an environment and its files."""
        self.need(name).journal.remove()
        saved = self._path(file_name(name), SAVED)
        if saved is not None:
            saved.unlink(missing_ok=True)
        del self._open[name]

    def _path(self, stem: str, suffix: str) -> Path | None:
        return None if self.folder is None else self.folder / (stem + suffix)

    def _own(self) -> bool:
        """Whether this board writes here: it is the first to lock the folder."""
        if self.folder is None or self._owning is not None:
            return True
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            file = (self.folder / ".lock").open("a")
        except OSError as error:
            log.warning("%s can't be written (%s): windows are kept in memory only", self.folder, error)
            self.folder = None
            return True
        if not _locked(file):
            file.close()
            return False
        self._owning = file
        return True

    def close(self) -> None:
        """Let another board write here."""
        with self.lock:
            self.write()
            if self._owning is not None:
                self._owning.close()
                self._owning = None


def _locked(file: IO[str]) -> bool:
    """Lock a file for as long as it is open; where there is no such lock (Windows), take it for ours."""
    try:
        import fcntl
    except ImportError:
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
