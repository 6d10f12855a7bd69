"""Batch, group and instance norm: what shares a mean is walked twice to find the moments, once to write.

Such an *item* consists of *lines*, each with one weight. Of images (N, C, S) an item is a channel, with a
line of S places in every example ("channels"), or a group of channels of an example, a line each ("groups").
Of vectors (N, C) it is a column, a line of one place in every example ("columns"); a vector register then
holds as many items as it has lanes. An item mostly fits the level-2 cache, so that memory is read and written
once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from .floats import sqrt
from .ir import Function, Module
from .launch import Kernel, entry
from .targets import Target
from .tile import fma
from .types import Type, f64, i64
from .values import Value, Var

CHANNELS, GROUPS, COLUMNS = "channels", "groups", "columns"
_RUN = 2048  # places added one after the other; the sums of such runs are added in turn
_LINES = 64  # lines in a run, if they are short


class Place(NamedTuple):
    """`lanes` elements from `at` on, or those of them in `mask`."""

    at: Value
    lanes: int
    mask: Value | None = None

    def of(self, p: Value) -> Value:
        """The elements of an array here."""
        return p.load(self.at, self.lanes, self.mask)

    def set(self, p: Value, v: Value) -> None:
        """Write the elements of an array here."""
        p.store(v, self.at, self.mask)

    def kept(self, v: Value) -> Value:
        """A vector with zeros outside the mask."""
        return v if self.mask is None else self.mask.select(v, v.f.const(v.type, 0))


def along(
    f: Function, target: Target, element: Type, start: Value, stop: Value, wide: int
) -> Iterator[Place]:
    """The elements start..stop as vectors, `wide` ones as long as possible; the body is written twice."""
    lanes = target.lanes(element)
    middle = start + ((stop - start) & -wide)
    for i in f.range(start, middle, wide):
        yield Place(i, wide)
    if target.masks:
        for i in f.range(middle, stop, lanes):
            yield Place(i, lanes, f.below(stop - i, lanes))
    else:
        for i in f.range(middle, stop):
            yield Place(i, 1)


class _Sums:
    """Some sums over places, for each width of vectors of its own."""

    def __init__(self, f: Function, element: Type, widths: set[int], count: int) -> None:
        self.f, self.element = f, element
        self.vars = {w: [f.var(f.const(element.x(w), 0)) for _ in range(count)] for w in widths}

    def add(self, place: Place, values: tuple[Value, ...]) -> None:
        for total, v in zip(self.vars[place.lanes], values, strict=True):
            total += place.kept(v)

    def move(self, other: _Sums) -> None:
        """Add these sums to others, and start again."""
        for width, totals in self.vars.items():
            for total, to in zip(totals, other.vars[width], strict=True):
                to += total
                total.set(self.f.const(total.type, 0))

    def folded(self) -> list[Value]:
        """The sums over all lanes and widths."""
        widths = [[v.now.fold(lambda x, y: x + y) for v in totals] for totals in self.vars.values()]
        return [_added(parts) for parts in zip(*widths, strict=True)]


def _added(parts: tuple[Value, ...]) -> Value:
    total = parts[0]
    for v in parts[1:]:
        total = total + v
    return total


class _Norm:
    """The walks that the two kernels share; slots by name."""

    def __init__(self, kind: str, element: Type, target: Target, **types: Type) -> None:
        self.kind, self.element, self.target, self.module = kind, element, target, Module()
        geometry = dict.fromkeys(("lines", "places", "line_step", "item_step", "groups"), i64)
        self.f, self.lo, self.hi, _, slots = entry(self.module, **types, **geometry)
        self.slot = dict(zip((*types, *geometry), slots, strict=True))
        self.lines, self.places = self.slot["lines"], self.slot["places"]
        self.lanes = target.lanes(element)
        self.wide = self.lanes * (4 if target.registers == 32 else 2)
        self.item, self.weight = Place(self.lo, 1), self.lo
        self.count = (self.lines * self.places).to(element)

    def items(self) -> Iterator[None]:
        """Each item, or vector of columns, in turn."""
        if self.kind == COLUMNS:
            for columns in along(self.f, self.target, self.element, self.lo, self.hi, self.wide):
                self.item = columns
                yield
        else:
            for q in self.f.range(self.lo, self.hi):
                self.item = Place(q, 1)
                self.weight = q % self.slot["groups"] * self.lines  # of its first line, in GROUPS
                yield

    def channel(self, line: Value) -> Place:
        """Where the weight of a line stands."""
        return Place(self.weight + line, 1) if self.kind == GROUPS else self.item

    def along(self, line: Value, start: Value | int = 0, stop: Value | None = None) -> Iterator[Place]:
        """The places start..stop of a line, all by default."""
        first = self.item.at * self.slot["item_step"] + line * self.slot["line_step"]
        if self.kind == COLUMNS:
            yield Place(first, self.item.lanes, self.item.mask)
        else:
            end = first + (self.places if stop is None else stop)
            yield from along(self.f, self.target, self.element, first + start, end, self.wide)

    def sums(
        self,
        terms: Callable[[Place], tuple[Value, ...]],
        count: int,
        start: Value | int = 0,
        stop: Value | None = None,
    ) -> list[Value]:
        """Σ of some terms over the lines start..stop of the item (all by default)."""
        f, last = self.f, self.lines if stop is None else stop
        widths = {self.item.lanes} if self.kind == COLUMNS else {self.wide, self._tail}
        totals, run = (_Sums(f, self.element, widths, count) for _ in range(2))
        for block in f.range(start, last, _LINES):
            for line in f.range(block, _smaller(block + _LINES, last)):
                if self.kind == COLUMNS:
                    for place in self.along(line):
                        run.add(place, terms(place))
                else:
                    self._sum_line(line, terms, run, totals)
            run.move(totals)
        if self.kind == COLUMNS:
            return [v.now for v in totals.vars[self.item.lanes]]
        return totals.folded()

    @property
    def _tail(self) -> int:
        """The lanes of what is left of a line behind its wide vectors."""
        return self.lanes if self.target.masks else 1

    def _sum_line(
        self, line: Value, terms: Callable[[Place], tuple[Value, ...]], run: _Sums, totals: _Sums
    ) -> None:
        f = self.f
        for part in f.range(0, self.places, _RUN):
            for place in self.along(line, part, _smaller(part + _RUN, self.places)):
                run.add(place, terms(place))
            with f.when(self.places > _RUN // _LINES):
                run.move(totals)


def _smaller(x: Value, y: Value) -> Value:
    return (x < y).select(x, y)


def forward(kind: str, weighted: bool, biased: bool, element: Type) -> Kernel:
    """The kernel of out = (x - mean) / √(var + eps) · weight + bias; it also gives mean, var and 1 / √ ..."""
    key = ("norm forward", kind, weighted, biased, str(element))
    return Kernel(key, lambda target: _forward(kind, weighted, biased, element, target))


def _forward(kind: str, weighted: bool, biased: bool, element: Type, target: Target) -> Module:
    names = ("out", "mean", "var", "scale", "x", *["weight"] * weighted, *["bias"] * biased)
    n = _Norm(kind, element, target, **dict.fromkeys(names, element.pointer), eps=f64)
    f, slot, x = n.f, n.slot, n.slot["x"]
    for _ in n.items():
        mean = n.sums(lambda p: (p.of(x),), 1)[0] / n.count

        def square(p: Place, mean: Value = mean) -> tuple[Value, ...]:
            d = p.of(x) - mean
            return (d * d,)

        var = n.sums(square, 1)[0] / n.count
        scale = 1.0 / sqrt(var + slot["eps"].to(element))
        for name, v in (("mean", mean), ("var", var), ("scale", scale)):
            n.item.set(slot[name], v)
        for line in f.range(0, n.lines):
            channel = n.channel(line)
            factor = scale * channel.of(slot["weight"]) if weighted else scale
            shift = channel.of(slot["bias"]) if biased else None
            for p in n.along(line):
                d = p.of(x) - mean
                p.set(slot["out"], d * factor if shift is None else fma(d, factor, shift))
    f.ret()
    return n.module


def backward(kind: str, weighted: bool, element: Type) -> Kernel:
    """The kernel of the cotangents: dx, and of each line (GROUPS) or item the sums of g · x̂ and g.

    dx = g · factor + (x - mean) · from_product + from_sum, where factor = weight · scale, from_product =
    -scale² · mean(weight · g · x̂) and from_sum = -scale · mean(weight · g).
    """
    key = ("norm backward", kind, weighted, str(element))
    return Kernel(key, lambda target: _backward(kind, weighted, element, target))


def _backward(kind: str, weighted: bool, element: Type, target: Target) -> Module:
    names = ("dx", "products", "sums", "g", "x", "mean", "scale", *["weight"] * weighted)
    n = _Norm(kind, element, target, **dict.fromkeys(names, element.pointer))
    f, slot = n.f, n.slot
    for _ in n.items():
        mean, scale = n.item.of(slot["mean"]), n.item.of(slot["scale"])
        product, total = (_group_sums if kind == GROUPS else _item_sums)(n, mean, scale, weighted)
        from_product, from_sum = -(product / n.count * scale * scale), -(total / n.count * scale)
        for line in f.range(0, n.lines):
            factor = scale * n.channel(line).of(slot["weight"]) if weighted else scale
            for p in n.along(line):
                rest = fma(p.of(slot["x"]) - mean, from_product, from_sum)
                p.set(slot["dx"], fma(p.of(slot["g"]), factor, rest))
    f.ret()
    return n.module


def _line_sums(n: _Norm, mean: Value, scale: Value, *lines: Value) -> tuple[Value, Value]:
    """Σ g · x̂ and Σ g over some lines of an item."""

    def terms(p: Place) -> tuple[Value, ...]:
        g = p.of(n.slot["g"])
        return g * (p.of(n.slot["x"]) - mean), g

    product, total = n.sums(terms, 2, *lines)
    return product * scale, total


def _item_sums(n: _Norm, mean: Value, scale: Value, weighted: bool) -> tuple[Value, Value]:
    """The two sums over all lines, written for weight and bias; returned times the weight."""
    product, total = _line_sums(n, mean, scale)
    n.item.set(n.slot["products"], product)
    n.item.set(n.slot["sums"], total)
    weight = n.item.of(n.slot["weight"]) if weighted else n.f.const(n.element, 1)
    return product * weight, total * weight


def _group_sums(n: _Norm, mean: Value, scale: Value, weighted: bool) -> tuple[Value, Value]:
    """The two sums of each line, and over all lines those times the lines' weights."""
    f = n.f
    both: list[Var] = [f.var(f.const(n.element, 0)) for _ in range(2)]
    for line in f.range(0, n.lines):
        found = _line_sums(n, mean, scale, line, line + 1)
        at = n.item.at * n.lines + line
        for name, v, total in zip(("products", "sums"), found, both, strict=True):
            n.slot[name].store(v, at)
            total += v * n.channel(line).of(n.slot["weight"]) if weighted else v
    return both[0].now, both[1].now


def affine(element: Type) -> Kernel:
    """The kernel of out = x · factor + shift, one of each a channel; its items are lines."""

    def make(target: Target) -> Module:
        m = Module()
        names = ("out", "x", "factor", "shift")
        types = dict.fromkeys(names, element.pointer) | {"places": i64, "channels": i64}
        f, lo, hi, _, (out, x, factor, shift, places, channels) = entry(m, **types)
        wide = target.lanes(element) * 4
        channel = f.var(lo % channels)
        for line in f.range(lo, hi):
            a, b = factor[channel.now], shift[channel.now]
            channel.set((channel + 1 < channels).select(channel + 1, 0))
            first = line * places
            for p in along(f, target, element, first, first + places, wide):
                p.set(out, fma(p.of(x), a, b))
        f.ret()
        return m

    return Kernel(("norm affine", str(element)), make)
