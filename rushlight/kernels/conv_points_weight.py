"""The weight gradient of a 1x1 convolution, dw[o, c] = the sum over images and pixels of g[o, p] · x[c, p].

Only the input is turned: a panel of its channels is in the lanes, for a block of pixels at a time. Cotangents
are read where they are, number by number, and sums are added to the gradient itself. Who does which panels
and outputs never changes the order of a sum.
"""

from __future__ import annotations

from math import ceil, prod
from typing import NamedTuple

from .conv_plan import ITEMS, Shapes
from .conv_sum import VECTORS, in_turn
from .ir import Module
from .launch import entry
from .targets import Target
from .tile import Tile
from .turning import define_turn, smaller
from .types import Type, i64, void

BLOCK = 512  # pixels: a panel of them is in the second-level cache
ROWS = 8  # outputs of a tile


def suits(s: Shapes, lanes: int) -> bool:
    """Whether there is code for it."""
    one = s.kernel == s.stride == (1, 1) and s.padding == (0, 0)
    return one and s.groups == 1 and s.channels % lanes == 0


def pays(s: Shapes, lanes: int) -> bool:
    """Whether enough is made of what is turned."""
    return suits(s, lanes) and s.outputs >= 2 * ROWS


class PointsWeightPlan(NamedTuple):
    """Numbers for the kernel."""

    numbers: tuple[int, ...]  # what `NUMBERS` names
    items: int  # panels of channels, and parts of the outputs
    scratch: int


NUMBERS = ("images", "channels", "outputs", "pixels", "together", "chunk", "parts", "each", "room")


def plan(s: Shapes, lanes: int) -> PointsWeightPlan:
    """Blocks of some images, or of some pixels of one."""
    pixels, width = prod(s.counts), VECTORS * lanes
    together = max(1, min(s.images, BLOCK // pixels))
    chunk = ceil(pixels / ceil(pixels / BLOCK))
    panels, strips = ceil(s.channels / width), ceil(s.outputs / ROWS)
    each = ceil(strips / ceil(ITEMS / panels))
    parts, scratch = ceil(strips / each), together * chunk * width + lanes
    numbers = s.images, s.channels, s.outputs, pixels, together, chunk, parts, each * ROWS, scratch
    return PointsWeightPlan(numbers, panels * parts, scratch)


def points_weight_module(target: Target, t: Type) -> Module:
    """Items are panels of channels with parts of the outputs: each sums over all pixels in order."""
    m = Module()
    width = VECTORS * target.lanes(t)
    turn = define_turn(m, t, target)
    for vectors in range(1, VECTORS + 1):
        _define_tile(m, t, target, vectors)
    arrays = dict.fromkeys(("x", "g", "dw", "scratch"), t.pointer)
    f, lo, hi, tid, slots = entry(m, "kernel", False, **arrays, **dict.fromkeys(NUMBERS, i64))
    x, g, dw, scratch, images, channels, outputs, plane, together, chunk, parts, each, room = slots
    panel = scratch.at(tid * room)
    for image in f.range(0, images, together):
        some = smaller(images - image, together)
        for first in f.range(0, plane, chunk):
            pixels = smaller(plane - first, chunk)
            for item in f.range(lo, hi):
                channel, part = item // parts * width, item % parts
                count = smaller(channels - channel, width)
                with f.when((item == lo) | (part == 0)):
                    for i in f.range(0, some):
                        source = x.at(((image + i) * channels + channel) * plane + first)
                        f.call(turn, void, count, pixels, source, plane, panel.at(i * pixels * count), count)
                for o in f.range(part * each, smaller((part + 1) * each, outputs), ROWS):
                    cotangents = g.at((image * outputs + o) * plane + first)
                    shape = plane, outputs * plane, some, pixels, smaller(outputs - o, ROWS)
                    goal = dw.at(o * channels + channel), channels, image + first
                    for vectors in range(1, VECTORS + 1):
                        with f.when(count == vectors * target.lanes(t)):
                            f.call(f"tile{vectors}", void, panel, cotangents, *shape, *goal)
    f.ret()
    return m


def _define_tile(m: Module, t: Type, target: Target, vectors: int) -> None:
    """dw[o, c] (+)= the sum over images and pixels of g[o, p] · x[p, c]; alone if `again` is zero."""
    f = m.function(
        f"tile{vectors}", internal=True, x=t.pointer, g=t.pointer, plane=i64, image=i64, images=i64,
        pixels=i64, own=i64, dw=t.pointer, pitch=i64, again=i64,
    )  # fmt: skip
    x, g, plane, image, images, pixels, own, dw, pitch, again = f.args
    lanes = target.lanes(t)
    tile = Tile(f, t, ROWS, vectors, lanes)
    rows, inputs = [smaller(own - 1, i) * plane for i in range(ROWS)], f.var(x)
    for n in f.range(0, images):
        end = g.at(n * image + pixels)
        pointers = [end.at(row) for row in rows]
        for p in f.range(-pixels, 0):
            line = [inputs.load(j * lanes, lanes) for j in range(vectors)]
            tile.step(in_turn(tile, pointers, p, target), line)
            inputs.set(inputs.at(vectors * lanes))
    for i, row in enumerate(tile.sums):
        with f.when(own > i):
            goal = dw.at(pitch * i)
            with f.when(again != 0):
                for j, total in enumerate(row):
                    total.set(total + goal.load(j * lanes, lanes))
            for j, total in enumerate(row):
                goal.store(total, j * lanes)
    f.ret()
