"""The entries of a tag (images, text, histograms ...): listed, found again, read from their files.

A page names an entry by a mark that `mark` makes, never by a path: what it can reach is what the store keeps.
"""

from __future__ import annotations

import struct
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar

import numpy as np
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ..events.decoding import Value
from ..logs.entries import Entry
from .asking import asked, name_list
from .numbers import listed
from .shared import Shared

T = TypeVar("T")
LONGEST = 256 << 20  # bytes of a record that is read to be shown


class Unreadable(Exception):
    """An entry cannot be shown; the message says why, in words for the page."""


class Cache(Generic[T]):
    """What was made last, up to `room` bytes of it; the oldest goes first. For several threads."""

    def __init__(self, room: int) -> None:
        self.room, self.used = room, 0
        self._all: OrderedDict[Hashable, tuple[T, int]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], T], weigh: Callable[[T], int]) -> T:
        """What is kept under a key, or is made now and kept if it is no more than a quarter of the room."""
        with self._lock:
            if key in self._all:
                self._all.move_to_end(key)
                return self._all[key][0]
        made = make()
        weight = weigh(made)
        if weight <= self.room // 4:
            with self._lock:
                self._keep(key, made, weight)
        return made

    def _keep(self, key: Hashable, made: T, weight: int) -> None:
        self.used += weight - self._all.pop(key, (None, 0))[1]
        self._all[key] = made, weight
        while self.used > self.room:
            self.used -= self._all.popitem(last=False)[1][1]


def mark(entry: Entry) -> str:
    """The name of an entry among those of its tag: where its record begins, and its time, bit by bit."""
    return f"{entry.place.start:x}-{struct.pack('>d', entry.wall).hex()}"


def kept(shared: Shared, run: str, kind: str, tag: str) -> list[Entry]:
    """The entries of a tag in the order they came; none where there is no such run or tag."""
    with shared.store.lock:
        found = shared.store.runs.get(run)
        entries = found.entries.get(kind, {}).get(tag) if found else None
        return entries.all() if entries else []


def marked(shared: Shared, run: str, kind: str, tag: str, wanted: str) -> Entry:
    """The entry with this mark. Raises Unreadable if it isn't kept, or not any more."""
    for entry in kept(shared, run, kind, tag):
        if mark(entry) == wanted:
            return entry
    raise Unreadable("this entry is not kept any more")


def asked_for(shared: Shared, question: dict[str, Any], kind: str) -> Entry:
    """The entry that a question names: {run, tag, mark}."""
    run, tag, wanted = str(question["run"]), str(question["tag"]), str(question["mark"])
    return marked(shared, run, kind, tag, wanted)


def decoded(entry: Entry, tag: str, decode: Callable[[Value], T], longest: int = LONGEST) -> T:
    """What `decode` makes of an entry's value, whose record has at most `longest` bytes.

    Raises Unreadable, whatever is wrong with the file or its content.
    """
    if entry.place.length > longest:
        raise Unreadable(f"a record of {entry.place.length >> 20} MB is too long; at most {longest >> 20} MB")
    try:
        event = entry.place.read()
        value = next((value for value in event.values if value.tag == tag), None)
        if value is None or struct.pack("<dq", event.wall, event.step) != struct.pack("<dq", *entry[1::-1]):
            raise Unreadable("the file was written anew; this entry is gone")
        return decode(value)
    except OSError as error:
        raise Unreadable(f"its file cannot be read: {error.strerror or error}") from error
    except (ValueError, LookupError, TypeError, ArithmeticError, struct.error) as error:
        raise Unreadable(f"malformed: {error}"[:300]) from error
    except MemoryError as error:
        raise Unreadable("it is too large for this machine's memory") from error


def answers(path: str, work: Callable[[dict[str, Any]], Any]) -> Route:
    """A route that answers work(question), done in a thread: JSON, or the Response it makes.

    What is Unreadable becomes {"error": why}.
    """

    async def endpoint(request: Request) -> Response:
        question = await asked(request)
        try:
            found = await run_in_threadpool(work, question)
        except Unreadable as error:
            found = {"error": str(error)}
        return found if isinstance(found, Response) else JSONResponse(found)

    return Route(path, endpoint, methods=["POST"])


def routes(shared: Shared) -> list[Route]:
    """The list of a tag's entries: {kind, tag, runs} gives each run's steps, times and marks."""

    def entries(question: dict[str, Any]) -> dict[str, Any]:
        kind, tag, names = str(question["kind"]), str(question["tag"]), name_list(question, "runs")
        found = {name: entries for name in names if (entries := kept(shared, name, kind, tag))}
        return {"lines": [_line(name, entries) for name, entries in found.items()]}

    return [answers("/api/entries", entries)]


def _line(run: str, entries: list[Entry]) -> dict[str, Any]:
    return {"run": run, **columns(entries)}


def columns(entries: list[Entry]) -> dict[str, list[Any]]:
    """The steps, times and marks of entries, as JSON takes them."""
    return {
        "step": [entry.step for entry in entries],
        "wall": listed(np.array([entry.wall for entry in entries], np.float64)),
        "mark": [mark(entry) for entry in entries],
    }
