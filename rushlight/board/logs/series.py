"""A scalar's points in bounded memory: buckets that keep their extremes.

Up to `limit` points are all kept. Beyond, every 2^level points become two, the lowest and the highest of
them in the order they came (the min-max envelope: a spike stays visible at every zoom), and the level goes up
whenever the room is full. So the density is the same everywhere, and an old point is never thinned twice as
much as a new one.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

BYTES = 20  # of a point
OVERHEAD = 1500  # of a series without points, measured
TAIL = 64  # points kept of a bucket that is not full
ODD = 100  # points kept that are NaN or infinite


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
    """The points of one tag of one run. `count` is how many came, `version` changes with every append.

    `odd` are the first of those that are NaN or infinite: thinning would lose them. `total` and `finite` are
    the sum and the number of the others.
    """

    __slots__ = ("level", "limit", "count", "version", "odd", "total", "finite", "low", "high",
                 "_kept", "_used", "_tail", "_waiting")  # fmt: skip

    def __init__(self, limit: int) -> None:
        self.limit, self.version, self.count = limit, 0, 0
        self._clear()

    def _clear(self) -> None:
        self.level = 1
        self.finite, self.total = 0, 0.0
        self.low, self.high = math.inf, -math.inf
        self.odd = self._kept = self._tail = NONE
        self._used = self._waiting = 0  # points kept of whole buckets; points that came since the last one

    def append(self, points: Points) -> None:
        """Take points that came after all others."""
        self.count += points.count
        self.version += 1
        self._count(points)
        points = self._fill_bucket(points)
        while (bucket := 1 << self.level) <= points.count:
            buckets = min(points.count // bucket, (self.limit - self._used) // 2)
            self._store(envelope(points.cut(0, buckets * bucket), bucket))
            points = points.cut(buckets * bucket)
            self.settle()
        if points.count:
            self._wait(points)

    def _fill_bucket(self, points: Points) -> Points:
        """Use points for the bucket that was begun; those left over."""
        if not self._waiting:
            return points
        need = (1 << self.level) - self._waiting
        self._wait(points.cut(0, need))
        if self._waiting == 1 << self.level:
            self._store(envelope(self._tail, self._tail.count))
            self._tail, self._waiting = NONE, 0
            self.settle()
        return points.cut(need)

    def _wait(self, points: Points) -> None:
        """Keep points of a bucket that is not full: its extremes so far and the last, not thousands."""
        self._waiting += points.count
        tail = self._tail.joined(points)
        while tail.count > TAIL:
            tail = thinned(tail, TAIL // 2)  # and what is behind the last bucket, which may be long
        self._tail = tail.copy()  # a view would keep its whole

    def _count(self, points: Points) -> None:
        good = np.isfinite(points.value)
        if not good.all():
            if self.odd.count < ODD:
                self.odd = self.odd.joined(points.chosen(np.flatnonzero(~good)[: ODD - self.odd.count]))
            points = points.chosen(good)
        if points.count:
            self.finite += points.count
            self.total += float(points.value.sum(dtype=np.float64))
            self.low = min(self.low, float(points.value.min()))
            self.high = max(self.high, float(points.value.max()))

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
            size = max(need, min(self.limit, 4 * self._kept.count), 16)
            grown = Points(*(np.empty(size, part.dtype) for part in self._kept))
            for new, old in zip(grown, self._kept, strict=True):
                new[: self._used] = old[: self._used]
            self._kept = grown
        for part, new in zip(self._kept, points, strict=True):
            part[self._used : need] = new
        self._used = need

    def cut(self, step: int) -> None:
        """Forget the points from a step on: a run that crashed starts again there."""
        kept, odd, level = self.all(), self.odd, self.level
        self._clear()
        left = kept.chosen(kept.step < step)
        self._count(left)
        self.odd = odd.chosen(odd.step < step)
        self._store(left)
        self.level = level
        self.version += 1
        self.settle()

    def snapshot(self) -> Kept:
        """What is kept, to look at without the lock: nothing that it holds is written to any more."""
        return Kept(self._kept.cut(0, self._used), self._tail, 1 << self.level, self._waiting)

    def all(self) -> Points:
        """All that is kept."""
        return self.snapshot().points()

    def __len__(self) -> int:
        """The points kept."""
        return self._used + self._tail.count


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


class Shown(NamedTuple):
    """Points to draw; how many each stands for; and the mean of what it stands for, for smoothing."""

    points: Points
    weight: np.ndarray
    mean: np.ndarray


def shown(points: Points, weight: np.ndarray, most: int) -> Shown:
    """At most about `most` of the points, as `thinned`, with the weights and means of their buckets."""
    bucket = _bucket(points.count, most)
    if bucket <= 2:
        return Shown(points, weight, points.value)
    whole = points.count // bucket * bucket
    good = np.where(np.isfinite(points.value[:whole]), weight[:whole], 0).reshape(-1, bucket)
    value = np.where(good > 0, points.value[:whole].reshape(-1, bucket), 0)
    with np.errstate(invalid="ignore"):
        mean = (value * good).sum(1) / good.sum(1)  # NaN where no point is finite
    each = weight[:whole].reshape(-1, bucket).sum(1) / 2
    chosen = _positions(points, most)
    rest = chosen[2 * len(mean) :]
    behind = np.where(rest < whole, 0, weight[rest])  # one within a bucket is there to be seen, and counted
    return Shown(
        points.chosen(chosen),
        np.concatenate([np.repeat(each, 2), behind]),
        np.concatenate([np.repeat(mean, 2), points.value[rest]]),
    )


def thinned(points: Points, most: int) -> Points:
    """At most about `most` of the points: the envelope of equal buckets, and the last one."""
    return points if _bucket(points.count, most) <= 2 else points.chosen(_positions(points, most))


def _bucket(count: int, most: int) -> int:
    return 2 * -(-count // max(most, 2))


def _positions(points: Points, most: int) -> np.ndarray:
    """Where the points are that `thinned` keeps."""
    bucket = _bucket(points.count, most)
    whole = points.count // bucket * bucket
    chosen = _extremes(points.value[:whole], bucket)
    if whole < points.count:
        return np.concatenate([chosen, np.arange(whole, points.count)])
    return chosen if len(chosen) and chosen[-1] == whole - 1 else np.append(chosen, whole - 1)


def envelope(points: Points, bucket: int) -> Points:
    """The lowest and the highest of every `bucket` points, in the order they came. NaNs count as neither."""
    if bucket == 2 or not points.count:
        return points
    return points.chosen(_extremes(points.value, bucket))


def _extremes(value: np.ndarray, bucket: int) -> np.ndarray:
    """The positions of the lowest and the highest of every `bucket` numbers, rising."""
    value = value.reshape(-1, bucket)
    numbers = np.isnan(value)
    low = np.where(numbers, np.inf, value).argmin(1)
    high = np.where(numbers, -np.inf, value).argmax(1)
    end = np.where(low == bucket - 1, 0, bucket - 1)
    high = np.where(low == high, end, high)  # one number, or all the same: any other point
    pairs = np.stack([np.minimum(low, high), np.maximum(low, high)], 1)
    return (pairs + bucket * np.arange(len(value))[:, None]).reshape(-1)
