"""Convolution and its gradients, as Python calls them: which kernels a shape gets, planned once."""

from __future__ import annotations

from functools import lru_cache
from typing import Protocol

import numpy as np

from . import (
    conv_dots,
    conv_few,
    conv_images,
    conv_lines,
    conv_near,
    conv_near_weight,
    conv_points,
    conv_points_weight,
    conv_spread,
    depthwise,
    depthwise_turned,
    native,
    winograd,
    winograd_panels,
    winograd_strided,
    winograd_weight,
)
from .conv_plan import ITEMS, Pair, Shapes, plan, rows_of_weights
from .conv_runs import (
    ByImages,
    ByLines,
    ByPanels,
    ByPoints,
    BySpread,
    ByStridedTiles,
    ByTiles,
    Depthwise,
    DepthwiseTurned,
    Direct,
    Few,
    Near,
    columns_kernel,
    depthwise_kernel,
    direct_kernel,
    few_kernel,
    images_kernel,
    lines_kernel,
    near_kernel,
    packing,
    panels_kernels,
    points_kernel,
    spread_kernel,
    strided_kernels,
    turned_kernel,
    winograd_kernels,
)
from .conv_sum import VECTORS, rows_of
from .conv_weight import near_rows
from .conv_weight_runs import (
    DepthwiseTurnedWeights,
    DepthwiseWeights,
    Dots,
    NearWeights,
    PointWeights,
    TileWeights,
    Weights,
    depthwise_weights,
    dots_kernel,
    near_weight_kernels,
    points_weight_kernel,
    turned_weights,
    weight_kernels,
    winograd_weights,
)
from .targets import host
from .types import f32, f64

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
        return DepthwiseTurned(depthwise_turned.plan(s, lanes), turned_kernel(t, depthwise.form(s))), shape
    if depthwise.suits(s):
        kernel = depthwise_kernel(t, depthwise.form(s))
        return Depthwise(depthwise.tables(s, lanes), kernel, s), shape
    if winograd.pays(s, lanes) and winograd_panels.pays(s):
        found = winograd_panels.plan(s, lanes, winograd.rows_of(target))
        return ByPanels(found, *panels_kernels(t)), shape
    if winograd.pays(s, lanes):
        return ByTiles(winograd.plan(s, lanes, winograd.rows_of(target)), *winograd_kernels(t)), shape
    if winograd_strided.pays(s, lanes):
        tiles = winograd_strided.plan(s, lanes, winograd.rows_of(target))
        return ByStridedTiles(tiles, *strided_kernels(t, w[2], transposed)), shape
    if conv_few.pays(s, lanes):
        vectors = conv_few.vectors_of(s, lanes)
        few = conv_few.plan(s, lanes, conv_few.rows_of(target, vectors))
        return Few(few, s, columns_kernel(t), few_kernel(t, vectors)), shape
    if conv_points.pays(s, lanes, target.registers):
        return ByPoints(conv_points.plan(s, lanes, target.registers), packing(t), points_kernel(t)), shape
    if conv_images.pays(s, lanes, target.registers):
        kernel = images_kernel(t, conv_images.form_of(s))
        return ByImages(conv_images.plan(s, lanes), kernel), shape
    if conv_lines.pays(s, lanes):
        rows, vectors = conv_lines.shape_of(outputs, lanes, target.registers)
        found = conv_lines.plan(s, lanes, vectors)
        return ByLines(found, packing(t), lines_kernel(t, rows, vectors)), shape
    if conv_spread.pays(s, lanes):
        rows, vectors = conv_lines.shape_of(outputs, lanes, target.registers)
        spread = conv_spread.plan(s, lanes, vectors)
        return BySpread(spread, packing(t), spread_kernel(t, rows, vectors)), shape
    if conv_near.pays(s, lanes, target.registers):
        form = conv_near.form_of(s, target.registers)
        return Near(conv_near.plan(s, lanes), s.images, packing(t), near_kernel(t, form)), shape
    return Direct(plan(s, lanes, rows_of(target), VECTORS), packing(t), direct_kernel(t)), shape


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
        return DepthwiseTurnedWeights(turned, turned_weights(t, depthwise.form(s))), shape
    if depthwise.suits(s):
        sizes = depthwise.tables(s, target.lanes(t))
        return DepthwiseWeights(sizes, depthwise_weights(t, depthwise.form(s)), s, target.lanes(t)), shape
    if winograd_weight.pays(s, target.lanes(t), winograd_weight.rows_of(target)):
        tiles = winograd_weight.plan(s, target.lanes(t))
        return TileWeights(tiles, s, *winograd_weights(t, tiles.scheme)), shape
    if conv_points_weight.pays(s, target.lanes(t)):
        return PointWeights(conv_points_weight.plan(s, target.lanes(t)), points_weight_kernel(t)), shape
    near = conv_near_weight.form_of(s, target.registers)
    if near is not None and conv_near_weight.pays(s, target.lanes(t), target.registers):
        by_blocks = conv_near_weight.plan(s, target.lanes(t), near)
        return NearWeights(by_blocks, target.lanes(t), *near_weight_kernels(t, near)), shape
    if conv_dots.pays(s, target.lanes(t)):
        form = conv_dots.form_of(s, target.registers)
        dots = conv_dots.plan(s, target.lanes(t), form)
        return Dots(dots, dots_kernel(t, form, kernel == (1,) * len(kernel))), shape
    found = plan(s, target.lanes(t), rows_of(target), VECTORS)
    rows = rows_of_weights(found, near_rows(target), rows_of(target))
    parts = min(rows.tiles, -(-ITEMS // len(found.panels)))
    panel = len(rows.offsets) * VECTORS * target.lanes(t)
    return Weights(found, rows, *weight_kernels(t, rows.near), panel, parts), shape


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
