"""The kernels of Winograd's weight gradient: transforms, the sixteen products, and the way back."""

from __future__ import annotations

from .conv_block import define_gather, define_gather_last, define_move, define_zero
from .conv_pack import fields
from .conv_sum import VECTORS, in_turn
from .ir import Module
from .launch import entry
from .targets import Target
from .tile import Tile
from .turning import define_turn, smaller, turned
from .types import Type, i64, void
from .values import Value
from .winograd import both
from .winograd_kernels import define_transform, flat, transform_block
from .winograd_weight import HIGH, WIDE, Scheme, rows_of

DEEP = 128  # tiles that are summed in registers: a panel of their numbers is in the first-level cache


def transform_module(target: Target, t: Type, scheme: Scheme, last: bool = False) -> Module:
    """Blocks from number `start` on: their matrices of inputs and cotangents; zeros where images end.

    `last`: channels are last in memory.
    """
    m = Module()
    zero = define_zero(m, t, target)
    move = define_move(m, t, target) if last else define_turn(m, t, target)
    gather = (define_gather_last if last else define_gather)(m, t, move, zero)
    transforms = (
        define_transform(m, t, target, "forward", scheme.inputs, scheme.size),
        define_transform(m, t, target, "spread", scheme.cotangents, 2),
    )
    arrays = dict.fromkeys(("x", "g", "points", "cotangents", "scratch"), t.pointer)
    tables = dict.fromkeys(("inputs", "others", "sources", "corners"), i64.pointer)
    numbers = dict.fromkeys(("start", "spot", "tiles", "x_step", "g_step"), i64)
    f, lo, hi, tid, slots = entry(m, "kernel", False, **arrays, **tables, **numbers)
    x, g, points, cotangents, scratch, inputs, others, sources, corners, start, spot, whole, *steps = slots
    shapes = fields(inputs), fields(others)
    n = shapes[0]
    block = scratch.at(tid * n["scratch"])
    blocks = block, block.at(n["outputs_at"])
    for item in f.range(lo, hi):
        number = start + item
        first = number // n["bands"] * n["together"]
        tiles = (smaller(first + n["together"], n["images"]) - first) * spot
        sides = zip(shapes, (x, g), blocks, (sources, corners), (points, cotangents), steps, transforms)
        for (shape, array, own, places, matrices, step, transform), made in zip(sides, scheme.made):
            pitch = shape["channels"] + target.lanes(t)
            goal, names = matrices.at(item * whole * pitch), (gather, transform, zero)
            sizes = (tiles, whole), number, (pitch, step)
            transform_block(f, names, shape, array, own, places, goal, *sizes, made**2)
    f.ret()
    return m


def multiply_module(target: Target, t: Type, scheme: Scheme) -> Module:
    """Items are points: sums[point, output, channel], to which a stage adds unless it is the first."""
    m = Module()
    zero, multiply = define_zero(m, t, target), _multiply(m, t, target)
    numbers = dict.fromkeys(("outputs", "channels", "tiles", "x_step", "g_step", "again"), i64)
    f, lo, hi, _, slots = entry(
        m, "kernel", False, points=t.pointer, cotangents=t.pointer, sums=t.pointer, **numbers
    )
    points, cotangents, sums, outputs, channels, tiles, x_step, g_step, again = slots
    for q in f.range(lo, hi):
        goal = sums.at(q * outputs * channels)
        with f.when(again == 0):
            f.call(zero, void, goal, outputs * channels)
        sizes = tiles, outputs, channels, outputs, channels, channels
        g = cotangents.at(_partner(q, scheme) * g_step)
        f.call(multiply, void, g, points.at(q * x_step), goal, *sizes)
    f.ret()
    return m


def _partner(q: Value, scheme: Scheme) -> Value:
    """Of a product, and its matrix of inputs: the matrix of cotangents."""
    side, own = scheme.made
    return q if side == own else q // side % own * own + q % side % own


def weights_module(target: Target, t: Type, scheme: Scheme) -> Module:
    """Items are outputs: dw[output, channel, tap] of the sums."""
    m = Module()
    back, taps = _back(m, t, target, scheme), scheme.taps**2
    f, lo, hi, _, (sums, dw, outputs, channels) = entry(
        m, "kernel", False, sums=t.pointer, dw=t.pointer, outputs=i64, channels=i64
    )
    for o in f.range(lo, hi):
        goal = dw.at(o * channels * taps)
        f.call(back, void, sums.at(o * channels), outputs * channels, goal, channels, 0, 1)
    f.ret()
    return m


def stage_module(target: Target, t: Type, scheme: Scheme) -> Module:
    """Items are squares of outputs and channels: what a stage adds to dw, kept as vectors until the last."""
    m = Module()
    zero, multiply, back = define_zero(m, t, target), _multiply(m, t, target), _back(m, t, target, scheme)
    arrays = dict.fromkeys(("points", "cotangents", "scratch", "dw"), t.pointer)
    numbers = dict.fromkeys(("outputs", "channels", "tiles", "x_step", "g_step", "again", "last"), i64)
    f, lo, hi, tid, slots = entry(m, "kernel", False, **arrays, **numbers)
    points, cotangents, scratch, dw, outputs, channels, tiles, x_step, g_step, again, last = slots
    own = scratch.at(tid * (scheme.points * HIGH * WIDE))
    across = (channels + WIDE - 1) // WIDE
    for item in f.range(lo, hi):
        o, c = item // across * HIGH, item % across * WIDE
        high, broad = smaller(outputs - o, HIGH), smaller(channels - c, WIDE)
        f.call(zero, void, own, scheme.points * HIGH * WIDE)
        for q in f.range(0, scheme.points):
            x, g = points.at(q * x_step + c), cotangents.at(_partner(q, scheme) * g_step + o)
            sizes = tiles, high, broad, outputs, channels, WIDE
            f.call(multiply, void, g, x, own.at(q * (HIGH * WIDE)), *sizes)
        for i in f.range(0, high):
            goal = dw.at(((o + i) * channels + c) * scheme.taps**2)
            f.call(back, void, own.at(i * WIDE), HIGH * WIDE, goal, broad, again, last)
    f.ret()
    return m


def _multiply(m: Module, t: Type, target: Target) -> str:
    """sums[o, c] += the sum over tiles of g[tile, o] · x[tile, c], `DEEP` tiles at a time."""
    for vectors in range(1, VECTORS + 1):
        _define_tile(m, t, target, vectors)
    sizes = dict.fromkeys(("tiles", "outputs", "channels", "g_width", "x_width", "width"), i64)
    f = m.function("multiply", internal=True, g=t.pointer, x=t.pointer, sums=t.pointer, **sizes)
    g, x, sums, tiles, outputs, channels, g_width, x_width, width = f.args
    lanes = target.lanes(t)
    g_pitch, x_pitch = g_width + lanes, x_width + lanes
    for k in f.range(0, tiles, DEEP):
        count = smaller(tiles - k, DEEP)
        for c in f.range(0, channels, VECTORS * lanes):
            for vectors in range(1, VECTORS + 1):
                with f.when(smaller(channels - c, VECTORS * lanes) == vectors * lanes):
                    for o in f.range(0, outputs, rows_of(target)):
                        where = g.at(k * g_pitch + o), x.at(k * x_pitch + c), sums.at(o * width + c)
                        f.call(f"tile{vectors}", void, *where, count, g_pitch, x_pitch, width)
    f.ret()
    return f.name


def _define_tile(m: Module, t: Type, target: Target, vectors: int) -> None:
    """One tile: sums[i, j] += the sum over tiles of g[tile, i] · x[tile, j]."""
    f = m.function(
        f"tile{vectors}", internal=True, g=t.pointer, x=t.pointer, sums=t.pointer, tiles=i64, g_pitch=i64,
        x_pitch=i64, pitch=i64,
    )  # fmt: skip
    g, x, sums, tiles, g_pitch, x_pitch, pitch = f.args
    lanes = target.lanes(t)
    tile = Tile(f, t, rows_of(target), vectors, lanes)
    cotangents, inputs = f.var(g), f.var(x)
    for _ in f.range(0, tiles):
        row = [inputs.load(j * lanes, lanes) for j in range(vectors)]
        tile.step(in_turn(tile, [cotangents.at(i) for i in range(tile.rows)], 0, target), row)
        cotangents.set(cotangents.at(g_pitch))
        inputs.set(inputs.at(x_pitch))
    for i, row in enumerate(tile.sums):
        for j, total in enumerate(row):
            at = pitch * i + j * lanes
            sums.store(sums.load(at, lanes) + total, at)
    f.ret()


def _back(m: Module, t: Type, target: Target, scheme: Scheme) -> str:
    """dw[channel, tap] of one output from products[point, channel]; until the `last` stage as vectors."""
    f = m.function(
        "back", internal=True, products=t.pointer, step=i64, dw=t.pointer, channels=i64, again=i64, last=i64
    )
    products, step, dw, channels, again, last = f.args
    lanes, side = target.lanes(t), scheme.made[0]
    for c in f.range(0, channels, lanes):
        grid = [[products.load(step * (side * i + j) + c, lanes) for j in range(side)] for i in range(side)]
        taps, goal = [f.var(v) for v in flat(both(scheme.weights, grid))], dw.at(c * scheme.taps**2)
        with f.when(again != 0):
            for k, tap in enumerate(taps):
                tap += goal.load(k * lanes, lanes)
        with f.when(last == 0):
            for k, tap in enumerate(taps):
                goal.store(tap, k * lanes)
        with f.otherwise():
            _store(t, lanes, [tap.now for tap in taps], goal)
    f.ret()
    return f.name


def _store(t: Type, lanes: int, taps: list[Value], goal: Value) -> None:
    """Write a vector of channels of every tap as goal[channel, tap]."""
    f = goal.f
    for first in range(0, len(taps), lanes):
        rows = taps[first : first + lanes]
        square = rows + [f.const(t.x(lanes), 0)] * (lanes - len(rows))
        inside = f.below(len(rows), lanes) if len(rows) < lanes else None
        for i, column in enumerate(turned(square)):
            goal.store(column, i * len(taps) + first, inside)
