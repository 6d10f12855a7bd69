"""Products with few rows: C = α·A·B + β·D where B is read once, and should come as memory likes to give it.

A band of rows of B is read from left to right, as so many streams, and added to C, which stays in the caches;
the band after it is asked for meanwhile. Rows of A too many for the registers meet a band group by group.
A may have any strides; B's and C's rows are contiguous.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil
from types import SimpleNamespace
from typing import Any, NamedTuple

from .gemm import Form, begin, locate
from .ir import Function, Module
from .targets import Target
from .tile import Tile, most_rows, multiples, strided
from .turning import smaller
from .values import Value

FEWEST = 4  # rows of A up to which memory is what is waited for
NARROW = 4  # rows of B in a band then, or 2 for 1 or 2 rows of A: their scalars stay in registers
BAND = 32  # rows of B in a band otherwise: C is loaded and stored more seldom
AHEAD = 4096  # numbers in a band up to which the next one is asked for; else what follows in the row:
SOON = 256  # numbers on where memory is waited for, else two tiles
LINE = 64  # bytes that come at once


class Band(NamedTuple):
    """Rows of B: the first, how many, their pointers, and the scalars of A that they meet."""

    first: Value
    count: Any
    rows: list[Value]
    scalars: list[list[Value]]


def product(form: Form) -> Any:
    """What writes the kernel of a form, with all rows of C. C has at least as many columns as a tile."""

    def make(target: Target) -> Module:
        m = Module()
        most = most_rows(target, form.vectors)
        f, lo, hi, _, s = begin(m, form)
        s.multiples = multiples(s.a_row * form.type.size, min(form.rows, most))
        height = _height(form)
        for item in f.range(lo, hi):
            locate(s, item)
            s.end = smaller(s.first_column + s.wide, s.columns)
            near = (s.end - s.first_column) * height <= AHEAD
            s.ahead = near.select(s.b_step * height, 2 * form.width if form.rows > FEWEST else SOON)
            if form.rows > FEWEST:
                groups = list(_groups(form, s, most))
                for k in f.range(0, s.depth, BAND):
                    for group, t in groups:
                        _across(f, group, t, Band(k, smaller(s.depth - k, BAND), [], []))
            else:
                whole = s.depth & -height
                for k in f.range(0, whole, height):
                    _across(f, form, s, _band(form, s, k, height))
                for k in f.range(whole, s.depth):
                    _across(f, form, s, _band(form, s, k, 1))
        f.ret()
        return m

    return make


def _groups(form: Form, s: Any, most: int) -> Iterator[tuple[Form, Any]]:
    """The rows of A and C in groups that fit registers, as even as can be, each as a product of its own."""
    count = ceil(form.rows / most)
    for g in range(count):
        start, end = (form.rows * k // count for k in (g, g + 1))
        places = dict(A=s.A.at(s.a_row * start), C=s.C.at(s.c_row * start), D=s.D.at(s.d_row * start))
        yield form._replace(rows=end - start), SimpleNamespace(**vars(s) | places)


def _height(form: Form) -> int:
    return BAND if form.rows > FEWEST else NARROW if form.rows > 2 else 2


def _band(form: Form, s: Any, k: Value, count: int) -> Band:
    """A band whose scalars are in registers."""
    rows = [s.B.at((k + u) * s.b_step) for u in range(count)]
    return Band(k, count, rows, [_scalars(form, s, s.A.at((k + u) * s.a_step)) for u in range(count)])


def _scalars(form: Form, s: Any, a: Any) -> list[Value]:
    """A column of A, in all lanes."""
    scalars = [at.load() for at in strided(a, s.multiples, form.rows)]
    return [(x * s.alpha.to(form.type) if form.scaled else x).splat(form.lanes) for x in scalars]


def _across(f: Function, form: Form, s: Any, band: Band) -> None:
    """A band's part of the sums; the last tile is moved back, and leaves alone what is done."""
    for j in f.range(s.first_column, s.end - (form.width - 1), form.width):
        _tile(f, form, s, band, j, None)
    rest = (s.end - s.first_column) & (form.width - 1)
    with f.when(rest > 0):
        left = s.columns - form.width
        _tile(f, form, s, band, left, s.end - rest - left)


def _tile(f: Function, form: Form, s: Any, band: Band, left: Value, done: Value | None) -> None:
    """A band's part of the sums of one tile, but for the columns that are done."""
    tile = Tile(f, form.type, form.rows, form.vectors, form.lanes)
    _begin(f, form, s, tile, band.first, left)
    for row, scalars in zip(band.rows, band.scalars, strict=True):
        tile.step(scalars, _line(form, s, row.at(left)))
    if not band.rows:
        a, b = f.var(s.A.at(band.first * s.a_step)), f.var(s.B.at(band.first * s.b_step + left))
        for _ in f.range(0, band.count):
            line = _line(form, s, b.now)
            scalars = (at.load() for at in strided(a, s.multiples, form.rows))
            tile.step((x * s.alpha.to(form.type) for x in scalars) if form.scaled else scalars, line)
            a.set(a.at(s.a_step))
            b.set(b.at(s.b_step))
    for i, v, total in _places(tile):
        place = v * form.lanes
        mask = None if done is None else ~f.below(done - place, form.lanes)
        s.C.store(total.now, s.c_row * i + left + place, mask)


def _line(form: Form, s: Any, b: Value) -> list[Value]:
    """The vectors of a row of B. What comes a band later is asked for."""
    places = [v * form.lanes for v in range(form.vectors)]
    for place in places:
        if place * form.type.size % LINE == 0:
            b.at(s.ahead).prefetch(place)
    return [b.load(place, form.lanes) for place in places]


def _begin(f: Function, form: Form, s: Any, tile: Tile, k: Value, left: Value) -> None:
    """What the sums start with: C, and in the first band β·D or nothing."""
    with f.when(k > 0):
        for i, v, total in _places(tile):
            total.set(s.C.load(s.c_row * i + left + v * form.lanes, form.lanes))
    if form.added:
        with f.otherwise():
            for i, v, total in _places(tile):
                total.set(s.D.load(s.d_row * i + left + v * form.lanes, form.lanes) * s.beta.to(form.type))


def _places(tile: Tile) -> list[tuple[int, int, Any]]:
    return [(i, v, total) for i, row in enumerate(tile.sums) for v, total in enumerate(row)]
