"""The input gradient of a convolution of small padded images: images in the lanes.

A sum then meets only the taps inside the image, and lanes are full. With pixels in the lanes
(`conv_lines`) taps in the padding are multiplied as well, half of all where the kernel is half as large as
the image, and lines seldom fill the lanes. Images are turned before and after.
"""

from __future__ import annotations

from math import ceil, prod
from typing import NamedTuple

from .conv_lines import TURN
from .conv_plan import Shapes, rounded
from .conv_sum import keep
from .ir import Module
from .launch import entry
from .targets import Target
from .tile import fma
from .turning import define_turn, smaller
from .types import Type, i64, void
from .values import Value, Var

FEWEST = 4  # vectors of images: so many threads can help
MOST = 1 << 17  # numbers of a vector of images: half of a second-level cache
LESS = 1.3  # work


class Form(NamedTuple):
    """What a kernel knows of a line: numbers in the input and the output, taps, padding."""

    inputs: int
    outputs: int
    taps: int
    padding: int


def form_of(s: Shapes) -> Form:
    """The form of these lines."""
    return Form(s.sizes[1], s.counts[1], s.kernel[1], s.padding[1])


def pays(s: Shapes, lanes: int, registers: int) -> bool:
    """Whether vectors of images are full, a line of sums fits the registers, and other ways are longer."""
    if not s.transposed or s.groups > 1 or s.stride != (1, 1) or s.dilation != (1, 1):
        return False
    if s.images < FEWEST * lanes or s.counts[1] + s.kernel[1] + 2 > registers or _room(s) * lanes > MOST:
        return False
    taps = s.channels * s.outputs * prod(s.kernel)
    by_lines = s.counts[0] * ceil(s.counts[1] / lanes) * taps
    direct = prod(s.counts) * ceil(s.outputs / lanes) * taps / s.outputs
    own = ceil(s.images / lanes) * (prod(s.sizes) * taps + TURN * _room(s))
    return s.images * min(by_lines, direct) > LESS * own


def _room(s: Shapes) -> int:
    """Numbers of an image, before and after."""
    return s.channels * prod(s.sizes) + s.outputs * prod(s.counts)


class ImagesPlan(NamedTuple):
    """Numbers for the kernel."""

    numbers: tuple[int, ...]  # what `NUMBERS` names
    scratch: int
    items: int


NUMBERS = ("images", "channels", "outputs", "height", "lines", "high", "padding", "scratch_step")


def plan(s: Shapes, lanes: int) -> ImagesPlan:
    """Items are vectors of images."""
    scratch = rounded(_room(s) * lanes)
    sizes = s.images, s.channels, s.outputs, s.sizes[0], s.counts[0], s.kernel[0], s.padding[0]
    return ImagesPlan((*sizes, scratch), scratch, ceil(s.images / lanes))


def images_module(target: Target, t: Type, form: Form) -> Module:
    """For every vector of images: turn it, sum every line of outputs, turn them back."""
    m = Module()
    lanes = target.lanes(t)
    turn, line = define_turn(m, t, target), _define_line(m, t, target, form)
    arrays = dict.fromkeys(("x", "w", "bias", "y", "scratch"), t.pointer)
    f, lo, hi, tid, slots = entry(m, "kernel", False, **arrays, **dict.fromkeys(NUMBERS, i64))
    x, w, bias, y, scratch, images, channels, outputs, height, lines, high, padding, step = slots
    plane = lines * form.outputs
    given, made = channels * height * form.inputs, outputs * plane
    block = scratch.at(tid * step)
    sums = block.at(given * lanes)
    for item in f.range(lo, hi):
        first = item * lanes
        own = smaller(images - first, lanes)
        f.call(turn, void, own, given, x.at(first * given), given, block, lanes)
        for h in f.range(0, lines):
            last = h + padding  # what the first line of the kernel meets; others meet lines above
            below = last - height + 1
            inside = (below > 0).select(below, 0), smaller(high, last + 1)
            for o in f.range(0, outputs):
                goal = sums.at((o * plane + h * form.outputs) * lanes)
                sizes = channels, height, high, outputs * high
                f.call(line, void, block, last, *inside, *sizes, w.at(o * high * form.taps), bias, o, goal)
        f.call(turn, void, made, own, sums, lanes, y.at(first * made), made)
    f.ret()
    return m


def _define_line(m: Module, t: Type, target: Target, form: Form) -> str:
    """y[j] = bias[o] + the sum over channels and taps i, k of x[last - i, j + padding - k] · w[i, k]."""
    more = dict.fromkeys(("last", "start", "stop", "channels", "height", "high", "w_step"), i64)
    arrays = dict(w=t.pointer, bias=t.pointer, o=i64, y=t.pointer)
    f = m.function("line", internal=True, x=t.pointer, **more, **arrays)
    x, last, start, stop, channels, height, high, w_step, w, bias, o, y = f.args
    lanes = target.lanes(t)
    sums = [f.var(f.const(t.x(lanes), 0)) for _ in range(form.outputs)]
    with f.when(bias != 0):
        for total in sums:
            total.set(bias.load(o).splat(lanes))
    for c in f.range(0, channels):
        for i in f.range(start, stop):
            row = w.at((c * w_step + i) * form.taps)
            _add(target, form, x.at((c * height + last - i) * form.inputs * lanes), row, sums)
    for j, total in enumerate(sums):
        y.store(total, j * lanes)
    f.ret()
    return f.name


def _add(target: Target, form: Form, x: Value, w: Value, sums: list[Var]) -> None:
    """Every number of a line of the input, times the taps that meet an output."""
    lanes = sums[0].now.lanes
    taps = [w.load(k).splat(lanes) for k in range(form.taps)]
    for at in range(form.inputs):
        number = x.load(at * lanes, lanes)
        for j, tap in enumerate(taps, at - form.padding):
            if 0 <= j < form.outputs:
                sums[j].set(fma(tap, number, sums[j]))
                keep(sums[j], target)
