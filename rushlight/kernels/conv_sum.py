"""Convolution as an implicit matrix product, with output channels in the lanes.

A block of the input is turned, padded, with its channels last. A tile of pixels times a panel of weights is
then summed in registers over all taps and channels: each number of the input is broadcast from where it lies,
so that no matrix of columns is ever made (after Georganas et al., Anatomy of high-performance deep learning
convolutions, 2018; its table of places is Dukhan's: The indirect convolution algorithm, 2019).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from .conv_block import copy_block, define_gather, define_zero
from .conv_pack import fields
from .ir import Module
from .launch import entry
from .targets import Target
from .tile import Tile
from .turning import define_turn, smaller
from .types import Type, i64, void
from .values import Value, Var

VECTORS = 2


def rows_of(target: Target) -> int:
    """Pixels in a tile: each has a pointer, x86 has 16 registers for those; 12 x 2 sums fill 24 of 32."""
    return 12 if target.registers == 32 else 6


class Walk(NamedTuple):
    """Where the tables of a plan are, and where a thread keeps its block and its sums."""

    block: Value
    sums: Value
    sources: Value
    places: Value
    segments: Value
    classes: Value
    panels: Value


def conv_module(target: Target, t: Type) -> Module:
    """For every block of the input: turn it; for every panel of weights sum, and turn the outputs back."""
    m = Module()
    turn, zero = define_turn(m, t, target), define_zero(m, t, target)
    gather = define_gather(m, t, turn, zero)
    for vectors in range(1, VECTORS + 1):
        define_tile(m, t, target, vectors, rows_of(target))
    add = _define_class(m, t, target)
    tables = dict.fromkeys(("sizes", "sources", "places", "segments", "classes", "panels"), i64.pointer)
    f, lo, hi, tid, (x, packed, y, scratch, sizes, *rest) = entry(
        m, x=t.pointer, packed=t.pointer, y=t.pointer, scratch=t.pointer, **tables
    )
    n = fields(sizes)
    block = scratch.at(tid * n["scratch"])
    walk = Walk(block, block.at(n["outputs_at"]), *rest)
    for item in f.range(lo, hi):
        number, part = item // n["parts"], item % n["parts"]
        first, band = number // n["bands"] * n["together"], number % n["bands"]
        copy_block(gather, n, x, block, first, band)
        for k in f.range(n["panels"] * part // n["parts"], n["panels"] * (part + 1) // n["parts"]):
            at, width, channel, count, deep = (walk.panels.load(k * 6 + j) for j in range(5))
            for c in f.range(0, n["classes"]):
                own = walk._replace(block=block.at(deep), classes=walk.classes.at(c * 6))
                f.call(add, void, *own[:-1], packed.at(at), width)
            turn_back(turn, n, walk.sums, width, y, first, band, (channel, count))
    f.ret()
    return m


def _define_class(m: Module, t: Type, target: Target) -> str:
    """The sums of all pixels of one class of outputs for one panel, a tile at a time."""
    tables = dict.fromkeys(("sources", "places", "segments", "numbers"), i64.pointer)
    f = m.function(
        "class", internal=True, block=t.pointer, sums=t.pointer, **tables, panel=t.pointer, width=i64
    )
    block, sums, sources, places, segments, numbers, panel, width = f.args
    first, pixels, segment, count, run, row = (numbers.load(j) for j in range(6))
    weights, own = panel.at((row + 1) * width), segments.at(segment)
    for vectors in range(1, VECTORS + 1):
        with f.when(width == vectors * target.lanes(t)):
            for p in f.range(first, first + pixels, rows_of(target)):
                where = sources.at(p), places.at(p)
                f.call(f"tile{vectors}", void, block, sums, *where, own, count, run, weights, panel)
    f.ret()
    return f.name


def turn_back(
    turn: str, n: dict[str, Value], sums: Value, width: Value, y: Value, first: Value, band: Value,
    channels: tuple[Value, Value],
) -> None:  # fmt: skip
    """Write a panel's outputs of every image of the block to y (N, O, counts)."""
    f, (channel, count) = sums.f, channels
    start = band * n["band"]
    pixels = smaller(n["counts"] - start, n["band"])
    for i in f.range(first, smaller(first + n["together"], n["images"])):
        goal = y.at((i * n["outputs"] + channel) * n["counts"] + start)
        f.call(turn, void, pixels, count, sums.at((i - first) * n["band"] * width), width, goal, n["counts"])


def define_tile(m: Module, t: Type, target: Target, vectors: int, rows: int, apart: bool = False) -> str:
    """One tile: y[place] = start + the sum over segments and runs of x[source + segment + r] · w[r].

    `apart`: one more argument says how far places are from one another; else there is nothing between them.
    """
    tables = dict.fromkeys(("sources", "places", "segments"), i64.pointer)
    more = dict(step=i64) if apart else {}
    f = m.function(
        f"tile{vectors}", internal=True, x=t.pointer, y=t.pointer, **tables, count=i64, run=i64, w=t.pointer,
        start=t.pointer, **more,
    )  # fmt: skip
    x, y, sources, places, segments, count, run, w, start, *step = f.args
    lanes = target.lanes(t)
    width = vectors * lanes
    tile = Tile(f, t, rows, vectors, lanes)
    for j in range(vectors):
        first = start.load(j * lanes, lanes)
        for row in tile.sums:
            row[j].set(first)
    weights = f.var(w)
    for s in f.range(0, count):
        end = x.at(segments.load(s) + run)
        pixels = [end.at(sources.load(i)) for i in range(tile.rows)]
        for r in f.range(-run, 0):
            row = [weights.load(j * lanes, lanes) for j in range(vectors)]
            tile.step(in_turn(tile, pixels, r, target), row)
            weights.set(weights.at(width))
    for i, row in enumerate(tile.sums):
        goal = y.at(places.load(i) * (step[0] if apart else width))
        for j, total in enumerate(row):
            goal.store(total, j * lanes)
    f.ret()
    return f.name


def in_turn(
    tile: Tile, pointers: list[Value], index: Value | int, target: Target, lanes: int = 1, mask: Any = None
) -> Iterator[Value]:
    """The scalars (or vectors) of a step, each loaded when the row before is done.

    LLVM's scheduler would load all of them first, and spill sums to make room (twice the time, measured): the
    empty assembly stands between, for it needs the row's sums, and loads may not pass it.
    """
    for p, row in zip(pointers, tile.sums, strict=True):
        yield p.load(index, lanes, mask)
        for total in row:
            keep(total, target)


def keep(total: Var, target: Target) -> None:
    """Let a sum be what it is at this place: loads that stand behind may not pass it."""
    register = "w" if target.triple.startswith("aarch64") else "v"
    v = total.now
    total.set(v.f.emit(f'call {v.type} asm sideeffect "", "={register},0"({v})', v.type))
