"""An environment: windows by their names, every change of them numbered, logged and kept for who asks again.

A change (an *operation*) is one JSON object: {"n": its number, "do": "window" | "edit" | "close" | "layout" |
"all", ...}. The same text goes into the log and to the pages. Who knows the environment's `life` and the
number of the last operation it has seen gets those that follow; who is too far behind, all of it.
"""

from __future__ import annotations

import json
import secrets
from collections import deque
from typing import Any, NamedTuple

from .edits import Edit, apply, put
from .journal import Journal
from .window import Pane

TAIL, TAIL_BYTES = 20_000, 24 << 20  # operations kept in memory for who resumes, and their size
COMPACT = 8 << 20  # bytes of log from which on it is compacted, when it is four times what it holds
MOST_CLIENTS = 1000  # whose last message is remembered
# After a crash of the machine the log may lack the last operations that pages have seen; numbers go on from
# the next multiple of this, so that no number ever means two operations.
STRIDE = 1 << 20
Json = dict[str, Any]


class Operation(NamedTuple):
    """A change as it was logged."""

    number: int
    win: str | None  # None: of all windows
    do: str
    text: str


def dumped(value: Any) -> str:
    """Compact JSON. Raises ValueError for NaN and infinities, which are none."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False)


class Environment:
    """The windows of an environment. Not for two threads at once: `Environments` holds the lock."""

    def __init__(self, name: str, journal: Journal) -> None:
        self.name, self.journal = name, journal
        self.jsons: dict[str, Pane] = {}
        self.layout: Json = {}  # Visdom's "reload": where windows stand
        self.life, self.number = secrets.token_hex(8), 0
        self.seen: dict[str, int] = {}  # the last message of each Panel
        self.sizes: dict[str, int] = {}  # bytes of each window, about
        self._tail: deque[Operation] = deque()
        self._tail_bytes = 0
        self._unwritten: list[str] = []

    # -- from the disk -------------------------------------------------------------------------------

    def load(self) -> Environment:
        """Read the log; an operation in it that makes no sense is skipped."""
        for op in self.journal.read():
            try:
                self._take(op, dumped(op))
            except (LookupError, TypeError, ValueError, AttributeError, RecursionError):
                continue
        self.number = (self.number // STRIDE + 1) * STRIDE
        self._do({"do": "open"})
        return self

    def snapshot(self) -> Json:
        """All of it, as an operation."""
        return {
            "n": self.number,
            "do": "all",
            "life": self.life,
            "jsons": self.jsons,
            "reload": self.layout,
            "seen": self.seen,
        }

    # -- changes -------------------------------------------------------------------------------------

    def window(self, pane: Pane, by: tuple[str, int] | None = None) -> None:
        """A window, new or in place of that of its name."""
        old = self.jsons.get(pane["id"])
        pane["i"] = (
            old["i"] if old else 1 + max((each.get("i", 0) for each in self.jsons.values()), default=-1)
        )
        pane["contentID"] = str(self.number + 1)
        self._do({"do": "window", "win": pane["id"], "pane": pane}, by)

    def edit(self, win: str, edits: list[Edit], by: tuple[str, int] | None = None) -> None:
        """Change a window."""
        edits = [*edits, put(["contentID"], str(self.number + 1))]
        self._do({"do": "edit", "win": win, "edits": edits}, by)

    def close(self, win: str, by: tuple[str, int] | None = None) -> None:
        """Remove a window; none of that name is no error."""
        if win in self.jsons:
            self._do({"do": "close", "win": win}, by)

    def replace(self, jsons: dict[str, Pane], layout: Json, by: tuple[str, int] | None = None) -> None:
        """Have these windows and no others."""
        self._do({"do": "all", "life": self.life, "jsons": jsons, "reload": layout}, by)

    def arrange(self, layout: Json) -> None:
        """Where windows stand: {win: {x, y, w, h}}, None for one that goes where there is room."""
        self._do({"do": "layout", "reload": layout})

    def _do(self, op: Json, by: tuple[str, int] | None = None) -> None:
        op = {"n": self.number + 1, **op} | ({"by": by} if by else {})
        text = dumped(op)  # raises before anything has changed
        self._take(op, text)
        self._unwritten.append(text)

    def _take(self, op: Json, text: str) -> None:
        """Apply an operation."""
        number = int(op["n"])
        _APPLY[op["do"]](self, op, len(text))
        self.number = number
        if "by" in op:
            client, at = op["by"]
            self.seen.pop(client, None)
            self.seen[client] = at
            if len(self.seen) > MOST_CLIENTS:
                del self.seen[next(iter(self.seen))]
        self._tail.append(Operation(number, op.get("win"), op["do"], text))
        self._tail_bytes += len(text)
        while len(self._tail) > TAIL or self._tail_bytes > TAIL_BYTES:
            self._tail_bytes -= len(self._tail.popleft().text)

    def knows(self, by: tuple[str, int] | None) -> bool:
        """Whether a Panel's message has been taken already: it sends again what it got no answer to."""
        return by is not None and self.seen.get(by[0], -1) >= by[1]

    def write(self) -> None:
        """Have on disk what was done since the last time."""
        lines, self._unwritten = self._unwritten, []
        if not self.journal.broken:
            self.journal.append(lines)
        size = self.journal.size
        if self.journal.broken or size > COMPACT and size > 4 * sum(self.sizes.values()):
            self.journal.rewrite(dumped(self.snapshot()))

    # -- for who looks -------------------------------------------------------------------------------

    def after(self, life: str, number: int) -> list[Operation] | None:
        """The operations behind a number; None if it is not known, and all must be read again."""
        if life != self.life:
            return None
        if number == self.number:
            return []
        found = []
        for op in reversed(self._tail):
            if op.number <= number:
                return found[::-1] if op.number == number else None
            found.append(op)
        return None


def sound(pane: Any) -> bool:
    """Whether it can be a window: what comes from a file or a client may be anything."""
    return isinstance(pane, dict) and isinstance(pane.get("id"), str) and isinstance(pane.get("type"), str)


def _window(env: Environment, op: Json, size: int) -> None:
    if not sound(op["pane"]):
        raise ValueError("this is no window")
    env.jsons[op["win"]] = op["pane"]
    env.sizes[op["win"]] = size


def _edit(env: Environment, op: Json, size: int) -> None:
    apply(env.jsons[op["win"]], op["edits"])
    env.sizes[op["win"]] = env.sizes.get(op["win"], 0) + size


def _close(env: Environment, op: Json, size: int) -> None:
    for of in (env.jsons, env.layout, env.sizes):
        of.pop(op["win"], None)


def _all(env: Environment, op: Json, size: int) -> None:
    env.jsons = {win: pane for win, pane in op["jsons"].items() if sound(pane)}
    env.layout, env.life = dict(op["reload"]), str(op["life"])
    env.sizes = {win: len(dumped(pane)) for win, pane in env.jsons.items()}
    env.seen |= op.get("seen", {})


def _layout(env: Environment, op: Json, size: int) -> None:
    for win, place in op["reload"].items():
        if place is None:
            env.layout.pop(win, None)
        else:
            env.layout[win] = place


_APPLY = {
    "window": _window,
    "edit": _edit,
    "close": _close,
    "layout": _layout,
    "all": _all,
    "open": lambda env, op, size: None,
}
