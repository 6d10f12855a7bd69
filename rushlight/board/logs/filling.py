"""Points into the buckets of a series, by machine code where it runs."""

from __future__ import annotations

import math

import numpy as np

from ...kernels import native
from ...kernels import series as kernel
from ...kernels.series import FIRST, HIGH, LAST, LOW
from .points import Points


def fill(state: np.ndarray, points: Points, kept: Points, bucket: int, room: int) -> None:
    """Of every `bucket` points put the lowest and the highest behind those kept, until `room` are kept.

    `state` (kernels.series.STATE) says how many points were taken. The columns of points are contiguous.
    """
    if native.on():
        kernel.filling()(1, 1, state, points.count, bucket, room, *points, *kept)
    else:
        fill_slowly(state, points, kept, bucket, room)


def fill_slowly(state: np.ndarray, points: Points, kept: Points, bucket: int, room: int) -> None:
    """The same in Python: what the machine code is tested against, and runs where there is none."""
    taken = 0
    while taken < points.count and state["used"] + 2 <= room:
        point = points.cut(taken, taken + 1)
        _count(state, point.value[0])
        if state["waiting"] == 0:
            state["low"] = state["high"] = 0
            _put(state, FIRST, point)
        _compare(state, point)
        _put(state, LAST, point)
        state["waiting"] += 1
        if state["waiting"] == bucket:
            _close(state, kept, bucket)
        taken += 1
    state["taken"] = taken


def _count(state: np.ndarray, value: np.float32) -> None:
    if np.isfinite(value):
        state["finite"] += 1
        state["total"] += float(value)
        state["least"], state["most"] = min(state["least"], value), max(state["most"], value)


def _compare(state: np.ndarray, point: Points) -> None:
    """Whether a point is the lowest or highest of its bucket; one that is NaN is not."""
    value, place = point.value[0], int(state["waiting"])
    low, high = (state["value"][row] for row in (LOW, HIGH))
    if place == 0 or value < (math.inf if np.isnan(low) else low):
        state["low"] = place
        _put(state, LOW, point)
    if place == 0 or value > (-math.inf if np.isnan(high) else high):
        state["high"] = place
        _put(state, HIGH, point)


def _put(state: np.ndarray, row: int, point: Points) -> None:
    for name, column in zip(Points._fields, point, strict=True):
        state[name][row] = column[0]


def _close(state: np.ndarray, kept: Points, bucket: int) -> None:
    """Keep a full bucket's lowest and highest, in their order; of one only, it and an end of the bucket."""
    rows = {int(state["low"]): LOW, int(state["high"]): HIGH}
    if len(rows) == 1:
        rows |= {0: FIRST} if bucket - 1 in rows else {bucket - 1: LAST}
    for place in sorted(rows):
        for name, column in zip(Points._fields, kept, strict=True):
            column[state["used"]] = state[name][rows[place]]
        state["used"] += 1
    state["waiting"] = 0
