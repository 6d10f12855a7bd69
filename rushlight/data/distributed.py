"""`DistributedSampler`: each of several processes visits its own share of a data set."""

import math
from collections.abc import Iterator, Sized

import numpy as np

from ..arrays.distributions import randperm
from ..arrays.generator import Generator
from .samplers import Sampler


class DistributedSampler(Sampler[int]):
    """The indices `rank`, `rank + num_replicas`, ... of an order that all processes share.

    Call `set_epoch` before each epoch: the order comes from `seed + epoch`. So that all get equally many,
    the first indices are given once more at the end, or with `drop_last` the last ones are left out.
    """

    def __init__(
        self,
        dataset: Sized,
        num_replicas: int | None = None,
        rank: int | None = None,
        shuffle: bool = True,
        seed: int = 0,
        drop_last: bool = False,
    ):
        if num_replicas is None or rank is None:
            raise RuntimeError(
                "DistributedSampler: give num_replicas and rank; there is no process group to ask for them"
            )
        if not 0 <= rank < num_replicas:
            raise ValueError(f"Invalid rank {rank}, rank should be in the interval [0, {num_replicas - 1}]")
        self.dataset = dataset
        self.num_replicas = num_replicas
        self.rank = rank
        self.epoch = 0
        self.drop_last = drop_last
        n = len(dataset)
        share = n / num_replicas
        self.num_samples = math.floor(share) if drop_last else math.ceil(share)
        self.total_size = self.num_samples * num_replicas
        self.shuffle = shuffle
        self.seed = seed

    def _shared_order(self) -> list[int]:
        n = len(self.dataset)
        if not self.shuffle:
            return list(range(n))
        generator = Generator().manual_seed(self.seed + self.epoch)
        return randperm(generator, n, np.dtype(np.int64)).tolist()

    def __iter__(self) -> Iterator[int]:
        order = self._shared_order()
        repeats = -(-self.total_size // len(order))
        return iter((order * repeats)[self.rank : self.total_size : self.num_replicas])

    def __len__(self) -> int:
        return self.num_samples

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch comes next, so that its order differs from the last one's."""
        self.epoch = epoch
