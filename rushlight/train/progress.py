"""A line on a terminal that shows how far a job is."""

from __future__ import annotations

import os
import sys
import time
import unicodedata
from collections.abc import Callable
from typing import Any, TextIO

EVERY = 0.1  # seconds between two drawings, at least
WIPE = "\x1b[K"


class Line:
    """A line that is drawn over itself, on a terminal; elsewhere only what `finish` is given appears."""

    def __init__(self, file: TextIO | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self.file, self.clock = file or sys.stdout, clock
        self.on_terminal = is_terminal(self.file)
        self.drawn = -EVERY
        self.open = False

    def due(self) -> bool:
        """Whether it is time to draw again."""
        return self.on_terminal and self.clock() - self.drawn >= EVERY

    def draw(self, text: str) -> None:
        """Draw, cut off at the terminal's width."""
        self.drawn, self.open = self.clock(), True
        self.file.write(f"\r{cut(text, columns(self.file) - 1)}{WIPE}")
        self.file.flush()

    def finish(self, text: str) -> None:
        """Leave a last text in place of the line, and begin another one."""
        self.file.write(f"\r{text}{WIPE}\n" if self.on_terminal else f"{text}\n")
        self.file.flush()
        self.open = False

    def close(self) -> None:
        """Leave the line as it is, if one was begun."""
        if self.open:
            self.file.write("\n")
            self.file.flush()
            self.open = False


def is_terminal(file: Any) -> bool:
    """Whether a line can be drawn over itself there."""
    return bool(getattr(file, "isatty", bool)()) and os.environ.get("TERM") != "dumb"


def columns(file: Any) -> int:
    """The width of the terminal that a file is; COLUMNS, or 80, where it does not say."""
    try:
        return os.get_terminal_size(file.fileno()).columns or 80
    except (OSError, ValueError, AttributeError):
        return int(os.environ.get("COLUMNS") or 80)


def width(text: str) -> int:
    """The columns that a text takes: two for a wide character, none for one that is put on another."""
    return sum(map(_width, text))


def _width(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in ("Cf", "Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def cut(text: str, size: int) -> str:
    """The text, or as much of it as so many columns hold."""
    used = 0
    for k, character in enumerate(text):
        used += _width(character)
        if used > size:
            return text[:k]
    return text


def bar(done: int, total: int, size: int, full: str = "━", empty: str = "─") -> str:
    """A bar of so many columns."""
    filled = size * min(done, total) // max(total, 1)
    return full * filled + empty * (size - filled)


def duration(seconds: float) -> str:
    """Seconds as 4.2 s, 1:05 or 2:10:00."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def number(value: Any) -> str:
    """A metric in a line: four digits."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
