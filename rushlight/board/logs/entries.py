"""What is shown but is no scalar, as places in files: an image costs 48 bytes here, whatever its size."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from ..events.decoding import Event, Value, decode
from .opening import open_regular

MOST = 400  # entries kept of a tag; beyond, every second one goes


class Place(NamedTuple):
    """Where a record's message is."""

    path: Path
    start: int
    length: int

    def read(self) -> Event:
        """The event there. Raises OSError or ValueError if the file has gone or changed."""
        with open_regular(self.path) as file:
            file.seek(self.start)
            return decode(file.read(self.length))


class Entry(NamedTuple):
    """One image, histogram, text ... of a tag."""

    step: int
    wall: float
    place: Place


class Entries:
    """The entries of one tag of one run, thinned evenly when they are many."""

    __slots__ = ("kind", "content", "description", "count", "version", "_all")

    def __init__(self, value: Value) -> None:
        self.kind, self.content, self.description = value.kind, value.content, value.description
        self.count = self.version = 0
        self._all: list[Entry] = []

    def append(self, entry: Entry) -> None:
        """Take an entry that came after the others."""
        self.count += 1
        self.version += 1
        self._all.append(entry)
        if len(self._all) > MOST:
            self._all = [*self._all[:-1:2], self._all[-1]]

    def cut(self, step: int) -> None:
        """Forget those from a step on."""
        self._all = [entry for entry in self._all if entry.step < step]
        self.version += 1

    def all(self) -> list[Entry]:
        """Those kept, in the order they came."""
        return list(self._all)

    def value(self, index: int, tag: str) -> Value:
        """The value of an entry, read from its file. Raises LookupError if there is none."""
        for value in self._all[index].place.read().values:
            if value.tag == tag:
                return value
        raise LookupError(f"the record has no value {tag!r} any more")
