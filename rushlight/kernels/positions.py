"""Positions made fit for kernels that trust them: counted from the front, inside, and of several dimensions
one.
"""

from __future__ import annotations

from functools import cache

from .gather import POSITIONS
from .ir import Module
from .launch import Kernel, entry
from .normalize import along
from .targets import Target
from .types import i64
from .values import Value


@cache
def settled(size: int, adds: bool) -> Kernel:
    """out[i] (+)= step · the place of index[i] along n: negative ones count from the end.

    One outside becomes the nearest place, and `alarm` 1, the index and n. Indices are of `size` bytes.
    """
    position = POSITIONS[size]

    def make(target: Target) -> Module:
        m = Module()
        types = {"out": i64.pointer, "index": position.pointer, "alarm": i64.pointer, "n": i64, "step": i64}
        f, lo, hi, _, (out, index, alarm, n, step) = entry(m, **types)
        lanes, outside = target.lanes(i64), f.var(0)
        outsides = f.var(f.const(i64.x(lanes), 0))
        for at in along(f, target, i64, lo, hi, lanes):
            given = at.of(index).to(i64)
            place = (given < 0).select(given + n, given)
            inside = (place < 0).select(0, (place < n).select(place, n - 1))
            seen = outsides if at.lanes == lanes else outside
            seen.set(seen.now | (place ^ inside))
            at.set(out, at.of(out) + inside * step if adds else inside * step)
        outside.set(outside.now | outsides.now.fold(lambda x, y: x | y))
        with f.when(outside.now != 0):
            for i in f.range(lo, hi):
                given = index[i].to(i64)
                with f.when((given < -n) | (given >= n)):
                    _raise(alarm, given, n)
        f.ret()
        return m

    return Kernel(("positions", size, adds), make)


@cache
def looked_at() -> Kernel:
    """Whether every label is one of n classes, or `ignore`; if not, `alarm` says so."""

    def make(_: object) -> Module:
        m = Module()
        types = {"labels": i64.pointer, "alarm": i64.pointer, "n": i64, "ignore": i64}
        f, lo, hi, _, (labels, alarm, n, ignore) = entry(m, **types)
        for i in f.range(lo, hi):
            label = labels[i]
            with f.when(((label < 0) | (label >= n)) & (label != ignore)):
                _raise(alarm, label, n)
        f.ret()
        return m

    return Kernel("labels", make)


def _raise(alarm: Value, index: Value, n: Value) -> None:
    """Note an index that is outside."""
    for k, word in enumerate((1, index, n)):
        alarm[k] = word
