"""Where a Writer's messages go: a queue, a thread that makes bytes of it, and one event file.

Training must neither wait for a disk nor end because of one. `put` costs a microsecond; the thread writes
what has gathered every 50 ms, whole records in one call, so that a kill at any moment leaves a file that
reads. What can't be written is dropped with one warning, and the file goes on where its last whole record
ended.
"""

from __future__ import annotations

import atexit
import logging
import os
import socket
import threading
import time
import warnings
import weakref
from collections import deque
from collections.abc import Callable
from itertools import count
from pathlib import Path

from ..events import messages, records

Message = tuple[str, float, int, float] | Callable[[], bytes]  # (tag, number, step, wall), or makes an event

GATHER = 0.05  # seconds between two writes
BATCH = 1 << 14  # messages made into bytes at once
CROWDED, FULL = 1 << 16, 1 << 20  # waiting messages at which `put` helps to write, and at which it drops
_numbers = count()
_open: weakref.WeakSet[Sink] = weakref.WeakSet()


class Sink:
    """One event file in `folder`, named as TensorBoard names them, and the thread that fills it."""

    def __init__(self, folder: str | os.PathLike[str], suffix: str = "") -> None:
        self.folder, self.suffix = Path(folder), suffix
        self.folder.mkdir(parents=True, exist_ok=True)
        self._begin()
        _open.add(self)

    def _begin(self) -> None:
        """A new file and an empty queue: at first, and in a forked child, which has no thread of ours."""
        name = f"events.out.tfevents.{time.time():.0f}.{socket.gethostname()}.{os.getpid()}.{next(_numbers)}"
        self.path = self.folder / (name + self.suffix)
        self._file: int | None = None
        self._whole = 0  # bytes of whole records in the file
        self._queue: deque[Message] = deque()
        self._writing, self._wake = threading.Lock(), threading.Event()
        self._asleep = self._closed = self._warned = False
        self._thread: threading.Thread | None = None
        wall = time.time()
        self._queue.append(lambda: messages.file_version(wall))

    def put(self, message: Message) -> None:
        """Have a message written soon."""
        queue = self._queue
        queue.append(message)
        if self._asleep or self._thread is None:
            self._rouse()
        if len(queue) > CROWDED:
            self._crowded()

    def _rouse(self) -> None:
        if self._closed:
            self._closed = False  # a closed writer that is written to goes on, as in PyTorch
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="rushlight-writer", daemon=True)
            self._thread.start()
        self._wake.set()

    def _crowded(self) -> None:
        """More comes than the thread takes: lend it a hand, unless the disk itself doesn't answer."""
        if self._writing.acquire(blocking=False):
            self._writing.release()
            self.drain()
        elif len(self._queue) > FULL:
            self._queue.pop()
            self._warn(f"{self.path} can't be written to as fast as it is filled: some of it is lost")

    def _run(self) -> None:
        while not self._closed:
            self.drain()
            self._asleep = not self._queue
            if self._asleep and not self._queue:
                self._wake.wait()
                self._wake.clear()
                self._asleep = False
            time.sleep(GATHER)
        self.drain()

    def drain(self) -> None:
        """Write all that waits."""
        with self._writing:
            while self._queue:
                batch = [self._queue.popleft() for _ in range(min(len(self._queue), BATCH))]
                self._write(records.frame([made for made in map(self._made, batch) if made]))

    def _made(self, message: Message) -> bytes:
        """The bytes of a message; none, and a warning, if it can't be made."""
        try:
            if message.__class__ is tuple:
                tag, x, step, wall = message  # type: ignore[misc]
                return messages.scalar_event(wall, step, tag, x)
            return message()  # type: ignore[operator]
        except Exception as error:  # whatever a figure or image raises must not end the thread
            self._warn(f"one entry was not written to {self.path}: {type(error).__name__}: {error}")
            return b""

    def _write(self, data: bytes) -> None:
        try:
            if self._file is None:
                self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | _BINARY, 0o644)
            view = memoryview(data)
            while view:
                view = view[os.write(self._file, view) :]
            self._whole += len(data)
        except OSError as error:
            self._warn(
                f"{self.path} can't be written ({error.strerror}); training goes on, this is not logged"
            )
            self._cut_back()

    def _cut_back(self) -> None:
        """Remove a record of which only a part was written."""
        try:
            if self._file is not None:
                os.ftruncate(self._file, self._whole)
        except OSError:
            pass  # the reader skips it

    def _warn(self, text: str) -> None:
        if not self._warned:
            self._warned = True
            try:
                warnings.warn(f"rushlight.board: {text}", stacklevel=3)
            except Warning:  # where warnings are errors; an error here would end the thread
                logging.getLogger("rushlight.board").exception(text)

    def flush(self) -> None:
        """Return when all that was put before is in the file."""
        self.drain()

    def close(self) -> None:
        """Write what waits, end the thread and close the file."""
        self._closed = True
        self._wake.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout=10)
        self._thread = None
        self.drain()
        if self._file is not None:
            os.close(self._file)
            self._file = None


_BINARY = getattr(os, "O_BINARY", 0)  # Windows would write \r\n


def _close_all() -> None:
    for sink in list(_open):
        sink.close()


def _after_fork() -> None:
    for sink in list(_open):
        sink._begin()


atexit.register(_close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
