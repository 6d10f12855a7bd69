"""1x1 convolution, y[n, o, p] = bias[o] + the sum over c of w[o, c] · x[n, c, p], with pixels p in the lanes.

A tile is a few output channels by a few vectors of pixels. The input is read where it is, nothing is turned.
With strides, and where pixels of one image do not fill vectors, pixels of some images are brought together
first. Many channels are summed in blocks: what is read again and again stays in the second-level cache.
"""

from __future__ import annotations

from math import ceil, prod
from typing import NamedTuple

import numpy as np

from .conv_pack import fields
from .conv_plan import Shapes, cut_panels, measure, ordered, span
from .conv_sum import in_turn
from .ir import Function, Module
from .launch import entry
from .targets import Target
from .tile import Tile
from .turning import smaller
from .types import Type, i64, void
from .values import Value

DEEP = 256  # channels in a block
NEAR = 48 << 10  # numbers of the input that are read for one output channel after the other
TOGETHER = 512  # pixels that images brought together have at most
SHARES = 4  # items, at least, for threads to share
SUMS = 128 << 10  # their sums that are kept until all channels are summed


def shape_of(lanes: int, registers: int) -> tuple[int, int]:
    """Output channels and vectors of a tile; a tile's weights are of one panel."""
    rows = min(lanes, 8 if registers == 32 else 4)
    return rows, (registers - 2) // (rows + 1)


def pays(s: Shapes, lanes: int, registers: int) -> bool:
    """Whether its tiles are filled well."""
    if s.kernel != (1, 1) or s.padding != (0, 0) or s.groups > 1 or (s.transposed and s.stride != (1, 1)):
        return False
    rows, _ = shape_of(lanes, registers)
    outputs = s.outputs / (rows * ceil(s.outputs / rows))
    return outputs * _filled(_together(s, lanes, registers) * prod(s.counts), lanes, registers) > 0.85


def _filled(pixels: int, lanes: int, registers: int) -> float:
    """The part of the time for these pixels that is not lost in the last tile."""
    rows, vectors = shape_of(lanes, registers)
    whole, rest = divmod(pixels, vectors * lanes)
    last = ceil(rest / lanes) * (1 + 1 / rows) / vectors
    return pixels / (vectors * lanes * (whole + last))


def _together(s: Shapes, lanes: int, registers: int) -> int:
    """Images whose pixels fill vectors better than those of one."""
    pixels = prod(s.counts)
    most = max(1, min(s.images, TOGETHER // pixels))
    return next((n for n in range(1, most) if _filled(n * pixels, lanes, registers) > 0.96), most)


# Pixels in a chunk, chunks of an image, parts of the outputs, outputs in a part, channels in a block, images
# at once, whether pixels and sums are kept apart, strides, lines and their lengths.
NUMBERS = ("chunk", "chunks", "parts", "wide", "deep", "together", "apart", "down", "right", "lines", "line")


class PointsPlan(NamedTuple):
    """The tables of a 1x1 convolution, and numbers for the kernel."""

    sizes: np.ndarray
    panels: np.ndarray
    goals: np.ndarray
    numbers: tuple[int, ...]  # what `NUMBERS` names
    packed: int
    scratch: int
    items: int


def plan(s: Shapes, lanes: int, registers: int) -> PointsPlan:
    """Chunks of whole tiles, of about `NEAR` numbers in a block of channels; or some images at once."""
    axes = [s.residues(0), s.residues(1)]
    rows, vectors = shape_of(lanes, registers)
    together = _together(s, lanes, registers)
    one, pixels, width = prod(s.counts), together * prod(s.counts), vectors * lanes
    apart = together > 1 or (one < width and one % lanes > 0)
    picked = s.stride != (1, 1) or apart
    most = DEEP if together == 1 or s.channels <= DEEP else DEEP // 2
    deep = ceil(s.channels / ceil(s.channels / most))
    chunk = pixels if picked else width * ceil(one / max(1, round(one / (NEAR // deep))) / width)
    chunks = max(1, pixels // chunk)
    strips, blocks = ceil(s.outputs / rows), ceil(s.images / together) * chunks
    keeps = apart and deep < s.channels
    parts = max(ceil(SHARES / blocks), ceil(s.outputs * pixels / SUMS) if keeps else 1)
    wide = rows * ceil(strips / min(parts, strips))
    panels, packed = cut_panels(s, lanes, 1)
    whole = span(axes[0], s.counts[0]), span(axes[1], s.counts[1])
    sizes, _ = measure(s, axes, *whole, 1, s.counts[0], panels)
    kept = (deep if picked else 0) + (wide if keeps else rows if apart else 0)
    scratch = kept * (-(-pixels // lanes) + 1) * lanes + 2 * lanes
    parts = ceil(s.outputs / wide)
    lines = s.counts if s.stride != (1, 1) else (1, one)
    return PointsPlan(
        ordered(sizes | {"classes": 1, "scratch": scratch}), np.array(panels, np.int64),
        np.arange(s.channels), (chunk, chunks, parts, wide, deep, together, int(apart), *s.stride, *lines),
        packed, scratch, items=blocks * parts,
    )  # fmt: skip


def points_module(target: Target, t: Type) -> Module:
    """Items are images (or some of them at once), their chunks of pixels, and parts of the outputs."""
    m = Module()
    lanes = target.lanes(t)
    rows, vectors = shape_of(lanes, target.registers)
    for v in range(1, vectors + 1):
        _define_tile(m, t, target, v)
    pick, give = define_pick(m, t, target), _define_give(m, t, target)
    arrays = dict.fromkeys(("x", "packed", "y", "scratch"), t.pointer)
    numbers = dict.fromkeys(NUMBERS, i64)
    f, lo, hi, tid, slots = entry(m, "kernel", False, **arrays, sizes=i64.pointer, **numbers)
    x, packed, y, scratch, sizes, chunk, chunks, parts, wide, deep, together, apart, *moves = slots
    n = fields(sizes)
    channels, outputs, one, plane = n["channels"], n["outputs"], n["counts"], n["height"] * n["width"]
    several = apart != 0
    picked = several | (moves[0] * moves[1] != 1)
    pitch = (together * one + (2 * lanes - 1)) & -lanes
    block = scratch.at(tid * n["scratch"] + lanes)
    sums = block.at(deep * pitch)
    for item in f.range(lo, hi):
        part, place = item % parts, item // parts
        image, first = place // chunks * together, place % chunks * chunk
        images = smaller(n["images"] - image, together)
        last = (place % chunks + 1 == chunks).select(images * one, first + chunk)
        begin, end = part * wide, smaller((part + 1) * wide, outputs)
        result = y.at((image * outputs + begin) * one)
        goal, goal_step = several.select(sums, result), several.select(pitch, one)
        at_once = several & (deep >= channels)
        for k in f.range(0, channels, deep):
            depth = smaller(channels - k, deep)
            start = x.at((image * channels + k) * plane)
            with f.when(picked):
                sizes = images, depth, channels * plane, plane, n["width"]
                f.call(pick, void, start, *sizes, block, pitch, *moves)
            source, step = picked.select(block, start), picked.select(pitch, plane)
            for o in f.range(begin, end, rows):
                w = packed.at(o // lanes * (channels + 2) * lanes + o % lanes)
                rest = w, w.at((k + 1) * lanes), depth, step, goal_step, smaller(outputs - o, rows), k
                own = goal.at(at_once.select(f.const(i64, 0), (o - begin) * goal_step))
                _pixels(f, target, t, source, own, first, last, rest)
                with f.when(at_once):
                    line = result.at((o - begin) * one)
                    f.call(give, void, sums, pitch, images, smaller(end - o, rows), one, line, outputs * one)
        with f.when(several & (deep < channels)):
            f.call(give, void, sums, pitch, images, end - begin, one, result, outputs * one)
    f.ret()
    return m


def _pixels(
    f: Function, target: Target, t: Type, x: Value, y: Value, first: Value, last: Value,
    rest: tuple[Value, ...],
) -> None:  # fmt: skip
    """Tiles of pixels; the last is moved back, and leaves alone what is done."""
    lanes = target.lanes(t)
    vectors = shape_of(lanes, target.registers)[1]
    width = vectors * lanes
    whole = first + (last - first) // width * width
    for p in f.range(first, whole, width):
        f.call(f"tile{vectors}", void, x.at(p), y.at(p), *rest, 0)
    for v in range(1, vectors + 1):
        with f.when((whole < last) & ((last - whole + (lanes - 1)) // lanes == v)):
            p = last - v * lanes
            f.call(f"tile{v}", void, x.at(p), y.at(p), *rest, whole - p)


def _define_tile(m: Module, t: Type, target: Target, vectors: int) -> None:
    """y[o, p] = start[o] (or what is there) + the sum over k of w[k, o] · x[k, p], but for `done` first p."""
    f = m.function(
        f"tile{vectors}", internal=True, x=t.pointer, y=t.pointer, start=t.pointer, w=t.pointer, depth=i64,
        step=i64, plane=i64, own=i64, again=i64, done=i64,
    )  # fmt: skip
    x, y, start, w, depth, step, plane, own, again, done = f.args
    lanes = target.lanes(t)
    rows = shape_of(lanes, target.registers)[0]
    tile = Tile(f, t, rows, vectors, lanes)
    with f.when(again == 0):
        for i, row in enumerate(tile.sums):
            bias = start.load(i).splat(lanes)
            for total in row:
                total.set(bias)
    with f.otherwise():
        for i, row in enumerate(tile.sums):
            with f.when(own > i):
                for j, total in enumerate(row):
                    total.set(y.load(plane * i + j * lanes, lanes))
    pixels, weights = f.var(x), f.var(w)
    for _ in f.range(0, depth):
        line = [pixels.load(j * lanes, lanes) for j in range(vectors)]
        tile.step(in_turn(tile, [weights.at(i) for i in range(rows)], 0, target), line)
        pixels.set(pixels.at(step))
        weights.set(weights.at(lanes))
    with f.when((own == rows) & (done == 0)):
        for i, row in enumerate(tile.sums):
            for j, total in enumerate(row):
                y.store(total, plane * i + j * lanes)
        f.ret()
    for i, row in enumerate(tile.sums):
        with f.when(own > i):
            for j, total in enumerate(row):
                y.store(total, plane * i + j * lanes, ~f.below(done, lanes) if j == 0 else None)
    f.ret()


def define_pick(m: Module, t: Type, target: Target) -> str:
    """pick: y[k, n, i, j] = x[n, k, i · down, j · right], rows k `pitch` apart."""
    f = m.function(
        "pick", internal=True, x=t.pointer, images=i64, depth=i64, image=i64, plane=i64, width=i64,
        y=t.pointer, pitch=i64, down=i64, right=i64, lines=i64, line=i64,
    )  # fmt: skip
    x, images, depth, image, plane, width, y, pitch, down, right, lines, line = f.args
    lanes = target.lanes(t)
    for n in f.range(0, images):
        for k in f.range(0, depth):
            for i in f.range(0, lines):
                source = x.at(n * image + k * plane + i * down * width)
                goal = y.at(k * pitch + (n * lines + i) * line)
                with f.when(right == 1):
                    _copy(f, source, goal, line, lanes)
                with f.when(right == 2):
                    for j in f.range(0, line, lanes):
                        left = width - j * 2
                        pair = [source.load(j * 2 + h, lanes, f.below(left - h, lanes)) for h in (0, lanes)]
                        even = pair[0].shuffle(range(0, 2 * lanes, 2), pair[1])
                        goal.store(even, j, f.below(line - j, lanes))
                with f.when(right > 2):
                    for j in f.range(0, line):
                        goal.store(source.load(j * right), j)
    f.ret()
    return f.name


def _define_give(m: Module, t: Type, target: Target) -> str:
    """give: y[n, o, p] = sums[o, n, p]."""
    f = m.function(
        "give", internal=True, sums=t.pointer, pitch=i64, images=i64, outputs=i64, pixels=i64, y=t.pointer,
        image=i64,
    )  # fmt: skip
    sums, pitch, images, outputs, pixels, y, image = f.args
    for n in f.range(0, images):
        for o in f.range(0, outputs):
            source, goal = sums.at(o * pitch + n * pixels), y.at(n * image + o * pixels)
            _copy(f, source, goal, pixels, target.lanes(t))
    f.ret()
    return f.name


def _copy(f: Function, x: Value, y: Value, count: Value, lanes: int) -> None:
    """Copy `count` numbers, and touch no other."""
    whole = count & -lanes
    for j in f.range(0, whole, lanes):
        y.store(x.load(j, lanes), j)
    with f.when(whole < count):
        inside = f.below(count - whole, lanes)
        y.store(x.load(whole, lanes, inside), whole, inside)
