"""Products where B is read in bands: C = α·A·B + β·D (Goto, van de Geijn 2008, but in place where it can be).

A band of rows of B meets all rows of A, as many at a time as there are registers for, and what comes of it is
added to C. Of few rows of A, B is read once, and should come as memory likes to give it: from left to right,
as so many streams, the next band being asked for meanwhile. Of many, a band stays in L2; there it can be
`packed`: laid out anew, as panels of a tile's columns. So can a group of rows of A, which stays in L1. A may
have any strides, and B's rows too where bands are packed, else they are contiguous, as C's are.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, NamedTuple

from .gemm import Form, begin, locate
from .gemm_pack import define_pack
from .ir import Function, Module
from .targets import Target
from .tile import Tile, multiples, strided
from .turning import smaller
from .types import Type, i64, void
from .values import Value

FEWEST = 4  # rows of A up to which memory is what is waited for
NARROW = 4  # rows of B in a band then, or 2 for 1 or 2 rows of A: their scalars stay in registers
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
    """What writes the kernel of a form. C has at least as many columns as a tile.

    There are `bands` of `band` rows of B, or one less; and `groups` of as many rows of A as a tile has, or,
    where some are `shorter`, one less: an item's `tall` of them. What is packed has as many steps of k as a
    vector has lanes at least; `room` is a thread's part of `scratch`.
    """

    def make(target: Target) -> Module:
        m = Module()
        more: dict[str, Type] = dict(band=i64, bands=i64, groups=i64)
        if form.packed or form.packed_a:
            more |= dict(b_column=i64, room=i64, scratch=form.type.pointer)
        if form.packed:
            define_pack(m, "pack", form.type, target, form.width)
        if form.packed_a:
            for rows in (form.rows, form.rows - 1)[: 1 + form.shorter]:
                define_pack(m, f"pack_{rows}", form.type, target, rows)
        f, lo, hi, tid, s = begin(m, form, **more)
        s.multiples = None if form.packed_a else multiples(s.a_row * form.type.size, form.rows)
        if form.packed or form.packed_a:
            s.panel_a = s.scratch.at(tid * s.room)
            s.panels = s.panel_a.at((s.band + 2 * form.lanes) * form.rows)
        for item in f.range(lo, hi):
            locate(s, item)
            s.end = smaller(s.first_column + s.wide, s.columns)
            _by_groups(f, form, s) if form.rows > FEWEST else _once(f, form, s)
        f.ret()
        return m

    return make


# -- bands ----------------------------------------------------------------------------------------------


def _once(f: Function, form: Form, s: Any) -> None:
    """All of few rows, whose numbers for a band are in registers."""
    height = NARROW if form.rows > 2 else 2
    s.ahead = _near(s, height).select(s.b_step * height, SOON)
    whole = s.depth & -height
    for k in f.range(0, whole, height):
        _across(f, form, s, _band(form, s, k, height))
    for k in f.range(whole, s.depth):
        _across(f, form, s, _band(form, s, k, 1))


def _band(form: Form, s: Any, k: Value, count: int) -> Band:
    """A band whose scalars are in registers."""
    rows = [s.B.at((k + u) * s.b_step) for u in range(count)]
    return Band(k, count, rows, [_scalars(form, s, s.A.at((k + u) * s.a_step)) for u in range(count)])


def _scalars(form: Form, s: Any, a: Any) -> list[Value]:
    """A column of A, in all lanes."""
    scalars = [at.load() for at in strided(a, s.multiples, form.rows)]
    return [(x * s.alpha.to(form.type) if form.scaled else x).splat(form.lanes) for x in scalars]


def _by_groups(f: Function, form: Form, s: Any) -> None:
    """Band by band the groups of an item."""
    s.ahead = _near(s, s.band).select(s.b_step * s.band, 2 * form.width)
    short = form._replace(rows=form.rows - 1)
    tall = s.rows - s.groups * short.rows  # groups that have all rows of a tile
    high = s.depth - s.bands * (s.band - 1)  # bands that have all rows
    for k in f.range(0, s.bands):
        start = k * (s.band - 1) + smaller(k, high)
        band = Band(start, s.band - 1 + (k < high).to(i64), [], [])
        if form.packed:
            _pack(f, form, s, band)
        for g in f.range(s.first_row, smaller(s.first_row + s.tall, s.groups)):
            there = _shifted(s, g * short.rows + smaller(g, tall))
            if not form.shorter:
                _meet(f, form, there, band)
                continue
            with f.when(g < tall):
                _meet(f, form, there, band)
            with f.otherwise():
                _meet(f, short, there, band)


def _meet(f: Function, form: Form, s: Any, band: Band) -> None:
    """A band and a group of rows."""
    if form.packed_a:
        source = s.A.at(band.first * s.a_step)
        f.call(f"pack_{form.rows}", void, band.count, source, s.a_row, s.a_step, s.panel_a)
    _across(f, form, s, band)


def _near(s: Any, height: Any) -> Value:
    """Whether a band is so short that the next one is asked for."""
    return (s.end - s.first_column) * height <= AHEAD


def _shifted(s: Any, row: Value) -> Any:
    """The product of the rows from one on."""
    places = dict(A=s.A.at(s.a_row * row), C=s.C.at(s.c_row * row), D=s.D.at(s.d_row * row))
    return SimpleNamespace(**vars(s) | places)


def _pack(f: Function, form: Form, s: Any, band: Band) -> None:
    """Lay a band out as panels; the last is that of the last tile."""
    for j in f.range(s.first_column, s.end, form.width):
        source = s.B.at(band.first * s.b_step + smaller(j, s.end - form.width) * s.b_column)
        f.call("pack", void, band.count, source, s.b_column, s.b_step, _panel(s, j))


def _panel(s: Any, j: Value) -> Value:
    return s.panels.at((j - s.first_column) * s.band)


# -- tiles ----------------------------------------------------------------------------------------------


class Part(NamedTuple):
    """Columns of C that a tile computes: the first; where the tile's part of a packed band begins; and how
    many of its columns are done already.
    """

    left: Value
    panel: Value | None = None
    done: Value | None = None


def _across(f: Function, form: Form, s: Any, band: Band) -> None:
    """A band's part of the sums; the last tile is moved back, and leaves alone what is done.

    It has one vector if that is enough.
    """
    for j in f.range(s.first_column, s.end - (form.width - 1), form.width):
        _tile(f, form, s, band, Part(j, _panel(s, j) if form.packed else None))
    rest = (s.end - s.first_column) % form.width
    last = s.end - rest
    narrow = form.rows > FEWEST and form.vectors > 1
    with f.when(rest > (form.lanes if narrow else 0)):
        _last(f, form, form, s, band, last)
    if narrow:
        with f.when((rest > 0) & (rest <= form.lanes)):
            _last(f, form._replace(vectors=1), form, s, band, last)


def _last(f: Function, form: Form, whole: Form, s: Any, band: Band, j: Value) -> None:
    """The last tile, of the form `form`, where columns from j on are left."""
    left = s.end - form.width
    panel = _panel(s, j).at(whole.width - form.width) if form.packed else None
    _tile(f, form, s, band, Part(left, panel, j - left), whole.width)


def _tile(f: Function, form: Form, s: Any, band: Band, part: Part, step: int = 0) -> None:
    """A band's part of the sums of one tile, but for the columns that are done.

    Of packed bands, `step` is from one row to the next; a tile's width by default.
    """
    tile = Tile(f, form.type, form.rows, form.vectors, form.lanes)
    _begin(f, form, s, tile, band.first, part.left)
    for row, scalars in zip(band.rows, band.scalars, strict=True):
        tile.step(scalars, _line(form, s, row.at(part.left)))
    if not band.rows:
        place = s.B.at(band.first * s.b_step + part.left) if part.panel is None else part.panel
        a = f.var(s.panel_a if form.packed_a else s.A.at(band.first * s.a_step))
        b = f.var(place)
        for _ in f.range(0, band.count):
            line = _line(form, s, b.now)
            scalars = (at.load() for at in strided(a, s.multiples, form.rows))
            tile.step((x * s.alpha.to(form.type) for x in scalars) if form.scaled else scalars, line)
            a.set(a.at(form.rows if form.packed_a else s.a_step))
            b.set(b.at((step or form.width) if form.packed else s.b_step))
    for i, v, total in _places(tile):
        place = v * form.lanes
        mask = None if part.done is None else ~f.below(part.done - place, form.lanes)
        s.C.store(total.now, s.c_row * i + part.left + place, mask)


def _line(form: Form, s: Any, b: Value) -> list[Value]:
    """The vectors of a row of B. What comes a band later is asked for."""
    places = [v * form.lanes for v in range(form.vectors)]
    for place in places:
        if place * form.type.size % LINE == 0 and not form.packed:
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
