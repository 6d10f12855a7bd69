"""A scalar's points in bounded memory: buckets that keep their extremes.

Up to `limit` points are all kept. Beyond, every 2^level points become two, the lowest and the highest of
them in the order they came (the min-max envelope: a spike stays visible at every zoom), and the level goes up
whenever the room is full. So the density is the same everywhere, and an old point is never thinned twice as
much as a new one.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

BYTES = 20  # of a point


class Points(NamedTuple):
    """Points in the order they came: step int64, wall float64 (seconds since 1970), value float32."""

    step: np.ndarray
    wall: np.ndarray
    value: np.ndarray

    @property
    def count(self) -> int:
        """How many."""
        return len(self.step)

    def cut(self, start: int, stop: int | None = None) -> Points:
        """Those from `start` to before `stop`, as views."""
        return Points(self.step[start:stop], self.wall[start:stop], self.value[start:stop])

    def chosen(self, index: np.ndarray) -> Points:
        """Those that an array of positions or truths chooses, copied."""
        return Points(self.step[index], self.wall[index], self.value[index])

    def copy(self) -> Points:
        """The same in memory of their own."""
        return Points(self.step.copy(), self.wall.copy(), self.value.copy())

    def joined(self, others: Points) -> Points:
        """These, then the others."""
        if not self.count or not others.count:
            return self if self.count else others
        return Points(*(np.concatenate(pair) for pair in zip(self, others, strict=True)))


NONE = Points(np.zeros(0, np.int64), np.zeros(0, np.float64), np.zeros(0, np.float32))


class Series:
    """The points of one tag of one run. `count` is how many came, `version` changes with every append."""

    __slots__ = ("level", "limit", "count", "version", "_kept", "_used", "_tail")

    def __init__(self, limit: int) -> None:
        self.level, self.count, self.version = 1, 0, 0
        self.limit = limit
        self._kept, self._used, self._tail = NONE, 0, NONE

    def append(self, points: Points) -> None:
        """Take points that came after all others."""
        self.count += points.count
        self.version += 1
        raw = self._tail.joined(points)
        while (bucket := 1 << self.level) <= raw.count:
            buckets = min(raw.count // bucket, (self.limit - self._used) // 2)
            self._store(envelope(raw.cut(0, buckets * bucket), bucket))
            raw = raw.cut(buckets * bucket)
            self.settle()
        self._tail = raw.copy()  # `points` may be a view of much more

    def settle(self, limit: int | None = None) -> None:
        """Thin until what is kept lies below the limit, or a new limit."""
        self.limit = max(4, (limit or self.limit) // 4 * 4)
        while self._used + 2 > self.limit:
            whole = self._used // 4 * 4
            rest = self._kept.cut(whole, self._used)
            self._kept = envelope(self._kept.cut(0, whole), 4).joined(rest)
            self._used = self._kept.count
            self.level += 1

    def _store(self, points: Points) -> None:
        """Put points behind those kept; the arrays grow fourfold."""
        need = self._used + points.count
        if need > self._kept.count:
            # few copies: what is allocated and not used yet costs addresses, no memory
            size = max(need, min(self.limit, 4 * self._kept.count), 64)
            grown = Points(*(np.empty(size, part.dtype) for part in self._kept))
            for new, old in zip(grown, self._kept, strict=True):
                new[: self._used] = old[: self._used]
            self._kept = grown
        for part, new in zip(self._kept, points, strict=True):
            part[self._used : need] = new
        self._used = need

    def cut(self, step: int) -> None:
        """Forget the points from a step on: a run that crashed starts again there."""
        kept = self.all()
        self._kept, self._used, self._tail = NONE, 0, NONE
        self._store(kept.chosen(kept.step < step))
        self.version += 1
        self.settle()

    def all(self) -> Points:
        """All that is kept."""
        return self._kept.cut(0, self._used).joined(self._tail)

    def last(self) -> float | None:
        """The value that came last; None if there is none."""
        if self._tail.count:
            return float(self._tail.value[-1])
        return float(self._kept.value[self._used - 1]) if self._used else None

    def points(self, most: int) -> Points:
        """At most about `most` points, thinned the same way; the last one that came is always there."""
        return thinned(self.all(), most)

    def __len__(self) -> int:
        """The points kept."""
        return self._used + self._tail.count


def thinned(points: Points, most: int) -> Points:
    """At most about `most` of the points: the envelope of equal buckets, and the last one."""
    bucket = 2 * -(-points.count // max(most, 2))
    if bucket <= 2:
        return points
    whole = points.count // bucket * bucket
    rest = points.cut(whole) if whole < points.count else points.cut(points.count - 1)
    return envelope(points.cut(0, whole), bucket).joined(rest)


def envelope(points: Points, bucket: int) -> Points:
    """The lowest and the highest of every `bucket` points, in the order they came. NaNs count as neither."""
    if bucket == 2 or not points.count:
        return points
    value = points.value.reshape(-1, bucket)
    numbers = np.isnan(value)
    low = np.where(numbers, np.inf, value).argmin(1)
    high = np.where(numbers, -np.inf, value).argmax(1)
    end = np.where(low == bucket - 1, 0, bucket - 1)
    high = np.where(low == high, end, high)  # one number, or all the same: any other point
    chosen = (
        np.stack([np.minimum(low, high), np.maximum(low, high)], 1) + bucket * np.arange(len(value))[:, None]
    )
    return points.chosen(chosen.reshape(-1))
