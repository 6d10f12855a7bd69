"""Convolution and its gradients, as Python calls them: which kernels a shape gets, planned once."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Any, NamedTuple, Protocol

import numpy as np

from . import (
    conv_dots,
    conv_few,
    conv_lines,
    conv_near,
    conv_points,
    conv_points_weight,
    conv_spread,
    depthwise,
    depthwise_turned,
    native,
    pool,
    winograd,
    winograd_panels,
    winograd_strided,
    winograd_weight,
)
from .conv_pack import pack_module
from .conv_plan import ITEMS, Pair, Plan, Rows, Shapes, plan, rows_of_weights
from .conv_sum import VECTORS, conv_module, rows_of
from .conv_weight import near_rows, unpack_module, weight_module
from .launch import Kernel
from .targets import host
from .types import Type, f32, f64
from .winograd_kernels import pack_module as winograd_pack_module
from .winograd_kernels import winograd_module
from .winograd_strided_kernels import strided_module, strided_pack_module
from .winograd_weight_kernels import multiply_module, stage_module, transform_module, weights_module

TYPES = {np.dtype(np.float32): f32, np.dtype(np.float64): f64}

Sizes = tuple[int, ...]
REMEMBERED = 512  # plans: some have a megabyte of tables
Moves = tuple[Sizes, Sizes, Sizes, int]  # stride, padding, dilation, groups


def suits(x: np.ndarray, w: np.ndarray) -> bool:
    """Whether there is machine code for these operands."""
    floats = x.dtype in TYPES and x.dtype == w.dtype
    return floats and 3 <= x.ndim <= 4 and x.size > 0 and w.size > 0 and native.on()


def convolve(
    x: np.ndarray, w: np.ndarray, bias: np.ndarray | None, geometry: Moves, counts: Sizes,
    transposed: bool = False,
) -> np.ndarray:  # fmt: skip
    """The convolution of x (N, C, *sizes) with w and `counts` outputs per axis, or its input gradient."""
    route, shape = _route(x.shape, w.shape, geometry, counts, transposed, x.dtype)
    y = np.empty(shape, x.dtype)
    bias = bias if bias is None else np.ascontiguousarray(bias)
    route.run(np.ascontiguousarray(x), np.ascontiguousarray(w), bias, y)
    return y


def weight_gradient(x: np.ndarray, g: np.ndarray, geometry: Moves, kernel: Sizes) -> np.ndarray:
    """The weight gradient (O, C / groups, *kernel) of x (N, C, *sizes) and g (N, O, *counts)."""
    route, shape = _weight_route(x.shape, g.shape, geometry, kernel, x.dtype)
    dw = np.empty(shape, x.dtype)
    route.run(np.ascontiguousarray(x), np.ascontiguousarray(g), dw)
    return dw


# -- which kernels -------------------------------------------------------------------------------------


class Route(Protocol):
    """A convolution of fixed shapes, planned."""

    def run(self, x: np.ndarray, w: np.ndarray, bias: np.ndarray | None, y: np.ndarray) -> None:
        """Fill y."""
        ...


class WeightRoute(Protocol):
    """A weight gradient of fixed shapes, planned."""

    def run(self, x: np.ndarray, g: np.ndarray, dw: np.ndarray) -> None:
        """Fill dw."""
        ...


@lru_cache(REMEMBERED)
def _route(
    x: Sizes, w: Sizes, geometry: Moves, counts: Sizes, transposed: bool, dtype: np.dtype
) -> tuple[Route, Sizes]:
    """What these shapes need, and the shape of the result."""
    outputs = w[1] * geometry[3] if transposed else w[0]
    s = shapes_of(x, outputs, geometry, counts, w[2:], transposed)
    target, t = host(), TYPES[dtype]
    lanes = target.lanes(t)
    shape = (x[0], outputs, *counts)
    if depthwise.suits(s) and depthwise_turned.pays(s, lanes):
        return DepthwiseTurned(depthwise_turned.plan(s, lanes), _turned_kernel(t, depthwise.form(s))), shape
    if depthwise.suits(s):
        kernel = _depthwise_kernel(t, depthwise.form(s))
        return Depthwise(depthwise.tables(s, lanes), kernel, s), shape
    if winograd.pays(s, lanes) and winograd_panels.pays(s):
        found = winograd_panels.plan(s, lanes, winograd.rows_of(target))
        return ByPanels(found, *_panels_kernels(t)), shape
    if winograd.pays(s, lanes):
        return ByTiles(winograd.plan(s, lanes, winograd.rows_of(target)), *_winograd_kernels(t)), shape
    if winograd_strided.pays(s, lanes):
        tiles = winograd_strided.plan(s, lanes, winograd.rows_of(target))
        return ByStridedTiles(tiles, *_strided_kernels(t, transposed)), shape
    if conv_few.pays(s, lanes):
        vectors = conv_few.vectors_of(s, lanes)
        few = conv_few.plan(s, lanes, conv_few.rows_of(target, vectors))
        return Few(few, s, _columns_kernel(t), _few_kernel(t, vectors)), shape
    if conv_points.pays(s, lanes, target.registers):
        return ByPoints(conv_points.plan(s, lanes, target.registers), _packing(t), _points_kernel(t)), shape
    if conv_lines.pays(s, lanes):
        rows, vectors = conv_lines.shape_of(outputs, lanes, target.registers)
        found = conv_lines.plan(s, lanes, vectors)
        return ByLines(found, _packing(t), _lines_kernel(t, rows, vectors)), shape
    if conv_spread.pays(s, lanes):
        rows, vectors = conv_lines.shape_of(outputs, lanes, target.registers)
        spread = conv_spread.plan(s, lanes, vectors)
        return BySpread(spread, _packing(t), _spread_kernel(t, rows, vectors)), shape
    if conv_near.pays(s, lanes, target.registers):
        form = conv_near.form_of(s, target.registers)
        return Near(conv_near.plan(s, lanes), s.images, _packing(t), _near_kernel(t, form)), shape
    return Direct(plan(s, lanes, rows_of(target), VECTORS), _packing(t), _kernel(t)), shape


@lru_cache(REMEMBERED)
def _weight_route(
    x: Sizes, g: Sizes, geometry: Moves, kernel: Sizes, dtype: np.dtype
) -> tuple[WeightRoute, Sizes]:
    """What these shapes need, and the shape of the result."""
    s = shapes_of(x, g[1], geometry, g[2:], kernel, False)
    target, t = host(), TYPES[dtype]
    shape = (g[1], x[1] // s.groups, *kernel)
    if depthwise.suits(s) and depthwise_turned.pays(s, target.lanes(t)):
        turned = depthwise_turned.plan(s, target.lanes(t))
        return DepthwiseTurnedWeights(turned, _turned_weights(t, depthwise.form(s))), shape
    if depthwise.suits(s):
        sizes = depthwise.tables(s, target.lanes(t))
        return DepthwiseWeights(sizes, _depthwise_weights(t, depthwise.form(s)), s), shape
    if winograd_weight.pays(s, target.lanes(t), winograd_weight.rows_of(target)):
        tiles = winograd_weight.plan(s, target.lanes(t))
        return TileWeights(tiles, s, *_winograd_weights(t, tiles.scheme)), shape
    if conv_points_weight.pays(s, target.lanes(t)):
        return PointWeights(conv_points_weight.plan(s, target.lanes(t)), _points_weight_kernel(t)), shape
    if conv_dots.pays(s, target.lanes(t)):
        form = conv_dots.form_of(s, target.registers)
        dots = conv_dots.plan(s, target.lanes(t), form)
        return Dots(dots, _dots_kernel(t, form, kernel == (1,) * len(kernel))), shape
    found = plan(s, target.lanes(t), rows_of(target), VECTORS)
    rows = rows_of_weights(found, near_rows(target), rows_of(target))
    parts = min(rows.tiles, -(-ITEMS // len(found.panels)))
    panel = len(rows.offsets) * VECTORS * target.lanes(t)
    return Weights(found, rows, *_weight_kernels(t, rows.near), panel, parts), shape


def shapes_of(
    x: Sizes, outputs: int, geometry: Moves, counts: Sizes, kernel: Sizes, transposed: bool
) -> Shapes:
    """The same with two axes."""
    stride, padding, dilation, groups = geometry
    return Shapes(
        x[0], x[1], outputs, planar(x[2:]), planar(counts), planar(kernel),
        planar(stride), planar(padding, 0), planar(dilation), groups, transposed,
    )  # fmt: skip


def planar(values: Sizes, one: int = 1) -> Pair:
    """Numbers per axis for two axes: a line is an image of height 1."""
    return (values[0], values[1]) if len(values) == 2 else (one, values[0])


# -- how they are run ----------------------------------------------------------------------------------


def _packed(
    pack: Kernel, plan: Any, table: np.ndarray, w: np.ndarray, bias: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """The weights and the bias as the plan's panels, whose outputs `table` lists; memory for the threads."""
    packed, scratch = np.empty(plan.packed, w.dtype), np.empty(plan.scratch * pool.size(), w.dtype)
    pack(len(plan.panels), 1, w, bias, packed, plan.sizes, plan.panels, table)
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
        packed = np.empty(p.packed, x.dtype)
        scratch = np.empty(max(p.scratch, p.pack_scratch) * pool.size(), x.dtype)
        self.pack(len(p.panels), 1, w, bias, packed, scratch, p.sizes, p.extents, p.panels, p.goals)
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
        packed = np.empty(p.packed, x.dtype)
        scratch = np.empty(max(p.scratch, p.pack_scratch) * pool.size(), x.dtype)
        self.pack(len(p.panels), 1, w, bias, packed, scratch, p.sizes, p.extents, p.panels, p.goals)
        tables = p.sizes, p.extents, p.sources, p.places, p.rows, p.segments, p.panels
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


class Weights(NamedTuple):
    """A weight gradient."""

    plan: Plan
    rows: Rows
    kernel: Kernel
    unpack: Kernel
    panel: int  # numbers in a panel of sums
    parts: int

    def run(self, x: np.ndarray, g: np.ndarray, dw: np.ndarray) -> None:
        """Fill dw."""
        p, rows, threads = self.plan, self.rows, pool.size()
        panels, goals = len(p.panels), rows.goals
        sums, scratch = np.empty(self.panel * panels, x.dtype), np.empty(p.scratch * threads, x.dtype)
        items = panels * self.parts
        tables = p.sizes, p.sources, rows.offsets, p.panels
        self.kernel(items, -(-items // threads), x, g, sums, scratch, *tables, rows.tiles, self.parts)
        self.unpack(panels, 1, sums, dw, p.panels, goals, len(goals), self.panel)


class PointWeights(NamedTuple):
    """A weight gradient of 1x1 kernels."""

    plan: conv_points_weight.PointsWeightPlan
    kernel: Kernel

    def run(self, x: np.ndarray, g: np.ndarray, dw: np.ndarray) -> None:
        """Fill dw."""
        p, threads = self.plan, pool.size()
        scratch = np.empty(p.scratch * threads, x.dtype)
        self.kernel(p.items, -(-p.items // threads), x, g, dw, scratch, *p.numbers)


class Dots(NamedTuple):
    """A weight gradient by inner products."""

    plan: conv_dots.DotsPlan
    kernel: Kernel

    def run(self, x: np.ndarray, g: np.ndarray, dw: np.ndarray) -> None:
        """Fill dw."""
        p, threads = self.plan, pool.size()
        scratch = np.empty(p.scratch * threads, x.dtype)
        self.kernel(p.items, -(-p.items // threads), x, g, dw, scratch, p.sizes, p.offsets, *p.numbers)


class TileWeights(NamedTuple):
    """A weight gradient by Winograd's algorithm."""

    plan: winograd_weight.WeightPlan
    shapes: Shapes
    transform: Kernel
    multiply: Kernel
    back: Kernel
    at_once: Kernel

    def run(self, x: np.ndarray, g: np.ndarray, dw: np.ndarray) -> None:
        """Fill dw."""
        p, s, points = self.plan, self.shapes, self.plan.scheme.points
        matrices = [np.empty(n * n * step, x.dtype) for n, step in zip(p.scheme.made, p.steps, strict=True)]
        scratch = np.empty(p.scratch * pool.size(), x.dtype)
        sums = None if p.squares else np.empty(points * s.outputs * s.channels, x.dtype)
        tables = p.inputs, p.cotangents, p.sources, p.corners
        for start in range(0, p.blocks, p.stage):
            count = min(p.stage, p.blocks - start)
            self.transform(count, 1, x, g, *matrices, scratch, *tables, start, p.spot, p.tiles, *p.steps)
            rest = s.outputs, s.channels, count * p.tiles, *p.steps, start
            if sums is not None:
                self.multiply(points, 1, *matrices, sums, *rest)
            else:
                self.at_once(p.squares, 1, *matrices, scratch, dw, *rest, int(start + count == p.blocks))
        if sums is not None:
            self.back(s.outputs, -(-s.outputs // ITEMS), sums, dw, s.outputs, s.channels)


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


class DepthwiseWeights(NamedTuple):
    """The weight gradient of each channel by itself."""

    sizes: np.ndarray
    kernel: Kernel
    shapes: Shapes

    def run(self, x: np.ndarray, g: np.ndarray, dw: np.ndarray) -> None:
        """Fill dw."""
        channels, threads = self.shapes.channels, pool.size()
        scratch = np.empty(depthwise.scratch(self.sizes) * threads, x.dtype)
        sums = np.empty(dw.size * host().lanes(TYPES[x.dtype]), x.dtype)
        self.kernel(channels, -(-channels // threads), x, g, dw, sums, scratch, self.sizes)


class DepthwiseTurned(NamedTuple):
    """Each channel by itself, some of them in the lanes."""

    plan: depthwise_turned.TurnedPlan
    kernel: Kernel

    def run(self, x: np.ndarray, w: np.ndarray, bias: np.ndarray | None, y: np.ndarray) -> None:
        """Fill y."""
        p = self.plan
        scratch = np.empty(p.scratch * pool.size(), x.dtype)
        self.kernel(p.items, p.grain, x, w, bias, y, scratch, p.sizes)


class DepthwiseTurnedWeights(NamedTuple):
    """The weight gradient of each channel by itself, some of them in the lanes."""

    plan: depthwise_turned.TurnedPlan
    kernel: Kernel

    def run(self, x: np.ndarray, g: np.ndarray, dw: np.ndarray) -> None:
        """Fill dw."""
        p, threads = self.plan, pool.size()
        sums, scratch = np.empty(p.sums, x.dtype), np.empty(p.scratch * threads, x.dtype)
        self.kernel(p.groups, -(-p.groups // threads), x, g, dw, sums, scratch, p.sizes)


# -- the kernels, one of each --------------------------------------------------------------------------


@cache
def _packing(t: Type) -> Kernel:
    return Kernel(("conv pack", t.name), lambda target: pack_module(target, t))


@cache
def _kernel(t: Type) -> Kernel:
    return Kernel(("conv", t.name), lambda target: conv_module(target, t))


@cache
def _lines_kernel(t: Type, rows: int, vectors: int) -> Kernel:
    make = conv_lines.lines_module
    return Kernel(("conv lines", t.name, rows, vectors), lambda target: make(target, t, rows, vectors))


@cache
def _points_kernel(t: Type) -> Kernel:
    return Kernel(("conv points", t.name), lambda target: conv_points.points_module(target, t))


@cache
def _columns_kernel(t: Type) -> Kernel:
    return Kernel(("conv columns", t.name), lambda target: conv_few.columns_module(target, t))


@cache
def _few_kernel(t: Type, vectors: int) -> Kernel:
    return Kernel(("conv few", t.name, vectors), lambda target: conv_few.few_module(target, t, vectors))


@cache
def _points_weight_kernel(t: Type) -> Kernel:
    make = conv_points_weight.points_weight_module
    return Kernel(("conv points weight", t.name), lambda target: make(target, t))


@cache
def _dots_kernel(t: Type, form: tuple[int, int], one: bool) -> Kernel:
    make = conv_dots.dots_module
    return Kernel(("conv dots", t.name, form, one), lambda target: make(target, t, form, one))


@cache
def _spread_kernel(t: Type, rows: int, vectors: int) -> Kernel:
    make = conv_spread.spread_module
    return Kernel(("conv spread", t.name, rows, vectors), lambda target: make(target, t, rows, vectors))


@cache
def _near_kernel(t: Type, form: conv_near.Form) -> Kernel:
    return Kernel(("conv near", t.name, form), lambda target: conv_near.near_module(target, t, form))


@cache
def _winograd_kernels(t: Type) -> tuple[Kernel, Kernel]:
    pack = Kernel(("winograd pack", t.name), lambda target: winograd_pack_module(target, t))
    return pack, Kernel(("winograd", t.name), lambda target: winograd_module(target, t))


@cache
def _strided_kernels(t: Type, transposed: bool) -> tuple[Kernel, Kernel]:
    scheme, key = winograd_strided.scheme_of(transposed), (t.name, transposed)
    pack = Kernel(("strided pack", *key), lambda target: strided_pack_module(target, t, scheme))
    return pack, Kernel(("strided", *key), lambda target: strided_module(target, t, scheme))


@cache
def _panels_kernels(t: Type) -> tuple[Kernel, Kernel]:
    inputs = Kernel(("winograd inputs", t.name), lambda target: winograd_panels.inputs_module(target, t))
    return inputs, Kernel(
        ("winograd panels", t.name), lambda target: winograd_panels.panels_module(target, t)
    )


@cache
def _winograd_weights(t: Type, scheme: winograd_weight.Scheme) -> tuple[Kernel, ...]:
    modules = transform_module, multiply_module, weights_module, stage_module
    return tuple(
        Kernel(
            ("winograd weight", make.__name__, t.name, scheme.taps),
            lambda target, make=make: make(target, t, scheme),
        )
        for make in modules
    )


@cache
def _depthwise_kernel(t: Type, form: depthwise.Form) -> Kernel:
    make = depthwise.correlate_module
    return Kernel(("depthwise", t.name, form), lambda target: make(target, t, form))


@cache
def _depthwise_weights(t: Type, form: depthwise.Form) -> Kernel:
    make = depthwise.weight_module
    return Kernel(("depthwise weights", t.name, form), lambda target: make(target, t, form))


@cache
def _turned_kernel(t: Type, form: depthwise.Form) -> Kernel:
    make = depthwise_turned.correlate_module
    return Kernel(("depthwise turned", t.name, form), lambda target: make(target, t, form))


@cache
def _turned_weights(t: Type, form: depthwise.Form) -> Kernel:
    make = depthwise_turned.weight_module
    return Kernel(("depthwise turned weights", t.name, form), lambda target: make(target, t, form))


@cache
def _weight_kernels(t: Type, near: bool) -> tuple[Kernel, Kernel]:
    unpack = Kernel(("conv unpack", t.name), lambda target: unpack_module(target, t))
    return Kernel(("conv weight", t.name, near), lambda target: weight_module(target, t, near)), unpack
