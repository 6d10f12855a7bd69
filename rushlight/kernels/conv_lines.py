"""Convolution of stride 1 with few output channels, or few inputs each: pixels of a line in the lanes.

A tile is a few output channels by a few vectors of pixels: weights are broadcast, and the input is loaded
where it lies, for pixels that are neighbours in the output are neighbours under every tap. Nothing is turned.
"""

from __future__ import annotations

from math import ceil, prod
from typing import NamedTuple

import numpy as np

from .conv_block import copy_block, define_copy, define_zero
from .conv_pack import fields
from .conv_plan import BLOCK_INPUTS, Shapes, classify, cut_panels, measure, ordered, rounded, span
from .conv_sum import in_turn
from .ir import Module
from .launch import entry
from .targets import Target
from .tile import Tile
from .turning import smaller
from .types import Type, i64, void

MOST_ROWS = 8  # output channels in a tile
MOST_VECTORS = 8
TURN = 8  # to turn an output costs as much as so many multiplications


def shape_of(outputs: int, lanes: int, registers: int) -> tuple[int, int]:
    """Output channels and vectors of a tile: sums, loaded vectors and a scalar fill the registers."""
    rows = ceil(outputs / ceil(outputs / MOST_ROWS))
    if outputs > lanes:  # a tile's weights are of one panel
        rows = min(lanes, MOST_ROWS if registers == 32 else MOST_ROWS // 2)
    return rows, max(1, min(MOST_VECTORS, (registers - 2) // (rows + 1)))


def pays(s: Shapes, lanes: int) -> bool:
    """Whether more lanes are at work than with output channels in them, or as many and turning costs more."""
    if s.groups > 1 or s.stride != (1, 1):
        return False
    pixels = s.counts[1] / (lanes * ceil(s.counts[1] / lanes))
    outputs = s.outputs / (lanes * ceil(s.outputs / lanes))
    if s.outputs <= lanes:
        return pixels > 1.25 * outputs
    return pixels * (1 + TURN / (s.channels * prod(s.kernel))) > 1.05 * outputs


class LinesPlan(NamedTuple):
    """The tables of a convolution by lines."""

    sizes: np.ndarray
    sources: np.ndarray  # of each vector of pixels: where its first tap lies in the block
    goals: np.ndarray  # ... where it goes in y
    counts: np.ndarray  # ... and how many pixels it has
    offsets: np.ndarray  # of each row of weights: from the first tap to this one
    panels: np.ndarray
    rows: np.ndarray  # where the weights go that are packed
    packed: int
    scratch: int
    items: int
    vectors: int  # of an image in a block


def plan(s: Shapes, lanes: int, vectors: int) -> LinesPlan:
    """The plan for tiles of so many vectors."""
    axes = [s.residues(0), s.residues(1)]
    together, band = _block(s)
    tall, wide = span(axes[0], band), span(axes[1], s.counts[1])
    panels, packed = cut_panels(s, lanes, 1)
    sizes, items = measure(s, axes, tall, wide, together, band, panels)
    scratch = rounded(together * tall.inputs * wide.inputs * s.channels + lanes)
    _, _, _, _, rows = classify(s, axes, tall, wide, 1, 1)
    image, h, w = np.ogrid[:together, :band, : s.counts[1] : lanes]
    plane = tall.inputs * wide.inputs
    source = image * s.channels * plane + h * wide.inputs + w
    goal = (image * s.outputs * s.counts[0] + h) * s.counts[1] + w
    count = np.broadcast_to(np.minimum(lanes, s.counts[1] - w), source.shape)
    extra = -source.size % vectors
    tables = [np.pad(t.ravel(), (0, extra)) for t in (source, goal, count)]
    offsets = _offsets(s, tall.origin, wide.origin, plane, wide.inputs)
    return LinesPlan(
        ordered(sizes | {"classes": 1, "scratch": scratch}), *tables, offsets=offsets,
        panels=np.array(panels, np.int64), rows=np.ascontiguousarray(rows, np.int64), packed=packed,
        scratch=scratch, items=items, vectors=source[0].size,
    )  # fmt: skip


def _block(s: Shapes) -> tuple[int, int]:
    """How many images, or else how many rows of outputs, are done together."""
    image = (s.counts[0] + 2 * s.kernel[0]) * (s.counts[1] + 2 * s.kernel[1]) * s.channels
    if image <= BLOCK_INPUTS:
        return min(s.images, max(1, BLOCK_INPUTS // 8 // image)), s.counts[0]
    return 1, ceil(s.counts[0] / ceil(image / BLOCK_INPUTS))


def _offsets(s: Shapes, top: int, left: int, plane: int, pitch: int) -> np.ndarray:
    """In the order of the packed weights: taps, then channels."""
    (high,), (flat,) = s.residues(0), s.residues(1)
    rows = np.array([where for where, _ in high.taps])[:, None, None] - top
    columns = np.array([where for where, _ in flat.taps])[:, None] - left
    return (rows * pitch + columns + np.arange(s.channels) * plane).ravel()


def lines_module(target: Target, t: Type, rows: int, vectors: int) -> Module:
    """For every block of the input: copy it, padded; sum for all vectors of pixels and output channels."""
    m = Module()
    copy = define_copy(m, t, target, define_zero(m, t, target))
    tile = define_tile(m, t, target, rows, vectors)
    arrays = dict.fromkeys(("x", "packed", "y", "scratch"), t.pointer)
    tables = dict.fromkeys(("sizes", "sources", "goals", "counts", "offsets"), i64.pointer)
    f, lo, hi, tid, slots = entry(m, "kernel", False, **arrays, **tables, depth=i64, vectors=i64)
    x, packed, y, scratch, sizes, sources, goals, counts, offsets, depth, many = slots
    n = fields(sizes)
    block = scratch.at(tid * n["scratch"])
    for item in f.range(lo, hi):
        first, band = item // n["bands"] * n["together"], item % n["bands"]
        last = smaller(first + n["together"], n["images"])
        copy_block(copy, n, x, block, first, band)
        begin = band * n["band"]
        here = smaller(n["counts"] - begin, n["band"]) * many // n["band"] * (last - first)
        for o in f.range(0, n["outputs"], rows):
            lanes = target.lanes(t)
            start = packed.at(o // lanes * (depth + 2) * lanes + o % lanes)
            goal = y.at((first * n["outputs"] + o) * n["counts"] + begin)
            own = smaller(n["outputs"] - o, rows)
            for v in f.range(0, here, vectors):
                where = sources.at(v), goals.at(v), counts.at(v), here - v
                f.call(
                    tile, void, block, *where, offsets, depth, start, start.at(lanes), goal, n["counts"], own
                )
    f.ret()
    return m


def define_tile(m: Module, t: Type, target: Target, rows: int, vectors: int) -> str:
    """y[o, goal(v)] = start[o] + the sum over rows r of weights of w[r, o] · x[source(v) + offset(r)]."""
    tables = dict.fromkeys(("sources", "goals", "counts"), i64.pointer)
    f = m.function(
        "tile", internal=True, x=t.pointer, **tables, left=i64, offsets=i64.pointer, depth=i64,
        start=t.pointer, w=t.pointer, y=t.pointer, plane=i64, own=i64,
    )  # fmt: skip
    x, sources, goals, counts, left, offsets, depth, start, w, y, plane, own = f.args
    lanes = target.lanes(t)
    tile = Tile(f, t, rows, vectors, lanes)
    for i, row in enumerate(tile.sums):
        bias = start.load(i).splat(lanes)
        for total in row:
            total.set(bias)
    pixels = [x.at(sources.load(j)) for j in range(vectors)]
    for r in f.range(0, depth):
        at = offsets.load(r)
        weights = w.at(r * lanes)
        scalars = in_turn(tile, [weights.at(i) for i in range(rows)], 0, target)
        tile.step(scalars, [p.load(at, lanes) for p in pixels])
    for j in range(vectors):
        with f.when(left > j):
            inside, goal = f.below(counts.load(j), lanes), y.at(goals.load(j))
            for i, row in enumerate(tile.sums):
                with f.when(own > i):
                    goal.store(row[j], plane * i, inside)
    f.ret()
    return f.name
