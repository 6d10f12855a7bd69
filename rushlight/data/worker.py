"""The worker process of a DataLoader: takes indices from a pipe, fetches, and puts batches on a queue."""

import os
import pickle
import random
import signal
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import rushlight.threads as threads

from ..arrays.generator import default_generator
from .fetch import Fetcher, make_fetcher

CHECK_INTERVAL = 5.0  # seconds after which either side looks whether the other one still lives


@dataclass(frozen=True, slots=True)
class WorkerInfo:
    """What a worker knows about itself: its number, how many there are, its seed, and its copy of
    the data set.
    """

    id: int
    num_workers: int
    seed: int
    dataset: Any


_info: WorkerInfo | None = None


def get_worker_info() -> WorkerInfo | None:
    """The WorkerInfo of the worker process this is called in; None in the main process."""
    return _info


@dataclass(frozen=True)
class Job:
    """What a worker is started with: everything it needs to make batches."""

    dataset: Any
    batched: bool
    collate_fn: Callable[[Any], Any]
    drop_last: bool
    worker_init_fn: Callable[[int], Any] | None
    base_seed: int
    num_workers: int

    def fetcher(self) -> Fetcher:
        """A fetcher at the start of the data set."""
        return make_fetcher(self.dataset, self.batched, self.collate_fn, self.drop_last)


# What travels besides (number, indices) one way and (number, batch) the other.
STOP = "stop"  # to a worker: go home
RESTART = "restart"  # to a worker: a new epoch; and back: done


@dataclass(frozen=True)
class StreamEnded:
    """From a worker whose stream is used up, in place of a batch."""

    worker_id: int


class Failure:
    """An exception in a worker: its type and the text of its traceback, which can travel even
    where it cannot.
    """

    def __init__(self, error: BaseException, worker_id: int):
        self.kind = type(error)
        self.text = "".join(traceback.format_exception(error))
        self.where = f"in DataLoader worker process {worker_id}"

    def __reduce__(self) -> tuple[Any, ...]:
        try:
            pickle.loads(pickle.dumps(self.kind))
            kind = self.kind
        except Exception:  # a class that was made inside a function, say
            kind = RuntimeError
        return _failure, (kind, self.text, self.where)

    def reraise(self) -> None:
        """Raise an exception of the same type here, with the worker's traceback in its message."""
        message: Any = f"Caught {self.kind.__name__} {self.where}.\nOriginal {self.text}"
        if issubclass(self.kind, KeyError):
            message = _Lines(message)
        try:
            error = self.kind(message)
        except Exception:  # a type that wants other arguments
            error = RuntimeError(message)
        raise error from None


def _failure(kind: type[BaseException], text: str, where: str) -> Failure:
    failure = object.__new__(Failure)
    failure.kind, failure.text, failure.where = kind, text, where
    return failure


class _Lines(str):
    """A message whose repr keeps its line breaks: KeyError prints the repr of its argument."""

    def __repr__(self) -> str:
        return str(self)


def seed_everything(base_seed: int, worker_id: int) -> int:
    """Seed this process as torch seeds a worker: `base_seed + worker_id`; NumPy gets a mixture of both."""
    import numpy.random

    seed = base_seed + worker_id
    random.seed(seed)
    default_generator.manual_seed(seed)
    # torch's worker mixes these four numbers with NumPy's own SeedSequence, so that streams do not overlap.
    mixture = numpy.random.SeedSequence([worker_id, base_seed & 0xFFFFFFFF, base_seed >> 32, 0])
    numpy.random.seed(mixture.generate_state(4))
    return seed


def run_worker(worker_id: int, job: Job, requests: Any, results: Any, closing: Any, parent: int) -> None:
    """The main function of a worker process: serve requests until told to stop or the parent is gone.

    `closing` is an event: once it is set, requests that still wait in the pipe are not served any more.
    """
    global _info
    # Ctrl-C reaches the whole group of processes; the main one decides and stops its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threads.choose(1)  # there are as many workers as processors, or more; `worker_init_fn` may choose again
    seed = seed_everything(job.base_seed, worker_id)
    _info = WorkerInfo(worker_id, job.num_workers, seed, job.dataset)
    bench = _Bench(worker_id, job, results)
    for request in _requests(requests, parent):
        if closing.is_set():
            break
        if request == STOP:
            return  # nothing must be cut short: the others wait for their turn to write on the same queue
        bench.serve(request)
    results.cancel_join_thread()  # nobody reads any more: do not wait until the last batch is through


def _requests(requests: Any, parent: int) -> Iterator[Any]:
    """What comes through the pipe, for as long as the parent lives."""
    while True:
        while not requests.poll(CHECK_INTERVAL):
            if os.getppid() != parent:
                return
        try:
            yield requests.recv()
        except EOFError:
            return


class _Bench:
    """A worker's state between requests."""

    def __init__(self, worker_id: int, job: Job, results: Any):
        self.worker_id = worker_id
        self.job = job
        self.results = results
        self.ended = False
        self.failure: Failure | None = None
        self.fetcher: Fetcher | None = None
        try:
            if job.worker_init_fn is not None:
                job.worker_init_fn(worker_id)
            self.fetcher = job.fetcher()
        except Exception as error:
            self.failure = Failure(error, worker_id)

    def serve(self, request: Any) -> None:
        """Answer one request: with a batch, the end of the stream, or a failure."""
        if request == RESTART:
            self.restart()
            self.send(RESTART, None)
        elif not self.ended:
            number, index = request
            self.send(number, self.batch(index))

    def restart(self) -> None:
        """Begin the data set anew."""
        self.ended = False
        try:
            self.fetcher = self.job.fetcher()
        except Exception as error:
            self.failure = Failure(error, self.worker_id)

    def batch(self, index: Any) -> Any:
        """The batch of these indices, or what stands in its place."""
        if self.failure is not None:
            failure, self.failure = self.failure, None
            return failure
        try:
            return self.fetcher.fetch(index)  # type: ignore[union-attr]
        except StopIteration as error:
            if hasattr(self.fetcher, "stream"):
                self.ended = True
                return StreamEnded(self.worker_id)
            return Failure(error, self.worker_id)
        except Exception as error:
            return Failure(error, self.worker_id)

    def send(self, number: Any, batch: Any) -> None:
        """Put an answer on the queue; pickled here, where a batch that cannot travel still makes a
        proper failure.
        """
        try:
            packed = pickle.dumps(batch, protocol=5)
        except Exception as error:
            packed = pickle.dumps(Failure(error, self.worker_id))
        self.results.put((number, self.worker_id, packed))
