"""Convolution and its gradients, as Python calls them."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np

from . import native, pool
from .conv_pack import pack_module
from .conv_plan import Pair, Plan, Shapes, plan
from .conv_sum import VECTORS, conv_module, rows_of
from .launch import Kernel
from .targets import host
from .types import Type, f32, f64

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
def _call(x: Sizes, w: Sizes, geometry: Moves, counts: Sizes, transposed: bool, dtype: np.dtype) -> Call:
    """What these shapes need."""
    stride, padding, dilation, groups = geometry
    outputs = w[1] * groups if transposed else w[0]
    shapes = Shapes(
        x[0], x[1], outputs, planar(x[2:]), planar(counts), planar(w[2:]), planar(stride), planar(padding, 0),
        planar(dilation), groups, transposed,
    )  # fmt: skip
    target, t = host(), TYPES[dtype]
    found = plan(shapes, target.lanes(t), rows_of(target), VECTORS)
    return Call(found, _packing(t), _convolving(t), (x[0], outputs, *counts))


def planar(values: Sizes, one: int = 1) -> Pair:
    """Numbers per axis for two axes: a line is an image of height 1."""
    return (values[0], values[1]) if len(values) == 2 else (one, values[0])


@cache
def _packing(t: Type) -> Kernel:
    return Kernel(("conv pack", t.name), lambda target: pack_module(target, t))


@cache
def _convolving(t: Type) -> Kernel:
    return Kernel(("conv", t.name), lambda target: conv_module(target, t))
