"""Winograd's convolution for few tiles and many channels, where the weights are most of the work.

All tiles are transformed once. Then threads share the panels of weights: each is transformed, multiplied with
all tiles while it is in the caches, and forgotten.
"""

from __future__ import annotations

from math import ceil, prod
from typing import NamedTuple

import numpy as np

from .conv_block import define_gather, define_gather_last, define_move, define_move_rows, define_zero
from .conv_last_sum import put_rows
from .conv_pack import fields
from .conv_plan import ITEMS, PANEL, Shapes, measure, ordered, rounded, span
from .conv_sum import VECTORS, define_tile, turn_back
from .ir import Module
from .launch import entry
from .targets import Target
from .turning import define_turn, smaller
from .types import Type, i64, void
from .winograd import POINTS, TILES, WinogradPlan, divide, inputs_of, plan_of, rows_of, tiles_of
from .winograd_kernels import (
    APART,
    define_back,
    define_multiply,
    define_panel,
    define_transform,
    transform_block,
)

FEW = 16  # tiles of whole images that are a block
MOST = 1 << 17  # numbers of the matrix of one point: all are in the last cache


class PanelsPlan(NamedTuple):
    """The tables for the transform of the inputs, and those of the whole."""

    sizes: np.ndarray
    sources: np.ndarray
    spot: int  # tiles of an image
    tiles: int  # of a block
    step: int  # from one point's matrix to the next
    scratch: int
    blocks: int
    whole: WinogradPlan


def pays(s: Shapes) -> bool:
    """Whether there are too few blocks of tiles for threads to share: they would transform some twice."""
    spot = ceil(s.counts[0] / 2) * ceil(s.counts[1] / 2)
    tiles = s.images * spot
    return spot <= TILES and tiles < ITEMS * TILES and tiles * s.channels <= MOST


def plan(s: Shapes, lanes: int, rows: int) -> PanelsPlan:
    """The plan for Winograd's convolution with `rows` tiles in registers."""
    axes = [s.residues(0), s.residues(1)]
    across = ceil(s.counts[1] / 2)
    together, down = divide(s, across, FEW)
    tall, wide = span(axes[0], 2 * down), span(axes[1], 2 * across)
    sizes, _ = measure(s, axes, tall, wide, together, s.counts[0], [[]])
    whole = plan_of(s, lanes, rows, s.images, down, s.channels + lanes)
    blocks, tiles, width = ceil(s.images / together), together * down * across, VECTORS * lanes
    padded = -(-s.images * down * across // rows) * rows
    matrices = POINTS * (rounded(s.channels * width) + rounded(padded * width)) + 2 * width
    scratch = max(
        sizes["outputs_at"],
        rounded(whole.pack_scratch) + matrices + rounded((s.images * prod(s.counts) + 1) * width),
    )
    step = rounded(blocks * tiles * (s.channels + lanes))
    sources = tiles_of(together, down, across, tall.inputs, wide.inputs) * s.channels
    sizes |= {"classes": 1, "scratch": scratch}
    return PanelsPlan(ordered(sizes), sources, down * across, tiles, step, scratch, blocks, whole)


def inputs_module(target: Target, t: Type, last: bool = False) -> Module:
    """Items are blocks: the matrices of their tiles. `last`: channels are last in memory."""
    m = Module()
    zero = define_zero(m, t, target)
    move = define_move(m, t, target) if last else define_turn(m, t, target)
    gather = (define_gather_last if last else define_gather)(m, t, move, zero)
    names = gather, define_transform(m, t, target, "forward", inputs_of, 4), zero
    arrays = dict.fromkeys(("x", "points", "scratch"), t.pointer)
    tables = dict.fromkeys(("sizes", "sources"), i64.pointer)
    f, lo, hi, tid, slots = entry(m, "kernel", False, **arrays, **tables, spot=i64, tiles=i64, step=i64)
    x, points, scratch, sizes, sources, spot, tiles, step = slots
    n = fields(sizes)
    block, pitch = scratch.at(tid * n["scratch"]), n["channels"] + target.lanes(t)
    for item in f.range(lo, hi):
        some = smaller(n["images"] - item * n["together"], n["together"]) * spot
        goal = points.at(item * tiles * pitch)
        transform_block(f, names, n, x, block, sources, goal, (some, tiles), item, (pitch, step), POINTS)
    f.ret()
    return m


def panels_module(target: Target, t: Type, last: bool = False) -> Module:
    """Items are panels of weights. `last`: channels are last in memory."""
    m = Module()
    turn = (define_move_rows if last else define_turn)(m, t, target)
    put_back, panel = put_rows if last else turn_back, define_panel(m, t, target)
    for vectors in range(1, VECTORS + 1):
        define_tile(m, t, target, vectors, rows_of(target))
    multiply, back = define_multiply(m, t, target), define_back(m, t, target)
    arrays = dict.fromkeys(("points", "w", "bias", "y", "scratch"), t.pointer)
    tables = dict.fromkeys(("sizes", "places", "rows", "panels", "goals"), i64.pointer)
    numbers = dict.fromkeys(("tiles", "step", "taps", "product", "each"), i64)
    f, lo, hi, tid, slots = entry(m, "kernel", False, **arrays, **tables, **numbers)
    points, w, bias, y, scratch, sizes, places, rows, panels, goals, tiles, step, taps, product, each = slots
    n = fields(sizes)
    own = scratch.at(tid * each)
    products = own.at(taps)
    sums = products.at(POINTS * product)
    weights = sums.at((n["pixels"] + 1) * (VECTORS * target.lanes(t)))
    for k in f.range(lo, hi):
        numbers = panels.at(k * PANEL)
        width, channel, count = (numbers.load(i) for i in (1, 2, 3))
        f.call(panel, void, w, bias, own, weights, sizes, numbers, goals)
        for q in f.range(0, POINTS):
            where = points.at(q * step), products.at(q * product), rows, tiles, n["channels"], weights
            f.call(multiply, void, *where, q, width)
        biases = weights.at(POINTS * (n["channels"] * width + APART))
        f.call(back, void, products, product, places, tiles, biases, sums, width)
        nothing = f.const(i64, 0)
        put_back(turn, n, sums, width, y, nothing, nothing, (channel, count))
    f.ret()
    return m
