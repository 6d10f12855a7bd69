"""How weight gradients of convolutions are run: a plan, its kernels, and memory for both."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np

from . import (
    conv_dots,
    conv_near_weight,
    conv_points_weight,
    depthwise,
    depthwise_turned,
    pool,
    winograd_weight,
)
from .conv_plan import ITEMS, Plan, Rows, Shapes
from .conv_weight import unpack_module, weight_module
from .launch import Kernel
from .types import Type
from .winograd_weight_kernels import multiply_module, stage_module, transform_module, weights_module


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


class NearWeights(NamedTuple):
    """A weight gradient with one vector of outputs."""

    plan: conv_near_weight.NearWeightPlan
    lanes: int
    kernel: Kernel
    total: Kernel

    def run(self, x: np.ndarray, g: np.ndarray, dw: np.ndarray) -> None:
        """Fill dw."""
        p = self.plan
        sums = np.empty(p.blocks * p.depth * self.lanes, x.dtype)
        scratch = np.empty(p.scratch * pool.size(), x.dtype)
        self.kernel(p.blocks, 1, x, g, sums, scratch, p.offsets, *p.numbers)
        self.total(1, 1, sums, dw, p.blocks, p.depth, len(dw))


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


class DepthwiseWeights(NamedTuple):
    """The weight gradient of each channel by itself."""

    sizes: np.ndarray
    kernel: Kernel
    shapes: Shapes
    lanes: int

    def run(self, x: np.ndarray, g: np.ndarray, dw: np.ndarray) -> None:
        """Fill dw."""
        channels, threads = self.shapes.channels, pool.size()
        scratch = np.empty(depthwise.scratch(self.sizes) * threads, x.dtype)
        sums = np.empty(dw.size * self.lanes, x.dtype)
        self.kernel(channels, -(-channels // threads), x, g, dw, sums, scratch, self.sizes)


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
def points_weight_kernel(t: Type) -> Kernel:
    """The weight gradient of 1x1 kernels."""
    make = conv_points_weight.points_weight_module
    return Kernel(("conv points weight", t.name), lambda target: make(target, t))


@cache
def dots_kernel(t: Type, form: tuple[int, int], one: bool) -> Kernel:
    """The weight gradient by inner products."""
    make = conv_dots.dots_module
    return Kernel(("conv dots", t.name, form, one), lambda target: make(target, t, form, one))


@cache
def near_weight_kernels(t: Type, form: conv_near_weight.Form) -> tuple[Kernel, Kernel]:
    """Sums of blocks of images with one vector of outputs; all blocks together."""
    make, total = conv_near_weight.near_weight_module, conv_near_weight.total_module
    kernel = Kernel(("conv near weight", t.name, form), lambda target: make(target, t, form))
    return kernel, Kernel(("conv near weight total", t.name), lambda target: total(target, t))


@cache
def winograd_weights(t: Type, scheme: winograd_weight.Scheme) -> tuple[Kernel, ...]:
    """What Winograd's weight gradient is made of."""
    modules = transform_module, multiply_module, weights_module, stage_module
    return tuple(
        Kernel(
            ("winograd weight", make.__name__, t.name, scheme.taps, scheme.stride),
            lambda target, make=make: make(target, t, scheme),
        )
        for make in modules
    )


@cache
def depthwise_weights(t: Type, form: depthwise.Form) -> Kernel:
    """The weight gradient of each channel by itself."""
    make = depthwise.weight_module
    return Kernel(("depthwise weights", t.name, form), lambda target: make(target, t, form))


@cache
def turned_weights(t: Type, form: depthwise.Form) -> Kernel:
    """The same with some channels in the lanes."""
    make = depthwise_turned.weight_module
    return Kernel(("depthwise turned weights", t.name, form), lambda target: make(target, t, form))


@cache
def weight_kernels(t: Type, near: bool) -> tuple[Kernel, Kernel]:
    """Sums over pixels, in panels; panels turned back."""
    unpack = Kernel(("conv unpack", t.name), lambda target: unpack_module(target, t))
    return Kernel(("conv weight", t.name, near), lambda target: weight_module(target, t, near)), unpack
