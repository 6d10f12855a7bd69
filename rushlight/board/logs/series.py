"""A scalar's points in bounded memory: buckets that keep their extremes.

Up to `limit` points are all kept. Beyond, every 2^level points become two, the lowest and the highest of
them in the order they came (the min-max envelope: a spike stays visible at every zoom), and the level goes up
whenever the room is full. So the density is the same everywhere, and an old point is never thinned twice as
much as a new one. Of the bucket that is being filled the first point, the lowest, the highest and the last
are kept.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from ...kernels.series import FIRST, HIGH, LAST, LOW, STATE
from .filling import fill
from .points import NONE, Points

BYTES = 20  # of a point
OVERHEAD = 1200  # of a series without points, measured
_PAGE = 512  # numbers of 8 bytes in a page of memory
ODD = 100  # points kept that are NaN or infinite


class Series:
    """The points of one tag of one run. `count` is how many came, `version` changes with every append.

    `odd` are the first of those that are NaN or infinite: thinning would lose them.
    """

    __slots__ = ("level", "limit", "count", "version", "odd", "_kept", "_state")

    def __init__(self, limit: int) -> None:
        self.limit, self.version, self.count = _whole(limit), 0, 0
        self._clear()

    def _clear(self) -> None:
        self.level, self.odd, self._kept = 1, NONE, NONE
        self._state = np.zeros((), STATE)
        self._state["least"], self._state["most"] = math.inf, -math.inf

    @property
    def finite(self) -> int:
        """How many of the points are numbers."""
        return int(self._state["finite"])

    @property
    def total(self) -> float:
        """The sum of those."""
        return float(self._state["total"])

    @property
    def bounds(self) -> tuple[float, float]:
        """The lowest and the highest of those; infinities if there are none."""
        return float(self._state["least"]), float(self._state["most"])

    def append(self, points: Points) -> None:
        """Take points that came after all others; their columns are contiguous."""
        self.count += points.count
        self.version += 1
        known = self.finite
        self._take(points)
        if self.finite - known < points.count and self.odd.count < ODD:
            odd = np.flatnonzero(~np.isfinite(points.value))
            self.odd = self.odd.joined(points.chosen(odd[: ODD - self.odd.count]))

    def _take(self, points: Points) -> None:
        while count := points.count:
            self._make_room(count)
            fill(self._state, points, self._kept, 1 << self.level, self.limit)
            taken = int(self._state["taken"])
            self.settle()
            if taken == count:
                return
            points = points.cut(taken)

    def _make_room(self, count: int) -> None:
        """Have room for what so many points leave; arrays grow twofold, those of pages to the limit at once.

        What isn't used yet of these costs addresses, no memory.
        """
        buckets = (int(self._state["waiting"]) + count) >> self.level
        need = min(int(self._state["used"]) + 2 * buckets, self.limit)
        if need > self._kept.count:
            whole, size = self._whole(), 2 * self._kept.count
            size = min(self.limit, size if size < _PAGE else self.limit)
            self._kept, self._state["used"] = _room(max(need, size, 16)), 0
            self._put(whole)

    def _put(self, points: Points) -> None:
        """Put points of whole buckets behind those kept."""
        used = int(self._state["used"])
        for new, old in zip(self._kept, points, strict=True):
            new[used : used + points.count] = old
        self._state["used"] += points.count

    def _whole(self) -> Points:
        return self._kept.cut(0, int(self._state["used"]))

    def settle(self, limit: int | None = None) -> None:
        """Thin until what is kept lies below the limit, or a new limit."""
        self.limit = _whole(limit or self.limit)
        while self._state["used"] + 2 > self.limit:
            self._thin()
            self.level += 1

    def _thin(self) -> None:
        """Of every four points kept leave the lowest and the highest."""
        points, state = self._whole(), np.zeros((), STATE)
        fours = points.count // 4 * 4
        rest = points.cut(fours)
        thin = _room(max(fours // 2 + rest.count, min(self.limit, self._kept.count)))
        fill(state, points.cut(0, fours), thin, 4, fours)
        self._kept, self._state["used"] = thin, state["used"]
        self._put(rest)

    def cut(self, step: int) -> None:
        """Forget the points from a step on: a run that crashed starts again there."""
        kept, odd, level = self.all(), self.odd, self.level
        self._clear()
        self._take(kept.chosen(kept.step < step))
        self.level += level - 1
        self.odd = odd.chosen(odd.step < step)
        self.version += 1

    def snapshot(self) -> Kept:
        """What is kept, to look at without the lock: nothing that it holds is written to any more."""
        return Kept(self._whole(), self._tail(), 1 << self.level, int(self._state["waiting"]))

    def _tail(self) -> Points:
        """What is kept of the open bucket."""
        state = self._state
        waiting = int(state["waiting"])
        if not waiting:
            return NONE
        rows = {0: FIRST, int(state["low"]): LOW, int(state["high"]): HIGH, waiting - 1: LAST}
        chosen = [rows[place] for place in sorted(rows)]
        return Points(*(state[name][chosen] for name in Points._fields))

    def all(self) -> Points:
        """All that is kept."""
        return self.snapshot().points()

    def __len__(self) -> int:
        """The points kept."""
        return self.all().count


def _room(count: int) -> Points:
    """Columns for so many points."""
    return Points(*(np.empty(count, column.dtype) for column in NONE))


def _whole(limit: int) -> int:
    """A limit that whole buckets of four reach."""
    return max(4, limit // 4 * 4)


class Kept(NamedTuple):
    """A series at one moment: points of whole buckets of `bucket`, and of the `waiting` that came since."""

    whole: Points
    tail: Points
    bucket: int
    waiting: int

    def points(self) -> Points:
        """All of them."""
        return self.whole.joined(self.tail)

    def first(self) -> float:
        """The time of the first point kept, in seconds since 1970; 0 if there is none."""
        part = self.whole if self.whole.count else self.tail
        return float(part.wall[0]) if part.count else 0.0

    def last(self) -> Points:
        """The one that came last, or none."""
        part = self.tail if self.tail.count else self.whole
        return part.cut(max(part.count - 1, 0))

    def weights(self) -> np.ndarray:
        """How many of the points that came each one stands for: float64."""
        last = self.waiting / max(self.tail.count, 1)
        return np.repeat([self.bucket / 2, last], [self.whole.count, self.tail.count])
