"""Products of bfloat16 matrices by the instruction that adds two products to a float32 at once.

It takes pairs of neighbours along k, so both operands are laid out anew as panels of pairs: of B once for a
band of k, of a group of A's rows before they meet B's panels. Sums are kept in float32 from band to band, and
rounded once. The operands may have any strides; C's and D's rows are contiguous.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import ceil
from typing import Any, NamedTuple

from . import halves
from .gemm import Form, begin, locate
from .ir import Function, Module
from .targets import Target
from .tile import Tile, even, most_rows
from .turning import smaller, turned
from .types import bf16, f32, i64, u16, u32, void
from .values import Value

LANES = 16  # float32s, or pairs, in a register
SPARE = LANES  # pairs behind a panel that may be written
NEAR = 512 << 10  # bytes of B's panels that stay in L2 together
DEEP = 2048  # of the depth, at most, in a band
TALL = 512  # rows of an item, about, whose sums are kept from one band to the next


def form(target: Target, rows: int, columns: int, added: bool) -> Form:
    """The tile: as even as it can be, in the registers there are."""
    most = 4 if rows <= most_rows(target, 4) else 2
    vectors = min(most, ceil(columns / LANES))
    return Form(bf16, even(rows, most_rows(target, vectors)), vectors, LANES, added=added)


def blocks(tile: Form, rows: int, columns: int, depth: int, wanted: int) -> tuple[int, ...]:
    """How C is cut into about `wanted` items whose parts of B are near: down, across, tall, wide, split."""
    high, broad = ceil(rows / tile.rows), ceil(columns / tile.width)
    near = max(1, NEAR // (2 * min(depth, DEEP) * tile.width))
    across = min(broad, ceil(ceil(broad / near) / wanted) * wanted)
    wide = ceil(broad / across)
    across = ceil(broad / wide)
    least = ceil(high * tile.rows / TALL) if depth > DEEP else 1
    tall = ceil(high / max(least, min(high, wanted // across)))
    return ceil(high / tall), across, tall * tile.rows, wide * tile.width, columns


def room(tile: Form, depth: int, tall: int, wide: int) -> int:
    """How many words a thread needs room for, where an item is of `tall` x `wide` elements."""
    panels = (ceil(min(depth, DEEP) / 2) + SPARE) * (tile.rows + wide)
    return panels + (tall * wide if depth > DEEP else 0)


def product(form: Form) -> Any:
    """What writes the kernel of a form. C has at least as many rows as a tile."""

    def make(_: Target) -> Module:
        m = Module()
        for width in {form.rows, form.width}:
            _define_pack(m, f"pack_{width}", width)
        f, lo, hi, tid, s = begin(m, form, b_column=i64, room=i64, scratch=u32.pointer)
        s.pairs = (smaller(s.depth, DEEP) + 1) >> 1  # of a band, with one more than the last may have
        s.panel_a = s.scratch.at(tid * s.room)
        s.panels = s.panel_a.at((s.pairs + SPARE) * form.rows)
        s.sums = s.panels.at((s.pairs + SPARE) * s.wide).of(f32)
        for item in f.range(lo, hi):
            locate(s, item)
            for k in f.range(0, s.depth, DEEP):
                _band(f, form, s, k)
        f.ret()
        return m

    return make


def _band(f: Function, form: Form, s: Any, k: Value) -> None:
    """What a band of the depth from k on adds to one block of one matrix."""
    end, count = smaller(s.first_column + s.wide, s.columns), smaller(s.depth - k, DEEP)
    for j in f.range(s.first_column, end, form.width):
        there = smaller(s.columns - j, form.width)
        source = s.B.at(j * s.b_column + k * s.b_step).of(u16)
        f.call(f"pack_{form.width}", void, count, source, s.b_column, s.b_step, there, _panel(s, j))
    for i in f.range(s.first_row, smaller(s.first_row + s.tall, s.rows), form.rows):
        top = smaller(i, s.rows - form.rows)
        source = s.A.at(top * s.a_row + k * s.a_step).of(u16)
        f.call(f"pack_{form.rows}", void, count, source, s.a_row, s.a_step, form.rows, s.panel_a)
        for j in f.range(s.first_column, end, form.width):
            # by the group's own number: rows that two groups have are summed twice
            kept = s.sums.at((i - s.first_row) * s.wide + (j - s.first_column))
            _tile(f, form, s, Part(top, j, k, count, kept))


def _panel(s: Any, j: Value) -> Value:
    return s.panels.at((j - s.first_column) * (s.pairs + SPARE))


class Part(NamedTuple):
    """A tile's first row and column, the first and the number of what is summed, and where sums are kept."""

    top: Value
    left: Value
    first: Value
    count: Value
    kept: Value


def _tile(f: Function, form: Form, s: Any, part: Part) -> None:
    """A band's part of the sums of a tile of C, and what is made of them behind the last band."""
    tile = _Pairs(f, f32, form.rows, form.vectors, LANES)
    places = [(i, v, total) for i, row in enumerate(tile.sums) for v, total in enumerate(row)]
    with f.when(part.first > 0):
        for i, v, total in places:
            total.set(part.kept.load(s.wide * i + v * LANES, LANES))
    a, b = f.var(s.panel_a), f.var(_panel(s, part.left))
    for _ in f.range(0, (part.count + 1) >> 1):
        line = [b.load(v * LANES, LANES) for v in range(form.vectors)]
        tile.step((a.at(i).load() for i in range(form.rows)), line)
        a.set(a.at(form.rows))
        b.set(b.at(form.width))
    with f.when(part.first + part.count < s.depth):
        for i, v, total in places:
            part.kept.store(total.now, s.wide * i + v * LANES)
    with f.otherwise():
        for i, v, total in places:
            _finish(f, form, s, total.now, part.top + i, part.left + v * LANES)


def _finish(f: Function, form: Form, s: Any, value: Value, row: Value, column: Value) -> None:
    """Round a vector of sums into C."""
    inside = f.below(s.columns - column, LANES)
    if form.added:
        value = value + halves.load(s.D, row * s.d_row + column, LANES, inside)
    halves.store(s.C, value, row * s.c_row + column, inside)


class _Pairs(Tile):
    """A tile whose step adds two products at once: scalars and lanes are pairs."""

    def step(self, scalars: Iterable[Any], vectors: Sequence[Any]) -> None:
        """Add the outer products of two columns of A and two rows of B."""
        for x, row in zip(scalars, self.sums, strict=True):
            wide = x.now.splat(self.lanes)
            for y, total in zip(vectors, row, strict=True):
                total.set(halves.add_products(y, wide, total.now))


# -- panels ---------------------------------------------------------------------------------------------


def _define_pack(m: Module, name: str, width: int) -> None:
    """name(n, x, row, step, there, y): y[p·width + r] = x[r·row + 2p·step] and its neighbour along the step.

    For 2p < n and r < `there`; what would be x[.. + n·step] is 0. Neighbours along r are interleaved, pairs
    that lie together turned in squares of registers.
    """
    f = m.function(name, internal=True, n=i64, x=u16.pointer, row=i64, step=i64, there=i64, y=u32.pointer)
    n, x, row, step, there, y = f.args
    whole = n >> 1
    done = f.var(0)
    with f.when(row == 1):
        _interleave(f, whole, x, step, there, y, width)
        done.set(whole)
    with f.when((row != 1) & (step == 1) & (whole >= LANES)):
        _turn(f, whole, x, row, there, y, width)
        done.set(whole)
    for p in f.range(done, (n + 1) >> 1):
        for r in f.range(0, there):
            at = x.at(r * row + p * step * 2)
            pair = f.var(at[0].to(u32))
            with f.when(p < whole):
                pair.set(pair | (at[step].to(u32) << 16))
            y[p * width + r] = pair
    f.ret()


def _interleave(f: Function, pairs: Value, x: Value, step: Value, there: Value, y: Value, width: int) -> None:
    """Two rows of x become one row of pairs."""
    order = [k // 2 + LANES * (k % 2) for k in range(2 * LANES)]
    masks = [f.below(there - r, LANES) for r in range(0, width, LANES)]
    for p in f.range(0, pairs):
        first, second = x.at(p * step * 2), x.at(p * step * 2 + step)
        for r, inside in zip(range(0, width, LANES), masks, strict=True):
            low, high = (line.load(r, LANES, inside) for line in (first, second))
            y.store(low.shuffle(order, high).bits(u32), p * width + r)


def _turn(f: Function, pairs: Value, x: Value, row: Value, there: Value, y: Value, width: int) -> None:
    """Squares of pairs turned over; the last ones are moved back to the end of the panel."""
    last = there - 1
    rows = [x.at(row * smaller(last, r)).of(u32) for r in range(width)]
    for start in f.range(0, pairs, LANES):
        k = smaller(start, pairs - LANES)
        for r in range(0, width, LANES):
            square = [rows[min(r + i, width - 1)].load(k, LANES, align=2) for i in range(LANES)]
            for i, column in enumerate(turned(square)):
                y.store(column, (k + i) * width + r)
