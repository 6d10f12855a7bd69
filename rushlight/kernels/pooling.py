"""Pooling over two axes: maxima (and where they lie), means, and the transpose of means.

Which places of an axis an output meets is told by tables: start[i], start[i] + step ... below end[i].
Planes are dense (rows, columns); outputs whose columns all lie inside and evenly spaced are made by vectors.
With channels last, vectors run along the channels.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

from .copies import smaller
from .ir import Function, Module
from .launch import Kernel, entry
from .targets import Target
from .types import Type, f32, f64, i32, i64
from .values import Value, Var

NUMBERS: dict[str, Type] = {"float32": f32, "float64": f64}
SIZES = ("height", "width", "rows", "columns", "channels", "row_step", "column_step", "first", "last")


class Columns(NamedTuple):
    """The even part of the columns: `lanes` outputs at a time, each of `taps` places, at this distance."""

    lanes: int
    taps: int
    step: int
    stride: int


class Slots:
    """A kernel's slots by name: arrays, the tables of both axes, and the sizes."""

    def __init__(self, m: Module, element: Type) -> None:
        kinds = {"x": element.pointer, "y": element.pointer, "index": i64.pointer, "divisor": element.pointer}
        self.f, self.lo, self.hi, _, slots = entry(
            m, "kernel", False, **kinds, row=i64.pointer, column=i64.pointer, sizes=i64.pointer
        )
        self.x, self.y, self.index, self.divisor, row, column, sizes = slots
        self.of = self.divisor  # what was pooled, for the transpose of maxima
        self.at = {name: sizes[k] for k, name in enumerate(SIZES)}
        self.row_start, self.row_end = row, row.at(self.at["rows"])
        self.column_start, self.column_end = column, column.at(self.at["columns"])


class Maximum:
    """The largest number so far and its place: the first of equal ones, but the last NaN, as PyTorch's."""

    def __init__(self, f: Function, type: Type, place: Value) -> None:
        self.best: Var = f.var(f.const(type, float("-inf")))
        self.place: Var = f.var(place.splat(type.lanes))

    def meet(self, x: Value, place: Value) -> None:
        better = (x > self.best) | (x != x)
        self.best.set(better.select(x, self.best.now))
        self.place.set(better.select(place, self.place.now))

    def write(self, s: Slots, at: Value, divisor: Value | None, indices: bool) -> None:
        s.y.store(self.best, at)
        if indices:
            s.index.store(self.place.now.to(i64), at)


class Mean:
    """The sum so far, in the end divided."""

    def __init__(self, f: Function, type: Type, place: Value) -> None:
        self.total: Var = f.var(f.const(type, 0))

    def meet(self, x: Value, place: Value) -> None:
        self.total += x

    def write(self, s: Slots, at: Value, divisor: Value | None, indices: bool) -> None:
        assert divisor is not None
        s.y.store(self.total / divisor, at)


def _place(row: Value, column: Value, s: Slots) -> Value:
    """The number of a place in its plane."""
    return (row * s.at["width"] + column).to(i32)


class Line(NamedTuple):
    """A row of outputs: its plane, the rows of it that they meet, and the numbers of the first of them."""

    x: Value
    start: Value
    end: Value
    out: Value
    divisor: Value


def _planes(element: Type, kind: type[Maximum] | type[Mean], indices: bool, even: Columns) -> Module:
    """y[plane, i, j] over x[plane, rows of i, columns of j]; items are planes."""
    m = Module()
    s = Slots(m, element)
    f, columns = s.f, s.at["columns"]
    for plane in f.range(s.lo, s.hi):
        x = s.x.at(plane * (s.at["height"] * s.at["width"]))
        for i in f.range(0, s.at["rows"]):
            out = (plane * s.at["rows"] + i) * columns
            line = Line(x, s.row_start[i], s.row_end[i], out, i * columns)
            _each(s, line, element, kind, indices, (0, s.at["first"]))
            if even.lanes > 1:
                for j0 in f.range(s.at["first"], s.at["last"], even.lanes):
                    j = smaller(j0, s.at["last"] - even.lanes)
                    state = _even(s, line, element, kind, even, s.column_start[j])
                    state.write(s, out + j, _divisor(s, kind, line.divisor + j, even.lanes), indices)
            _each(s, line, element, kind, indices, (s.at["last"], columns))
    f.ret()
    return m


def _each(s: Slots, line: Line, element: Type, kind: Any, indices: bool, span: tuple[Any, Any]) -> None:
    """The outputs of a span one by one, wherever their columns are."""
    for j in s.f.range(*span):
        first, last = s.column_start[j], s.column_end[j]
        state = kind(s.f, element, _place(line.start, first, s))
        for r in s.f.range(line.start, line.end, s.at["row_step"]):
            for c in s.f.range(first, last, s.at["column_step"]):
                state.meet(line.x[r * s.at["width"] + c], _place(r, c, s))
        state.write(s, line.out + j, _divisor(s, kind, line.divisor + j), indices)


def _divisor(s: Slots, kind: Any, at: Value, lanes: int = 1) -> Value | None:
    return s.divisor.load(at, lanes) if kind is Mean else None


def _even(s: Slots, line: Line, element: Type, kind: Any, even: Columns, first: Value) -> Any:
    """The state of `lanes` outputs side by side, the first of which begins at column `first`."""
    f, lanes = s.f, even.lanes
    apart = f.iota(lanes, i32) * even.stride
    state = kind(f, element.x(lanes), _place(line.start, first, s) + apart)
    for r in f.range(line.start, line.end, s.at["row_step"]):
        row = line.x.at(r * s.at["width"])
        for tap in range(even.taps):
            c = first + tap * even.step
            state.meet(_strided(row.at(c), lanes, even.stride), _place(r, c, s) + apart)
    return state


def _strided(p: Value, lanes: int, stride: int) -> Value:
    """p[0], p[stride] ...; nothing behind the last of them is read."""
    if stride == 1:
        return p.load(0, lanes)
    order = [2 * k if 2 * k < lanes else 2 * k + 1 for k in range(lanes)]
    return p.load(0, lanes).shuffle(order, p.load(lanes - 1, lanes))


def _channels(element: Type, kind: type[Maximum] | type[Mean], indices: bool, lanes: int) -> Module:
    """y[n, i, j, :] over x[n, rows of i, columns of j, :]; items are (n, i)."""
    m = Module()
    s = Slots(m, element)
    f, channels = s.f, s.at["channels"]
    for item in f.range(s.lo, s.hi):
        n, i = item // s.at["rows"], item % s.at["rows"]
        rows, image = (s.row_start[i], s.row_end[i]), n * s.at["height"]
        for j in f.range(0, s.at["columns"]):
            first, last = s.column_start[j], s.column_end[j]
            divisor = _divisor(s, kind, i * s.at["columns"] + j)
            for c0 in f.range(0, channels, lanes):
                c = smaller(c0, channels - lanes)
                state = kind(f, element.x(lanes), _place(rows[0], first, s))
                for r in f.range(*rows, s.at["row_step"]):
                    line = s.x.at((image + r) * s.at["width"] * channels + c)
                    for k in f.range(first, last, s.at["column_step"]):
                        state.meet(line.load(k * channels, lanes), _place(r, k, s).splat(lanes))
                state.write(s, (item * s.at["columns"] + j) * channels + c, divisor, indices)
    f.ret()
    return m


def _spread_planes(element: Type, even: Columns, tiles: bool) -> Module:
    """The transpose: y[plane, rows of i, columns of j] += x[plane, i, j] / divisor; items are planes."""
    m = Module()
    s = Slots(m, element)
    f, columns = s.f, s.at["columns"]
    for plane in f.range(s.lo, s.hi):
        y = s.y.at(plane * (s.at["height"] * s.at["width"]))
        for i in f.range(0, s.at["rows"]):
            given = s.x.at((plane * s.at["rows"] + i) * columns)
            divisors = s.divisor.at(i * columns)
            for r in f.range(s.row_start[i], s.row_end[i], s.at["row_step"]):
                line = y.at(r * s.at["width"])
                done = _spread_even(s, line, given, divisors, even) if tiles and even.lanes > 1 else 0
                for j in f.range(done, columns):
                    share = given[j] / divisors[j]
                    for c in f.range(s.column_start[j], s.column_end[j], s.at["column_step"]):
                        line[c] = share if tiles else line[c] + share
    f.ret()
    return m


def _spread_even(s: Slots, line: Value, given: Value, divisors: Value, even: Columns) -> Any:
    """Write the shares of outputs two columns wide, side by side; how many have been written."""
    f, lanes = s.f, even.lanes
    middle = s.at["columns"] & -lanes
    for j in f.range(0, middle, lanes):
        share = given.load(j, lanes) / divisors.load(j, lanes)
        line.store(share.shuffle([k // 2 for k in range(2 * lanes)]), 2 * j)
    return middle


def _spread_channels(element: Type, lanes: int, tiles: bool) -> Module:
    """The transpose of means with channels last; items are images."""
    m = Module()
    s = Slots(m, element)
    f, channels = s.f, s.at["channels"]
    middle = channels & -lanes
    for n in f.range(s.lo, s.hi):
        for i in f.range(0, s.at["rows"]):
            for j in f.range(0, s.at["columns"]):
                given = s.x.at(((n * s.at["rows"] + i) * s.at["columns"] + j) * channels)
                divisor = s.divisor[i * s.at["columns"] + j]
                for start, stop, wide in ((0, middle, lanes), (middle, channels, 1)):
                    for c in f.range(start, stop, wide):
                        _spread_share(s, n, (i, j, c), given.load(c, wide) / divisor, tiles)
    f.ret()
    return m


def _spread_share(s: Slots, n: Value, at: tuple[Value, Value, Value], share: Value, tiles: bool) -> None:
    """Add (`tiles`: write) a share at all places of output (i, j), from channel c on."""
    i, j, c = at
    for k, _ in _places(s, n, i, j, c):
        s.y.store(share if tiles else s.y.load(k, share.lanes) + share, k)


def _spread_maxima(element: Type, lanes: int, tiles: bool) -> Module:
    """The transpose of maxima with channels last: y += x where the maxima of `of` lie; items are images."""
    m = Module()
    s = Slots(m, element)
    f, channels = s.f, s.at["channels"]
    middle = channels & -lanes
    for n in f.range(s.lo, s.hi):
        for i in f.range(0, s.at["rows"]):
            for j in f.range(0, s.at["columns"]):
                given = s.x.at(((n * s.at["rows"] + i) * s.at["columns"] + j) * channels)
                for start, stop, wide in ((0, middle, lanes), (middle, channels, 1)):
                    for c in f.range(start, stop, wide):
                        _spread_maximum(s, n, (i, j, c), given.load(c, wide), tiles)
    f.ret()
    return m


def _spread_maximum(s: Slots, n: Value, at: tuple[Value, Value, Value], given: Value, tiles: bool) -> None:
    """Add (`tiles`: write) numbers where the maxima of output (i, j) lie, from channel c on."""
    i, j, c = at
    state = Maximum(s.f, given.type, _place(s.row_start[i], s.column_start[j], s))
    for k, place in _places(s, n, i, j, c):
        state.meet(s.of.load(k, given.lanes), place.splat(given.lanes))
    for k, place in _places(s, n, i, j, c):
        share = (state.place == place).select(given, 0)
        s.y.store(share if tiles else s.y.load(k, given.lanes) + share, k)


def _places(s: Slots, n: Value, i: Value, j: Value, c: Value) -> Iterator[tuple[Value, Value]]:
    """The places of output (i, j): where channel c of them lies, and their numbers in the plane."""
    for r in s.f.range(s.row_start[i], s.row_end[i], s.at["row_step"]):
        line = (n * s.at["height"] + r) * s.at["width"]
        for k in s.f.range(s.column_start[j], s.column_end[j], s.at["column_step"]):
            yield (line + k) * s.at["channels"] + c, _place(r, k, s)


def _means(element: Type, target: Target) -> Module:
    """y[plane] = the mean of x[plane, :]; items are planes, `width` their size."""
    m = Module()
    s = Slots(m, element)
    f, n, lanes = s.f, s.at["width"], target.lanes(element)
    middle = n & -lanes
    for plane in f.range(s.lo, s.hi):
        x, sums = s.x.at(plane * n), f.var(f.const(element.x(lanes), 0))
        for k in f.range(0, middle, lanes):
            sums += x.load(k, lanes)
        if target.masks:
            with f.when(middle < n):
                sums += x.load(middle, lanes, f.below(n - middle, lanes))
        total = f.var(sums.now.fold(lambda a, b: a + b))
        if not target.masks:
            for k in f.range(middle, n):
                total += x[k]
        s.y[plane] = total / s.divisor[0]
    f.ret()
    return m


@cache
def planes(element: str, maximum: bool, indices: bool, even: Columns) -> Kernel:
    """Maxima or means over planes."""
    kind, t = Maximum if maximum else Mean, NUMBERS[element]
    key = ("pool planes", element, maximum, indices, even)
    return Kernel(key, lambda target: _planes(t, kind, indices, even))


@cache
def channels(element: str, maximum: bool, indices: bool, lanes: int) -> Kernel:
    """Maxima or means with channels last, by vectors of `lanes` channels."""
    kind, t = Maximum if maximum else Mean, NUMBERS[element]
    key = ("pool channels", element, maximum, indices, lanes)
    return Kernel(key, lambda target: _channels(t, kind, indices, lanes))


@cache
def spread_planes(element: str, even: Columns, tiles: bool) -> Kernel:
    """The transpose of means over planes; outputs that `tiles` the plane write it, `even` ones two by two."""
    key = ("spread planes", element, even, tiles)
    return Kernel(key, lambda target: _spread_planes(NUMBERS[element], even, tiles))


@cache
def spread_channels(element: str, lanes: int, tiles: bool) -> Kernel:
    """The transpose of means with channels last."""
    key = ("spread channels", element, lanes, tiles)
    return Kernel(key, lambda target: _spread_channels(NUMBERS[element], lanes, tiles))


def wide(element: str, channels: int, target: Target) -> int:
    """How many channels are pooled together: four vectors, if there are so many."""
    return min(4 * target.lanes(NUMBERS[element]), 1 << channels.bit_length() - 1)


@cache
def spread_maxima(element: str, lanes: int, tiles: bool) -> Kernel:
    """The transpose of maxima with channels last; the slot of divisors holds what was pooled."""
    key = ("spread maxima", element, lanes, tiles)
    return Kernel(key, lambda target: _spread_maxima(NUMBERS[element], lanes, tiles))


@cache
def means(element: str) -> Kernel:
    """The means of whole planes."""
    return Kernel(("plane means", element), lambda target: _means(NUMBERS[element], target))
