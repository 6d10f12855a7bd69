"""How convolutions and their input gradients are run: a plan, its kernels, and memory for both."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np

from . import (
    conv_few,
    conv_images,
    conv_lines,
    conv_near,
    conv_points,
    conv_spread,
    depthwise,
    depthwise_turned,
    pool,
    winograd,
    winograd_panels,
    winograd_strided,
)
from .conv_pack import pack_module
from .conv_plan import ITEMS, Plan, Shapes
from .conv_sum import conv_module
from .launch import Kernel
from .types import Type
from .winograd_kernels import pack_module as winograd_pack_module
from .winograd_kernels import winograd_module
from .winograd_strided_kernels import strided_module, strided_pack_module


def _packed(
    pack: Kernel, plan: Any, table: np.ndarray, w: np.ndarray, bias: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """The weights and the bias as the plan's panels, whose outputs `table` lists; memory for the threads."""
    packed, scratch = np.empty(plan.packed, w.dtype), np.empty(plan.scratch * pool.size(), w.dtype)
    pack(len(plan.panels), 1, w, bias, packed, plan.sizes, plan.panels, table)
    return packed, scratch


def _transformed(
    pack: Kernel, plan: Any, w: np.ndarray, bias: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """The same of weights transformed by Winograd's algorithm."""
    packed = np.empty(plan.packed, w.dtype)
    scratch = np.empty(max(plan.scratch, plan.pack_scratch) * pool.size(), w.dtype)
    pack(len(plan.panels), 1, w, bias, packed, scratch, plan.sizes, plan.extents, plan.panels, plan.goals)
    return packed, scratch


class Direct(NamedTuple):
    """By sums over taps and channels."""

    plan: Plan
    pack: Kernel
    kernel: Kernel

    def run(self, x: np.ndarray, w: np.ndarray, bias: np.ndarray | None, y: np.ndarray) -> None:
        """Fill y."""
        p = self.plan
        packed, scratch = _packed(self.pack, p, p.goals, w, bias)
        tables = p.sizes, p.sources, p.places, p.segments, p.classes, p.panels
        self.kernel(p.items, 1, x, packed, y, scratch, *tables)


class ByTiles(NamedTuple):
    """By Winograd's algorithm."""

    plan: winograd.WinogradPlan
    pack: Kernel
    kernel: Kernel

    def run(self, x: np.ndarray, w: np.ndarray, bias: np.ndarray | None, y: np.ndarray) -> None:
        """Fill y."""
        p = self.plan
        packed, scratch = _transformed(self.pack, p, w, bias)
        tables = p.sizes, p.extents, p.sources, p.places, p.rows, p.panels
        self.kernel(p.items, 1, x, packed, y, scratch, *tables)


class ByStridedTiles(NamedTuple):
    """By Winograd's algorithm, strided."""

    plan: winograd_strided.StridedPlan
    pack: Kernel
    kernel: Kernel

    def run(self, x: np.ndarray, w: np.ndarray, bias: np.ndarray | None, y: np.ndarray) -> None:
        """Fill y."""
        p = self.plan
        packed, scratch = _transformed(self.pack, p, w, bias)
        tables = p.sizes, p.extents, p.sources, p.places, p.rows, p.segments, p.parts, p.panels
        self.kernel(p.items, 1, x, packed, y, scratch, *tables)


class ByPanels(NamedTuple):
    """By Winograd's algorithm, panel by panel of the weights."""

    plan: winograd_panels.PanelsPlan
    inputs: Kernel
    kernel: Kernel

    def run(self, x: np.ndarray, w: np.ndarray, bias: np.ndarray | None, y: np.ndarray) -> None:
        """Fill y."""
        p, whole = self.plan, self.plan.whole
        points = np.empty(winograd.POINTS * p.step, x.dtype)
        scratch = np.empty(p.scratch * pool.size(), x.dtype)
        self.inputs(p.blocks, 1, x, points, scratch, p.sizes, p.sources, p.spot, p.tiles, p.step)
        tables = whole.sizes, whole.places, whole.rows, whole.panels, whole.goals
        numbers = len(whole.places) // 4, p.step, whole.pack_scratch, whole.product, p.scratch
        self.kernel(len(whole.panels), 1, points, w, bias, y, scratch, *tables, *numbers)


class ByLines(NamedTuple):
    """With pixels in the lanes."""

    plan: conv_lines.LinesPlan
    pack: Kernel
    kernel: Kernel

    def run(self, x: np.ndarray, w: np.ndarray, bias: np.ndarray | None, y: np.ndarray) -> None:
        """Fill y."""
        p = self.plan
        packed, scratch = _packed(self.pack, p, p.rows, w, bias)
        tables = p.sizes, p.sources, p.goals, p.counts, p.offsets
        self.kernel(p.items, 1, x, packed, y, scratch, *tables, len(p.offsets), p.vectors)


class ByImages(NamedTuple):
    """With images in the lanes."""

    plan: conv_images.ImagesPlan
    kernel: Kernel

    def run(self, x: np.ndarray, w: np.ndarray, bias: np.ndarray | None, y: np.ndarray) -> None:
        """Fill y."""
        p = self.plan
        scratch = np.empty(p.scratch * pool.size(), x.dtype)
        self.kernel(p.items, 1, x, w, bias, y, scratch, *p.numbers)


class ByPoints(NamedTuple):
    """Pixel by pixel: kernels of 1x1."""

    plan: conv_points.PointsPlan
    pack: Kernel
    kernel: Kernel

    def run(self, x: np.ndarray, w: np.ndarray, bias: np.ndarray | None, y: np.ndarray) -> None:
        """Fill y."""
        p = self.plan
        packed, scratch = _packed(self.pack, p, p.goals, w, bias)
        self.kernel(p.items, 1, x, packed, y, scratch, p.sizes, *p.numbers)


class Few(NamedTuple):
    """With few pixels."""

    plan: conv_few.FewPlan
    shapes: Shapes
    gather: Kernel
    kernel: Kernel

    def run(self, x: np.ndarray, w: np.ndarray, bias: np.ndarray | None, y: np.ndarray) -> None:
        """Fill y."""
        p, s = self.plan, self.shapes
        columns, scratch = np.empty(p.depth * p.width, x.dtype), np.empty(p.scratch * pool.size(), x.dtype)
        self.gather(s.channels, ITEMS, x, columns, scratch, p.sizes, p.places, p.places.size)
        pixels = s.counts[0] * s.counts[1]
        self.kernel(p.strips, 1, columns, w, bias, y, s.outputs, p.depth, s.images, pixels)


class BySpread(NamedTuple):
    """By classes of outputs, with pixels in the lanes."""

    plan: conv_spread.SpreadPlan
    pack: Kernel
    kernel: Kernel

    def run(self, x: np.ndarray, w: np.ndarray, bias: np.ndarray | None, y: np.ndarray) -> None:
        """Fill y."""
        p = self.plan
        packed, scratch = _packed(self.pack, p, p.rows, w, bias)
        tables = p.sizes, p.sources, p.goals, p.counts, p.offsets, p.classes
        self.kernel(p.items, 1, x, packed, y, scratch, *tables, *p.numbers)


class Near(NamedTuple):
    """With one vector of outputs."""

    plan: conv_near.NearPlan
    images: int
    pack: Kernel
    kernel: Kernel

    def run(self, x: np.ndarray, w: np.ndarray, bias: np.ndarray | None, y: np.ndarray) -> None:
        """Fill y."""
        p = self.plan
        packed, scratch = _packed(self.pack, p, p.goals, w, bias)
        self.kernel(self.images, max(1, self.images // 16), x, packed, y, scratch, p.sizes, *p.numbers)


class Depthwise(NamedTuple):
    """Each channel by itself."""

    sizes: np.ndarray
    kernel: Kernel
    shapes: Shapes

    def run(self, x: np.ndarray, w: np.ndarray, bias: np.ndarray | None, y: np.ndarray) -> None:
        """Fill y."""
        s = self.shapes
        scratch = np.empty(depthwise.scratch(self.sizes) * pool.size(), x.dtype)
        self.kernel(s.images * s.channels, depthwise.grain(s), x, w, bias, y, scratch, self.sizes)


class DepthwiseTurned(NamedTuple):
    """Each channel by itself, some of them in the lanes."""

    plan: depthwise_turned.TurnedPlan
    kernel: Kernel

    def run(self, x: np.ndarray, w: np.ndarray, bias: np.ndarray | None, y: np.ndarray) -> None:
        """Fill y."""
        p = self.plan
        scratch = np.empty(p.scratch * pool.size(), x.dtype)
        self.kernel(p.items, p.grain, x, w, bias, y, scratch, p.sizes)


# -- the kernels, one of each --------------------------------------------------------------------------


@cache
def packing(t: Type) -> Kernel:
    """Weights in panels."""
    return Kernel(("conv pack", t.name), lambda target: pack_module(target, t))


@cache
def direct_kernel(t: Type) -> Kernel:
    """Sums over taps and channels."""
    return Kernel(("conv", t.name), lambda target: conv_module(target, t))


@cache
def lines_kernel(t: Type, rows: int, vectors: int) -> Kernel:
    """Sums with pixels in the lanes."""
    make = conv_lines.lines_module
    return Kernel(("conv lines", t.name, rows, vectors), lambda target: make(target, t, rows, vectors))


@cache
def images_kernel(t: Type, form: conv_images.Form) -> Kernel:
    """Sums with images in the lanes."""
    return Kernel(("conv images", t.name, form), lambda target: conv_images.images_module(target, t, form))


@cache
def points_kernel(t: Type) -> Kernel:
    """Kernels of 1x1."""
    return Kernel(("conv points", t.name), lambda target: conv_points.points_module(target, t))


@cache
def columns_kernel(t: Type) -> Kernel:
    """What few pixels meet, gathered."""
    return Kernel(("conv columns", t.name), lambda target: conv_few.columns_module(target, t))


@cache
def few_kernel(t: Type, vectors: int) -> Kernel:
    """Sums for few pixels."""
    return Kernel(("conv few", t.name, vectors), lambda target: conv_few.few_module(target, t, vectors))


@cache
def spread_kernel(t: Type, rows: int, vectors: int) -> Kernel:
    """Sums by classes of outputs."""
    make = conv_spread.spread_module
    return Kernel(("conv spread", t.name, rows, vectors), lambda target: make(target, t, rows, vectors))


@cache
def near_kernel(t: Type, form: conv_near.Form) -> Kernel:
    """Sums with one vector of outputs."""
    return Kernel(("conv near", t.name, form), lambda target: conv_near.near_module(target, t, form))


@cache
def winograd_kernels(t: Type) -> tuple[Kernel, Kernel]:
    """Weights transformed and packed; Winograd's algorithm."""
    pack = Kernel(("winograd pack", t.name), lambda target: winograd_pack_module(target, t))
    return pack, Kernel(("winograd", t.name), lambda target: winograd_module(target, t))


@cache
def strided_kernels(t: Type, taps: int, transposed: bool) -> tuple[Kernel, Kernel]:
    """The same, strided."""
    scheme, key = winograd_strided.scheme_of(taps, transposed), (t.name, taps, transposed)
    pack = Kernel(("strided pack", *key), lambda target: strided_pack_module(target, t, scheme))
    return pack, Kernel(("strided", *key), lambda target: strided_module(target, t, scheme))


@cache
def panels_kernels(t: Type) -> tuple[Kernel, Kernel]:
    """Inputs transformed; the rest, panel by panel."""
    inputs = Kernel(("winograd inputs", t.name), lambda target: winograd_panels.inputs_module(target, t))
    return inputs, Kernel(
        ("winograd panels", t.name), lambda target: winograd_panels.panels_module(target, t)
    )


@cache
def depthwise_kernel(t: Type, form: depthwise.Form) -> Kernel:
    """Each channel by itself."""
    make = depthwise.correlate_module
    return Kernel(("depthwise", t.name, form), lambda target: make(target, t, form))


@cache
def turned_kernel(t: Type, form: depthwise.Form) -> Kernel:
    """Each channel by itself, some of them in the lanes."""
    make = depthwise_turned.correlate_module
    return Kernel(("depthwise turned", t.name, form), lambda target: make(target, t, form))
