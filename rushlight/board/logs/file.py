"""One event file, read piece by piece as it grows; torn tails wait, damage is stepped over and counted."""

from __future__ import annotations

import math
import os
import stat
import time
from collections.abc import Iterator
from io import FileIO
from pathlib import Path

import numpy as np

from ..events.scanning import BROKEN, MORE, Rows, Scanner, next_record
from .opening import MOST_BYTES, open_regular

PIECE = 1 << 16  # bytes read at once, at least
_RETRY = 5.0  # seconds
_RECENT = 60.0  # seconds since a file was written to for which it may be one that grows
_DATA = getattr(os, "SEEK_DATA", None)


class LogFile:
    """An event file and how far it is read. `damaged` counts the bytes that were no records.

    `grew`: when it was last seen to grow (time.monotonic). `live`: whether it has been read to its end.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.offset, self.size, self.damaged = path, 0, 0, 0
        self._name = str(path)  # which os.stat takes twice as fast
        self.modified, self.grew, self.live = 0.0, -1e9, False
        self.anew = False  # whether it is to be read from its start again
        self._inode = 0
        self._piece = PIECE
        self._retry = math.inf

    def grown(self) -> bool:
        """Whether there is something to read. A file that is another one now, or shorter, begins anew."""
        try:
            now = os.stat(self._name, follow_symlinks=False)
        except OSError:
            self.size = self.offset
            return False
        if not stat.S_ISREG(now.st_mode):
            self.size = self.offset
            return False
        if now.st_ino != self._inode or now.st_size < self.offset:
            self.anew = self._inode != 0
            self._inode = now.st_ino
            self.rewind()
        if self._retry < time.monotonic():
            self._piece, self._retry = PIECE, math.inf
        if now.st_size > self.size:
            self._piece = self._piece or PIECE
            if self.live or time.time() - now.st_mtime < _RECENT:  # and not an old file, met just now
                self.grew = time.monotonic()
        self.size, self.modified = now.st_size, now.st_mtime
        return self.unread()

    def fail(self) -> None:
        """It can't be read, perhaps as its rights forbid it: try again when it grows, or some time later."""
        self._piece, self._retry = 0, time.monotonic() + _RETRY

    def rewind(self) -> None:
        """Read it from its start again."""
        self.offset, self.size, self.live, self._piece = 0, 0, False, PIECE

    def unread(self) -> bool:
        """Whether another piece of what is known to be there can be read."""
        return self.size - self.offset >= 16 and self._piece != 0

    def read(self, scanner: Scanner, tags: int = 1) -> Iterator[tuple[Rows, np.ndarray, int]]:
        """The next piece: its rows, its bytes, and where in the file these begin. Raises OSError.

        `tags`: how many it has, as far as that is known. Rows and bytes are written over by the next piece:
        copy what is kept.
        """
        with open_regular(self.path) as file:
            self._pass_hole(file)
            file.seek(self.offset)
            data = scanner.buffer(max(self._piece or PIECE, scanner.piece(tags)))
            data = data[: file.readinto(data.data) or 0]
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
        if len(data) == 0:
            self.size = self.offset  # it is shorter than it was: until it is looked at again
        self.live = self.live or not self.unread()

    def _pass_hole(self, file: FileIO) -> None:
        """Go on behind a hole of a sparse file, which would be read as so many zeros."""
        if _DATA is None or self.size - self.offset <= PIECE:
            return
        try:
            following = os.lseek(file.fileno(), self.offset, _DATA)
        except OSError:  # nothing but a hole from here on
            following = self.size - 15
        if following > self.offset + PIECE:
            self.damaged += following - self.offset
            self.offset = following

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
