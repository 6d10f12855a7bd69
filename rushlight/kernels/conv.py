"""Convolution and its gradients, as Python calls them."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np

from . import native, pool, winograd, winograd_kernels
from .conv_pack import pack_module
from .conv_plan import ITEMS, Pair, Plan, Shapes, offsets_of, plan
from .conv_sum import VECTORS, conv_module, rows_of
from .conv_weight import weight_module
from .launch import Kernel
from .targets import host
from .types import Type, f32, f64
from .winograd import WinogradPlan

TYPES = {np.dtype(np.float32): f32, np.dtype(np.float64): f64}

Sizes = tuple[int, ...]
Moves = tuple[Sizes, Sizes, Sizes, int]  # stride, padding, dilation, groups


class Call(NamedTuple):
    """A convolution as its kernels are called: its plan, and the shape of what it gives."""

    plan: Plan
    pack: Kernel
    run: Kernel
    shape: tuple[int, ...]


def suits(x: np.ndarray, w: np.ndarray) -> bool:
    """Whether there is machine code for these operands."""
    floats = x.dtype in TYPES and x.dtype == w.dtype
    return floats and 3 <= x.ndim <= 4 and x.size > 0 and w.size > 0 and native.on()


def convolve(
    x: np.ndarray, w: np.ndarray, bias: np.ndarray | None, geometry: Moves, counts: Sizes,
    transposed: bool = False,
) -> np.ndarray:  # fmt: skip
    """The convolution of x (N, C, *sizes) with w and `counts` outputs per axis, or its input gradient."""
    call = _call(x.shape, w.shape, geometry, counts, transposed, x.dtype)
    if isinstance(call, WinogradCall):
        return _by_tiles(x, w, bias, call)
    p = call.plan
    packed = np.empty(p.packed, x.dtype)
    scratch = np.empty(p.scratch * pool.size(), x.dtype)
    y = np.empty(call.shape, x.dtype)
    x, w = np.ascontiguousarray(x), np.ascontiguousarray(w)
    bias = bias if bias is None else np.ascontiguousarray(bias)
    call.pack(len(p.panels), 1, w, bias, packed, p.sizes, p.panels, p.goals)
    call.run(p.items, 1, x, packed, y, scratch, p.sizes, p.sources, p.places, p.segments, p.classes, p.panels)
    return y


@cache
def _call(
    x: Sizes, w: Sizes, geometry: Moves, counts: Sizes, transposed: bool, dtype: np.dtype
) -> Call | WinogradCall:
    """What these shapes need."""
    outputs = w[1] * geometry[3] if transposed else w[0]
    shapes = _shapes(x, outputs, geometry, counts, w[2:], transposed)
    target, t = host(), TYPES[dtype]
    if winograd.pays(shapes, target.lanes(t)):
        tiled = winograd.plan(shapes, target.lanes(t), winograd.rows_of(target))
        return WinogradCall(tiled, _winograd_packing(t), _winograd(t), (x[0], outputs, *counts))
    found = plan(shapes, target.lanes(t), rows_of(target), VECTORS)
    return Call(found, _packing(t), _convolving(t), (x[0], outputs, *counts))


def planar(values: Sizes, one: int = 1) -> Pair:
    """Numbers per axis for two axes: a line is an image of height 1."""
    return (values[0], values[1]) if len(values) == 2 else (one, values[0])


class WinogradCall(NamedTuple):
    """A convolution by tiles as its kernels are called."""

    plan: WinogradPlan
    pack: Kernel
    run: Kernel
    shape: tuple[int, ...]


def _by_tiles(x: np.ndarray, w: np.ndarray, bias: np.ndarray | None, call: WinogradCall) -> np.ndarray:
    """The same by Winograd's algorithm."""
    p, threads = call.plan, pool.size()
    packed, y = np.empty(p.packed, x.dtype), np.empty(call.shape, x.dtype)
    scratch = np.empty(max(p.scratch, p.pack_scratch) * threads, x.dtype)
    x, w = np.ascontiguousarray(x), np.ascontiguousarray(w)
    bias = bias if bias is None else np.ascontiguousarray(bias)
    call.pack(len(p.panels), 1, w, bias, packed, scratch, p.sizes, p.extents, p.panels, p.goals)
    call.run(p.items, 1, x, packed, y, scratch, p.sizes, p.extents, p.sources, p.places, p.rows, p.panels)
    return y


def weight_gradient(x: np.ndarray, g: np.ndarray, geometry: Moves, kernel: Sizes) -> np.ndarray:
    """The weight gradient (O, C / groups, *kernel) of x (N, C, *sizes) and g (N, O, *counts)."""
    call = _weight_call(x.shape, g.shape, geometry, kernel, x.dtype)
    p, threads = call.plan, pool.size()
    dw, sums = np.empty(call.shape, x.dtype), np.empty(call.sums, x.dtype)
    scratch = np.empty(p.scratch * threads, x.dtype)
    x, g = np.ascontiguousarray(x), np.ascontiguousarray(g)
    items = len(p.panels) * call.parts
    call.run(
        items, -(-items // threads), x, g, dw, sums, scratch, p.sizes, p.sources, call.offsets, p.panels,
        call.depth, call.tiles, call.parts,
    )  # fmt: skip
    return dw


class WeightCall(NamedTuple):
    """A weight gradient as its kernel is called."""

    plan: Plan
    run: Kernel
    shape: tuple[int, ...]
    offsets: np.ndarray
    sums: int  # numbers in all panels of sums
    depth: int
    tiles: int
    parts: int


@cache
def _weight_call(x: Sizes, g: Sizes, geometry: Moves, kernel: Sizes, dtype: np.dtype) -> WeightCall:
    """What these shapes need."""
    s = _shapes(x, g[1], geometry, g[2:], kernel, False)
    target, t = host(), TYPES[dtype]
    step, width = rows_of(target), VECTORS * target.lanes(t)
    found, offsets = plan(s, target.lanes(t), step, VECTORS), offsets_of(s)
    tiles = -(-len(offsets) // step)
    padded = np.zeros(tiles * step, np.int64)
    padded[: len(offsets)] = offsets
    parts = min(tiles, -(-ITEMS // len(found.panels)))
    shape = (g[1], x[1] // s.groups, *kernel)
    sums = len(found.panels) * tiles * step * width
    return WeightCall(found, _weighing(t), shape, padded, sums, len(offsets), tiles, parts)


def _shapes(
    x: Sizes, outputs: int, geometry: Moves, counts: Sizes, kernel: Sizes, transposed: bool
) -> Shapes:
    stride, padding, dilation, groups = geometry
    return Shapes(
        x[0], x[1], outputs, planar(x[2:]), planar(counts), planar(kernel),
        planar(stride), planar(padding, 0), planar(dilation), groups, transposed,
    )  # fmt: skip


@cache
def _winograd_packing(t: Type) -> Kernel:
    return Kernel(("winograd pack", t.name), lambda target: winograd_kernels.pack_module(target, t))


@cache
def _winograd(t: Type) -> Kernel:
    return Kernel(("winograd", t.name), lambda target: winograd_kernels.winograd_module(target, t))


@cache
def _weighing(t: Type) -> Kernel:
    return Kernel(("conv weight", t.name), lambda target: weight_module(target, t))


@cache
def _packing(t: Type) -> Kernel:
    return Kernel(("conv pack", t.name), lambda target: pack_module(target, t))


@cache
def _convolving(t: Type) -> Kernel:
    return Kernel(("conv", t.name), lambda target: conv_module(target, t))
