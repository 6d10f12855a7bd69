"""One event file, read piece by piece as it grows; torn tails wait, damage is stepped over and counted."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ..events.scanning import BROKEN, MORE, Rows, Scanner, next_record
from .entries import MOST_BYTES

PIECE = 1 << 20  # bytes read at once


_local = threading.local()


def _room(size: int) -> np.ndarray:
    """Bytes to read into: of this thread, and written over by the next piece, unless it is a long one."""
    if size > PIECE:
        return np.empty(size, np.uint8)
    if not hasattr(_local, "room"):
        _local.room = np.empty(PIECE, np.uint8)
    return _local.room[:size]


class LogFile:
    """An event file and how far it is read. `damaged` counts the bytes that were no records."""

    def __init__(self, path: Path) -> None:
        self.path, self.offset, self.size, self.damaged = path, 0, 0, 0
        self._inode = 0
        self._piece = PIECE

    def grown(self) -> bool:
        """Whether there is something to read. A file that is another one now, or shorter, begins anew."""
        try:
            now = self.path.stat()
        except OSError:
            return False
        if now.st_ino != self._inode or now.st_size < self.offset:
            self.offset, self._inode = 0, now.st_ino
            self.size = 0
        if now.st_size > self.size:
            self.size, self._piece = now.st_size, self._piece or PIECE
        return self.unread()

    def unread(self) -> bool:
        """Whether another piece of what is known to be there can be read."""
        return self.size - self.offset >= 16 and self._piece != 0

    def read(self, scanner: Scanner) -> Iterator[tuple[Rows, np.ndarray, int]]:
        """The next piece: its rows, its bytes, and where in the file these begin. Raises OSError.

        Both are written over by the next piece: copy what is kept.
        """
        with self.path.open("rb", buffering=0) as file:
            file.seek(self.offset)
            data = _room(self._piece or PIECE)
            data = data[: file.readinto(data.data)]
        at, reason = 0, MORE
        begin, end = self.offset, self.offset + len(data)
        while at + 16 <= len(data):
            rows = scanner.scan(data, at)
            if len(rows.tag):
                yield rows, data, begin
            stuck, at, reason = rows.consumed == at, rows.consumed, rows.reason
            if reason == BROKEN:
                at = self._step_over(data, at)
            elif reason == MORE or stuck:
                break
        self.offset = begin + at
        self._next_piece(data[at:], end)

    def _step_over(self, data: np.ndarray, at: int) -> int:
        """The place of the next record behind damage, or near the end, where one may begin."""
        found = next_record(data, at + 1)
        following = found if found >= 0 else max(at, len(data) - 11)
        self.damaged += following - at
        return following

    def _next_piece(self, rest: np.ndarray, end: int) -> None:
        """How much to read next: more if one record is longer than a piece, nothing if it isn't all there."""
        need = int(rest[:8].view("<u8")[0]) + 16 if len(rest) >= 12 else 16
        self._piece = PIECE
        if need > MOST_BYTES and len(rest) >= 12:
            self.offset += min(need, self.size - self.offset)  # too long: its place is passed by
        elif self.offset + need > max(self.size, end):
            self._piece = 0  # torn: until the file grows
        elif need > PIECE:
            self._piece = need

    def removed(self) -> bool:
        """Whether the file is gone."""
        return not os.path.exists(self.path)
