"""The weight gradient of a convolution with one vector of outputs: cotangents in registers meet every tap.

A tile is some lines of the kernel, of any channels. Cotangents of neighbouring pixels are loaded once for
all its lines, and a number of the input that is broadcast meets them at every tap. With a single vector of
outputs the usual tile (`conv_weight`) has a load for every multiplication. The input is read where it is.
Blocks of images have sums of their own, whose order no thread changes.
"""

from __future__ import annotations

from math import ceil, prod
from typing import NamedTuple

import numpy as np

from .conv_plan import Shapes, rounded
from .conv_sum import keep
from .ir import Module
from .launch import entry
from .targets import Target
from .tile import fma
from .turning import define_turn, smaller
from .types import Type, i64, void
from .values import Value, Var

BLOCKS = 16
PIXELS = (5, 12)  # neighbours in registers: at least, at most


class Form(NamedTuple):
    """What a kernel knows: pixels in registers, taps of a line, lines of the kernel in a tile."""

    pixels: int
    taps: int
    lines: int


def form_of(s: Shapes, registers: int) -> Form | None:
    """Even parts of a line; lines that fill tiles, and the registers beside the parts and two scalars."""
    fewest, most = PIXELS
    pixels = max((n for n in range(fewest, most + 1) if s.counts[1] % n == 0), default=0)
    room, rows = (registers - 2 - pixels) // s.kernel[1], s.channels * s.kernel[0]
    if not pixels or room < 1:
        return None
    return Form(pixels, s.kernel[1], min(range(room, room // 2, -1), key=lambda n: ceil(rows / n) * n))


def pays(s: Shapes, lanes: int, registers: int) -> bool:
    """Whether the outputs are one vector, well filled, of images without padding."""
    if s.groups > 1 or s.stride != (1, 1) or s.padding != (0, 0) or s.dilation != (1, 1) or registers < 32:
        return False
    few = lanes / 2 < s.outputs <= lanes and s.images >= BLOCKS and 3 <= s.kernel[1] <= 7
    return few and form_of(s, registers) is not None


class NearWeightPlan(NamedTuple):
    """The table of a weight gradient, and numbers for its kernels."""

    offsets: np.ndarray  # of each line of the kernel: from the first tap of the first channel
    numbers: tuple[int, ...]  # what `NUMBERS` names
    scratch: int
    blocks: int
    depth: int


NUMBERS = ("images", "together", "outputs", "rows", "x_image", "width", "high", "wide", "scratch_step")


def plan(s: Shapes, lanes: int, form: Form) -> NearWeightPlan:
    """Blocks of images."""
    together, rows = ceil(s.images / BLOCKS), s.channels * s.kernel[0]
    offsets = np.add.outer(np.arange(s.channels) * s.sizes[0], np.arange(s.kernel[0])).ravel() * s.sizes[1]
    scratch = rounded(together * prod(s.counts) * lanes)
    numbers = s.images, together, s.outputs, rows, s.channels * prod(s.sizes), s.sizes[1], *s.counts, scratch
    return NearWeightPlan(
        np.pad(offsets, (0, -rows % form.lines), "edge").astype(np.int64), numbers, scratch,
        ceil(s.images / together), rows * form.taps,
    )  # fmt: skip


def near_weight_module(target: Target, t: Type, form: Form) -> Module:
    """Items are blocks of images: their sums, outputs in the lanes."""
    m = Module()
    lanes = target.lanes(t)
    turn, tile = define_turn(m, t, target), _define_tile(m, t, target, form)
    arrays = dict.fromkeys(("x", "g", "sums", "scratch"), t.pointer)
    f, lo, hi, tid, slots = entry(
        m, "kernel", False, **arrays, offsets=i64.pointer, **dict.fromkeys(NUMBERS, i64)
    )
    x, g, sums, scratch, offsets, images, together, outputs, rows, x_image, width, high, wide, step = slots
    block, pixels = scratch.at(tid * step), high * wide
    for item in f.range(lo, hi):
        first = item * together
        here = smaller(images - first, together)
        for n in f.range(0, here):
            source, goal = g.at((first + n) * outputs * pixels), block.at(n * pixels * lanes)
            f.call(turn, void, outputs, pixels, source, pixels, goal, lanes)
        for r in f.range(0, rows, form.lines):
            source, goal = x.at(first * x_image), sums.at((item * rows + r) * (form.taps * lanes))
            shape = here, x_image, high, width, wide
            f.call(tile, void, source, offsets.at(r), *shape, block, goal, rows - r)
    f.ret()
    return m


def total_module(target: Target, t: Type) -> Module:
    """One item: the sums of all blocks added, and turned into dw (O, depth)."""
    m = Module()
    lanes, turn = target.lanes(t), define_turn(m, t, target)
    f, lo, hi, _, (sums, dw, blocks, depth, outputs) = entry(
        m, "kernel", False, sums=t.pointer, dw=t.pointer, blocks=i64, depth=i64, outputs=i64
    )
    for _ in f.range(lo, hi):
        for r in f.range(0, depth):
            own = sums.at(r * lanes)
            total = f.var(own.load(0, lanes))
            for b in f.range(1, blocks):
                total += own.load(b * depth * lanes, lanes)
            own.store(total)
        f.call(turn, void, depth, outputs, sums, lanes, dw, depth)
    f.ret()
    return m


def _define_tile(m: Module, t: Type, target: Target, form: Form) -> str:
    """total[r, k] = the sum over images and pixels p of x[p + offset(r) + k] · g[p], for `own` lines r."""
    shape = dict.fromkeys(("images", "x_image", "high", "width", "wide"), i64)
    goal = dict(total=t.pointer, own=i64)
    f = m.function("tile", internal=True, x=t.pointer, offsets=i64.pointer, **shape, g=t.pointer, **goal)
    x, offsets, images, x_image, high, width, wide, g, total, own = f.args
    lanes = target.lanes(t)
    zero = f.const(t.x(lanes), 0)
    sums = [[f.var(zero) for _ in range(form.taps)] for _ in range(form.lines)]
    lines = [x.at(offsets.load(i)) for i in range(form.lines)]
    cotangents = f.var(g)
    for n in f.range(0, images):
        for h in f.range(0, high):
            for w in f.range(0, wide, form.pixels):
                row = [cotangents.load(i * lanes, lanes) for i in range(form.pixels)]
                at = n * x_image + h * width + w
                _add(target, [line.at(at) for line in lines], row, sums)
                cotangents.set(cotangents.at(form.pixels * lanes))
    for i, line in enumerate(sums):
        with f.when(own > i):
            for k, sum in enumerate(line):
                total.store(sum, (form.taps * i + k) * lanes)
    f.ret()
    return f.name


def _add(target: Target, lines: list[Value], row: list[Value], sums: list[list[Var]]) -> None:
    """Every number of the lines, times the cotangents that it meets."""
    for at in range(len(row) + len(sums[0]) - 1):
        for line, own in zip(lines, sums, strict=True):
            scalar = line.load(at).splat(row[0].lanes)
            met = [(own[k], row[at - k]) for k in range(len(own)) if 0 <= at - k < len(row)]
            for total, cotangent in met:
                total.set(fma(scalar, cotangent, total))
            for total, _ in met:
                keep(total, target)
