"""Where a Writer's messages go: a queue, a thread that makes bytes of it, and one event file.

Training must neither wait for a disk nor end because of one. `put` costs a microsecond; a thread makes bytes
of what has gathered every 50 ms and writes them, whole records in one call, so that a kill at any moment
leaves a file that reads. Only that thread touches the disk. Whoever puts more than the thread can take
makes bytes himself, which takes time but never waits; and when a disk takes nothing for long, what comes is
dropped, with one warning. The file is opened for each write: thousands of writers need no thousands of
descriptors, other hosts of a network disk see what is written, and a folder that was removed is noticed.
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
from typing import NamedTuple

from ..events import messages, records
from .worker import Worker, finish_all, forget, worker

Files = dict[Path, bytes]  # what is written beside the event file, each file anew


class Job(NamedTuple):
    """What makes an event's bytes, or files, and about how many bytes of memory it holds until then."""

    make: Callable[[], bytes | Files]
    size: int = 0


Scalar = tuple[str, float, int, float]  # tag, number, step, wall
Message = Scalar | Job

BATCH, BATCH_SIZE = 1 << 14, 1 << 24  # messages made into bytes at once, and the memory of their jobs
CROWDED, HELD = 1 << 16, 1 << 28  # waiting messages, and bytes that their jobs hold, at which `put` helps
UNWRITTEN = 1 << 28  # bytes waiting for the disk, beyond which they are dropped
LIMIT = 10.0  # seconds that closing, and the end of the program, wait for a disk
_numbers = count()
_open: weakref.WeakSet[Sink] = weakref.WeakSet()


class Sink:
    """One event file in `folder`, named as TensorBoard names them. Sinks that share `said` warn once."""

    def __init__(
        self, folder: str | os.PathLike[str], suffix: str = "", said: set[str] | None = None
    ) -> None:
        self.folder, self.suffix = Path(folder), suffix
        self.folder.mkdir(parents=True, exist_ok=True)
        self._device = self.folder.stat().st_dev
        self._said = set() if said is None else said
        records.masked_crc(b"")  # its machine code is loaded here: a child forked within that would miss it
        self._begin()
        _open.add(self)

    def _begin(self) -> None:
        """A new file and an empty queue: at first, and in a forked child, which has no thread of ours."""
        name = f"events.out.tfevents.{time.time():.0f}.{socket.gethostname()}.{os.getpid()}"
        self.path = (
            self.folder / f"{name}.{next(_numbers):06d}{self.suffix}"
        )  # readers go by the names' order
        self._whole = 0  # bytes of whole records in the file
        self._queue: deque[Message] = deque()
        self._ready: deque[bytes | Files] = deque()  # made, and not yet written
        self._idle = True  # whether the worker must be told of the next message
        self._worker: Worker | None = None
        self._encoding, self._counting = threading.RLock(), threading.RLock()
        # totals in bytes; each has one writer, so that their differences need no lock
        self._taken = self._released = 0  # of jobs' memory
        self._made = self._gone = 0  # of events: made, and written or dropped

    def put(self, message: Message) -> None:
        """Have a message written soon. Never waits for the disk."""
        queue = self._queue
        queue.append(message)
        if self._idle:
            self._rouse()
        if len(queue) > CROWDED:
            self._encode()
            self._rouse()  # once more: Ctrl-C may have stopped the first

    def put_job(self, job: Job) -> None:
        """The same for what holds memory until it is made."""
        with self._counting:
            self._taken += job.size
        self.put(job)
        while self._taken - self._released > HELD and self._queue:
            self._encode()

    def _rouse(self) -> Worker:
        self._idle = False
        if self._worker is None:
            self._worker = worker(self._device)
        self._worker.call(self._drain)
        return self._worker

    def _drain(self) -> None:
        """Write all that waits: the worker's job."""
        self._idle = True  # before looking: who puts later calls again
        while True:
            while self._ready:
                self._write(self._ready.popleft())
            # who holds the lock makes bytes, or was stopped in that by a signal, whose handler waits for us
            if not self._encoding.acquire(timeout=5.0):
                self._rouse()
                return
            try:
                self._encode()
            finally:
                self._encoding.release()
            if not self._ready and not self._queue:
                return

    # -- messages into bytes -----------------------------------------------------------------------------

    def _encode(self) -> None:
        """Make bytes of a batch."""
        with self._encoding:  # not acquire and try: Ctrl-C may come between them
            batch: list[Message] = []
            try:
                held = self._take(batch)
                if batch:
                    self._pass_on([self._bytes(message) for message in batch])
                    batch.clear()
                self._released += held
            finally:  # where Ctrl-C came, what was taken goes back
                if batch and self._queue and self._queue[0] is batch[-1]:
                    batch.pop()
                self._queue.extendleft(reversed(batch))

    def _take(self, batch: list[Message]) -> int:
        """Move the next messages into a batch; the bytes that their jobs hold."""
        queue, held = self._queue, 0
        while queue and len(batch) < BATCH and held < BATCH_SIZE:
            message = queue[0]
            batch.append(message)
            queue.popleft()  # last: what is in neither is lost when Ctrl-C comes
            if isinstance(message, Job):
                held += message.size
        return held

    def _bytes(self, message: Message) -> bytes | Files:
        """The bytes of a message; none, and a warning, if it can't be made."""
        try:
            if isinstance(message, Job):
                return message.make()
            tag, x, step, wall = message
            return messages.scalar_event(wall, step, tag, x)
        except Exception as error:  # whatever an image raises must not end the thread
            self._warn("entry", f"an entry was not written to {self.path}: {type(error).__name__}: {error}")
            return b""

    def _pass_on(self, made: list[bytes | Files]) -> None:
        """Hand bytes to the thread that writes, unless the disk has taken none for long."""
        data = records.frame([one for one in made if one and isinstance(one, bytes)])
        ready = [data, *(one for one in made if isinstance(one, dict))]
        size = sum(map(_size, ready))
        if self._made - self._gone + size > UNWRITTEN and self._made != self._gone:
            self._warn("slow", f"the disk of {self.path} takes less than is logged: some of it is lost")
            return
        self._ready.extend(ready)
        self._made += size
        if self._idle:
            self._rouse()

    # -- bytes into files --------------------------------------------------------------------------------

    def _write(self, item: bytes | Files) -> None:
        try:
            if isinstance(item, dict):
                for path, data in item.items():
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(data)
            elif item or not self._whole:
                self._append(item)
        except OSError as error:
            text = error.strerror or str(error)
            self._warn("disk", f"{self.path} can't be written ({text}); training goes on, this is not logged")
        self._gone += _size(item)

    def _append(self, data: bytes) -> None:
        """Put records behind the others in the file: all of them, or none."""
        file, first = self._opened()
        try:
            view = memoryview(first + data)
            while view:
                view = view[os.write(file, view) :]
            self._whole += len(first) + len(data)
        except OSError:
            self._cut_back(file)
            raise
        finally:
            os.close(file)

    def _opened(self) -> tuple[int, bytes]:
        """The file, and what must stand at its beginning. If somebody removed it, it begins anew."""
        flags = os.O_WRONLY | os.O_APPEND | _BINARY
        if self._whole:
            try:
                return os.open(self.path, flags), b""
            except FileNotFoundError:
                self._whole = 0
        self.folder.mkdir(parents=True, exist_ok=True)
        file = os.open(self.path, flags | os.O_CREAT, 0o644)
        return file, records.frame([messages.file_version(time.time())])

    def _cut_back(self, file: int) -> None:
        """Remove a record of which only a part was written."""
        try:
            os.ftruncate(file, self._whole)
        except OSError:
            pass  # the reader skips it

    def _warn(self, kind: str, text: str) -> None:
        if kind not in self._said:
            self._said.add(kind)
            try:
                warnings.warn(f"rushlight.board: {text}", stacklevel=3)
            except Warning:  # where warnings are errors; an error here would end the thread
                logging.getLogger("rushlight.board").exception(text)

    def flush(self, limit: float | None = None) -> bool:
        """Return when all that was put before is in the file, or after `limit` seconds; whether it is."""
        if not self._made and not self._queue:
            self._ready.append(b"")  # a file without entries
        return self._rouse().finish(limit)

    def close(self, limit: float | None = None) -> bool:
        """Write what waits; give up when the disk hasn't answered for `limit` seconds (LIMIT)."""
        if done := self.flush(LIMIT if limit is None else limit):
            return done
        self._warn(
            "hung", f"the disk of {self.path} doesn't answer; the program goes on without waiting for it"
        )
        return done


def _size(item: bytes | Files) -> int:
    return len(item) if isinstance(item, bytes) else sum(map(len, item.values()))


_BINARY = getattr(os, "O_BINARY", 0)  # Windows would write \r\n


def _finish() -> None:
    """The end of the program: what waits is written, unless a disk hangs."""
    for sink in list(_open):
        if sink._queue:  # those who put last may have been stopped before they told
            sink._rouse()
    if not finish_all(LIMIT):
        text = f"rushlight.board: a disk hasn't answered for {LIMIT:.0f} s; the last entries are not written"
        logging.getLogger("rushlight.board").warning(text)


def _after_fork() -> None:
    forget()
    for sink in list(_open):
        sink._begin()


atexit.register(_finish)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
