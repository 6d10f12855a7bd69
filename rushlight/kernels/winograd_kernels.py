"""The kernels of Winograd's convolution: weights transformed and packed, and the sixteen products."""

from __future__ import annotations

from collections.abc import Callable

from .conv_block import (
    copy_block,
    define_gather,
    define_gather_last,
    define_move,
    define_move_rows,
    define_zero,
)  # fmt: skip
from .conv_last_sum import put_rows
from .conv_pack import define_pack, fields
from .conv_plan import PANEL
from .conv_sum import VECTORS, define_tile, turn_back
from .ir import Function, Module
from .launch import entry
from .targets import Target
from .turning import define_turn, smaller
from .types import Type, i64, void
from .values import Value
from .winograd import EXTENTS, GROUP, POINTS, both, inputs_of, outputs_of, rows_of, weights_of

APART = 16  # numbers between matrices, lest all fall into one set of a cache


def pack_module(target: Target, t: Type) -> Module:
    """Panels of a matrix (channels, width) for every point; behind them a row of biases, and one of zeros."""
    m = Module()
    pack = define_panel(m, t, target)
    arrays = dict.fromkeys(("w", "bias", "packed", "scratch"), t.pointer)
    tables = dict.fromkeys(("sizes", "extents", "panels", "goals"), i64.pointer)
    f, lo, hi, tid, slots = entry(m, "kernel", False, **arrays, **tables)
    w, bias, packed, scratch, sizes, extents, panels, goals = slots
    n = _sizes(sizes, extents)
    for k in f.range(lo, hi):
        goal = packed.at(k * n["panel"])
        f.call(pack, void, w, bias, scratch.at(tid * n["pack"]), goal, sizes, panels.at(k * PANEL), goals)
    f.ret()
    return m


def define_panel(m: Module, t: Type, target: Target) -> str:
    """One panel: packed, then transformed."""
    pack, lanes = define_pack(m, t, target), target.lanes(t)
    tables = dict.fromkeys(("sizes", "numbers", "goals"), i64.pointer)
    arrays = dict.fromkeys(("w", "bias", "panel", "goal"), t.pointer)
    f = m.function("panel", internal=True, **arrays, **tables)
    w, bias, panel, goal, sizes, numbers, goals = f.args
    f.call(pack, void, w, bias, panel, sizes, numbers, goals)
    width = numbers.load(1)
    matrix = fields(sizes)["channels"] * width
    step = matrix + APART
    for at in f.range(0, matrix, lanes):
        tap = panel.at(width + at)
        grid = [[tap.load(matrix * (3 * i + j), lanes) for j in range(3)] for i in range(3)]
        for q, value in enumerate(flat(both(weights_of, grid))):
            goal.store(value, at + step * q)
    for at in f.range(0, width, lanes):
        goal.store(panel.load(at, lanes), step * POINTS + at)
        goal.store(f.const(t.x(lanes), 0), step * POINTS + width + at)
    f.ret()
    return f.name


def winograd_module(target: Target, t: Type, last: bool = False) -> Module:
    """For every block: transform its tiles; for every point and panel multiply; transform back.

    `last`: channels are last in memory, in x and in y.
    """
    m = Module()
    zero = define_zero(m, t, target)
    turn = define_move_rows(m, t, target) if last else define_turn(m, t, target)
    move = define_move(m, t, target) if last else ""
    gather = define_gather_last(m, t, move, zero) if last else define_gather(m, t, turn, zero)
    for vectors in range(1, VECTORS + 1):
        define_tile(m, t, target, vectors, rows_of(target))
    forward = define_transform(m, t, target, "forward", inputs_of, 4)
    multiply, back = define_multiply(m, t, target), define_back(m, t, target)
    arrays = dict.fromkeys(("x", "packed", "y", "scratch"), t.pointer)
    tables = dict.fromkeys(("sizes", "extents", "sources", "places", "rows", "panels"), i64.pointer)
    f, lo, hi, tid, slots = entry(m, "kernel", False, **arrays, **tables)
    x, packed, y, scratch, sizes, extents, sources, places, rows, panels = slots
    n = _sizes(sizes, extents)
    block = scratch.at(tid * n["scratch"])
    points, products, sums = (block.at(n[k]) for k in ("outputs_at", "products_at", "sums_at"))
    for item in f.range(lo, hi):
        number, part = item // n["parts"], item % n["parts"]
        first, band = number // n["bands"] * n["together"], number % n["bands"]
        copy_block(gather, n, x, block, first, band)
        tiles = (smaller(first + n["together"], n["images"]) - first) * n["tiles"]
        shape = n["channels"], n["pitch"], n["channels"], n["point"]
        f.call(forward, void, block, sources, tiles, points, *shape)
        stop = n["panels"] * (part + 1) // n["parts"]
        for k in f.range(n["panels"] * part // n["parts"], stop, GROUP):
            end = smaller(k + GROUP, stop)
            for q in f.range(0, POINTS):
                for j in f.range(k, end):
                    width, panel = panels.load(j * PANEL + 1), packed.at(j * n["panel"])
                    goal = products.at(((j - k) * POINTS + q) * n["product"])
                    where = points.at(q * n["point"]), goal, rows, tiles, n["channels"], panel
                    f.call(multiply, void, *where, q, width)
            for j in f.range(k, end):
                width, channel, count = (panels.load(j * PANEL + i) for i in (1, 2, 3))
                biases = packed.at(j * n["panel"] + POINTS * (n["channels"] * width + APART))
                source = products.at((j - k) * POINTS * n["product"])
                f.call(back, void, source, n["product"], places, tiles, biases, sums, width)
                put_back = put_rows if last else turn_back
                put_back(turn, n, sums, width, y, first, band, (channel, count))
    f.ret()
    return m


def _sizes(sizes: Value, extents: Value) -> dict[str, Value]:
    return fields(sizes) | {name: extents.load(k) for k, name in enumerate(EXTENTS)}


def flat(grid: list[list[Value]]) -> list[Value]:
    """All values, row by row."""
    return [value for row in grid for value in row]


def define_transform(
    m: Module, t: Type, target: Target, name: str, transform: Callable[..., list[Value]], size: int
) -> str:
    """name: tiles of size x size pixels of a block to points[q][tile, channel].

    A matrix has `width` numbers a tile; matrices are `step` numbers apart.
    """
    f = m.function(
        name, internal=True, block=t.pointer, sources=i64.pointer, tiles=i64, points=t.pointer,
        channels=i64, pitch=i64, width=i64, step=i64,
    )  # fmt: skip
    block, sources, tiles, points, channels, pitch, width, step = f.args
    lanes, line, side = target.lanes(t), pitch * channels, range(size)
    for k in f.range(0, tiles):
        source, goal = block.at(sources.load(k)), points.at(k * width)
        for c in f.range(0, channels, lanes):
            grid = [[source.load(line * i + channels * j + c, lanes) for j in side] for i in side]
            for q, value in enumerate(flat(both(transform, grid))):
                goal.store(value, step * q + c)
    f.ret()
    return f.name


def transform_block(
    f: Function, names: tuple[str, str, str], n: dict[str, Value], x: Value, block: Value, sources: Value,
    goal: Value, tiles: tuple[Value, Value], number: Value, sizes: tuple[Value, Value], count: int,
) -> None:  # fmt: skip
    """Make the `count` matrices of block `number`: of some tiles of so many, zeros for the rest.

    `names` are a function that gathers, one that transforms, and zero; `sizes` a matrix's width and distance.
    """
    gather, transform, zero = names
    (some, whole), (width, step) = tiles, sizes
    first, band = number // n["bands"] * n["together"], number % n["bands"]
    copy_block(gather, n, x, block, first, band)
    f.call(transform, void, block, sources, some, goal, n["channels"], n["pitch"], width, step)
    for q in f.range(0, count):
        f.call(zero, void, goal.at(q * step + some * width), (whole - some) * width)


def define_multiply(m: Module, t: Type, target: Target) -> str:
    """The product of one point's inputs (tiles, channels) with its weights in a panel."""
    f = m.function(
        "multiply", internal=True, points=t.pointer, products=t.pointer, rows=i64.pointer, tiles=i64,
        channels=i64, panel=t.pointer, point=i64, width=i64,
    )  # fmt: skip
    points, products, rows, tiles, channels, panel, point, width = f.args
    step = channels * width + APART
    weights, zeros = panel.at(point * step), panel.at(POINTS * step + width)
    start = f.stack(i64, 1)
    start.store(0)
    padded = rows.load()
    for vectors in range(1, VECTORS + 1):
        with f.when(width == vectors * target.lanes(t)):
            for k in f.range(0, tiles, rows_of(target)):
                where = rows.at(k + 1), rows.at(k + 1 + padded)
                f.call(f"tile{vectors}", void, points, products, *where, start, 1, channels, weights, zeros)
    f.ret()
    return f.name


def define_back(m: Module, t: Type, target: Target) -> str:
    """Transform products back: sums[place] of the four outputs of every tile."""
    f = m.function(
        "back", internal=True, products=t.pointer, step=i64, places=i64.pointer, tiles=i64, biases=t.pointer,
        sums=t.pointer, width=i64,
    )  # fmt: skip
    products, step, places, tiles, biases, sums, width = f.args
    lanes = target.lanes(t)
    for k in f.range(0, tiles):
        source, place = products.at(k * width), places.at(k * 4)
        for c in f.range(0, width, lanes):
            bias = biases.load(c, lanes)
            grid = [[source.load(step * (4 * i + j) + c, lanes) for j in range(4)] for i in range(4)]
            for i, value in enumerate(flat(both(outputs_of, grid))):
                sums.store(value + bias, place.load(i) * width + c)
    f.ret()
    return f.name
