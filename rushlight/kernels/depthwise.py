"""Depthwise convolution, where each channel has a kernel of its own: pixels of a line in the lanes.

A plane of the input is copied, padded, to where a thread works; every output is a sum over taps of what lies
beside it. The input gradient is the same sum, mirrored, over cotangents with zeros between them where the
convolution is strided (Dumoulin and Visin, A guide to convolution arithmetic for deep learning, 2016).
"""

from __future__ import annotations

from itertools import chain
from typing import NamedTuple

import numpy as np

from .conv_block import define_zero
from .conv_plan import Pair, Shapes
from .ir import Function, Module
from .launch import entry
from .targets import Target
from .tile import fma
from .turning import smaller
from .types import Type, i64, void
from .values import Value

MOST_TAPS = 64
CHUNK = 1 << 14  # outputs that are worth a thread's while
AHEAD = 4096  # bytes: planes follow one another, but processors prefetch no further than a page
FIELDS = (
    "channels", "height", "width", "rows", "pitch", "top", "left", "first_row", "first_column", "copied_rows",
    "copied_columns", "high", "wide", "scratch", "images", "line_step", "tap_step", "row_spacing",
)  # fmt: skip


class Form(NamedTuple):
    """What a kernel is specialised for."""

    kernel: Pair
    dilation: int  # along a line
    step: int  # between the inputs of neighbouring outputs
    spacing: int  # between inputs that are not zeros
    mirrored: bool


def suits(s: Shapes) -> bool:
    """Whether there is a kernel: a channel in and out per group, no long strides or kernels."""
    own = s.groups == s.channels == s.outputs and s.groups > 1
    return own and max(s.stride) <= 2 and s.kernel[0] * s.kernel[1] <= MOST_TAPS


def form(s: Shapes) -> Form:
    """The kernel that a convolution, or an input gradient, needs."""
    strides = (1, s.stride[1]) if s.transposed else (s.stride[1], 1)
    return Form(s.kernel, s.dilation[1], *strides, s.transposed)


def sizes_of(s: Shapes, lanes: int) -> dict[str, int]:
    """The sizes that `FIELDS` names."""
    high, wide = (_axis(s, axis) for axis in (0, 1))
    pitch = wide["inputs"] + 2 * lanes
    found = dict(
        channels=s.channels, height=s.sizes[0], width=s.sizes[1], rows=high["inputs"], pitch=pitch,
        top=high["margin"], left=wide["margin"], first_row=high["first"], first_column=wide["first"],
        copied_rows=high["copied"], copied_columns=wide["copied"], high=s.counts[0], wide=s.counts[1],
        scratch=-(-(high["inputs"] * pitch + 4 * lanes) // 16) * 16, images=s.images,
        line_step=pitch * (1 if s.transposed else s.stride[0]), tap_step=pitch * s.dilation[0],
        row_spacing=s.stride[0] if s.transposed else 1,
    )  # fmt: skip
    return found


def _axis(s: Shapes, axis: int) -> dict[str, int]:
    """Along an axis: the inputs that all outputs need, and which of the given ones lie where among them."""
    stride, reach = s.stride[axis], s.dilation[axis] * (s.kernel[axis] - 1)
    step, spacing = (1, stride) if s.transposed else (stride, 1)
    origin = s.padding[axis] - reach if s.transposed else -s.padding[axis]
    inputs = (s.counts[axis] - 1) * step + reach + 1
    first = max(0, -(-origin // spacing))
    margin = first * spacing - origin
    copied = max(0, min(s.sizes[axis] - first, -(-(inputs - margin) // spacing)))
    return {"inputs": inputs, "first": first, "margin": margin, "copied": copied}


def tables(s: Shapes, lanes: int) -> np.ndarray:
    """The same as kernels read them."""
    sizes = sizes_of(s, lanes)
    return np.array([sizes[name] for name in FIELDS], np.int64)


def scratch(sizes: np.ndarray) -> int:
    """Numbers of scratch memory that a thread needs."""
    return int(sizes[FIELDS.index("scratch")])


def grain(s: Shapes) -> int:
    """Planes worth a thread's while."""
    return max(1, CHUNK // (s.counts[0] * s.counts[1]))


def correlate_module(target: Target, t: Type, form: Form) -> Module:
    """Items are planes: y[h, w] = bias + the sum over taps of weights and the inputs beside (h, w)."""
    m = Module()
    lanes = target.lanes(t)
    zero, copy = define_zero(m, t, target), _define_copy(m, t, target, form.spacing)
    arrays = dict.fromkeys(("x", "w", "bias", "y", "scratch"), t.pointer)
    f, lo, hi, tid, (x, w, bias, y, scratch, sizes) = entry(m, "kernel", False, **arrays, sizes=i64.pointer)
    n = {name: sizes.load(k) for k, name in enumerate(FIELDS)}
    block = scratch.at(tid * n["scratch"])
    f.call(zero, void, block, n["scratch"])
    for item in f.range(lo, hi):
        channel = item % n["channels"]
        f.call(copy, void, x.at(item * n["height"] * n["width"]), block, sizes)
        weights = _weights(w, channel, form, lanes)
        start = f.var(f.const(t, 0))
        with f.when(bias != 0):
            start.set(bias.load(channel))
        first = start.now.splat(lanes)
        for h in f.range(0, n["high"]):
            lines = [block.at(h * n["line_step"] + n["tap_step"] * i) for i in range(form.kernel[0])]
            goal = y.at((item * n["high"] + h) * n["wide"])
            for i in f.range(0, n["wide"] & -lanes, lanes):
                goal.store(_sum(first, weights, lines, i, form, lanes), i)
            rest = n["wide"] & -lanes
            with f.when(rest < n["wide"]):
                total = _sum(first, weights, lines, rest, form, lanes)
                goal.store(total, rest, f.below(n["wide"] - rest, lanes))
    f.ret()
    return m


def _weights(w: Value, channel: Value, form: Form, lanes: int) -> list[list[Value]]:
    """A channel's weights in the order of the inputs they meet."""
    high, wide = form.kernel
    taps = w.at(channel * (high * wide))
    rows = [[taps.load(i * wide + j).splat(lanes) for j in range(wide)] for i in range(high)]
    return [row[::-1] for row in rows[::-1]] if form.mirrored else rows


def _sum(
    start: Value, weights: list[list[Value]], lines: list[Value], at: Value, form: Form, lanes: int
) -> Value:
    """A vector of outputs."""
    total = start
    for row, line in zip(weights, lines, strict=True):
        for j, weight in enumerate(row):
            total = fma(_pixels(line, at, j * form.dilation, form.step, lanes), weight, total)
    return total


def _pixels(line: Value, at: Value, tap: int, step: int, lanes: int) -> Value:
    """What the outputs from `at` on meet under a tap: every number, or every other one."""
    if step == 1:
        return line.at(at).load(tap, lanes)
    source = line.at(at * 2)
    return source.load(tap, lanes).shuffle(range(0, 2 * lanes, 2), source.load(tap + lanes, lanes))


def _define_copy(m: Module, t: Type, target: Target, spacing: int) -> str:
    """Copy a plane into the zeros of a block, with `spacing` - 1 zeros between the numbers of a line."""
    f = m.function("copy", internal=True, x=t.pointer, block=t.pointer, sizes=i64.pointer)
    x, block, sizes = f.args
    n = {name: sizes.load(k) for k, name in enumerate(FIELDS)}
    lanes = target.lanes(t)
    for r in f.range(0, n["copied_rows"]):
        source = x.at((n["first_row"] + r) * n["width"] + n["first_column"])
        goal = block.at((n["top"] + r * n["row_spacing"]) * n["pitch"] + n["left"])
        for i in f.range(0, n["copied_columns"], lanes):
            count = smaller(n["copied_columns"] - i, lanes)
            pixels = source.load(i, lanes, f.below(count, lanes))
            source.prefetch(i + AHEAD // t.size)
            if spacing == 1:
                goal.store(pixels, i, f.below(count, lanes))
            else:
                _store_apart(f, goal, pixels, i, count * 2 - 1)
    f.ret()
    return f.name


def _store_apart(f: Function, goal: Value, pixels: Value, i: Value, count: Value) -> None:
    """Write numbers to every other place, zeros between."""
    lanes = pixels.lanes
    zeros = f.const(pixels.type, 0)
    for half in (0, 1):
        order = [lanes if j % 2 else half * lanes // 2 + j // 2 for j in range(lanes)]
        spread = pixels.shuffle(order, zeros)
        goal.store(spread, i * 2 + half * lanes, f.below(count - half * lanes, lanes))


def weight_module(target: Target, t: Type, form: Form) -> Module:
    """Items are channels: dw[k] = the sum over images and outputs of g and the input under tap k.

    All channels of an image come before the next image, as they lie in memory: their sums wait in `sums`.
    """
    m = Module()
    lanes = target.lanes(t)
    zero, copy = define_zero(m, t, target), _define_copy(m, t, target, 1)
    arrays = dict.fromkeys(("x", "g", "dw", "sums", "scratch"), t.pointer)
    f, lo, hi, tid, (x, g, dw, sums, scratch, sizes) = entry(m, "kernel", False, **arrays, sizes=i64.pointer)
    n = {name: sizes.load(k) for k, name in enumerate(FIELDS)}
    block = scratch.at(tid * n["scratch"])
    taps = form.kernel[0] * form.kernel[1]
    f.call(zero, void, block, n["scratch"])
    f.call(zero, void, sums.at(lo * (taps * lanes)), (hi - lo) * (taps * lanes))
    for image in f.range(0, n["images"]):
        for channel in f.range(lo, hi):
            plane = image * n["channels"] + channel
            f.call(copy, void, x.at(plane * n["height"] * n["width"]), block, sizes)
            cotangents = g.at(plane * n["high"] * n["wide"])
            _add_plane(sums.at(channel * (taps * lanes)), n, block, cotangents, form, target, t)
    for k in f.range(lo * taps, hi * taps):
        dw.store(sums.load(k * lanes, lanes).fold(lambda a, b: a + b), k)
    f.ret()
    return m


def _add_plane(
    sums: Value, n: dict[str, Value], block: Value, g: Value, form: Form, target: Target, t: Type
) -> None:
    """Add a plane's products to the sums of its channel, some rows of the kernel at a time."""
    f, lanes, (high, wide) = sums.f, target.lanes(t), form.kernel
    together = max(1, min(high, (target.registers - 5) // wide))
    for top in range(0, high, together):
        some = range(top, min(high, top + together))
        goals = [[sums.at((i * wide + j) * lanes) for j in range(wide)] for i in some]
        totals = [[f.var(goal.load(0, lanes)) for goal in row] for row in goals]
        for h in f.range(0, n["high"]):
            lines = [block.at(h * n["line_step"] + n["tap_step"] * i) for i in some]
            cotangents = g.at(h * n["wide"])
            for i in f.range(0, n["wide"], lanes):
                inside = f.below(smaller(n["wide"] - i, lanes), lanes)
                cotangents.prefetch(i + AHEAD // t.size)
                _add(totals, cotangents.load(i, lanes, inside), inside, lines, i, form)
        for goal, total in zip(chain(*goals), chain(*totals), strict=True):
            goal.store(total)


def _add(sums: list, g: Value, inside: Value, lines: list[Value], at: Value, form: Form) -> None:
    """Add a vector of cotangents times what lies under each tap; outside may be anything."""
    for row, line in zip(sums, lines, strict=True):
        for j, total in enumerate(row):
            pixels = _pixels(line, at, j * form.dilation, form.step, g.lanes)
            total.set(fma(g, inside.select(pixels, 0.0), total))
