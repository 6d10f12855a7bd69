"""The largest or smallest element of each line of arrays (outer, n, inner) along n, and its first place.

NaN counts as more extreme than any number.
"""

from __future__ import annotations

from functools import cache

from .ir import Function, Module
from .launch import Kernel, entry
from .scan import NUMBERS
from .targets import Target
from .types import Type, i32, i64
from .values import Value


@cache
def extremes(name: str, largest: bool, rows: bool) -> Kernel:
    """Items are lines of memory (`rows`: inner = 1), or as many neighbouring lines as a vector has lanes."""
    element = NUMBERS[name]

    def make(target: Target) -> Module:
        m = Module()
        types: dict[str, Type] = {"x": element.pointer, "values": element.pointer, "places": i64.pointer}
        f, lo, hi, _, slots = entry(m, **types, n=i64, inner=i64)
        lines = _Lines(f, element, largest, target.lanes(element), slots)
        for item in f.range(lo, hi):
            (lines.row if rows else lines.columns)(item)
        f.ret()
        return m

    return Kernel(("extremes", name, largest, rows), make)


class _Lines:
    """Lines of `n` elements, and where their extremes go."""

    def __init__(self, f: Function, element: Type, largest: bool, lanes: int, slots: list[Value]) -> None:
        self.f, self.element, self.largest, self.lanes = f, element, largest, lanes
        self.x, self.values, self.places, self.n, self.inner = slots

    def _better(self, v: Value, best: Value) -> Value:
        """Whether an element is more extreme than the best before it."""
        better = v > best if self.largest else v < best
        return better | ((v != v) & (best == best)) if self.element.is_float else better

    def columns(self, item: Value) -> None:
        """Neighbouring lines side by side; fewer than a vector's lanes one by one."""
        f = self.f
        tiles = (self.inner + (self.lanes - 1)) // self.lanes
        outer, column = item // tiles, item % tiles * self.lanes
        line, out = self.x.at(outer * self.n * self.inner + column), outer * self.inner + column
        left = self.inner - column
        with f.when(left >= self.lanes):
            self._side_by_side(line, out, self.lanes)
        with f.otherwise():
            for k in f.range(0, left):
                self._side_by_side(line.at(k), out + k, 1)

    def _side_by_side(self, line: Value, out: Value, lanes: int) -> None:
        f = self.f
        best, place = f.var(line.load(0, lanes)), f.var(f.const(i32.x(lanes), 0))
        for i in f.range(1, self.n):
            v = line.load(i * self.inner, lanes)
            better = self._better(v, best.now)
            best.set(better.select(v, best.now))
            place.set(better.select(i.to(i32).splat(lanes) if lanes > 1 else i.to(i32), place.now))
        self.values.store(best.now, out)
        self.places.store(place.now.to(i64), out)

    def row(self, item: Value) -> None:
        """A line of memory, as many parts of it side by side as a vector has lanes."""
        f, line = self.f, self.x.at(item * self.n)
        whole = self.n & -self.lanes
        value, at = f.var(line[0]), f.var(f.const(i32, 0))
        with f.when(whole > 0):
            best, place = f.var(line.load(0, self.lanes)), f.var(f.const(i32.x(self.lanes), 0))
            for i in f.range(self.lanes, whole, self.lanes):
                v = line.load(i, self.lanes)
                better = self._better(v, best.now)
                best.set(better.select(v, best.now))
                place.set(better.select(i.to(i32).splat(self.lanes), place.now))
            for k in range(self.lanes):
                v, p = best.now.lane(k), place.now.lane(k) + k
                take = self._better(v, value.now) | (self._ties(v, value.now) & (p < at.now))
                value.set(take.select(v, value.now))
                at.set(take.select(p, at.now))
        for i in f.range(whole, self.n):
            better = self._better(line[i], value.now)
            value.set(better.select(line[i], value.now))
            at.set(better.select(i.to(i32), at.now))
        self.values[item] = value.now
        self.places[item] = at.now.to(i64)

    def _ties(self, v: Value, best: Value) -> Value:
        same = v == best
        return same | ((v != v) & (best != best)) if self.element.is_float else same
