"""The processes of a DataLoader, seen from the main process: start them, talk to them, stop them."""

import multiprocessing
import os
import pickle
import queue
import time
import warnings
from multiprocessing.connection import wait
from typing import Any

from .worker import CHECK_INTERVAL, STOP, Job, run_worker


class WorkerPool:
    """`num_workers` processes, each with a pipe for its requests, and one queue for all their answers."""

    def __init__(self, job: Job, context: Any = None):
        context = context or multiprocessing
        self.results = context.Queue()
        self.closing = context.Event()
        self.requests: list[Any] = []
        self.processes: list[Any] = []
        self.leaving: set[int] = set()
        self.owner = os.getpid()
        for worker_id in range(job.num_workers):
            # A plain pipe, and no Queue: that would start a thread in this process, which is not good to
            # fork with.
            reader, writer = context.Pipe(duplex=False)
            process = context.Process(
                target=run_worker,
                args=(worker_id, job, reader, self.results, self.closing, self.owner),
                daemon=True,
            )
            self.requests.append(writer)
            self._start(process)
            reader.close()
            self.processes.append(process)

    def _start(self, process: Any) -> None:
        try:
            process.start()
        except (TypeError, AttributeError, pickle.PicklingError) as error:
            error.add_note(
                "DataLoader: where processes are not forked (Windows, macOS, Python 3.14 everywhere), the "
                "data set, "
                "collate_fn and worker_init_fn are pickled: define them at the top of a module, or pass "
                "multiprocessing_context='fork' where there is fork"
            )
            self.stop()
            raise

    def send(self, worker_id: int, request: Any) -> None:
        """Hand a request to one worker."""
        try:
            self.requests[worker_id].send(request)
        except (BrokenPipeError, ConnectionResetError):
            self._check_alive()
            raise

    def dismiss(self, worker_id: int) -> None:
        """Let one worker go: its stream is used up."""
        if worker_id not in self.leaving:
            self.leaving.add(worker_id)
            try:
                self.requests[worker_id].send(STOP)
            except OSError:  # it is gone already
                pass

    def receive(self, timeout: float) -> tuple[Any, int, Any]:
        """The next answer: (number, worker, batch). RuntimeError where a worker died, or after
        `timeout` seconds (0: none).
        """
        end = time.monotonic() + timeout
        while True:
            left = min(CHECK_INTERVAL, end - time.monotonic()) if timeout else CHECK_INTERVAL
            if self._wait(max(left, 0)):
                try:
                    number, worker_id, packed = self.results.get(timeout=CHECK_INTERVAL)
                except queue.Empty:
                    continue
                return number, worker_id, pickle.loads(packed)
            self._check_alive()
            if timeout and time.monotonic() >= end:
                raise RuntimeError(f"DataLoader timed out after {timeout} seconds")

    def _wait(self, seconds: float) -> bool:
        """Wait for an answer or for the end of a worker; whether there is an answer."""
        here = self.results._reader
        return here in wait([here, *(process.sentinel for _, process in self._working())], seconds)

    def _working(self) -> list[tuple[int, Any]]:
        return [(i, process) for i, process in enumerate(self.processes) if i not in self.leaving]

    def _check_alive(self) -> None:
        dead = [process for _, process in self._working() if not process.is_alive()]
        if dead:
            pids = ", ".join(str(process.pid) for process in dead)
            codes = ", ".join(str(process.exitcode) for process in dead)
            self.stop()
            raise RuntimeError(
                f"DataLoader worker (pid(s) {pids}) exited unexpectedly, with exit code {codes} (a negative "
                "one is the "
                "signal that killed it; -9 often means that memory ran out)"
            )

    def stop(self) -> None:
        """End all workers: ask them, then insist."""
        if os.getpid() != self.owner:
            return  # a forked child that inherited this object
        self.closing.set()
        for worker_id in range(len(self.processes)):
            self.dismiss(worker_id)
        end = time.monotonic() + CHECK_INTERVAL
        for process in self.processes:
            process.join(max(end - time.monotonic(), 0))
            if process.is_alive():
                process.terminate()
                process.join(CHECK_INTERVAL)
        for writer in self.requests:
            writer.close()
        self.results.close()


def warn_about_count(num_workers: int) -> None:
    """Warn where there are more workers than processors for them."""
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    if available is not None and num_workers > available:
        warnings.warn(
            f"This DataLoader will create {num_workers} worker processes in total. Our suggested max number "
            "of worker "
            f"in current system is {available}, which is smaller than what this DataLoader is going to "
            "create. Please "
            "be aware that excessive worker creation might get DataLoader running slow or even freeze, lower "
            "the "
            "worker number to avoid potential slowness/freeze if necessary.",
            stacklevel=3,
        )
