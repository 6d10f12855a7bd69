"""The scalars of a scan by their tags, by machine code where it runs."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ...kernels import native, series

_COLUMNS = {"step": "i8", "wall": "f8", "value": "f4"}


class Groups(NamedTuple):
    """Scalars sorted by tag, in the order they came: those of tag numbers[k] end at ends[k].

    The columns are written over by the next ones.
    """

    numbers: list[int]
    ends: list[int]
    step: np.ndarray
    wall: np.ndarray
    value: np.ndarray


class Grouping:
    """Sorts scalars by tag, in memory that is used again."""

    def __init__(self) -> None:
        self._place = np.zeros(0, np.int32)
        self._make_room(0)

    def _make_room(self, room: int) -> None:
        self._columns = [np.empty(room, dtype) for dtype in _COLUMNS.values()]
        self._present, self._ends = np.empty(room, np.int64), np.empty(room, np.int64)

    def sort(self, known: int, tags: np.ndarray, *columns: np.ndarray) -> Groups:
        """Columns step, wall and value by their `tags` (numbers below `known`). All are contiguous."""
        if not native.on():
            return _sorted(tags, *columns)
        count = len(tags)
        if count > len(self._present):
            self._make_room(count)
        if known > len(self._place):
            self._place = np.zeros(2 * known, np.int32)
        found = np.zeros(1, np.int64)
        tables = (self._place, self._present, self._ends, found)
        series.grouping()(1, 0, count, tags, *tables, *columns, *self._columns)
        met = int(found[0])
        ordered = (column[:count] for column in self._columns)
        return Groups(self._present[:met].tolist(), self._ends[:met].tolist(), *ordered)


def _sorted(tags: np.ndarray, *columns: np.ndarray) -> Groups:
    """The same by NumPy."""
    numbers, first, which = np.unique(tags, return_index=True, return_inverse=True)
    by_coming = np.argsort(first)
    rank = np.empty_like(by_coming)
    rank[by_coming] = np.arange(len(by_coming))
    order = np.argsort(rank[which], kind="stable")
    ends = np.cumsum(np.bincount(which)[by_coming])
    step, wall, value = (column[order] for column in columns)
    return Groups(numbers[by_coming].tolist(), ends.tolist(), step, wall, value)
