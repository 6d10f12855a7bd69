"""Products of large matrices: C = α·A·B + β·D by blocks that stay in the caches (Goto, van de Geijn 2008).

For every block of k, the block's part of B is laid out as panels that stay in L2; then one panel of A after
another, which stays in L1, meets all of them. Operands may have any strides; C's rows are contiguous.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from .gemm import Form, begin, locate
from .gemm_pack import define_pack
from .ir import Function, Module
from .targets import Target
from .tile import Tile, fma
from .turning import smaller
from .types import i64, void
from .values import Value

UNROLL = 4


def product(form: Form) -> Any:
    """What writes the kernel of a form. C is at least as large as a tile, k as long as a vector.

    `deep` is the size of a block of k, `b_column` a stride of B, `room` a thread's part of `scratch`.
    """

    def make(target: Target) -> Module:
        m = Module()
        define_pack(m, "pack_a", form.type, target, form.rows)
        define_pack(m, "pack_b", form.type, target, form.width)
        f, lo, hi, tid, s = begin(m, form, deep=i64, b_column=i64, room=i64, scratch=form.type.pointer)
        s.panel_a = s.scratch.at(tid * s.room)
        s.panels_b = s.panel_a.at((s.deep + 2 * form.lanes) * form.rows)
        s.edge = f.stack(form.type, form.rows * form.width)
        for item in f.range(lo, hi):
            locate(s, item)
            for k in f.range(0, s.depth, s.deep):
                _block(f, form, s, k, smaller(s.depth - k, s.deep))
        f.ret()
        return m

    return make


def _block(f: Function, form: Form, s: Any, k: Value, n: Value) -> None:
    """Add steps k to k + n of the sums to one block of C."""
    end_row = smaller(s.first_row + s.tall, s.rows)
    end_column = smaller(s.first_column + s.wide, s.columns)
    panel = form.width * n
    for j in f.range(s.first_column, end_column, form.width):
        left = smaller(j, s.columns - form.width)
        goal = s.panels_b.at((j - s.first_column) * n)
        f.call("pack_b", void, n, s.B.at(k * s.b_step + left * s.b_column), s.b_column, s.b_step, goal)
    for i in f.range(s.first_row, end_row, form.rows):
        top = smaller(i, s.rows - form.rows)
        f.call("pack_a", void, n, s.A.at(top * s.a_row + k * s.a_step), s.a_row, s.a_step, s.panel_a)
        b = f.var(s.panels_b)
        for j in f.range(s.first_column, end_column, form.width):
            left = smaller(j, s.columns - form.width)
            tile = _sums(f, form, s.panel_a, b.now, n)
            _finish(f, form, s, tile, Place(k, top, left, i - top, j - left))
            b.set(b.at(panel))


class Place(NamedTuple):
    """Where a tile belongs: the steps before it, its first row and column, and how many of each are done."""

    k: Value
    top: Value
    left: Value
    rows: Value
    columns: Value


def _sums(f: Function, form: Form, a: Value, b: Value, n: Value) -> Tile:
    """The sums of one panel of A with one of B."""
    tile = Tile(f, form.type, form.rows, form.vectors, form.lanes)
    x, y = f.var(a), f.var(b)
    whole = n & -UNROLL
    for count, start, stop in ((UNROLL, 0, whole), (1, whole, n)):
        for _ in f.range(start, stop, count):
            for u in range(count):
                line = [y.load(u * form.width + v * form.lanes, form.lanes) for v in range(form.vectors)]
                tile.step((x.load(u * form.rows + i) for i in range(form.rows)), line)
            x.set(x.at(count * form.rows))
            y.set(y.at(count * form.width))
    return tile


def _finish(f: Function, form: Form, s: Any, tile: Tile, place: Place) -> None:
    """Make of the sums what C gets: rows of vectors, or the part of a tile that no other tile has done."""
    alpha, beta = s.alpha.to(form.type), s.beta.to(form.type)
    with f.when((place.rows | place.columns) == 0):
        with f.when(place.k == 0):
            _store(f, form, s, tile, place, beta if form.added else None)
        with f.otherwise():
            _store(f, form, s, tile, place, None, again=True)
    with f.otherwise():
        for i, row in enumerate(tile.sums):
            for v, total in enumerate(row):
                s.edge.store(total, i * form.width + v * form.lanes)
        for i in f.range(place.rows, form.rows):
            for j in f.range(place.columns, form.width):
                _element(f, form, s, s.edge.load(i * form.width + j) * alpha, place, i, j, beta)


def _store(f: Function, form: Form, s: Any, tile: Tile, at: Place, beta: Any, again: bool = False) -> None:
    """A whole tile: α·sums, with β·D for the first steps, with what C has already for those that follow."""
    for i, row in enumerate(tile.sums):
        line = s.C.at((at.top + i) * s.c_row + at.left)
        addend = s.D.at((at.top + i) * s.d_row + at.left) if beta is not None else line
        for v, total in enumerate(row):
            place = v * form.lanes
            value = total * s.alpha.to(form.type) if form.scaled else total.now
            if again:
                value = value + line.load(place, form.lanes)
            elif beta is not None:
                value = fma(addend.load(place, form.lanes), beta, value)
            line.store(value, place)


def _element(
    f: Function, form: Form, s: Any, value: Value, at: Place, i: Value, j: Value, beta: Value
) -> None:
    """One element of C, as `_store` makes it."""
    goal = s.C.at((at.top + i) * s.c_row + at.left + j)
    total = f.var(value)
    with f.when(at.k != 0):
        total.set(value + goal.load())
    if form.added:
        with f.when(at.k == 0):
            total.set(fma(s.D.load((at.top + i) * s.d_row + at.left + j), beta, value))
    goal.store(total.now)
