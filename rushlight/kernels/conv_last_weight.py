"""The weight gradient of a convolution of arrays with channels last: `conv_weight` without turning.

Cotangents are read where they are; so is the input where no window leaves the image.
"""

from __future__ import annotations

from math import ceil
from typing import NamedTuple

import numpy as np

from .conv_block import define_gather_last, define_move, define_zero
from .conv_last_plan import LastPlan, fields
from .conv_last_sum import block_of, output_of, pixels_of
from .conv_plan import PANEL, WASTE, Rows
from .conv_sum import VECTORS, in_turn
from .ir import Function, Module
from .launch import entry
from .targets import Target
from .tile import Tile
from .types import Type, i64, void
from .values import Value

ARRAYS = ("x", "g", "sums", "scratch")
TABLES = ("sizes", "classes", "sources", "offsets", "panels")


class Form(NamedTuple):
    """What the kernel is made for: rows in a tile, and whether they meet neighbours."""

    rows: int
    near: bool


def rows_of_weights(p: LastPlan, near: int, apart: int) -> tuple[Form, Rows]:
    """The rows in tiles of at most `near` that meet neighbours, if few are wasted; else of `apart`.

    The last tile of a run is moved back until it fits: nothing behind the input is read.
    """
    tables = p.tables
    run, segments = int(tables.classes[0, 4]), tables.segments
    tiles = ceil(run / near)
    rows = ceil(run / tiles)
    depth = run * len(segments)
    if len(segments) * tiles * rows < WASTE * ceil(depth / apart) * apart:
        starts = np.minimum(np.arange(tiles) * rows, run - rows)
        offsets = (segments[:, None, None] + starts[:, None] + np.arange(rows)).ravel()
        every = np.arange(depth)
        tile = every % run // rows
        place = (every // run * tiles + tile) * rows + every % run - starts[tile]
        return Form(rows, True), Rows(True, offsets, place[tables.goals.ravel()], len(segments) * tiles)
    offsets = (segments[:, None] + np.arange(run)).ravel()
    offsets = np.pad(offsets, (0, -depth % apart))
    return Form(apart, False), Rows(False, offsets, tables.goals.ravel().copy(), len(offsets) // apart)


def last_weight_module(target: Target, t: Type, form: Form) -> Module:
    """Items are panels cut into `parts` ranges of tiles: each sums over all blocks of the input in order."""
    m = Module()
    zero, move = define_zero(m, t, target), define_move(m, t, target)
    gather = define_gather_last(m, t, move, zero)
    for vectors in range(1, VECTORS + 1):
        _define_tile(m, t, target, vectors, form)
    add = _define_rows(m, t, target, form.rows)
    types = dict.fromkeys(ARRAYS, t.pointer) | dict.fromkeys(TABLES, i64.pointer)
    f, lo, hi, tid, slots = entry(m, "kernel", False, **types, tiles=i64, parts=i64)
    x, g, sums, scratch, sizes, classes, sources, offsets, panels, tiles, parts = slots
    n = fields(sizes)
    own = scratch.at(tid * n["scratch"])
    panel = own.at(n["outputs_at"])

    def range_of(item: Value) -> Range:
        k, part = item // parts, item % parts
        total = sums.at(k * tiles * (form.rows * VECTORS * target.lanes(t)))
        first, last = (tiles * (part + i) // parts * form.rows for i in range(2))
        return Range(first, last, total, *(panels.load(k * PANEL + j) for j in range(1, 5)))

    for item in f.range(lo, hi):
        r = range_of(item)
        f.call(zero, void, r.total.at(r.first * r.width), (r.last - r.first) * r.width)
    for number in f.range(0, (n["images"] + (n["together"] - 1)) // n["together"] * n["bands"]):
        here = block_of(f, gather, n, x, own, number)
        pixels = pixels_of(here, classes)
        for item in f.range(lo, hi):
            r = range_of(item)
            found, step = _cotangents(f, move, zero, n, output_of(n, g, number), panel, pixels, r)
            where = here.block.at(r.deep), sources, pixels, offsets, found, step, r.total
            f.call(add, void, *where, r.first, r.last, r.width)
    f.ret()
    return m


class Range(NamedTuple):
    """An item: a range of rows of a panel's sums; the panel's width, first channel, channels, first input."""

    first: Value
    last: Value
    total: Value
    width: Value
    channel: Value
    count: Value
    deep: Value


def _cotangents(
    f: Function, move: str, zero: str, n: dict[str, Value], g: Value, panel: Value, pixels: Value, own: Range
) -> tuple[Value, Value]:  # fmt: skip
    """Where a panel's cotangents of a block are, and how far apart; copied if they fill no panel."""
    source = g.at(own.channel)
    found, step = f.var(source), f.var(n["outputs"])
    with f.when(own.count < own.width):
        f.call(zero, void, panel, pixels * own.width)
        for p in f.range(0, pixels):
            f.call(move, void, source.at(p * n["outputs"]), panel.at(p * own.width), own.count)
        found.set(panel)
        step.set(own.width)
    return found.now, step.now


def _define_rows(m: Module, t: Type, target: Target, step: int) -> str:
    """The sums of a range of rows over the pixels of a block, a tile at a time."""
    tables = dict(sources=i64.pointer, pixels=i64, offsets=i64.pointer)
    f = m.function(
        "rows", internal=True, x=t.pointer, **tables, g=t.pointer, step=i64, total=t.pointer, first=i64,
        last=i64, width=i64,
    )  # fmt: skip
    x, sources, pixels, offsets, g, apart, total, first, last, width = f.args
    for vectors in range(1, VECTORS + 1):
        with f.when(width == vectors * target.lanes(t)):
            for r in f.range(first, last, step):
                where = offsets.at(r), g, apart, total.at(r * width)
                f.call(f"tile{vectors}", void, x, sources, pixels, *where)
    f.ret()
    return f.name


def _define_tile(m: Module, t: Type, target: Target, vectors: int, form: Form) -> str:
    """One tile: total[i] += the sum over pixels of x[source + offset(i)] · g[pixel]."""
    tables = dict(sources=i64.pointer, pixels=i64, offsets=i64.pointer)
    f = m.function(
        f"tile{vectors}", internal=True, x=t.pointer, **tables, g=t.pointer, step=i64, total=t.pointer
    )
    x, sources, pixels, offsets, g, step, total = f.args
    lanes = target.lanes(t)
    tile = Tile(f, t, form.rows, vectors, lanes)
    first = x.at(offsets.load())
    pointers = [first if form.near else x.at(offsets.load(i)) for i in range(tile.rows)]
    cotangents = f.var(g)
    for p in f.range(0, pixels):
        row = [cotangents.load(j * lanes, lanes) for j in range(vectors)]
        here = [at.at(sources.load(p)).at(i if form.near else 0) for i, at in enumerate(pointers)]
        tile.step(in_turn(tile, here, 0, target), row)
        cotangents.set(cotangents.at(step))
    for i, row in enumerate(tile.sums):
        for j, sum in enumerate(row):
            at = i * vectors * lanes + j * lanes
            total.store(total.load(at, lanes) + sum, at)
    f.ret()
    return f.name
