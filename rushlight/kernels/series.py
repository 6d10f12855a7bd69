"""Scalars sorted by their tags, and thinned to the extremes of every bucket, by machine code."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from .ir import Function, Module
from .launch import Kernel, entry
from .targets import Target
from .types import Type, f32, f64, i32, i64, u8
from .values import Value

#: the rows of a bucket that is being filled: its first point, the lowest and the highest so far, the last
FIRST, LOW, HIGH, LAST = range(4)
_HELD = [("waiting", "i8"), ("low", "i8"), ("high", "i8"), ("used", "i8")]
_HELD += [("finite", "i8"), ("total", "f8"), ("least", "f4"), ("most", "f4")]
#: a series' state. waiting: points in the open bucket; low, high: where in it those are; used: points kept;
#: finite, total, least, most: number, sum and bounds of all points that are numbers; step, wall, value: the
#: open bucket's rows; taken: how many points the last call used
STATE = np.dtype([*_HELD, ("step", "i8", (4,)), ("wall", "f8", (4,)), ("value", "f4", (4,)), ("taken", "i8")])
_TYPES = {"i8": i64, "f8": f64, "f4": f32}
_POINTS: dict[str, Type] = {"step": i64.pointer, "wall": f64.pointer, "value": f32.pointer}
_FILL: dict[str, Type] = {
    **{"state": u8.pointer, "count": i64, "bucket": i64, "room": i64},
    **_POINTS,
    **{f"kept {name}": type for name, type in _POINTS.items()},
}
_GROUP: dict[str, Type] = {
    **{"count": i64, "tag": i32.pointer, "place": i32.pointer},
    **{"present": i64.pointer, "ends": i64.pointer, "found": i64.pointer},
    **_POINTS,
    **{f"sorted {name}": type for name, type in _POINTS.items()},
}


@cache
def grouping() -> Kernel:
    """Sorts `count` points by tag, those of a tag in the order they came.

    present[k] is the k-th tag met, ends[k] where its points end, found[0] how many tags there are. `place`
    has a zero for every tag, before and after.
    """
    return _kernel("series grouping", _GROUP, _group)


@cache
def filling() -> Kernel:
    """Adds `count` points to a series: of every `bucket` the lowest and the highest go to `kept`.

    `state` is a STATE; `kept` has room for what comes, or for `room` points: there it ends.
    """
    return _kernel("series filling", _FILL, _fill)


def _kernel(key: str, types: dict[str, Type], write: Callable[[Function, dict[str, Value]], None]) -> Kernel:
    """A kernel of one item, whose code `write` writes for its slots by their names."""

    def make(_: Target) -> Module:
        m = Module()
        f, _lo, _hi, _tid, slots = entry(m, "kernel", False, **types)
        write(f, dict(zip(types, slots, strict=True)))
        f.ret()
        return m

    return Kernel(key, make)


def _group(f: Function, s: dict[str, Value]) -> None:
    """Number the tags as they come and count them; then put every point behind those of its tag."""
    tag, place, present, ends = s["tag"], s["place"], s["present"], s["ends"]
    tags = f.var(0)
    for k in f.range(0, s["count"]):
        number = tag[k].to(i64)
        with f.when(place[number] == 0):
            present[tags], ends[tags] = number, 0
            tags += 1
            place[number] = tags.now.to(i32)
        at = place[number].to(i64) - 1
        ends[at] = ends[at] + 1
    begin = f.var(0)
    for k in f.range(0, tags):
        size = ends[k]
        ends[k] = begin
        begin += size
    for k in f.range(0, s["count"]):
        at = place[tag[k].to(i64)].to(i64) - 1
        to = ends[at]
        ends[at] = to + 1
        for name in _POINTS:
            s[f"sorted {name}"][to] = s[name][k]
    for k in f.range(0, tags):
        place[present[k]] = 0
    s["found"][0] = tags


def _fill(f: Function, s: dict[str, Value]) -> None:
    """The loop over points."""
    state = {name: _field(s["state"], name) for name in STATE.names or ()}
    held = {name: f.var(state[name][0]) for name, _ in _HELD}
    waiting, low, high = held["waiting"], held["low"], held["high"]
    bottom = f.var(_number_or(state["value"][LOW], math.inf))
    top = f.var(_number_or(state["value"][HIGH], -math.inf))
    k = f.var(0)
    for _ in f.forever():
        f.leave((k >= s["count"]) | (held["used"] + 2 > s["room"]))
        value = s["value"][k]
        _note(held, value)
        with f.when(waiting == 0):
            for row in (FIRST, LOW, HIGH):
                _copy(s, k, state, row)
            for var, start in ((low, 0), (high, 0), (bottom, math.inf), (top, -math.inf)):
                var.set(start)
        for better, best, place, row in ((value < bottom, bottom, low, LOW), (value > top, top, high, HIGH)):
            with f.when(better):
                best.set(value)
                place.set(waiting)
                _copy(s, k, state, row)
        waiting += 1
        with f.when(waiting == s["bucket"]):
            _copy(s, k, state, LAST)
            _close(f, state, s, held)
            waiting.set(0)
        k += 1
    with f.when((k > 0) & (waiting > 0)):
        _copy(s, k - 1, state, LAST)
    for name, var in held.items():
        state[name][0] = var
    state["taken"][0] = k


def _field(state: Value, name: str) -> Value:
    """Where a field of the state is."""
    fields: Any = STATE.fields
    type, offset = fields[name][:2]
    return state.at(offset).of(_TYPES[type.base.str[1:]])


def _number_or(value: Value, bound: float) -> Value:
    """The value, or `bound` for NaN."""
    return (value == value).select(value, bound)  # noqa: PLR0124 (only NaN differs from itself)


def _note(held: dict[str, Any], value: Value) -> None:
    """Count a value, if it is a number."""
    finite = (value - value) == 0
    held["finite"] += finite.to(i64)
    held["total"] += finite.select(value, 0).to(f64)
    held["least"].set((finite & (value < held["least"])).select(value, held["least"]))
    held["most"].set((finite & (value > held["most"])).select(value, held["most"]))


def _copy(source: dict[str, Value], k: Any, to: dict[str, Value], at: Any) -> None:
    """Point k of some columns as point `at` of others."""
    for name in _POINTS:
        to[name][at] = source[name][k]


def _close(f: Function, state: dict[str, Value], s: dict[str, Value], held: dict[str, Any]) -> None:
    """Keep a full bucket's lowest and highest, in their order; of one only, it and an end of the bucket."""
    low, high, used, end = held["low"], held["high"], held["used"], s["bucket"] - 1
    kept = {name: s[f"kept {name}"] for name in _POINTS}
    one, at_end = low == high, low == end
    other = one.select(at_end.select(0, end), high)
    row = one.select(at_end.select(f.const(i64, FIRST), LAST), HIGH)
    before = other < low
    _copy(state, before.select(row, LOW), kept, used)
    _copy(state, before.select(f.const(i64, LOW), row), kept, used + 1)
    used += 2
