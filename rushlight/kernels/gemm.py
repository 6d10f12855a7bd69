"""Products of matrices read in place: C = α·A·B + β·D for one matrix or a stack of them.

A may have any strides; B's and C's rows are contiguous. C is cut into tiles of `rows` x `vectors` registers
that take all of the sum over k; the last tile of a row or column is moved back until it fits, and what two
tiles share is computed twice, to the same bits. So there are no edges, and an element's sum has one order
whoever computes it.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, NamedTuple

from .ir import Function, Module
from .launch import entry
from .targets import Target
from .tile import Tile, fma, multiples, strided
from .turning import smaller
from .types import Type, f64, i64, u32
from .values import Value, Var


class Form(NamedTuple):
    """What a kernel is specialised for."""

    type: Type
    rows: int  # of a tile
    vectors: int  # a tile's columns are vectors · lanes
    lanes: int
    narrow: bool = False  # the tiles behind `split` have one vector less
    masked: bool = False  # C has fewer columns than one vector has lanes
    added: bool = False  # there is a D
    scaled: bool = False  # α is not 1
    by_columns: bool = False  # column after column of tiles, not row after row: B, read once, is the larger
    shorter: bool = False  # some tiles have one row less
    packed: bool = False  # bands of B are laid out anew
    packed_a: bool = False  # and the rows of A that meet them
    turned: bool = False  # B's columns lie in a row; B is small, and laid out anew for every item

    @property
    def width(self) -> int:
        """Columns of a tile."""
        return self.vectors * self.lanes

    @property
    def chains(self) -> int:
        """Independent sums per element: enough that 8 additions, the latency of two units, are under way."""
        return 1 << max(0, (8 // (self.rows * self.vectors)).bit_length() - 1)


#: how each matrix is cut: into `down` x `across` blocks of `tall` x `wide` elements, one item each
GRID = dict(down=i64, across=i64, tall=i64, wide=i64, split=i64, inner=i64)
#: from one matrix of a stack to the next: stacks are `outer` x `inner` matrices
STACKS = dict(a_outer=i64, a_inner=i64, b_outer=i64, b_inner=i64, d_outer=i64, d_inner=i64, c_inner=i64)
SIZES = dict(rows=i64, columns=i64, depth=i64, a_row=i64, a_step=i64, b_step=i64, c_row=i64, d_row=i64)


def begin(m: Module, form: Form, **more: Type) -> tuple[Function, Value, Value, Value, Any]:
    """A product's kernel, the range of its items, the thread's number, and its arguments by name."""
    t = form.type.pointer
    types = dict(a=t, b=t, c=t, d=t, alpha=f64, beta=f64) | SIZES | GRID | STACKS | more
    f, lo, hi, tid, values = entry(m, "kernel", False, **types)
    return f, lo, hi, tid, SimpleNamespace(**dict(zip(types, values, strict=True)))


MOST_TURNED = 4096  # elements of B


def product(form: Form) -> Any:
    """What writes the kernel of a form. C has at least as many rows as a tile."""

    def make(target: Target) -> Module:
        m = Module()
        f, lo, hi, _, s = begin(m, form, **({"b_column": i64} if form.turned else {}))
        s.multiples = multiples(s.a_row * form.type.size, form.rows)
        room = f.stack(form.type, MOST_TURNED) if form.turned else None
        for item in f.range(lo, hi):
            locate(s, item)
            if room is not None:
                _lay_out(f, s, room)
            end = smaller(s.first_column + s.wide, s.columns)
            for i in f.range(s.first_row, smaller(s.first_row + s.tall, s.rows), form.rows):
                top = smaller(i, s.rows - form.rows)
                for j in f.range(s.first_column, smaller(end, s.split), form.width):
                    _tile(f, form, s, top, j)
                if form.narrow:
                    rest = form._replace(vectors=form.vectors - 1)
                    for j in f.range(larger(s.first_column, s.split), end, rest.width):
                        _tile(f, rest, s, top, j)
        f.ret()
        return m

    return make


def _lay_out(f: Function, s: Any, room: Value) -> None:
    """B with its rows contiguous."""
    for j in f.range(0, s.columns):
        for k in f.range(0, s.depth):
            room[k * s.columns + j] = s.B[j * s.b_column + k * s.b_step]
    s.B = room


def locate(s: Any, item: Value) -> None:
    """Which block of which matrix an item is: its first row and column, and where the matrices are."""
    matrix, block = _divide(item, s.down * s.across)
    down, across = _divide(block, s.across)
    outer, inner = _divide(matrix, s.inner)
    s.first_row, s.first_column = down * s.tall, across * s.wide
    s.A = s.a.at(outer * s.a_outer + inner * s.a_inner)
    s.B = s.b.at(outer * s.b_outer + inner * s.b_inner)
    s.C = s.c.at(matrix * s.c_inner)
    s.D = s.d.at(outer * s.d_outer + inner * s.d_inner)


def _divide(x: Value, y: Value) -> tuple[Value, Value]:
    """Quotient and remainder of numbers below 2^32 (a 64-bit division takes 90 cycles, this one 26)."""
    a, b = x.to(u32), y.to(u32)
    return (a // b).to(i64), (a % b).to(i64)


def larger(x: Any, y: Any) -> Value:
    """max(x, y)"""
    return (x > y).select(x, y)


def _tile(f: Function, form: Form, s: Any, top: Value, j: Value) -> None:
    """One tile of C, from column `j` or before: the sums over k, and what is made of them."""
    mask = f.below(s.columns, form.lanes) if form.masked else None
    left = larger(smaller(j, s.columns - form.width), 0)
    end = left + smaller(s.columns, form.width)
    places = [left + v * form.lanes for v in range(form.vectors - 1)]
    places.append(left if form.masked else end - form.lanes)
    alpha, beta = s.alpha.to(form.type), s.beta.to(form.type)
    for i, row in enumerate(_sums(f, form, s, top, places, mask)):
        for place, total in zip(places, row, strict=True):
            value = total * alpha if form.scaled else total
            if form.added:
                value = fma(s.D.load((top + i) * s.d_row + place, form.lanes, mask), beta, value)
            s.C.store(value, (top + i) * s.c_row + place, mask)


def _sums(f: Function, form: Form, s: Any, top: Value, places: list[Value], mask: Any) -> list[list[Value]]:
    """Σ over k of A[i, k]·B[k, j], in `chains` interleaved parts."""
    tiles = [Tile(f, form.type, form.rows, form.vectors, form.lanes) for _ in range(form.chains)]
    a, b = f.var(s.A.at(top * s.a_row)), f.var(s.B.at(places[0]))
    offsets = [place - places[0] for place in places]
    row = s.multiples
    whole, step = s.depth & -form.chains, s.columns if form.turned else s.b_step
    for _ in f.range(0, whole, form.chains):
        for tile in tiles:
            _step(form, tile, a, b, row, offsets, mask)
            a.set(a.at(s.a_step))
            b.set(b.at(step))
    if form.chains > 1:
        for _ in f.range(whole, s.depth):
            _step(form, tiles[0], a, b, row, offsets, mask)
            a.set(a.at(s.a_step))
            b.set(b.at(step))
    return _added(tiles)


def _step(form: Form, tile: Tile, a: Var, b: Var, row: Any, offsets: list[Value], mask: Any) -> None:
    """Add column k of A times row k of B."""
    vectors = [b.load(offset, form.lanes, mask) for offset in offsets]
    tile.step((at.load() for at in strided(a, row, form.rows)), vectors)


def _added(tiles: list[Tile]) -> list[list[Value]]:
    """The sums of several tiles together, pairs first."""
    parts = [[[total.now for total in row] for row in tile.sums] for tile in tiles]
    while len(parts) > 1:
        half = len(parts) // 2
        pairs = zip(parts[:half], parts[half:], strict=True)
        parts = [[[p + q for p, q in zip(x, y)] for x, y in zip(first, second)] for first, second in pairs]
    return parts[0]
