"""One epoch of a DataLoader: batches fetched in this process, or ahead of time by worker processes."""

import itertools
import warnings
import weakref
from collections.abc import Iterator
from typing import Any

from .dataset import IterableDataset
from .fetch import make_fetcher
from .resume import Progress, read_states, write_states
from .samplers import draw_seed
from .worker import RESTART, Failure, Job, StreamEnded
from .worker_pool import WorkerPool, warn_about_count


class BatchIterator:
    """What `iter(loader)` returns: gives the batches of one epoch, fetched in this process."""

    def __init__(self, loader: Any, resume: Progress | None = None):
        if loader.timeout and loader.num_workers == 0:
            raise AssertionError(
                "DataLoader: timeout is for worker processes; with num_workers=0 leave it at 0"
            )
        self.loader = loader
        self.is_stream = isinstance(loader.dataset, IterableDataset)
        self._begin(resume, starts_workers=True)
        self._prepare()
        self._skip_items(resume)

    def _prepare(self) -> None:
        loader = self.loader
        self.fetcher = make_fetcher(
            loader.dataset, loader._auto_collation, loader.collate_fn, loader.drop_last
        )

    def _begin(self, resume: Progress | None, starts_workers: bool) -> None:
        """Make the draws of the start of an epoch, in torch's order; for a resumed epoch, make
        them once more.
        """
        loader, now = self.loader, read_states(self.loader)
        drew_seed = starts_workers
        if resume is not None:
            write_states(loader, resume.states)
            drew_seed = resume.drew_seed
        self.progress = Progress(drew_seed=drew_seed, states=read_states(loader))
        self.indices: Iterator[Any] = iter(loader._index_sampler)
        if drew_seed:
            self.progress.base_seed = draw_seed(loader.generator)
            if loader.num_workers:
                self.indices = iter(loader._index_sampler)  # torch starts its sampler twice here
        elif resume is not None:
            self.progress.base_seed = resume.base_seed
        if resume is not None:
            self._skip_indices(resume, now)
        loader._progress = self.progress

    def _skip_indices(self, resume: Progress, now: list[Any]) -> None:
        """Pass over the batches that were handed out, and leave the generators as the interrupted
        run left them.
        """
        loader = self.loader
        self.progress.yielded = resume.yielded
        if not self.is_stream:
            self.indices = itertools.islice(self.indices, resume.yielded, None)
        if loader.num_workers == 0:
            if resume.yielded and not self.is_stream:
                self._draw_first()
            write_states(loader, now)
            return
        # With workers the interrupted run had drawn ahead of what it handed out. What the sampler draws from
        # its own generator goes on from the replay; the default generator also served others, and goes on
        # from where it was.
        self._draw_first()
        replayed = read_states(loader)
        write_states(loader, [now[0] if loader.generator is None else replayed[0], *replayed[1:]])

    def _draw_first(self) -> None:
        """Let a sampler that draws when it is first asked do so now."""
        first = list(itertools.islice(self.indices, 1))
        self.indices = itertools.chain(first, self.indices)

    def _skip_items(self, resume: Progress | None) -> None:
        """A stream knows no indices: what was handed out is fetched again, and dropped."""
        if resume is not None and self.is_stream:
            for _ in range(resume.yielded):
                self._next_batch()

    def __iter__(self) -> "BatchIterator":
        return self

    def __len__(self) -> int:
        return len(self.loader._index_sampler)

    def __next__(self) -> Any:
        try:
            batch = self._next_batch()
        except StopIteration:
            self.progress.finished = True
            raise
        self.progress.yielded += 1
        self._check_reported_length()
        return batch

    def _next_batch(self) -> Any:
        return self.fetcher.fetch(next(self.indices))

    def _check_reported_length(self) -> None:
        reported = self.loader._reported_length
        if self.is_stream and reported is not None and self.progress.yielded > reported:
            warnings.warn(
                f"Length of IterableDataset {self.loader.dataset} was reported to be {reported} (when "
                "accessing "
                f"len(dataloader)), but {self.progress.yielded} samples have been fetched. With worker "
                "processes, each "
                "must give its own share of the stream: see get_worker_info.",
                stacklevel=3,
            )

    def __getstate__(self) -> Any:
        raise NotImplementedError(f"{type(self).__name__} cannot be pickled: pickle the DataLoader")


class ParallelIterator(BatchIterator):
    """The same, with batches that worker processes fetch ahead; handed out in order unless
    `in_order=False`.
    """

    def _prepare(self) -> None:
        loader = self.loader
        warn_about_count(loader.num_workers)
        job = Job(
            dataset=loader.dataset,
            batched=loader._auto_collation,
            collate_fn=loader.collate_fn,
            drop_last=loader.drop_last,
            worker_init_fn=loader.worker_init_fn,
            base_seed=self.progress.base_seed,
            num_workers=loader.num_workers,
        )
        self.pool = WorkerPool(job, loader.multiprocessing_context)
        # Also where the loop is left early: the workers go with this iterator.
        self.stop = weakref.finalize(self, self.pool.stop)
        self._fill()

    def restart(self, resume: Progress | None) -> None:
        """Begin the next epoch with the same workers."""
        self._begin(resume, starts_workers=False)
        for worker_id in range(self.loader.num_workers):
            self.pool.send(worker_id, RESTART)
        ready = 0
        while ready < self.loader.num_workers:  # answers that were still under way are dropped
            ready += self.pool.receive(self.loader.timeout)[0] == RESTART
        self._fill()
        self._skip_items(resume)

    def _fill(self) -> None:
        count = self.loader.num_workers
        self.sent = 0  # the number of the next request
        self.due = 0  # the number of the next batch to hand out
        self.owners: dict[int, int] = {}  # which worker has which request
        self.arrived: dict[int, Any] = {}
        self.active = [True] * count
        self.load = [0] * count
        self.turns = itertools.cycle(range(count))
        for _ in range(self.loader.prefetch_factor * count):
            self._send_next()

    def _send_next(self) -> None:
        """Give the next indices to the worker whose turn it is."""
        index = list(itertools.islice(self.indices, 1))
        worker_id = self._next_worker() if index else None
        if worker_id is not None:
            self.pool.send(worker_id, (self.sent, index[0]))
            self.owners[self.sent] = worker_id
            self.load[worker_id] += 1
            self.sent += 1

    def _next_worker(self) -> int | None:
        for worker_id in itertools.islice(self.turns, self.loader.num_workers):
            if self.active[worker_id] and (self.loader.in_order or self.load[worker_id] < self._fair_share()):
                return worker_id
        return None

    def _fair_share(self) -> int:
        return self.loader.prefetch_factor * self.loader.num_workers // sum(self.active)

    def _next_batch(self) -> Any:
        while True:
            self._pass_over_lost()
            if self.due == self.sent:
                if not self.loader.persistent_workers:
                    self.stop()
                raise StopIteration
            if self.due in self.arrived:
                return self._hand_out(self.due)
            number, worker_id, batch = self.pool.receive(self.loader.timeout)
            if isinstance(batch, StreamEnded):
                self._retire(worker_id)
                continue
            self.arrived[number] = batch
            if not self.loader.in_order:
                return self._hand_out(number)

    def _pass_over_lost(self) -> None:
        """Requests that a worker did not get to before its stream ended, and those handed out already."""
        while self.due < self.sent and self.due not in self.arrived:
            worker_id = self.owners.get(self.due)
            if worker_id is not None and self.active[worker_id]:
                return
            self.owners.pop(self.due, None)
            self.due += 1

    def _retire(self, worker_id: int) -> None:
        """A worker's stream is used up: give its next request to another one."""
        self.active[worker_id] = False
        if not self.loader.persistent_workers:
            self.pool.dismiss(worker_id)
        self._send_next()

    def _hand_out(self, number: int) -> Any:
        batch = self.arrived.pop(number)
        self.load[self.owners.pop(number)] -= 1
        if number == self.due:
            self.due += 1
        self._send_next()
        if isinstance(batch, Failure):
            batch.reraise()
        return batch
