"""Convolution with one vector of output channels: a number of the input is loaded once for all its uses.

A tile is some neighbouring pixels of two lines. A number that is broadcast meets every tap of a line of the
kernel at once, each in the sum of another pixel. With one vector of outputs, the usual tile (`conv_sum`) has
a load for every multiplication, and that takes as long. The input is read where it is.
"""

from __future__ import annotations

from math import ceil, prod
from typing import NamedTuple

import numpy as np

from .conv_pack import fields
from .conv_plan import Shapes, cut_panels, measure, ordered, rounded, span
from .conv_sum import keep
from .ir import Module
from .launch import entry
from .targets import Target
from .tile import fma
from .turning import define_turn, smaller
from .types import Type, i64, void
from .values import Value, Var

LINES = 2


class Form(NamedTuple):
    """What a kernel knows: pixels of a line in a tile, taps of a line, and stride."""

    pixels: int
    taps: int
    stride: int


def form_of(s: Shapes, registers: int) -> Form:
    """Pixels in as even parts as fit the registers, beside the weights of a line and two scalars."""
    most = max(1, (registers - 3 - s.kernel[1]) // LINES)
    parts = ceil(s.counts[1] / most)
    return Form(ceil(s.counts[1] / parts), s.kernel[1], s.stride[1])


def pays(s: Shapes, lanes: int, registers: int) -> bool:
    """Whether the outputs are one vector, well filled, and the tiles too."""
    if s.groups > 1 or s.transposed or s.padding != (0, 0) or s.dilation != (1, 1) or registers < 32:
        return False
    pixels, taps, stride = form_of(s, registers)
    full = s.counts[1] / (ceil(s.counts[1] / pixels) * pixels)
    few = lanes / 2 < s.outputs <= lanes and 3 <= taps <= 7 and stride <= 2
    return few and s.counts[0] >= LINES and pixels >= 6 and full > 0.9


class NearPlan(NamedTuple):
    """The tables of a convolution of few outputs."""

    sizes: np.ndarray
    panels: np.ndarray
    goals: np.ndarray
    numbers: tuple[int, ...]  # lines and columns of the output, lines of the kernel, lines that it moves
    packed: int
    scratch: int


def plan(s: Shapes, lanes: int) -> NearPlan:
    """The plan: an image at a time."""
    axes = [s.residues(0), s.residues(1)]
    panels, packed = cut_panels(s, lanes, 1)
    whole = span(axes[0], s.counts[0]), span(axes[1], s.counts[1])
    sizes, _ = measure(s, axes, *whole, 1, s.counts[0], panels)
    scratch = rounded(prod(s.counts) * lanes)
    return NearPlan(
        ordered(sizes | {"classes": 1, "scratch": scratch}), np.array(panels, np.int64),
        np.arange(s.channels * prod(s.kernel)), (*s.counts, s.kernel[0], s.stride[0]), packed, scratch,
    )  # fmt: skip


def near_module(target: Target, t: Type, form: Form) -> Module:
    """Items are images."""
    m = Module()
    lanes = target.lanes(t)
    turn, tile = define_turn(m, t, target), _define_tile(m, t, target, form)
    arrays = dict.fromkeys(("x", "packed", "y", "scratch"), t.pointer)
    numbers = dict.fromkeys(("lines", "columns", "high", "down"), i64)
    f, lo, hi, tid, slots = entry(m, "kernel", False, **arrays, sizes=i64.pointer, **numbers)
    x, packed, y, scratch, sizes, lines, columns, high, down = slots
    n = fields(sizes)
    sums = scratch.at(tid * n["scratch"])
    plane, width = n["height"] * n["width"], n["width"]
    for image in f.range(lo, hi):
        for h in f.range(0, lines, LINES):
            line = smaller(h, lines - LINES)
            for w in f.range(0, columns, form.pixels):
                column = smaller(w, columns - form.pixels)
                source = x.at(image * n["channels"] * plane + line * down * width + column * form.stride)
                goal = sums.at((line * columns + column) * lanes)
                f.call(
                    tile, void, source, n["channels"], plane, high, width, down * width, packed, goal, columns
                )
        result = y.at(image * n["outputs"] * n["counts"])
        f.call(turn, void, n["counts"], n["outputs"], sums, lanes, result, n["counts"])
    f.ret()
    return m


def _define_tile(m: Module, t: Type, target: Target, form: Form) -> str:
    """y[line, pixel] = start + the sum over channels, lines and taps of the kernel of x · w."""
    more = dict(channels=i64, plane=i64, high=i64, width=i64, next=i64)
    f = m.function("tile", internal=True, x=t.pointer, **more, packed=t.pointer, y=t.pointer, columns=i64)
    x, channels, plane, high, width, next, packed, y, columns = f.args
    lanes = target.lanes(t)
    start = packed.load(0, lanes)
    sums = [[f.var(start) for _ in range(form.pixels)] for _ in range(LINES)]
    weights = f.var(packed.at(lanes))
    for c in f.range(0, channels):
        for i in f.range(0, high):
            row = [weights.load(j * lanes, lanes) for j in range(form.taps)]
            line = x.at(c * plane + i * width)
            _line(target, form, [line, line.at(next)], row, sums)
            weights.set(weights.at(form.taps * lanes))
    for k, line in enumerate(sums):
        for j, total in enumerate(line):
            y.store(total, (columns * k + j) * lanes)
    f.ret()
    return f.name


def _line(target: Target, form: Form, lines: list[Value], row: list[Value], sums: list[list[Var]]) -> None:
    """Every number of a line of the input, times the taps that meet it."""
    for at in range((form.pixels - 1) * form.stride + form.taps):
        for line, own in zip(lines, sums):
            met = [(own[(at - k) // form.stride], w) for k, w in enumerate(row) if _meets(form, at, k)]
            if met:
                scalar = line.load(at).splat(row[0].lanes)
                for total, w in met:
                    total.set(fma(scalar, w, total))
                for total, _ in met:
                    keep(total, target)


def _meets(form: Form, at: int, tap: int) -> bool:
    return (at - tap) % form.stride == 0 and 0 <= (at - tap) // form.stride < form.pixels
