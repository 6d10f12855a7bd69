"""Points of scalars as columns, and thinning them for a chart: what is drawn keeps its extremes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


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


def one_point(step: int, wall: float, value: float) -> Points:
    """A single point."""
    return Points(np.array([step], np.int64), np.array([wall], np.float64), np.array([value], np.float32))


NONE = Points(np.zeros(0, np.int64), np.zeros(0, np.float64), np.zeros(0, np.float32))


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
