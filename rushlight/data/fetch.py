"""Fetching one batch: from a data set with indices, or from a stream."""

from collections.abc import Callable
from typing import Any

from .dataset import IterableDataset


class Fetcher:
    """Turns what the sampler gave (a list of indices, or one index without batching) into a
    collated batch.
    """

    def __init__(self, dataset: Any, batched: bool, collate_fn: Callable[[Any], Any]):
        self.dataset = dataset
        self.batched = batched
        self.collate_fn = collate_fn

    def fetch(self, index: Any) -> Any:
        """The batch of these indices."""
        if not self.batched:
            items = self.dataset[index]
        elif getattr(self.dataset, "__getitems__", None):
            items = self.dataset.__getitems__(index)
        else:
            items = [self.dataset[i] for i in index]
        return self.collate_fn(items)


class StreamFetcher(Fetcher):
    """Takes as many items from a stream as the sampler gave indices; StopIteration where none are left."""

    def __init__(self, dataset: Any, batched: bool, collate_fn: Callable[[Any], Any], drop_last: bool):
        super().__init__(dataset, batched, collate_fn)
        self.stream = iter(dataset)
        self.drop_last = drop_last
        self.ended = False

    def fetch(self, index: Any) -> Any:
        if self.ended:
            raise StopIteration
        return self.collate_fn(self._several(len(index)) if self.batched else next(self.stream))

    def _several(self, count: int) -> list[Any]:
        items = []
        for _ in range(count):
            try:
                items.append(next(self.stream))
            except StopIteration:
                self.ended = True
                break
        if not items or (self.drop_last and len(items) < count):
            raise StopIteration
        return items


def make_fetcher(dataset: Any, batched: bool, collate_fn: Callable[[Any], Any], drop_last: bool) -> Fetcher:
    """The fetcher that fits the data set."""
    if isinstance(dataset, IterableDataset):
        return StreamFetcher(dataset, batched, collate_fn, drop_last)
    return Fetcher(dataset, batched, collate_fn)
