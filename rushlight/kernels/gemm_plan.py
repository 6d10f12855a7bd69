"""Which kernel multiplies two matrices, with which tiles, cut into which blocks.

What is decided here from the number of threads is only who computes what: the order of an element's sum
depends on the sizes and layouts alone. The limits between kernels were measured on a Skylake-SP.
"""

from __future__ import annotations

import functools
from itertools import product
from math import ceil
from typing import NamedTuple

from . import gemm, gemm_bands, gemm_dots, gemm_pairs
from .gemm import Form
from .launch import Kernel
from .targets import Target
from .tile import even, most_rows
from .types import Type, bf16, f32

WIDE = 512  # columns whose panels of B stay in L2 together
NEAR = 800 << 10  # bytes of B that are read in place, from L2, again and again
ACROSS = 8 << 20  # bytes of A that are read column by column again and again, from the caches
FAR = 128 << 10  # bytes of B from which few rows read it in bands
UNPACKED = 24  # rows of bfloat16, at most, for which laying B out in pairs costs more than it saves
RUN = 2048  # bytes of a row of B, at least, that a thread reads for two rows of A, where it reads bands
MANY = 64  # rows, at most, that are too few for laying B out anew to pay
FEW = 14  # rows, at most, for which B goes by once, or is not laid out anew if it is small
BAND, DEEP_BAND = 32, 384  # rows of B in a band: of up to MANY rows of A, and of more
PACKED = 96  # rows, at least, of a product of rows with rows for which packing pays, if they are not short
TALL, NARROW = 96, 64  # rows and columns, at least, of a block of a product by bands
APART = 8000  # bytes between columns of A, at least, for which packing rows of it pays
PAGE = 4096  # bytes, of which multiples between rows of A have their lines meet in few sets of L1
ALIASED = 8192  # bytes between rows of B of which a band's lines meet in few sets of the caches
SHARED = 4e5  # multiplications and additions that are worth a second thread: 4 us
GENERATORS = dict(
    turned=gemm.product,
    direct=gemm.product,
    bands=gemm_bands.product,
    dots=gemm_dots.product,
    packed=gemm_bands.product,
    pairs=gemm_pairs.product,
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
    if t == bf16:
        return "dots" if n.rows <= UNPACKED and n.a_step == n.b_step == 1 else "pairs"
    large = _is_large(target, t, n)
    if n.b_column == 1:
        aliased = n.b_step * size % ALIASED == 0 and n.rows > MANY
        if large and aliased and n.depth >= 128:
            return "packed"
        return "bands" if _is_far(target, t, n) else "direct"
    if n.rows > FEW and n.depth < 2 * target.lanes(t) and n.depth * n.columns <= gemm.MOST_TURNED:
        return "turned"
    short = n.depth < 4 * target.lanes(t)
    if n.b_step == 1 and n.a_step == 1 and (not large or (n.rows < PACKED and not short)):
        return "dots"
    return "packed" if large else ""


def _is_far(target: Target, t: Type, n: Layout) -> bool:
    """Whether B is best read in bands: L2 does not hold it, its lines meet in few sets of the caches, or A
    is read column by column from far.
    """
    if n.columns < 4 * target.lanes(t):
        return False
    size = n.depth * n.columns * t.size
    if n.rows <= most_rows(target, 2):
        return size >= FAR
    aliased = n.b_step * t.size % 2048 == 0 and n.depth >= 128
    return size > NEAR or aliased or (n.a_row == 1 and n.rows * n.depth * t.size > ACROSS)


def _is_large(target: Target, t: Type, n: Layout) -> bool:
    return n.rows >= 30 and n.columns >= 4 * target.lanes(t) and n.depth >= target.lanes(t)


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
    if kind == "pairs":
        return gemm_pairs.form(target, n.rows, n.columns, added)
    if kind == "dots":
        wide = f32 if t == bf16 else t
        return _dots_form(target, wide, n, added, scaled)._replace(type=t)
    lanes = target.lanes(t)
    while n.columns < lanes and not target.masks:
        lanes //= 2
    parts = ceil(n.columns / lanes)
    many = 8 if n.rows <= 3 else 4
    most = min(many, 2 if target.registers == 16 else many)
    vectors = ceil(parts / ceil(parts / most))
    if kind == "packed":
        vectors = 2
    elif kind == "bands":
        vectors = 4 if gemm_bands.FEWEST < n.rows <= most_rows(target, 4) else 2
    elif vectors > 2:  # the rows that tiles compute twice are fewest
        vectors = min(vectors, vectors - 1, key=lambda v: _rows_computed(target, n.rows, v))
    narrow = kind in ("direct", "turned") and parts % vectors != 0 and vectors > 1
    rows = even(n.rows, most_rows(target, vectors))
    shorter = kind in ("bands", "packed") and n.rows % rows != 0
    edges = narrow, n.columns < lanes, added, scaled, False, shorter
    packed = kind == "packed", kind in ("bands", "packed") and _packs_a(t, n, lanes * vectors)
    return Form(t, rows, vectors, lanes, *edges, *packed, kind == "turned")


def _packs_a(t: Type, n: Layout, width: int) -> bool:
    """Whether rows of A are laid out anew: columns of it are pages apart, or its rows meet in few sets of L1,
    and more than a few tiles read them.
    """
    if n.rows <= FEW or n.columns < 4 * width or n.depth < width:
        return False
    return n.a_row == 1 and n.a_step * t.size >= APART or n.a_step == 1 and n.a_row * t.size % PAGE == 0


def _rows_computed(target: Target, rows: int, vectors: int) -> int:
    """Rows times their number of tiles: `rows`, and those that lie in two tiles."""
    tall = even(rows, most_rows(target, vectors))
    return ceil(rows / tall) * tall


def _dots_form(target: Target, t: Type, n: Layout, added: bool, scaled: bool) -> Form:
    lanes = target.lanes(t)
    columns = min(8 if n.rows == 1 else 4, lanes, 1 << (n.columns.bit_length() - 1))
    rows = even(n.rows, max((target.registers - 2) // columns - 1, 1))
    near, far = n.rows * n.depth * t.size <= NEAR, n.depth * n.columns * t.size > 2 * NEAR
    edges = False, False, added, scaled, near and far and 2 * n.rows <= n.columns
    return Form(t, min(rows, 6), columns, lanes, *edges)


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
    if kind == "pairs":
        wanted = 1 if want == 1 else ceil(threads / count)
        blocks = gemm_pairs.blocks(tile, n.rows, n.columns, n.depth, wanted)
    elif kind in ("bands", "packed"):
        blocks = _by_bands(tile, n, count, threads, want)
    else:
        blocks = _blocks(tile, width, n, count, threads, want)
    items = blocks[0] * blocks[1] * count
    shared = threads > 1 and work * count >= SHARED
    grain = max(1, min(items // (4 * threads), int(1e5 * items / (work * count)))) if shared else items
    tail, room = _tail(kind, tile, n, *blocks[2:4])
    return Plan(kernel(kind, tile), items, grain, blocks, tail, room)


def _tail(kind: str, tile: Form, n: Layout, tall: int, wide: int) -> tuple[tuple[int, ...], int]:
    """What a kernel of a kind is told besides, and how many bytes a thread needs room for."""
    if kind in ("dots", "turned"):
        return (n.b_column,), 0
    if kind == "direct":
        return (), 0
    if kind == "pairs":
        room = gemm_pairs.room(tile, n.depth, tall, wide)
        return (n.b_column, room), room * 4
    bands = ceil(n.depth / (BAND if n.rows <= MANY else DEEP_BAND))
    tail = ceil(n.depth / bands), bands, ceil(n.rows / tile.rows)
    if kind == "bands" and not tile.packed_a:
        return tail, 0
    room = (tail[0] + 2 * tile.lanes) * (tile.rows + (wide + tile.width) * tile.packed)
    return (*tail, n.b_column, room), room * tile.type.size


class Cut(NamedTuple):
    """A matrix in `down` x `across` blocks of at most `tall` x `wide` tiles."""

    down: int
    across: int
    tall: int
    wide: int

    @property
    def blocks(self) -> int:
        """How many."""
        return self.down * self.across

    def turns(self, count: int, threads: int) -> int:
        """How many blocks of so many matrices the last thread computes."""
        return ceil(self.blocks * count / threads)


def _cut(high: int, broad: int, downs: range, acrosses: range, most: int) -> list[Cut]:
    """The ways to cut so many tiles into at most so many blocks."""
    pairs = [(d, a) for d, a in product(downs, acrosses) if d * a <= most] or [(1, acrosses[0])]
    tiles = {(ceil(high / d), ceil(broad / a)) for d, a in pairs}
    return [Cut(ceil(high / tall), ceil(broad / wide), tall, wide) for tall, wide in sorted(tiles)]


def _by_bands(tile: Form, n: Layout, count: int, threads: int, want: int) -> tuple[int, ...]:
    """Blocks of columns, and of groups of rows where there are many: of about `want` for few rows, else so
    that the last thread is done soonest, the fewest of those.
    """
    groups, broad = ceil(n.rows / tile.rows), ceil(n.columns / tile.lanes)
    if n.rows <= FEW:
        most = max(threads, ceil(n.rows / 2) * n.columns * tile.type.size // RUN)
        wide = ceil(broad / min(broad, want, most))
        best = Cut(1, ceil(broad / wide), groups, wide)
    else:
        least = ceil(n.columns / WIDE) if n.rows > MANY else 1
        downs = range(1, 1 + min(groups, max(1, n.rows // TALL)))
        acrosses = range(least, 1 + max(least, min(broad, n.columns // NARROW)))
        cuts = _cut(groups, broad, downs, acrosses, max(want, least))
        best = min(cuts, key=lambda c: (c.turns(count, threads) * (c.tall + tile.packed) * c.wide, c.blocks))
    return best.down, best.across, best.tall, best.wide * tile.lanes, n.columns


def _blocks(tile: Form, width: int, n: Layout, count: int, threads: int, want: int) -> tuple[int, ...]:
    """Up to `want` blocks, so that the last thread is done soonest; and the column of the split."""
    high, broad = ceil(n.rows / tile.rows), ceil(n.columns / width)
    cuts = _cut(high, broad, range(1, 1 + min(high, want)), range(1, 1 + min(broad, want)), want)
    sizes = {c: min(c.tall * tile.rows, n.rows) * min(c.wide * width, n.columns) for c in cuts}
    best = min(cuts, key=lambda c: (c.turns(count, threads) * sizes[c], -c.down))
    return best.down, best.across, best.tall * tile.rows, best.wide * width, _split(tile, n)


def _split(tile: Form, n: Layout) -> int:
    """Columns in tiles of full width, where those behind have one vector less."""
    if not tile.narrow:
        return n.columns
    parts = ceil(n.columns / tile.lanes)
    tiles = ceil(parts / tile.vectors)
    return (parts - tiles * (tile.vectors - 1)) * tile.width
