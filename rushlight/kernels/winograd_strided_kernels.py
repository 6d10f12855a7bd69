"""The kernels of strided convolution by Winograd's algorithm."""

from __future__ import annotations

from .conv_block import copy_block, define_gather, define_zero
from .conv_pack import define_pack, fields
from .conv_plan import PANEL
from .conv_sum import VECTORS, define_tile, turn_back
from .ir import Module
from .launch import entry
from .targets import Target
from .turning import define_turn, smaller
from .types import Type, i64, void
from .values import Value
from .winograd import GROUP, both, rows_of
from .winograd_kernels import APART, define_transform, flat
from .winograd_strided import EXTENTS, Scheme, behind


def strided_pack_module(target: Target, t: Type, scheme: Scheme) -> Module:
    """Panels of transformed weights: for every product what its inputs meet; biases and zeros behind."""
    m = Module()
    pack = define_pack(m, t, target)
    arrays = dict.fromkeys(("w", "bias", "packed", "scratch"), t.pointer)
    tables = dict.fromkeys(("sizes", "extents", "panels", "goals"), i64.pointer)
    f, lo, hi, tid, slots = entry(m, "kernel", False, **arrays, **tables)
    w, bias, packed, scratch, sizes, extents, panels, goals = slots
    n, lanes = _sizes(sizes, extents), target.lanes(t)
    panel, side = scratch.at(tid * n["pack"]), range(scheme.taps)
    for k in f.range(lo, hi):
        numbers, goal = panels.at(k * PANEL), packed.at(k * n["panel"])
        f.call(pack, void, w, bias, panel, sizes, numbers, goals)
        width = numbers.load(1)
        matrix = n["channels"] * width
        for at in f.range(0, matrix, lanes):
            tap = panel.at(width + at)
            grid = [[tap.load(matrix * (scheme.taps * i + j), lanes) for j in side] for i in side]
            values = flat(both(scheme.weights, grid))
            for number, some in enumerate(scheme.pairs):
                first = goal.at(behind(scheme.pairs[:number], n["row"]))
                for place, (_, which) in enumerate(some):
                    first.store(values[which], matrix * place + at)
        rest = goal.at(behind(scheme.pairs, n["row"]))
        for at in f.range(0, width, lanes):
            rest.store(panel.load(at, lanes), at)
            rest.store(f.const(t.x(lanes), 0), width + at)
    f.ret()
    return m


def strided_module(target: Target, t: Type, scheme: Scheme) -> Module:
    """For every block: transform its tiles; for every product and panel multiply; transform back."""
    m = Module()
    zero, turn = define_zero(m, t, target), define_turn(m, t, target)
    gather = define_gather(m, t, turn, zero)
    for vectors in range(1, VECTORS + 1):
        define_tile(m, t, target, vectors, rows_of(target))
    forward = define_transform(m, t, target, "forward", scheme.inputs, scheme.size)
    multiply, back = _define_multiply(m, t, target), _define_back(m, t, target, scheme)
    arrays = dict.fromkeys(("x", "packed", "y", "scratch"), t.pointer)
    tables = dict.fromkeys(
        ("sizes", "extents", "sources", "places", "rows", "segments", "parts", "panels"), i64.pointer
    )
    f, lo, hi, tid, slots = entry(m, "kernel", False, **arrays, **tables)
    x, packed, y, scratch, sizes, extents, sources, places, rows, segments, parts, panels = slots
    n, count = _sizes(sizes, extents), len(scheme.pairs)
    end_of_weights = behind(scheme.pairs, n["row"])
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
            for q in f.range(0, count):
                own, before = parts.load(q * 2), parts.load(q * 2 + 1)
                for j in f.range(k, end):
                    width, panel = panels.load(j * PANEL + 1), packed.at(j * n["panel"])
                    goal = products.at(((j - k) * count + q) * n["product"])
                    weights, zeros = panel.at(before * n["row"] + q * APART), panel.at(end_of_weights + width)
                    where = points, goal, rows, segments.at(before), own, tiles, n["channels"]
                    f.call(multiply, void, *where, weights, zeros, width)
            for j in f.range(k, end):
                width, channel, filled = (panels.load(j * PANEL + i) for i in (1, 2, 3))
                biases = packed.at(j * n["panel"] + end_of_weights)
                source = products.at((j - k) * count * n["product"])
                f.call(back, void, source, n["product"], places, tiles, biases, sums, width)
                turn_back(turn, n, sums, width, y, first, band, (channel, filled))
    f.ret()
    return m


def _sizes(sizes: Value, extents: Value) -> dict[str, Value]:
    return fields(sizes) | {name: extents.load(k) for k, name in enumerate(EXTENTS)}


def _define_multiply(m: Module, t: Type, target: Target) -> str:
    """One product: `count` matrices of inputs (tiles, channels), each times its own weights in a panel."""
    f = m.function(
        "multiply", internal=True, points=t.pointer, products=t.pointer, rows=i64.pointer,
        segments=i64.pointer, count=i64, tiles=i64, channels=i64, weights=t.pointer, zeros=t.pointer,
        width=i64,
    )  # fmt: skip
    points, products, rows, segments, count, tiles, channels, weights, zeros, width = f.args
    padded = rows.load()
    for vectors in range(1, VECTORS + 1):
        with f.when(width == vectors * target.lanes(t)):
            for k in f.range(0, tiles, rows_of(target)):
                where = rows.at(k + 1), rows.at(k + 1 + padded), segments
                f.call(f"tile{vectors}", void, points, products, *where, count, channels, weights, zeros)
    f.ret()
    return f.name


def _define_back(m: Module, t: Type, target: Target, scheme: Scheme) -> str:
    """Transform products back: sums[place] of the outputs of every tile."""
    f = m.function(
        "back", internal=True, products=t.pointer, step=i64, places=i64.pointer, tiles=i64, biases=t.pointer,
        sums=t.pointer, width=i64,
    )  # fmt: skip
    products, step, places, tiles, biases, sums, width = f.args
    lanes, side = target.lanes(t), len(scheme.meets)
    for k in f.range(0, tiles):
        source, place = products.at(k * width), places.at(k * scheme.made**2)
        for c in f.range(0, width, lanes):
            bias = biases.load(c, lanes)
            grid = [[source.load(step * (side * i + j) + c, lanes) for j in range(side)] for i in range(side)]
            for i, value in enumerate(flat(both(scheme.outputs, grid))):
                sums.store(value + bias, place.load(i) * width + c)
    f.ret()
    return f.name
