"""Products with few rows: C = α·A·B + β·D where B is read once, and should come as memory likes to give it.

A band of `BAND` rows of B is read from left to right, as so many streams that the processor sees coming, and
added to C, which stays in the caches. A may have any strides; B's and C's rows are contiguous.
"""

from __future__ import annotations

from typing import Any

from .gemm import Form, begin, locate
from .ir import Function, Module
from .targets import Target
from .tile import Tile, multiples, strided
from .turning import smaller
from .values import Value

BAND = 16


def product(form: Form) -> Any:
    """What writes the kernel of a form. C has as many rows as a tile, and at least as many columns."""

    def make(target: Target) -> Module:
        m = Module()
        f, lo, hi, _, s = begin(m, form)
        s.multiples = multiples(s.a_row * form.type.size, form.rows)
        for item in f.range(lo, hi):
            locate(s, item)
            for k in f.range(0, s.depth, BAND):
                end = smaller(s.first_column + s.wide, s.columns)
                for j in f.range(s.first_column, end, form.width):
                    _tile(f, form, s, k, j)
        f.ret()
        return m

    return make


def _tile(f: Function, form: Form, s: Any, k: Value, j: Value) -> None:
    """A band's part of the sums of one tile; the last one is moved back, and leaves alone what is done."""
    left = smaller(j, s.columns - form.width)
    tile = Tile(f, form.type, form.rows, form.vectors, form.lanes)
    _begin(f, form, s, tile, k, left)
    a, b = f.var(s.A.at(k * s.a_step)), f.var(s.B.at(k * s.b_step + left))
    for _ in f.range(0, smaller(s.depth - k, BAND)):
        line = [b.load(v * form.lanes, form.lanes) for v in range(form.vectors)]
        scalars = (at.load() for at in strided(a, s.multiples, form.rows))
        tile.step((x * s.alpha.to(form.type) for x in scalars) if form.scaled else scalars, line)
        a.set(a.at(s.a_step))
        b.set(b.at(s.b_step))
    with f.when(left == j):
        _store(f, form, s, tile, left, None)
    with f.otherwise():
        _store(f, form, s, tile, left, j - left)


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


def _store(f: Function, form: Form, s: Any, tile: Tile, left: Value, done: Value | None) -> None:
    """Write the tile to C, but for the columns that are done."""
    for i, v, total in _places(tile):
        place = v * form.lanes
        mask = None if done is None else ~f.below(done - place, form.lanes)
        s.C.store(total.now, s.c_row * i + left + place, mask)
