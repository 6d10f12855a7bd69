"""Batch norm of images with few places a channel: several channels at a time, so that memory is read in runs.

A chunk of channels is a tile of (examples, channels · places): sums are kept for each of its columns, and
those of a channel's places added in the end; mean, factor and shift are laid out for each column.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from .floats import sqrt
from .ir import Module
from .launch import Kernel, entry
from .normalize import Place, along
from .targets import Target
from .tile import fma
from .types import Type, f64, i64
from .values import Value

WIDTH = 4096  # bytes of a tile's row: five such rows fit the level-1 cache
_TOGETHER = 4  # lines whose terms are added before they go to the sums in memory


class _Tile:
    """The walks over a tile; slots by name."""

    def __init__(self, element: Type, target: Target, **types: Type) -> None:
        self.element, self.target, self.module = element, target, Module()
        geometry = dict.fromkeys(("lines", "places", "line_step", "item_step", "groups"), i64)
        self.f, self.lo, self.hi, _, slots = entry(self.module, **types, **geometry)
        self.slot = dict(zip((*types, *geometry), slots, strict=True))
        self.lines, self.places, self.step = (self.slot[k] for k in ("lines", "places", "line_step"))
        self.width, self.start = (self.hi - self.lo) * self.places, self.lo * self.places
        self.count = (self.lines * self.places).to(element)

    def row(self) -> Value:
        """Room for a number a column."""
        return self.f.stack(self.element, WIDTH // self.element.size)

    def columns(self) -> Iterator[Place]:
        """The tile's columns as vectors."""
        zero, wide = self.f.const(i64, 0), 2 * self.target.lanes(self.element)
        yield from along(self.f, self.target, self.element, zero, self.width, wide)

    def line(self, line: Value) -> Value:
        """Where a line of the tile starts in an array."""
        return self.start + line * self.step

    def channels(self) -> Iterator[tuple[Value, Value]]:
        """Each channel, and its first column."""
        for c in self.f.range(self.lo, self.hi):
            yield c, (c - self.lo) * self.places

    def fill(self, row: Value, first: Value, v: Value) -> None:
        """Lay a number out for each column of a channel."""
        for p in self._channel(first):
            p.set(row, v.splat(p.lanes))

    def total(self, row: Value, first: Value) -> Value:
        """The sum over the columns of a channel."""
        f, widths = self.f, {self.target.lanes(self.element), 1 if not self.target.masks else 0} - {0}
        sums = {w: f.var(f.const(self.element.x(w), 0)) for w in widths}
        for p in self._channel(first):
            sums[p.lanes] += p.of(row)
        folded = [v.now.fold(lambda x, y: x + y) for v in sums.values()]
        return folded[0] if len(folded) == 1 else folded[0] + folded[1]

    def _channel(self, first: Value) -> Iterator[Place]:
        lanes = self.target.lanes(self.element)
        return along(self.f, self.target, self.element, first, first + self.places, lanes)

    def sums(self, rows: list[Value], terms: Callable[[Value, Place], tuple[Value, ...]]) -> None:
        """Write Σ over the lines of some terms, given a line's start, to rows of sums."""
        f = self.f
        for p in self.columns():
            for row in rows:
                p.set(row, f.const(self.element.x(p.lanes), 0))
        whole = self.lines & -_TOGETHER
        for line in f.range(0, whole, _TOGETHER):
            self._add(rows, terms, [self.line(line + k) for k in range(_TOGETHER)])
        for line in f.range(whole, self.lines):
            self._add(rows, terms, [self.line(line)])

    def _add(
        self, rows: list[Value], terms: Callable[[Value, Place], tuple[Value, ...]], starts: list[Value]
    ) -> None:
        for p in self.columns():
            found = [terms(start, p) for start in starts]
            for k, row in enumerate(rows):
                p.set(row, p.of(row) + _pairwise([each[k] for each in found]))


def _pairwise(values: list[Value]) -> Value:
    half = len(values) // 2
    return values[0] if not half else _pairwise(values[:half]) + _pairwise(values[half:])


def forward(weighted: bool, biased: bool, element: Type) -> Kernel:
    """As `normalize.forward` for channels; its chunks are tiles."""
    key = ("norm tiles forward", weighted, biased, str(element))
    return Kernel(key, lambda target: _forward(weighted, biased, element, target))


def _forward(weighted: bool, biased: bool, element: Type, target: Target) -> Module:
    names = ("out", "mean", "var", "scale", "x", *["weight"] * weighted, *["bias"] * biased)
    t = _Tile(element, target, **dict.fromkeys(names, element.pointer), eps=f64)
    f, slot, x = t.f, t.slot, t.slot["x"]
    means, factors, shifts, sums = (t.row() for _ in range(4))
    t.sums([sums], lambda start, p: (p.of(x.at(start)),))
    for c, first in t.channels():
        mean = t.total(sums, first) / t.count
        slot["mean"].store(mean, c)
        t.fill(means, first, mean)

    def square(start: Value, p: Place) -> tuple[Value, ...]:
        d = p.of(x.at(start)) - p.of(means)
        return (d * d,)

    t.sums([sums], square)
    for c, first in t.channels():
        var = t.total(sums, first) / t.count
        scale = 1.0 / sqrt(var + slot["eps"].to(element))
        slot["var"].store(var, c)
        slot["scale"].store(scale, c)
        t.fill(factors, first, scale * slot["weight"][c] if weighted else scale)
        t.fill(shifts, first, slot["bias"][c] if biased else f.const(element, 0))
    for line in f.range(0, t.lines):
        source, to = x.at(t.line(line)), slot["out"].at(t.line(line))
        for p in t.columns():
            p.set(to, fma(p.of(source) - p.of(means), p.of(factors), p.of(shifts)))
    f.ret()
    return t.module


def backward(weighted: bool, element: Type) -> Kernel:
    """As `normalize.backward` for channels; its chunks are tiles."""
    key = ("norm tiles backward", weighted, str(element))
    return Kernel(key, lambda target: _backward(weighted, element, target))


def _backward(weighted: bool, element: Type, target: Target) -> Module:
    names = ("dx", "products", "sums", "g", "x", "mean", "scale", *["weight"] * weighted)
    t = _Tile(element, target, **dict.fromkeys(names, element.pointer))
    f, slot, g, x = t.f, t.slot, t.slot["g"], t.slot["x"]
    means, factors, of_product, of_sum = (t.row() for _ in range(4))
    for c, first in t.channels():
        t.fill(means, first, slot["mean"][c])

    def terms(start: Value, p: Place) -> tuple[Value, ...]:
        v = p.of(g.at(start))
        return v * (p.of(x.at(start)) - p.of(means)), v

    t.sums([of_product, of_sum], terms)
    for c, first in t.channels():
        scale = slot["scale"][c]
        product, total = t.total(of_product, first) * scale, t.total(of_sum, first)
        slot["products"].store(product, c)
        slot["sums"].store(total, c)
        factor = scale * slot["weight"][c] if weighted else scale
        t.fill(factors, first, factor)
        t.fill(of_product, first, -(product / t.count * scale * factor))
        t.fill(of_sum, first, -(total / t.count * factor))
    for line in f.range(0, t.lines):
        start = t.line(line)
        given, source, to = g.at(start), x.at(start), slot["dx"].at(start)
        for p in t.columns():
            rest = fma(p.of(source) - p.of(means), p.of(of_product), p.of(of_sum))
            p.set(to, fma(p.of(given), p.of(factors), rest))
    f.ret()
    return t.module
