"""Which kernel multiplies two matrices, with which tiles, cut into which blocks.

What is decided here from the number of threads is only who computes what: the order of an element's sum
depends on the sizes and layouts alone. The limits between kernels were measured on a Skylake-SP.
"""

from __future__ import annotations

import functools
from math import ceil
from typing import NamedTuple

from . import gemm, gemm_dots, gemm_few, gemm_large
from .gemm import Form
from .launch import Kernel
from .targets import Target
from .tile import most_rows
from .types import Type

DEEP = 384  # steps of a block of k: a panel of A is then in L1, one of B in L2
WIDE = 512  # columns whose panels of B stay in L2 together
NEAR = 800 << 10  # bytes of B that are read in place, from L2, again and again
ACROSS = 8 << 20  # bytes of A that are read column by column again and again, from the caches
FAR = 128 << 10  # bytes of B from which few rows read it in bands
RUN = 2048  # bytes of a row of B, at least, that a thread reads for two rows of A, where it reads bands
MANY = 64  # rows, at most, that read B in bands where it is far (more than NEAR)
CLOSE = 512 << 10  # bytes of C then, at most: it stays in L2
FEW = 14  # rows, at most, for which a small B is not laid out anew
SHARED = 4e5  # multiplications and additions that are worth a second thread: 4 us
GENERATORS = dict(
    turned=gemm.product,
    direct=gemm.product,
    few=gemm_few.product,
    dots=gemm_dots.product,
    large=gemm_large.product,
)


class Layout(NamedTuple):
    """Sizes, and strides in elements, of C = A·B."""

    rows: int
    columns: int
    depth: int
    a_row: int
    a_step: int
    b_step: int
    b_column: int

    @property
    def turned(self) -> Layout:
        """Cᵀ = Bᵀ·Aᵀ."""
        n = self
        return Layout(n.columns, n.rows, n.depth, n.b_column, n.b_step, n.a_step, n.a_row)


class Plan(NamedTuple):
    """A kernel, how its items are shared out, and the part of its arguments that belongs to the shapes."""

    kernel: Kernel
    total: int
    grain: int
    blocks: tuple[int, ...]  # down, across, tall, wide, split
    tail: tuple[int, ...]  # what a kernel of this kind takes behind the stacks
    scratch: int  # bytes for each thread


def choose(target: Target, t: Type, layout: Layout) -> str:
    """The kind of kernel; "" where an operand must be copied first."""
    n, size = layout, t.size
    if n.b_column == 1:
        if _goes_by_bands(target, t, n):
            return "few"
        aliased = n.b_step * size % 2048 == 0 and n.depth >= 128
        across = n.a_row == 1 and n.rows * n.depth * size > ACROSS
        far = n.depth * n.columns * size > NEAR or aliased or across
        return "large" if far and _is_large(target, t, n) else "direct"
    if n.rows > FEW and n.depth < 2 * target.lanes(t) and n.depth * n.columns <= gemm.MOST_TURNED:
        return "turned"
    large = _is_large(target, t, n)
    if n.b_step == 1 and n.a_step == 1 and (not large or n.rows < 0.6 * n.depth):
        return "dots"
    return "large" if large else ""


def _goes_by_bands(target: Target, t: Type, n: Layout) -> bool:
    if n.columns < 4 * target.lanes(t):
        return False
    far = n.depth * n.columns * t.size
    if n.rows <= most_rows(target, 2):
        return far >= FAR
    return n.rows <= MANY and far > NEAR and n.rows * n.columns * t.size <= CLOSE


def _is_large(target: Target, t: Type, n: Layout) -> bool:
    return n.rows >= 30 and n.columns >= 4 * target.lanes(t) and n.depth >= 4 * target.lanes(t)


def copy_pays(target: Target, t: Type, layout: Layout) -> bool:
    """Whether B, whose columns lie in rows, is best laid out anew: A's numbers are then read once, and meet
    vectors of whole rows of B.
    """
    n = layout
    if n.b_column == 1 or n.rows < 128 or n.columns % target.lanes(t):
        return False
    return choose(target, t, n) == "dots" and n.columns < 4 * target.lanes(t)


def form(target: Target, t: Type, kind: str, n: Layout, added: bool, scaled: bool) -> Form:
    """The tile: as even as it can be, in the registers there are."""
    lanes = target.lanes(t)
    if kind == "dots":
        return _dots_form(target, t, n, added, scaled)
    if kind == "large":
        rows, vectors = _large_tile(target, n, lanes)
        return Form(t, rows, vectors, lanes, False, False, added, scaled)
    while n.columns < lanes and not target.masks:
        lanes //= 2
    parts = ceil(n.columns / lanes)
    many = 8 if n.rows <= 3 else 4
    most = min(many, 2 if target.registers == 16 else many)
    vectors = ceil(parts / ceil(parts / most))
    if kind == "few":
        vectors = 4 if gemm_few.FEWEST < n.rows <= most_rows(target, 4) else 2
    elif vectors > 2:  # the rows that tiles compute twice are fewest
        vectors = min(vectors, vectors - 1, key=lambda v: _rows_computed(target, n.rows, v))
    narrow = kind in ("direct", "turned") and parts % vectors != 0 and vectors > 1
    rows = n.rows if kind == "few" else _even(n.rows, most_rows(target, vectors))
    return Form(t, rows, vectors, lanes, narrow, n.columns < lanes, added, scaled, kind == "turned")


def _large_tile(target: Target, n: Layout, lanes: int) -> tuple[int, int]:
    """Rows and vectors of the tile of large products that computes least twice: all are as fast as such."""
    tiles = [(6, 4), (8, 3), (12, 2), (14, 2)] if target.registers == 32 else [(6, 2)]
    padded = {(r, v): ceil(n.rows / r) * r * ceil(n.columns / (v * lanes)) * v for r, v in tiles}
    return min(tiles, key=lambda tile: padded[tile])


def _rows_computed(target: Target, rows: int, vectors: int) -> int:
    """Rows times their number of tiles: `rows`, and those that lie in two tiles."""
    tall = _even(rows, most_rows(target, vectors))
    return ceil(rows / tall) * tall


def _even(n: int, most: int) -> int:
    return ceil(n / ceil(n / most))


def _dots_form(target: Target, t: Type, n: Layout, added: bool, scaled: bool) -> Form:
    lanes = target.lanes(t)
    columns = min(8 if n.rows == 1 else 4, lanes, 1 << (n.columns.bit_length() - 1))
    rows = _even(n.rows, max((target.registers - 2) // columns - 1, 1))
    return Form(t, min(rows, 6), columns, lanes, False, False, added, scaled)


@functools.cache
def kernel(kind: str, form: Form) -> Kernel:
    """The kernel of a kind and form."""
    return Kernel((kind, form), GENERATORS[kind](form))


def plan(
    target: Target, t: Type, n: Layout, count: int, threads: int, added: bool = False, scaled: bool = False
) -> Plan | None:
    """How to multiply `count` pairs of matrices; None where an operand must be copied first."""
    kind = choose(target, t, n)
    if not kind:
        return None
    tile = form(target, t, kind, n, added, scaled)
    width = tile.vectors if kind == "dots" else tile.width
    work = 2.0 * n.rows * n.columns * n.depth
    want = 1 if work * count < SHARED or threads == 1 else max(1, min(4 * threads // count, int(work / 1e5)))
    if kind == "few":
        want = min(want, max(threads, ceil(n.rows / 2) * n.columns * t.size // RUN))
    blocks = _blocks(kind, tile, width, n, want)
    items = blocks[0] * blocks[1] * count
    shared = threads > 1 and work * count >= SHARED
    grain = max(1, min(items // (4 * threads), int(1e5 * items / (work * count)))) if shared else items
    tail, scratch = (), 0
    if kind in ("dots", "turned"):
        tail = (n.b_column,)
    elif kind == "large":
        deep = ceil(n.depth / ceil(n.depth / DEEP))
        room = (deep + 2 * tile.lanes) * (tile.rows + blocks[3] + width)
        tail, scratch = (deep, n.b_column, room), room * t.size
    return Plan(kernel(kind, tile), items, grain, blocks, tail, scratch)


def _blocks(kind: str, tile: Form, width: int, n: Layout, want: int) -> tuple[int, ...]:
    """One matrix cut into about `want` blocks: down, across, tall, wide, and the column of the split."""
    high, broad = ceil(n.rows / tile.rows), ceil(n.columns / width)
    across = ceil(n.columns / WIDE) if kind == "large" else 1
    down = min(high, ceil(want / across))
    if kind == "large":
        down = min(down, max(1, n.rows // 96))
    across = min(broad, max(across, ceil(want / down)))
    tall, wide = ceil(high / down), ceil(broad / across)
    return ceil(high / tall), ceil(broad / wide), tall * tile.rows, wide * width, _split(tile, n)


def _split(tile: Form, n: Layout) -> int:
    """Columns in tiles of full width, where those behind have one vector less."""
    if not tile.narrow:
        return n.columns
    parts = ceil(n.columns / tile.lanes)
    tiles = ceil(parts / tile.vectors)
    return (parts - tiles * (tile.vectors - 1)) * tile.width
