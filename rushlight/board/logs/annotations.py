"""What people say about runs: labels, colours, notes; one small file beside them, shared by all who look."""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

FILE = ".rushlight-board.json"
_MOST_BYTES = 1 << 24
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_LONGEST = {"label": 200, "note": 10_000, "colour": 7}


class Annotations:
    """`runs[name]` holds what was set of "label", "colour", "note" (text) and "hidden" (True).

    The file is replaced as a whole, so that a reader finds the old one or the new one. One that can't be read
    is kept as it is, under another name, before the first change.
    """

    def __init__(self, root: Path) -> None:
        self.path = root / FILE
        self.runs: dict[str, dict[str, Any]] = {}
        self.touched: set[str] = set()  # names of runs that are described otherwise than before
        self._seen: tuple[int, int] | None = None
        self._damaged = False
        self._lock = threading.Lock()
        self.refresh()

    def refresh(self) -> bool:
        """Read the file if it changed, as another board may have written it; whether runs look different."""
        with self._lock:
            now = self._stamp()
            if now == self._seen:
                return False
            self._seen = now
            before, self.runs = self.runs, self._read()
            names = before.keys() | self.runs.keys()
            changed = {name for name in names if before.get(name) != self.runs.get(name)}
            self.touched |= changed
            return bool(changed)

    def take_touched(self) -> set[str]:
        """The runs that changed since the last call."""
        with self._lock:
            found, self.touched = self.touched, set()
            return found

    def set(self, names: Iterable[str], **fields: str | bool | None) -> None:
        """Change what is said of runs; None or "" takes a field away.

        Raises ValueError for what makes no sense, OSError if the file can't be written.
        """
        for field, value in fields.items():
            _check(field, value)
        self.refresh()
        with self._lock:
            mine = {name: {**self.runs.get(name, {}), **fields} for name in names}
            runs = {name: said for name, one in {**self.runs, **mine}.items() if (said := _given(one))}
            self._write(runs)
            self.runs = runs
            self.touched |= mine.keys()

    def _stamp(self) -> tuple[int, int] | None:
        try:
            found = self.path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size

    def _read(self) -> dict[str, dict[str, Any]]:
        try:
            with self.path.open("rb") as file:
                found = json.loads(file.read(_MOST_BYTES))["runs"]
            runs = {str(name): _checked(one) for name, one in found.items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
            self._damaged = True
            return {}
        return runs

    def _write(self, runs: dict[str, dict[str, Any]]) -> None:
        if self._damaged:
            os.replace(self.path, self.path.with_suffix(".json.damaged"))
            self._damaged = False
        text = json.dumps({"version": 1, "runs": runs}, indent=1, sort_keys=True)
        beside = self.path.with_name(f"{FILE}.{os.getpid()}")
        with beside.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, self.path)
        self._seen = self._stamp()


def _given(one: dict[str, Any]) -> dict[str, Any]:
    return {field: value for field, value in one.items() if value}


def _checked(one: dict[str, Any]) -> dict[str, Any]:
    for field, value in one.items():
        _check(field, value)
    return dict(one)


def _check(field: str, value: object) -> None:
    if field == "hidden":
        if not isinstance(value, bool | None):
            raise ValueError("`hidden` must be true or false")
    elif field not in _LONGEST:
        raise ValueError(f"a run has no {field!r}; it has a label, a colour, a note, and may be hidden")
    elif value is not None and not (isinstance(value, str) and len(value) <= _LONGEST[field]):
        raise ValueError(f"`{field}` must be a text of at most {_LONGEST[field]} characters")
    elif value and not _utf8(str(value)):
        raise ValueError(f"`{field}` holds half a character")
    elif field == "colour" and value and not _COLOUR.fullmatch(str(value)):
        raise ValueError("`colour` must look like #0077bb")


def _utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # a lone surrogate, which JSON can write and no file or answer can hold
        return False
    return True
