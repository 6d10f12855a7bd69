"""Convolution and its gradients of images whose channels are last in memory, as Python calls them.

Arguments are laid out like that, and so are the images that come of them. None for depthwise convolutions:
their code has pixels in the lanes, so that such images are turned over first.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import NamedTuple

import numpy as np

from . import depthwise, pool, winograd, winograd_panels, winograd_weight
from .conv import REMEMBERED, TYPES, Moves, Route, Sizes, shapes_of
from .conv_last_plan import FEW_PIXELS, LastPlan, plan
from .conv_last_sum import last_module
from .conv_last_weight import Form, last_weight_module, rows_of_weights
from .conv_plan import ITEMS, Rows
from .conv_runs import ByPanels, ByTiles, packing, winograd_kernels
from .conv_sum import VECTORS, rows_of
from .conv_weight import near_rows
from .conv_weight_runs import TileWeights, weight_kernels, winograd_weights
from .images import to_first
from .launch import Kernel
from .targets import host
from .types import Type
from .winograd_kernels import winograd_module
from .winograd_weight_kernels import transform_module


def convolve(
    x: np.ndarray, w: np.ndarray, bias: np.ndarray | None, geometry: Moves, counts: Sizes,
    transposed: bool = False,
) -> np.ndarray | None:  # fmt: skip
    """The convolution of x (N, C, H, W) with w and `counts` outputs per axis, or its input gradient."""
    route, shape = _route(x.shape, w.shape, geometry, counts, transposed, x.dtype)
    if route is None:
        return None
    y = np.empty(shape, x.dtype)
    bias = bias if bias is None else np.ascontiguousarray(bias)
    route.run(x, np.ascontiguousarray(w), bias, y)
    return to_first(y)


def weight_gradient(x: np.ndarray, g: np.ndarray, geometry: Moves, kernel: Sizes) -> np.ndarray | None:
    """The weight gradient (O, C / groups, *kernel), of x (N, C, H, W) and g (N, O, *counts)."""
    route, shape = _weight_route(x.shape, g.shape, geometry, kernel, x.dtype)
    if route is None:
        return None
    dw = np.empty(shape, x.dtype)
    route.run(x, g, dw)
    return dw


@lru_cache(REMEMBERED)
def _route(
    x: Sizes, w: Sizes, geometry: Moves, counts: Sizes, transposed: bool, dtype: np.dtype
) -> tuple[Route | None, Sizes]:
    """What these shapes need, and the shape of the result in memory."""
    outputs = w[1] * geometry[3] if transposed else w[0]
    s = shapes_of(x, outputs, geometry, counts, w[2:], transposed)
    target, t = host(), TYPES[dtype]
    lanes = target.lanes(t)
    shape = (x[0], *counts, outputs)
    if depthwise.suits(s):
        return None, shape
    if winograd.pays(s, lanes) and winograd_panels.pays(s):
        found = winograd_panels.plan(s, lanes, winograd.rows_of(target))
        return ByPanels(found, *_panels(t)), shape
    if winograd.pays(s, lanes):
        found = winograd.plan(s, lanes, winograd.rows_of(target))
        pack, _ = winograd_kernels(t)
        return ByTiles(found, pack, _winograd(t)), shape
    return Direct(plan(s, lanes, rows_of(target), VECTORS), packing(t), _kernel(t)), shape


@lru_cache(REMEMBERED)
def _weight_route(
    x: Sizes, g: Sizes, geometry: Moves, kernel: Sizes, dtype: np.dtype
) -> tuple[Weights | TileWeights | None, Sizes]:
    """What these shapes need, and the shape of the result."""
    s = shapes_of(x, g[1], geometry, g[2:], kernel, False)
    target, t = host(), TYPES[dtype]
    lanes = target.lanes(t)
    shape = (g[1], x[1] // s.groups, *kernel)
    if depthwise.suits(s):
        return None, shape
    if winograd_weight.pays(s, lanes, winograd_weight.rows_of(target)):
        tiles = winograd_weight.plan(s, lanes)
        _, multiply, back, at_once = winograd_weights(t, tiles.scheme)
        return TileWeights(tiles, s, _transform(t, tiles.scheme), multiply, back, at_once), shape
    found = plan(s, lanes, rows_of(target), VECTORS, FEW_PIXELS)
    form, rows = rows_of_weights(found, near_rows(target), rows_of(target))
    parts = min(rows.tiles, -(-ITEMS // len(found.tables.panels)))
    panel = len(rows.offsets) * VECTORS * lanes
    kernels = _weight_kernel(t, form), weight_kernels(t, False)[1]
    return Weights(found, rows, *kernels, panel, parts), shape


# -- how they are run ----------------------------------------------------------------------------------


class Direct(NamedTuple):
    """By sums over taps and channels."""

    plan: LastPlan
    pack: Kernel
    kernel: Kernel

    def run(self, x: np.ndarray, w: np.ndarray, bias: np.ndarray | None, y: np.ndarray) -> None:
        """Fill y."""
        p = self.plan.tables
        packed, scratch = np.empty(p.packed, x.dtype), np.empty(self.plan.scratch * pool.size(), x.dtype)
        self.pack(len(p.panels), 1, w, bias, packed, p.sizes, p.panels, p.goals)
        tables = self.plan.sizes, p.sources, p.places, p.segments, self.plan.classes, p.panels
        self.kernel(p.items, 1, x, packed, y, scratch, *tables)


class Weights(NamedTuple):
    """A weight gradient."""

    plan: LastPlan
    rows: Rows
    kernel: Kernel
    unpack: Kernel
    panel: int  # numbers in a panel of sums
    parts: int

    def run(self, x: np.ndarray, g: np.ndarray, dw: np.ndarray) -> None:
        """Fill dw."""
        p, rows, threads = self.plan.tables, self.rows, pool.size()
        panels, goals = len(p.panels), rows.goals
        sums = np.empty(self.panel * panels, x.dtype)
        scratch = np.empty(self.plan.scratch * threads, x.dtype)
        items = panels * self.parts
        tables = self.plan.sizes, self.plan.classes, p.sources, rows.offsets, p.panels
        self.kernel(items, -(-items // threads), x, g, sums, scratch, *tables, rows.tiles, self.parts)
        self.unpack(panels, 1, sums, dw, p.panels, goals, len(goals), self.panel)


# -- the kernels, one of each --------------------------------------------------------------------------


@cache
def _kernel(t: Type) -> Kernel:
    return Kernel(("conv last", t.name), lambda target: last_module(target, t))


@cache
def _weight_kernel(t: Type, form: Form) -> Kernel:
    make = last_weight_module
    return Kernel(("conv last weight", t.name, form), lambda target: make(target, t, form))


@cache
def _winograd(t: Type) -> Kernel:
    return Kernel(("winograd last", t.name), lambda target: winograd_module(target, t, True))


@cache
def _panels(t: Type) -> tuple[Kernel, Kernel]:
    inputs, panels = winograd_panels.inputs_module, winograd_panels.panels_module
    first = Kernel(("winograd inputs last", t.name), lambda target: inputs(target, t, True))
    return first, Kernel(("winograd panels last", t.name), lambda target: panels(target, t, True))


@cache
def _transform(t: Type, scheme: winograd_weight.Scheme) -> Kernel:
    key = "winograd weight last", t.name, scheme.taps, scheme.stride
    return Kernel(key, lambda target: transform_module(target, t, scheme, True))
