"""Convolution with few pixels, where reading the weights is most of the work: they are read where they lie.

Pixels are in the lanes. What each weight meets is gathered once into a matrix of columns, x[k, p] with k =
(channel, tap) as in the weights' rows, and y[o, p] = bias[o] + the sum over k of w[o, k] · x[k, p] has all
its pixels in registers for some outputs o: no weight is read twice, none is packed or transformed.
"""

from __future__ import annotations

from math import ceil, prod
from typing import NamedTuple

import numpy as np

from .conv_block import define_copy, define_move, define_zero
from .conv_pack import fields
from .conv_plan import Shapes, measure, ordered, rounded, span
from .conv_sum import in_turn
from .ir import Module
from .launch import entry
from .targets import Target
from .tile import Tile
from .turning import smaller
from .types import Type, i64, void
from .values import Value

VECTORS = 4  # of pixels, at most
ROWS = 12  # outputs of a tile, at most: each has a pointer
FILLED = 0.6  # lanes: with fewer full, others have less to do


def vectors_of(s: Shapes, lanes: int) -> int:
    """Vectors that hold all pixels."""
    return ceil(s.images * prod(s.counts) / lanes)


def rows_of(target: Target, vectors: int) -> int:
    """Outputs of a tile."""
    return min(ROWS if target.registers == 32 else ROWS // 2, (target.registers - 6) // vectors)


def pays(s: Shapes, lanes: int) -> bool:
    """Whether there are few pixels, and many weights for each."""
    vectors = vectors_of(s, lanes)
    if s.groups > 1 or s.transposed or vectors > VECTORS or s.outputs < ROWS:
        return False
    return s.images * prod(s.counts) >= FILLED * vectors * lanes


class FewPlan(NamedTuple):
    """The tables of a convolution with few pixels."""

    sizes: np.ndarray
    places: np.ndarray  # of each (tap, pixel): what they meet in the block of a channel
    depth: int  # numbers in a row of weights
    width: int  # numbers in a row of x
    scratch: int
    strips: int


def plan(s: Shapes, lanes: int, rows: int) -> FewPlan:
    """A block is a channel of all images."""
    axes = [s.residues(0), s.residues(1)]
    tall, wide = (span(axis, count) for axis, count in zip(axes, s.counts))
    sizes, _ = measure(s, axes, tall, wide, s.images, s.counts[0], [[]])
    scratch, width = rounded(s.images * tall.inputs * wide.inputs), vectors_of(s, lanes) * lanes
    sizes |= {"classes": 1, "scratch": scratch}
    down, right = (
        np.array([[where + i * r.step for i in range(count)] for where, _ in r.taps]) - reach.origin
        for (r, *_), count, reach in zip(axes, s.counts, (tall, wide))
    )
    image = np.arange(s.images)[:, None, None] * tall.inputs
    lines = (image + down[:, None, None, :, None]) * wide.inputs
    places = (lines + right[:, None, None, :]).reshape(prod(s.kernel), -1)
    places = np.pad(places, ((0, 0), (0, width - places.shape[1])))
    depth = s.channels * prod(s.kernel)
    places = np.ascontiguousarray(places, np.int64)
    return FewPlan(ordered(sizes), places, depth, width, scratch, ceil(s.outputs / rows))


def columns_module(target: Target, t: Type) -> Module:
    """Items are channels: their rows of x."""
    m = Module()
    copy = define_copy(m, t, target, define_zero(m, t, target))
    arrays = dict.fromkeys(("x", "columns", "scratch"), t.pointer)
    tables = dict.fromkeys(("sizes", "places"), i64.pointer)
    f, lo, hi, tid, slots = entry(m, "kernel", False, **arrays, **tables, count=i64)
    x, columns, scratch, sizes, places, count = slots
    n = fields(sizes)
    block = scratch.at(tid * n["scratch"])
    shape = tuple(n[k] for k in ("height", "width", "rows", "pitch", "origin", "skip", "margin", "columns"))
    for channel in f.range(lo, hi):
        for i in f.range(0, n["images"]):
            source = x.at((i * n["channels"] + channel) * n["height"] * n["width"])
            f.call(copy, void, source, block.at(i * n["rows"] * n["pitch"]), 1, *shape)
        goal = columns.at(channel * count)
        for j in f.range(0, count):
            goal.store(block.load(places.load(j)), j)
    f.ret()
    return m


def few_module(target: Target, t: Type, vectors: int) -> Module:
    """Items are strips of outputs."""
    m = Module()
    rows, lanes = rows_of(target, vectors), target.lanes(t)
    move = define_move(m, t, target)
    arrays = dict.fromkeys(("columns", "w", "bias", "y"), t.pointer)
    numbers = dict.fromkeys(("outputs", "depth", "images", "pixels"), i64)
    f, lo, hi, _, slots = entry(m, "kernel", False, **arrays, **numbers)
    columns, w, bias, y, outputs, depth, images, pixels = slots
    sums = f.stack(t, rows * vectors * lanes)
    for item in f.range(lo, hi):
        first = item * rows
        own = [smaller(first + i, outputs - 1) for i in range(rows)]
        tile = Tile(f, t, rows, vectors, lanes)
        with f.when(bias != 0):
            for o, row in zip(own, tile.sums):
                for total in row:
                    total.set(bias.load(o).splat(lanes))
        _multiply(tile, target, columns, [w.at(o * depth) for o in own], depth)
        for i, row in enumerate(tile.sums):
            for j, total in enumerate(row):
                sums.store(total, (i * vectors + j) * lanes)
        for i in f.range(0, smaller(outputs - first, rows)):
            for n in f.range(0, images):
                source = sums.at(i * (vectors * lanes) + n * pixels)
                f.call(move, void, source, y.at((n * outputs + first + i) * pixels), pixels)
    f.ret()
    return m


def _multiply(tile: Tile, target: Target, columns: Value, weights: list[Value], depth: Value) -> None:
    """Add w[o, k] · x[k] for all k."""
    f, lanes = depth.f, tile.lanes
    place = f.var(columns)
    for k in f.range(0, depth):
        line = [place.load(j * lanes, lanes) for j in range(tile.vectors)]
        tile.step(in_turn(tile, weights, k, target), line)
        place.set(place.at(tile.vectors * lanes))
