"""The input gradient of a convolution of stride 2 with few input channels: pixels of a line in the lanes.

Outputs of equal parity of row and column meet the same taps (Dumoulin and Visin, A guide to convolution
arithmetic): each of the four classes is a convolution of stride 1, summed as in `conv_lines`. Lines of the
two classes of columns are then merged.
"""

from __future__ import annotations

from itertools import product
from math import ceil
from typing import NamedTuple

import numpy as np

from .conv_block import copy_block, define_copy, define_zero
from .conv_lines import define_tile
from .conv_pack import fields
from .conv_plan import BLOCK_INPUTS, Shapes, classify, cut_panels, measure, ordered, rounded, span
from .ir import Module
from .launch import entry
from .targets import Target
from .turning import smaller
from .types import Type, i64, void

FEW = 4  # output channels


def pays(s: Shapes, lanes: int) -> bool:
    """Whether channels would leave lanes idle that pixels fill."""
    pixels = s.counts[1] / (2 * lanes * ceil(s.counts[1] / (2 * lanes)))
    strided = s.transposed and s.stride == (2, 2) and min(s.counts) > 1 and s.groups == 1
    return strided and s.outputs <= min(FEW, lanes) and pixels > 1.25 * s.outputs / lanes


class SpreadPlan(NamedTuple):
    """The tables of an input gradient by lines of each class."""

    sizes: np.ndarray
    sources: np.ndarray  # of each vector of a class: where its first tap lies in the block
    goals: np.ndarray  # ... and where it goes in the sums of the class
    counts: np.ndarray  # ... and how many pixels are stored
    offsets: np.ndarray  # of each row of weights: from the first tap to this one
    classes: np.ndarray  # of each class: its first row of weights, and how many it has
    panels: np.ndarray
    rows: np.ndarray
    numbers: tuple[int, ...]  # what `NUMBERS` names
    packed: int
    scratch: int
    items: int


NUMBERS = ("high", "wide", "plane", "vectors", "sums_at")


def plan(s: Shapes, lanes: int, vectors: int) -> SpreadPlan:
    """Blocks of lines of one image, for tiles of so many vectors."""
    axes = [s.residues(0), s.residues(1)]
    image = span(axes[0], s.counts[0]).inputs * span(axes[1], s.counts[1]).inputs * s.channels
    band = 2 * ceil(s.counts[0] / ceil(image / BLOCK_INPUTS) / 2)
    tall, wide = span(axes[0], band), span(axes[1], s.counts[1])
    panels, packed = cut_panels(s, lanes, 1)
    sizes, items = measure(s, axes, tall, wide, 1, band, panels)
    *_, rows = classify(s, axes, tall, wide, 1, 1)
    high, across = band // 2, ceil(s.counts[1] / 2 / lanes)
    h, w = np.ogrid[:high, : across * lanes : lanes]
    source, goal = h * wide.inputs + w, h * across * lanes + w
    extra = -source.size % vectors
    tables = [np.pad(t.ravel(), (0, extra)) for t in (source, goal, np.full(source.shape, lanes))]
    plane, offsets, classes = tall.inputs * wide.inputs, [], []
    for down, right in product(*axes):
        taps = [
            (a - tall.origin) * wide.inputs + b - wide.origin
            for (a, _), (b, _) in product(down.taps, right.taps)
        ]
        classes.append([sum(map(len, offsets)), len(taps) * s.channels])
        offsets += [tap + np.arange(s.channels) * plane for tap in taps]
    sums_at = rounded(s.channels * plane + 2 * lanes)
    own = high * across * lanes
    scratch = sums_at + rounded(4 * s.outputs * own)
    return SpreadPlan(
        ordered(sizes | {"classes": 4, "scratch": scratch}), *tables,
        offsets=np.concatenate(offsets), classes=np.array(classes, np.int64),
        panels=np.array(panels, np.int64), rows=np.ascontiguousarray(rows, np.int64),
        packed=packed, scratch=scratch,
        numbers=(s.counts[0], s.counts[1], own, source.size, sums_at), items=sizes["bands"] * s.images,
    )  # fmt: skip


def spread_module(target: Target, t: Type, rows: int, vectors: int) -> Module:
    """For every block: copy it, padded; sum the pixels of every class; merge them."""
    m = Module()
    lanes = target.lanes(t)
    copy = define_copy(m, t, target, define_zero(m, t, target))
    tile, merge = define_tile(m, t, target, rows, vectors), _define_merge(m, t, target)
    arrays = dict.fromkeys(("x", "packed", "y", "scratch"), t.pointer)
    tables = dict.fromkeys(("sizes", "sources", "goals", "counts", "offsets", "classes"), i64.pointer)
    f, lo, hi, tid, slots = entry(m, "kernel", False, **arrays, **tables, **dict.fromkeys(NUMBERS, i64))
    x, packed, y, scratch, sizes, sources, goals, counts, offsets, classes, high, wide, plane, many, at = (
        slots
    )
    n = fields(sizes)
    block = scratch.at(tid * n["scratch"])
    sums = block.at(at)
    line = (wide + (2 * lanes - 1)) // (2 * lanes) * lanes
    for item in f.range(lo, hi):
        image, band = item // n["bands"], item % n["bands"]
        copy_block(copy, n, x, block, image, band)
        for c in f.range(0, 4):
            first, depth = classes.load(c * 2), classes.load(c * 2 + 1)
            w, goal = packed.at((first + 1) * lanes), sums.at(c * n["outputs"] * plane)
            for v in f.range(0, many, vectors):
                where = sources.at(v), goals.at(v), counts.at(v), many - v
                own = offsets.at(first), depth, packed, w, goal, plane, n["outputs"]
                f.call(tile, void, block, *where, *own)
        step = n["outputs"] * plane
        begin = band * (n["band"] // wide)
        for o in f.range(0, n["outputs"]):
            for h in f.range(begin, smaller(begin + n["band"] // wide, high)):
                source = sums.at((h % 2 * 2) * step + o * plane + (h - begin) // 2 * line)
                f.call(merge, void, source, step, y.at(((image * n["outputs"] + o) * high + h) * wide), wide)
    f.ret()
    return m


def _define_merge(m: Module, t: Type, target: Target) -> str:
    """merge: y[2·i + j] = x[j·step + i], `count` of them."""
    f = m.function("merge", internal=True, x=t.pointer, step=i64, y=t.pointer, count=i64)
    x, step, y, count = f.args
    lanes = target.lanes(t)
    order = [i // 2 + lanes * (i % 2) for i in range(2 * lanes)]
    for i in f.range(0, count, 2 * lanes):
        even, odd = x.load(i // 2, lanes), x.load(step + i // 2, lanes)
        for half in (0, lanes):
            y.store(even.shuffle(order[half : half + lanes], odd), i + half, f.below(count - i - half, lanes))
    f.ret()
    return f.name
