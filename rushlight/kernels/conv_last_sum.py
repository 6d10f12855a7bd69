"""Convolution of arrays with channels last: sums go from registers to where they belong.

A block of the input is copied with its padding, or read in place where there is none. The last tile of a
class of outputs is moved back until it fits; what two tiles share is computed twice, to the same bits.
"""

from __future__ import annotations

from typing import NamedTuple

from .conv_block import copy_block, define_gather_last, define_move, define_zero
from .conv_last_plan import CLASS, STARTS, fields
from .conv_plan import PANEL
from .conv_sum import VECTORS, define_tile, rows_of
from .ir import Function, Module
from .launch import entry
from .targets import Target
from .turning import smaller
from .types import Type, i64, void
from .values import Value

TABLES = ("sources", "places", "segments", "classes", "panels")


class Here(NamedTuple):
    """A block of the input, its images and its rows of outputs."""

    block: Value
    images: Value
    rows: Value


def last_module(target: Target, t: Type) -> Module:
    """For every block of the input and every panel of weights: sum."""
    m = Module()
    zero, move = define_zero(m, t, target), define_move(m, t, target)
    gather = define_gather_last(m, t, move, zero)
    for vectors in range(1, VECTORS + 1):
        define_tile(m, t, target, vectors, rows_of(target), apart=True)
    add = _define_class(m, t, target)
    arrays = dict.fromkeys(("x", "packed", "y", "scratch"), t.pointer)
    f, lo, hi, tid, slots = entry(
        m, "kernel", False, **arrays, sizes=i64.pointer, **dict.fromkeys(TABLES, i64.pointer)
    )
    x, packed, y, scratch, sizes, sources, places, segments, classes, panels = slots
    n = fields(sizes)
    own = scratch.at(tid * n["scratch"])
    for item in f.range(lo, hi):
        number, part = item // n["parts"], item % n["parts"]
        here = block_of(f, gather, n, x, own, number)
        goal = output_of(n, y, number)
        for k in f.range(n["panels"] * part // n["parts"], n["panels"] * (part + 1) // n["parts"]):
            at, width, channel, count, deep = (panels.load(k * PANEL + j) for j in range(5))
            source, place = here.block.at(deep), goal.at(channel)
            for c in f.range(0, n["classes"]):
                numbers = classes.at(c * CLASS)
                pixels = pixels_of(here, numbers)
                where = source, place, sources, places, segments, numbers
                f.call(add, void, *where, packed.at(at), width, count, n["outputs"], pixels)
    f.ret()
    return m


def block_of(f: Function, gather: str, n: dict[str, Value], x: Value, own: Value, number: Value) -> Here:
    """Block `number` of the input: the array itself, or a copy with its padding."""
    first, band = number // n["bands"] * n["together"], number % n["bands"]
    images = smaller(n["images"] - first, n["together"])
    rows = smaller(n["counts"] // n["columns_out"] - band * n["rows_out"], n["rows_out"])
    pixel = (first * n["height"] + band * n["shift"]) * n["width"]
    block = f.var(x.at(pixel * n["channels"]))
    with f.when(n["inside"] == 0):
        copy_block(gather, n, x, own, first, band)
        block.set(own)
    return Here(block.now, images, rows)


def put_rows(
    move: str, n: dict[str, Value], sums: Value, width: Value, y: Value, first: Value, band: Value,
    channels: tuple[Value, Value],
) -> None:  # fmt: skip
    """Write a panel's outputs of every image of a block to y (N, counts, O)."""
    f, (channel, count) = sums.f, channels
    start = band * n["band"]
    pixels = smaller(n["counts"] - start, n["band"])
    for i in f.range(first, smaller(first + n["together"], n["images"])):
        goal = y.at((i * n["counts"] + start) * n["outputs"] + channel)
        f.call(move, void, pixels, count, sums.at((i - first) * n["band"] * width), width, goal, n["outputs"])


def output_of(n: dict[str, Value], y: Value, number: Value) -> Value:
    """Where the first output of block `number` is."""
    first, band = number // n["bands"] * n["together"], number % n["bands"]
    return y.at((first * n["counts"] + band * n["band"]) * n["outputs"])


def pixels_of(here: Here, numbers: Value) -> Value:
    """How many outputs of a class are in a block."""
    first, every, across = (numbers.load(STARTS + j) for j in range(3))
    left = here.rows - first + (every - 1)
    return here.images * (left > 0).select(left // every, 0) * across


def _define_class(m: Module, t: Type, target: Target) -> str:
    """The sums of the pixels of one class of outputs for one panel, a tile at a time."""
    tables = dict.fromkeys(("sources", "places", "segments", "numbers"), i64.pointer)
    rows, lanes = rows_of(target), target.lanes(t)
    f = m.function(
        "class", internal=True, block=t.pointer, y=t.pointer, **tables, panel=t.pointer, width=i64, count=i64,
        step=i64, pixels=i64,
    )  # fmt: skip
    block, y, sources, places, segments, numbers, panel, width, count, step, pixels = f.args
    first, segment, many, run, row = (numbers.load(j) for j in (0, 2, 3, 4, 5))
    taps = segments.at(segment), many, run, panel.at((row + 1) * width), panel
    for vectors in range(1, VECTORS + 1):
        name = f"tile{vectors}"
        with f.when((count == vectors * lanes) & (pixels >= rows)):
            for k in f.range(0, pixels, rows):
                p = first + smaller(k, pixels - rows)
                f.call(name, void, block, y, sources.at(p), places.at(p), *taps, step)
            f.ret()
        with f.when(width == vectors * lanes):
            edge, from_, to = f.stack(t, rows * vectors * lanes), f.stack(i64, rows), f.stack(i64, rows)
            for i in range(rows):
                to.store(i * vectors * lanes, i)
            for k in f.range(0, pixels, rows):
                for i in range(rows):
                    from_.store(sources.load(first + smaller(pixels - 1, k + i)), i)
                f.call(name, void, block, edge, from_, to, *taps, 1)
                _copy_edge(f, edge, vectors * lanes, y, places.at(first + k), smaller(pixels - k, rows), step,
                           count, lanes)  # fmt: skip
            f.ret()
    f.ret()
    return f.name


def _copy_edge(
    f: Function, edge: Value, width: int, y: Value, places: Value, rows: Value, step: Value, count: Value,
    lanes: int,
) -> None:  # fmt: skip
    """Rows of a tile that is not whole, to where they belong."""
    for i in f.range(0, rows):
        goal = y.at(places.load(i) * step)
        for j in range(0, width, lanes):
            with f.when(count > j):
                inside = f.below(count - j, lanes)
                goal.store(edge.load(i * width + j, lanes), j, inside)
