"""The weight gradient of a convolution: dw[o, r] = sum over pixels p of g[p, o] · x[source(p) + offset(r)].

r counts taps and, within them, input channels: a tile of rows meets neighbours in memory. A block of the
input and a panel of cotangents are turned so that channels come last. A tile of rows times a panel is summed
in registers over the pixels of the block, and added to what earlier blocks gave. Who does which panels and
rows never changes the order of a sum.
"""

from __future__ import annotations

from typing import NamedTuple

from .conv_block import copy_block, define_gather, define_zero
from .conv_pack import fields
from .conv_plan import PANEL
from .conv_sum import VECTORS, in_turn, rows_of
from .ir import Module
from .launch import entry
from .targets import Target
from .tile import Tile
from .turning import define_turn, smaller, turned
from .types import Type, i64, void
from .values import Value

ARRAYS = ("x", "g", "sums", "scratch")
TABLES = ("sizes", "sources", "offsets", "panels")


def near_rows(target: Target) -> int:
    """Rows in a tile that needs one pointer only: 14 x 2 sums fill 28 of 32 registers."""
    return 14 if target.registers == 32 else 6


def weight_module(target: Target, t: Type, near: bool) -> Module:
    """Items are panels cut into `parts` ranges of tiles: each sums over all blocks of the input in order."""
    m = Module()
    turn, zero = define_turn(m, t, target), define_zero(m, t, target)
    gather = define_gather(m, t, turn, zero)
    for vectors in range(1, VECTORS + 1):
        _define_tile(m, t, target, vectors, near)
    step = near_rows(target) if near else rows_of(target)
    add = _define_rows(m, t, target, step)
    types = dict.fromkeys(ARRAYS, t.pointer) | dict.fromkeys(TABLES, i64.pointer)
    f, lo, hi, tid, slots = entry(m, "kernel", False, **types, tiles=i64, parts=i64)
    x, g, sums, scratch, sizes, sources, offsets, panels, tiles, parts = slots
    n = fields(sizes)
    block = scratch.at(tid * n["scratch"])
    panel = block.at(n["outputs_at"])

    def rows(item: Value) -> Rows:
        part = item % parts
        total = sums.at(item // parts * tiles * (step * VECTORS * target.lanes(t)))
        numbers = (panels.load(item // parts * 6 + j) for j in range(1, 5))
        return Rows(tiles * part // parts * step, tiles * (part + 1) // parts * step, total, *numbers)

    for item in f.range(lo, hi):
        own = rows(item)
        f.call(zero, void, own.total.at(own.first * own.width), (own.last - own.first) * own.width)
    for image in f.range(0, n["images"], n["together"]):
        for band in f.range(0, n["bands"]):
            copy_block(gather, n, x, block, image, band)
            for item in f.range(lo, hi):
                own = rows(item)
                pixels = _turn_cotangents(turn, zero, n, g, panel, image, band, own)
                where = block.at(own.deep), sources, pixels, offsets, panel, own.total
                f.call(add, void, *where, own.first, own.last, own.width)
    f.ret()
    return m


def unpack_module(target: Target, t: Type) -> Module:
    """Panels of sums turned back into dw (O, C / groups, kh, kw)."""
    m = Module()
    lanes = target.lanes(t)
    f, lo, hi, _, (sums, dw, panels, goals, depth, size) = entry(
        m, sums=t.pointer, dw=t.pointer, panels=i64.pointer, goals=i64.pointer, depth=i64, size=i64
    )
    for k in f.range(lo, hi):
        _, width, channel, count = (panels.load(k * PANEL + j) for j in range(4))
        for j in f.range(0, count, lanes):
            total = sums.at(k * size + j)
            for r in f.range(0, depth, lanes):
                goal, last = dw.at((channel + j) * depth + r), depth - r - 1
                inside = f.below(last + 1, lanes)
                rows = [total.load(goals.load(r + smaller(last, i)) * width, lanes) for i in range(lanes)]
                for i, column in enumerate(turned(rows)):
                    with f.when(count - j > i):
                        goal.store(column, depth * i, inside)
    f.ret()
    return m


class Rows(NamedTuple):
    """An item: a range of rows of a panel's sums; the panel's width, first channel, channels, first input."""

    first: Value
    last: Value
    total: Value
    width: Value
    channel: Value
    count: Value
    deep: Value


def _define_rows(m: Module, t: Type, target: Target, step: int) -> str:
    """The sums of a range of rows over the pixels of a block, a tile at a time."""
    tables = dict(sources=i64.pointer, pixels=i64, offsets=i64.pointer)
    f = m.function(
        "rows", internal=True, x=t.pointer, **tables, g=t.pointer, total=t.pointer, first=i64, last=i64,
        width=i64,
    )  # fmt: skip
    x, sources, pixels, offsets, g, total, first, last, width = f.args
    for vectors in range(1, VECTORS + 1):
        with f.when(width == vectors * target.lanes(t)):
            for r in f.range(first, last, step):
                f.call(f"tile{vectors}", void, x, sources, pixels, offsets.at(r), g, total.at(r * width))
    f.ret()
    return f.name


def _turn_cotangents(
    turn: str, zero: str, n: dict[str, Value], g: Value, panel: Value, first: Value, band: Value, own: Rows
) -> Value:  # fmt: skip
    """A panel's cotangents of the block's pixels, channels last; how many pixels there are."""
    f, width = g.f, own.width
    start = band * n["band"]
    pixels = smaller(n["counts"] - start, n["band"])
    last = smaller(first + n["together"], n["images"])
    with f.when(own.count < width):
        f.call(zero, void, panel, n["pixels"] * width)
    for i in f.range(first, last):
        source = g.at((i * n["outputs"] + own.channel) * n["counts"] + start)
        goal = panel.at((i - first) * n["band"] * width)
        f.call(turn, void, own.count, pixels, source, n["counts"], goal, width)
    return (last - first) * pixels


def _define_tile(m: Module, t: Type, target: Target, vectors: int, near: bool) -> str:
    """One tile: total[i] += the sum over pixels of x[source + offset(i)] · g[pixel]."""
    tables = dict(sources=i64.pointer, pixels=i64, offsets=i64.pointer)
    f = m.function(f"tile{vectors}", internal=True, x=t.pointer, **tables, g=t.pointer, total=t.pointer)
    x, sources, pixels, offsets, g, total = f.args
    lanes = target.lanes(t)
    width = vectors * lanes
    tile = Tile(f, t, near_rows(target) if near else rows_of(target), vectors, lanes)
    first = x.at(offsets.load())
    pointers = [first if near else x.at(offsets.load(i)) for i in range(tile.rows)]
    cotangents = f.var(g)
    for p in f.range(0, pixels):
        row = [cotangents.load(j * lanes, lanes) for j in range(vectors)]
        here = [pointer.at(sources.load(p)).at(i if near else 0) for i, pointer in enumerate(pointers)]
        tile.step(in_turn(tile, here, 0, target), row)
        cotangents.set(cotangents.at(width))
    for i, row in enumerate(tile.sums):
        for j, sum in enumerate(row):
            at = i * width + j * lanes
            total.store(total.load(at, lanes) + sum, at)
    f.ret()
    return f.name
