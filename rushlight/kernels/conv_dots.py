"""The weight gradient of a convolution as inner products: pixels in the lanes of both operands.

dw[o, r] = the sum over images and pixels p of g[o, p] · x[r, p], where r counts input channels and taps, and
x[r, p] lies in a padded block of the input, as far from x[0, p] for every p. A tile is a few outputs by a few
r; its lanes are summed at the end of a block. Cotangents are read where they are, nothing is turned: it pays
for few r, where turning takes as long as multiplying.
"""

from __future__ import annotations

from math import ceil, prod
from typing import NamedTuple

import numpy as np

from .conv_block import copy_block, define_copy, define_zero
from .conv_pack import fields
from .conv_plan import BLOCK_INPUTS, Shapes, measure, ordered, rounded, span
from .conv_points import define_pick
from .conv_sum import in_turn
from .ir import Module
from .launch import entry
from .targets import Target
from .tile import Tile
from .turning import smaller
from .types import Type, i64, void
from .values import Value

MOST = 112  # r: with more, turning is worth its time
FORMS = {32: [(6, 4), (9, 3)], 16: [(4, 2), (3, 3)]}  # tiles of r and outputs that fit so many registers


def pays(s: Shapes, lanes: int) -> bool:
    """Whether r are few, and lanes well filled."""
    taps = prod(s.kernel)
    line = s.counts[1] if taps > 1 else prod(s.counts)
    if s.groups > 1 or s.channels * taps > MOST or line < 0.75 * lanes * ceil(line / lanes):
        return False
    if taps > 1:
        return s.stride == (1, 1)
    return s.padding == (0, 0) and line >= 4 * lanes and s.channels * line <= 2 * BLOCK_INPUTS


def form_of(s: Shapes, registers: int) -> tuple[int, int]:
    """The tile that is filled best."""
    return min(FORMS[registers], key=lambda form: _waste(s, form))


def _waste(s: Shapes, form: tuple[int, int]) -> float:
    rows = s.channels * prod(s.kernel)
    return ceil(rows / form[0]) * form[0] / rows * ceil(s.outputs / form[1]) * form[1] / s.outputs


class DotsPlan(NamedTuple):
    """The tables of a weight gradient by inner products, and numbers for the kernel."""

    sizes: np.ndarray
    offsets: np.ndarray  # of each r: from the first tap of the first channel, in a block
    numbers: tuple[int, ...]  # what `NUMBERS` names
    scratch: int
    items: int  # tiles of outputs


#: r; from an image and a line of x to the next; pixels of a line; and what `define_pick` wants
NUMBERS = ("depth", "x_image", "x_line", "line", "pitch", "down", "right", "high", "wide")


def plan(s: Shapes, lanes: int, form: tuple[int, int]) -> DotsPlan:
    """Blocks of some images, or some lines of one."""
    axes = [s.residues(0), s.residues(1)]
    taps, depth, pixels = prod(s.kernel), s.channels * prod(s.kernel), prod(s.counts)
    together, band = _block(s)
    tall, wide = span(axes[0], band), span(axes[1], s.counts[1])
    sizes, _ = measure(s, axes, tall, wide, together, band, [[]])
    plane = tall.inputs * wide.inputs
    if taps > 1:
        scratch, pitch = together * s.channels * plane, 0
        numbers = s.channels * plane, wide.inputs, s.counts[1]
        h, w = (np.array([where for where, _ in sorted(axis[0].taps, key=_tap)]) for axis in axes)
        places = (h[:, None] - tall.origin) * wide.inputs + w - wide.origin
        offsets = np.arange(s.channels)[:, None] * plane + places.ravel()
    else:
        pitch = rounded(together * pixels)
        scratch, numbers = s.channels * pitch, (pixels, 0, pixels)
        offsets = np.arange(s.channels) * pitch
    offsets = np.pad(offsets.ravel(), (0, -depth % form[0]), "edge")
    scratch = rounded(scratch + lanes)
    return DotsPlan(
        ordered(sizes | {"classes": 1, "scratch": scratch}), np.ascontiguousarray(offsets, np.int64),
        (depth, *numbers, pitch, *s.stride, *s.counts), scratch, ceil(s.outputs / form[1]),
    )  # fmt: skip


def _tap(pair: tuple[int, int]) -> int:
    return pair[1]


def _block(s: Shapes) -> tuple[int, int]:
    """How many images, or else how many lines of outputs, are done together."""
    if prod(s.kernel) == 1:
        return max(1, min(s.images, BLOCK_INPUTS // 2 // (s.channels * prod(s.counts)))), s.counts[0]
    axes = [s.residues(0), s.residues(1)]
    image = span(axes[0], s.counts[0]).inputs * span(axes[1], s.counts[1]).inputs * s.channels
    if image <= BLOCK_INPUTS:
        return max(1, min(s.images, BLOCK_INPUTS // 4 // image)), s.counts[0]
    return 1, ceil(s.counts[0] / ceil(image / BLOCK_INPUTS))


def dots_module(target: Target, t: Type, form: tuple[int, int], one: bool) -> Module:
    """Items are tiles of outputs; `one`: for kernels of 1x1."""
    m = Module()
    tile = _define_tile(m, t, target, form)
    move = define_pick(m, t, target) if one else define_copy(m, t, target, define_zero(m, t, target))
    arrays = dict.fromkeys(("x", "g", "dw", "scratch"), t.pointer)
    tables = dict.fromkeys(("sizes", "offsets"), i64.pointer)
    f, lo, hi, tid, slots = entry(m, "kernel", False, **arrays, **tables, **dict.fromkeys(NUMBERS, i64))
    x, g, dw, scratch, sizes, offsets, depth, x_image, x_line, line, pitch, *moves = slots
    n = fields(sizes)
    block = scratch.at(tid * n["scratch"])
    for image in f.range(0, n["images"], n["together"]):
        images = smaller(n["images"] - image, n["together"])
        for band in f.range(0, n["bands"]):
            if one:
                plane = n["height"] * n["width"]
                shape = images, n["channels"], n["channels"] * plane, plane, n["width"], block, pitch
                f.call(move, void, x.at(image * n["channels"] * plane), *shape, *moves)
            else:
                copy_block(move, n, x, block, image, band)
            begin = band * n["band"]
            some = smaller(n["counts"] - begin, n["band"]) // line
            again = image + band
            for r in f.range(0, depth, form[0]):
                many = smaller(depth - r, form[0])
                for item in f.range(lo, hi):
                    o = item * form[1]
                    cotangents = g.at((image * n["outputs"] + o) * n["counts"] + begin)
                    own = smaller(n["outputs"] - o, form[1])
                    shape = images, x_image, n["outputs"] * n["counts"], some, x_line, line
                    goal = dw.at(o * depth + r), depth, many, again
                    f.call(tile, void, block, offsets.at(r), cotangents, n["counts"], own, *shape, *goal)
    f.ret()
    return m


def _define_tile(m: Module, t: Type, target: Target, form: tuple[int, int]) -> str:
    """dw[o, r] (+)= the sum over images, lines and pixels of g[o, p] · x[r, p]."""
    more = dict(images=i64, x_image=i64, g_image=i64, lines=i64, x_line=i64, line=i64)
    f = m.function(
        "tile", internal=True, x=t.pointer, offsets=i64.pointer, g=t.pointer, plane=i64, own=i64, **more,
        dw=t.pointer, depth=i64, many=i64, again=i64,
    )  # fmt: skip
    x, offsets, g, plane, own, images, x_image, g_image, lines, x_line, line, dw, depth, many, again = f.args
    lanes = target.lanes(t)
    tile = Tile(f, t, *form, lanes)
    inputs = [x.at(offsets.load(i)) for i in range(form[0])]
    cotangents = [g.at(smaller(own - 1, j) * plane) for j in range(form[1])]
    whole = line & -lanes
    inside = f.below(line - whole, lanes)

    def step(at: Value, to: Value, mask: Value | None = None) -> None:
        row = [p.load(to, lanes, mask) for p in cotangents]
        tile.step(in_turn(tile, inputs, at, target, lanes, mask), row)

    for n in f.range(0, images):
        for h in f.range(0, lines):
            at, to = n * x_image + h * x_line, n * g_image + h * line
            for w in f.range(0, whole, lanes):
                step(at + w, to + w)
            with f.when(whole < line):
                step(at + whole, to + whole, inside)
    for i, row in enumerate(tile.sums):
        for j, total in enumerate(row):
            with f.when((many > i) & (own > j)):
                goal = dw.at(depth * j + i)
                sum = f.var(total.now.fold(lambda a, b: a + b))
                with f.when(again != 0):
                    sum += goal.load()
                goal.store(sum)
    f.ret()
    return f.name
