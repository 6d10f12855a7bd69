"""Depthwise convolution of small images, whose lines do not fill vectors: channels in the lanes.

The planes of some neighbouring channels are turned, so that each pixel is a vector of channels, and copied
into a padded block (with zeros between pixels for the input gradient of a strided convolution). Every output
is then a sum over taps of vectors, and is turned back.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from math import ceil, prod
from typing import NamedTuple

import numpy as np

from .conv_block import define_zero
from .conv_plan import Shapes
from .depthwise import CHUNK, Form, sizes_of
from .ir import Function, Module
from .launch import entry
from .targets import Target
from .tile import fma
from .turning import define_turn, smaller
from .types import Type, i64, void
from .values import Value

FIELDS = (
    "images", "channels", "groups", "pixels", "width", "rows", "pitch", "top", "left", "first_row",
    "first_column", "copied_rows", "copied_columns", "high", "wide", "line_step", "tap_step", "row_spacing",
    "turned_at", "outputs_at", "weights_at", "scratch",
)  # fmt: skip
MOST_TAPS = 16  # each has its own register


def pays(s: Shapes, lanes: int) -> bool:
    """Whether lines fill less than half a vector, and channels one."""
    return 2 * min(s.sizes[1], s.counts[1]) <= lanes <= s.channels and prod(s.kernel) <= MOST_TAPS


class TurnedPlan(NamedTuple):
    """What the kernels need for a shape."""

    sizes: np.ndarray  # what `FIELDS` names
    groups: int  # of channels
    items: int  # groups of all images
    grain: int  # of them, worth a thread's while
    sums: int  # numbers in the sums of a weight gradient
    scratch: int


def plan(s: Shapes, lanes: int) -> TurnedPlan:
    """The plan for vectors of `lanes` channels."""
    n = sizes_of(s, lanes)
    pitch = n["pitch"] - 2 * lanes  # no vector reads beyond a line here
    block, pixels, counts, taps = n["rows"] * pitch * lanes, prod(s.sizes), prod(s.counts), prod(s.kernel)
    groups = ceil(s.channels / lanes)
    n |= dict(
        groups=groups, pixels=pixels, pitch=pitch,
        line_step=n["line_step"] // n["pitch"] * pitch, tap_step=n["tap_step"] // n["pitch"] * pitch,
        turned_at=block, outputs_at=block + pixels * lanes, weights_at=block + (pixels + counts) * lanes,
        scratch=block + (pixels + counts + taps + 1) * lanes,
    )  # fmt: skip
    return TurnedPlan(
        np.array([n[name] for name in FIELDS], np.int64), groups, s.images * groups,
        max(1, CHUNK // (counts * lanes)), groups * taps * lanes, n["scratch"],
    )  # fmt: skip


class Group(NamedTuple):
    """Some neighbouring planes: the first, its channel, and how many of them there are."""

    plane: Value
    channel: Value
    count: Value


def correlate_module(target: Target, t: Type, form: Form) -> Module:
    """Items are groups of planes of an image: y[p] = bias + the sum over taps of weights and inputs."""
    m = Module()
    lanes, taps = target.lanes(t), prod(form.kernel)
    zero, turn = define_zero(m, t, target), define_turn(m, t, target)
    copy = _define_copy(m, t, lanes, turn, form.spacing)
    arrays = dict.fromkeys(("x", "w", "bias", "y", "scratch"), t.pointer)
    f, lo, hi, tid, (x, w, bias, y, scratch, sizes) = entry(m, "kernel", False, **arrays, sizes=i64.pointer)
    n = {name: sizes.load(k) for k, name in enumerate(FIELDS)}
    block = scratch.at(tid * n["scratch"])
    outputs, weights = block.at(n["outputs_at"]), block.at(n["weights_at"])
    counts = n["high"] * n["wide"]
    f.call(zero, void, block, n["turned_at"])
    for item in f.range(lo, hi):
        own = _group(n, item // n["groups"], item % n["groups"], lanes)
        f.call(copy, void, x.at(own.plane * n["pixels"]), own.count, block, sizes)
        f.call(turn, void, own.count, taps, w.at(own.channel * taps), taps, weights, lanes)
        order = range(taps)[:: -1 if form.mirrored else 1]
        factors = [weights.load(k * lanes, lanes) for k in order]
        start = f.var(f.const(t.x(lanes), 0))
        with f.when(bias != 0):
            start.set(bias.load(own.channel, lanes, f.below(own.count, lanes)))
        for place, lines in _outputs(n, block, form, lanes):
            total = start.now
            for factor, pixel in zip(factors, _pixels(lines, form, lanes), strict=True):
                total = fma(pixel, factor, total)
            outputs.store(total, place * lanes)
        f.call(turn, void, counts, own.count, outputs, lanes, y.at(own.plane * counts), counts)
    f.ret()
    return m


def weight_module(target: Target, t: Type, form: Form) -> Module:
    """Items are groups of channels: dw[k] = the sum over images and outputs of g and the input under tap k.

    All groups of an image come before the next image, as they lie in memory: their sums wait in `sums`.
    """
    m = Module()
    lanes, taps = target.lanes(t), prod(form.kernel)
    zero, turn = define_zero(m, t, target), define_turn(m, t, target)
    copy = _define_copy(m, t, lanes, turn, 1)
    arrays = dict.fromkeys(("x", "g", "dw", "sums", "scratch"), t.pointer)
    f, lo, hi, tid, (x, g, dw, sums, scratch, sizes) = entry(m, "kernel", False, **arrays, sizes=i64.pointer)
    n = {name: sizes.load(k) for k, name in enumerate(FIELDS)}
    block = scratch.at(tid * n["scratch"])
    cotangents, counts = block.at(n["outputs_at"]), n["high"] * n["wide"]
    f.call(zero, void, block, n["turned_at"])
    f.call(zero, void, sums.at(lo * (taps * lanes)), (hi - lo) * (taps * lanes))
    for image in f.range(0, n["images"]):
        for item in f.range(lo, hi):
            own = _group(n, image, item, lanes)
            f.call(copy, void, x.at(own.plane * n["pixels"]), own.count, block, sizes)
            f.call(turn, void, own.count, counts, g.at(own.plane * counts), counts, cotangents, lanes)
            goals = [sums.at((item * taps + k) * lanes) for k in range(taps)]
            totals = [f.var(goal.load(0, lanes)) for goal in goals]
            for place, lines in _outputs(n, block, form, lanes):
                g_pixel = cotangents.load(place * lanes, lanes)
                for total, pixel in zip(totals, _pixels(lines, form, lanes), strict=True):
                    total.set(fma(pixel, g_pixel, total))
            for goal, total in zip(goals, totals, strict=True):
                goal.store(total)
    for item in f.range(lo, hi):
        own = _group(n, f.const(i64, 0), item, lanes)
        goal = dw.at(own.channel * taps)
        f.call(turn, void, taps, own.count, sums.at(item * (taps * lanes)), lanes, goal, taps)
    f.ret()
    return m


def _group(n: dict[str, Value], image: Value, number: Value, lanes: int) -> Group:
    channel = number * lanes
    return Group(image * n["channels"] + channel, channel, smaller(n["channels"] - channel, lanes))


def _outputs(
    n: dict[str, Value], block: Value, form: Form, lanes: int
) -> Iterator[tuple[Value, list[Value]]]:
    """Every output: its place, and where each row of the kernel begins in the block."""
    f = block.f
    for h in f.range(0, n["high"]):
        lines = [block.at((h * n["line_step"] + n["tap_step"] * i) * lanes) for i in range(form.kernel[0])]
        for w in f.range(0, n["wide"]):
            yield h * n["wide"] + w, [line.at(w * (form.step * lanes)) for line in lines]


def _pixels(lines: list[Value], form: Form, lanes: int) -> list[Value]:
    """What an output meets under all taps."""
    rows = ([line.load(j * form.dilation * lanes, lanes) for j in range(form.kernel[1])] for line in lines)
    return list(chain(*rows))


def _define_copy(m: Module, t: Type, lanes: int, turn: str, spacing: int) -> str:
    """Turn `count` planes, and copy their pixels into the zeros of a block, `spacing` apart."""
    f: Function = m.function(
        "copy", internal=True, x=t.pointer, count=i64, block=t.pointer, sizes=i64.pointer
    )
    x, count, block, sizes = f.args
    n = {name: sizes.load(k) for k, name in enumerate(FIELDS)}
    turned = block.at(n["turned_at"])
    f.call(turn, void, count, n["pixels"], x, n["pixels"], turned, lanes)
    for r in f.range(0, n["copied_rows"]):
        source = turned.at(((n["first_row"] + r) * n["width"] + n["first_column"]) * lanes)
        goal = block.at(((n["top"] + r * n["row_spacing"]) * n["pitch"] + n["left"]) * lanes)
        for c in f.range(0, n["copied_columns"]):
            goal.store(source.load(c * lanes, lanes), c * (spacing * lanes))
    f.ret()
    return f.name
