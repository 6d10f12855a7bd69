"""An environment's log on disk: one JSON object a line, each with its number, only ever lengthened.

A kill at any moment leaves whole lines and perhaps one torn, which is cut off. A log that has grown long is
replaced by one line that holds all.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ...io.atomic import replacing

log = logging.getLogger("rushlight.board")


class Journal:
    """The lines of `path`; None: nothing is kept."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.size = 0  # bytes of whole lines
        self.broken = False  # whether lines are missing: then only `rewrite` mends it

    def exists(self) -> bool:
        """Whether there is one."""
        return self.path is not None and self.path.is_file()

    def read(self) -> Iterator[dict[str, Any]]:
        """The objects of the whole lines; what comes behind the first that is none is cut off at `append`."""
        self.size = 0
        if self.path is None:
            return
        with self.path.open("rb") as file:
            for line in file:
                try:
                    found = json.loads(line) if line.endswith(b"\n") else None
                except (ValueError, RecursionError):
                    found = None
                if not isinstance(found, dict):
                    return
                self.size += len(line)
                yield found

    def append(self, lines: list[str]) -> None:
        """Write lines at the end. A disk that doesn't take them costs one warning."""
        if self.path is None or not lines:
            return
        data = "".join(f"{line}\n" for line in lines).encode()
        try:
            handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | _BINARY, 0o644)
            try:
                os.ftruncate(handle, self.size)  # a torn line, ours or a predecessor's
                os.lseek(handle, self.size, os.SEEK_SET)
                view = memoryview(data)
                while view:
                    view = view[os.write(handle, view) :]
            finally:
                os.close(handle)
            self.size += len(data)
        except OSError as error:
            self._failed(error)

    def rewrite(self, line: str) -> None:
        """Have one line in the place of all."""
        if self.path is None:
            return
        data = f"{line}\n".encode()
        try:
            with replacing(self.path) as file:
                file.write(data)
            self.size, self.broken = len(data), False
        except (OSError, RuntimeError) as error:
            self._failed(error)

    def remove(self) -> None:
        """Delete the log."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)
        self.size = 0

    def _failed(self, error: Exception) -> None:
        if not self.broken:
            log.warning("%s can't be written (%s); its windows live in memory for now", self.path, error)
        self.broken = True


_BINARY = getattr(os, "O_BINARY", 0)
