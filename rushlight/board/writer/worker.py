"""The threads that write event files: one for each disk, whatever the number of writers.

Everything here may be called in a signal handler, and while another thread is in the middle of it: it is made
of deques and bare locks, whose operations are atomic, and no lock is held while a disk works.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable

GATHER = 0.05  # seconds between two writes
_workers: dict[int, Worker] = {}


class Worker:
    """A thread that calls what it is given, at most every 50 ms; it starts with the first call."""

    def __init__(self) -> None:
        self._jobs: deque[Callable[[], None]] = deque()
        self._asked: deque[threading.Lock] = deque()
        self._wake, self._once = threading.Lock(), threading.Lock()
        self._wake.acquire()
        self._asleep = True
        self._thread: threading.Thread | None = None

    def call(self, job: Callable[[], None]) -> None:
        """Have a job done soon."""
        self._jobs.append(job)
        if self._asleep:
            self._ring()

    def finish(self, limit: float | None = None) -> bool:
        """Wait until all jobs given so far are done, at most `limit` seconds; whether they are."""
        if self._thread is threading.current_thread():
            return True
        return self.wait(self.ask(), limit)

    def ask(self) -> threading.Lock:
        """A lock that is let go when all jobs given so far are done."""
        done = threading.Lock()
        done.acquire()
        self._asked.append(done)
        self._ring()
        return done

    def wait(self, done: threading.Lock, limit: float | None = None) -> bool:
        """Wait for what `ask` gave."""
        end = None if limit is None else time.monotonic() + limit
        while not done.acquire(timeout=1.0 if end is None else max(0.0, min(1.0, end - time.monotonic()))):
            if self._thread is None or not self._thread.is_alive():  # none starts when the interpreter ends
                self._round()
            elif end is not None and time.monotonic() >= end:
                return False
        return True

    def _ring(self) -> None:
        """Wake the thread."""
        if self._thread is None and self._once.acquire(blocking=False):
            self._start()
        try:
            self._wake.release()
        except RuntimeError:
            pass  # it has been rung for already

    def _start(self) -> None:
        thread = threading.Thread(target=self._run, name="rushlight-writer", daemon=True)
        try:
            thread.start()
            self._thread = thread
        except RuntimeError:  # no threads left, or the interpreter ends: `wait` does it
            self._once.release()

    def _run(self) -> None:
        while True:
            self._asleep = True  # from here on `call` rings: what came before that is seen in the next line
            if not self._jobs and not self._asked:
                self._wake.acquire()
            self._asleep = False
            self._round()
            self._wake.acquire(timeout=GATHER)

    def _round(self) -> None:
        """Do what waits, then tell those who asked before."""
        asked = [self._asked.popleft() for _ in range(len(self._asked))]
        for _ in range(len(self._jobs)):
            try:
                self._jobs.popleft()()
            except Exception:  # a job's failure must not end the others
                logging.getLogger("rushlight.board").exception("an event file was not written")
        for done in asked:
            done.release()


def worker(device: int) -> Worker:
    """The worker of a disk, by its st_dev. A disk that hangs stops no other."""
    return _workers.setdefault(device, Worker())


def finish_all(limit: float) -> bool:
    """Wait for all workers at once, at most `limit` seconds."""
    end = time.monotonic() + limit
    asked = [(one, one.ask()) for one in list(_workers.values())]
    done = [one.wait(told, max(0.0, end - time.monotonic())) for one, told in asked]
    return all(done)


def forget() -> None:
    """Have no workers: a forked child has none of the threads."""
    _workers.clear()
