"""softmax(scale · Q Kᵀ + mask) V without the matrix of weights: one block of queries meets one of keys at
a time.

The scores of a block stand transposed, a row for each key and a lane for each query: neither K nor V needs
packing, and the softmax over keys is made of vertical steps. When a later block brings larger scores,
what was
summed before is scaled down.
T. Dao et al., "FlashAttention: Fast and Memory-Efficient Exact Attention with IO-Awareness" (2022);
M. Milakov and N. Gimelshein, "Online normalizer calculation for softmax" (2018).
"""

from __future__ import annotations

import functools
import math

from .attention_block import Block, Shape, cells, copy_rows, hide, rooms, turn, zero_rows
from .exponential import exp_nonpositive
from .ir import Module
from .launch import Kernel, entry
from .logarithm import log
from .product import Strides, product
from .targets import Target
from .turning import smaller
from .types import f64, i64, void
from .values import Value

ARRAYS = ("query", "key", "value", "mask", "out")
KEYS = 64  # of one block: its scores stay in the first-level cache


def scratch(shape: Shape) -> dict[str, int]:
    """The memory a thread needs, in elements."""
    n = shape.queries
    blocks = {"query": shape.features * n, "value": KEYS * shape.values, "scores": KEYS * n}
    return blocks | {"top": n, "total": n, "factor": n}


@functools.cache
def kernel(shape: Shape) -> Kernel:
    """Attention forward: an item is a block of queries of one head.

    Slots: query, key, value, mask, out, log Σ exp (heads, length), scratch, where each head begins in ARRAYS,
    length, keys, rows' strides of ARRAYS, scale.
    """
    return Kernel(("attention", shape), lambda target: make(shape, target))


def make(shape: Shape, target: Target) -> Module:
    """The code."""
    m, t, n, lanes = Module(), shape.type, shape.queries, target.lanes(shape.type)
    multiply = product(m, target, "multiply", t, n, Strides(None, 1, n, n), "0")
    gather = product(m, target, "gather", t, shape.values, Strides(1, n, shape.values), "factors C")
    pointers = dict.fromkeys((*ARRAYS, "logsumexp", "scratch"), t.pointer) | {"mask": shape.mask_type.pointer}
    numbers = dict.fromkeys(("length", "keys", *(f"{name}_row" for name in ARRAYS)), i64)
    f, lo, hi, tid, slots = entry(m, **pointers, places=i64.pointer, **numbers, scale=f64)
    *arrays, logsumexp, memory, places, length, keys, q_row, k_row, v_row, mask_row, out_row, scale = slots
    room = rooms(memory, tid, scratch(shape))
    blocks = (length + (n - 1)) // n
    for item in f.range(lo, hi):
        head, first = item // blocks, item % blocks * n
        query, key, value, mask, out = (x.at(places[head * 5 + i]) for i, x in enumerate(arrays))
        rows = smaller(length - first, n)
        out = out.at(first * out_row)
        block = Block(f, shape, lanes, first, rows)
        turn(block, query.at(first * q_row), q_row, shape.features, room["query"], scale.to(t))
        _begin(block, room)
        zero_rows(out, rows, out_row, shape.values, lanes)
        for start in f.range(0, block.seen(keys), KEYS):
            count = smaller(block.seen(keys) - start, KEYS)
            f.call(
                multiply,
                void,
                key.at(start * k_row),
                room["query"],
                room["scores"],
                count,
                shape.features,
                k_row,
            )
            hide(block, room["scores"], start, count, mask, mask_row)
            _exponentials(block, room, count)
            copy_rows(value.at(start * v_row), v_row, room["value"], count, shape.values, lanes)
            f.call(gather, void, room["scores"], room["value"], out, rows, count, out_row, room["factor"])
        _finish(block, room, out, out_row, logsumexp.at(head * length + first))
    f.ret()
    return m


def _begin(block: Block, room: dict[str, Value]) -> None:
    """No scores yet: their maximum is -inf, and the sum of exponentials 0."""
    for j in block.columns:
        room["top"].store(block.vector(-math.inf), j)
        room["total"].store(block.vector(0), j)


def _exponentials(block: Block, room: dict[str, Value], count: Value) -> None:
    """exp(s - top) in place of the scores; top and total go on, and factor is what they shrank by."""
    f, lanes = block.f, block.lanes
    before = [room["top"].load(j, lanes) for j in block.columns]
    tops = [f.var(x) for x in before]
    for row in cells(block, room["scores"], count):
        for top, cell in zip(tops, row, strict=True):
            s = cell.load(0, lanes)
            top.set((s > top).select(s, top))
    shifts = [
        (top == -math.inf).select(0.0, top) for top in tops
    ]  # where nothing is seen yet, exp(-inf) is 0
    totals = []
    for j, top, old, shift in zip(block.columns, tops, before, shifts, strict=True):
        factor = exp_nonpositive(old - shift)
        room["top"].store(top, j)
        room["factor"].store(factor, j)
        totals.append(f.var(room["total"].load(j, lanes) * factor))
    for row in cells(block, room["scores"], count):
        for shift, total, cell in zip(shifts, totals, row, strict=True):
            e = exp_nonpositive(cell.load(0, lanes) - shift)
            cell.store(e)
            total += e
    for j, total in zip(block.columns, totals, strict=True):
        room["total"].store(total, j)


def _scale_rows(block: Block, out: Value, stride: Value, factors: Value) -> None:
    """Each row of the output times its factor."""
    for r in block.f.range(0, block.rows):
        row, factor = out.at(r * stride), factors[r]
        for d in range(0, block.shape.values, block.lanes):
            row.store(row.load(d, block.lanes) * factor, d)


def _finish(block: Block, room: dict[str, Value], out: Value, stride: Value, logsumexp: Value) -> None:
    """The output divided by the totals, and log total + top; 0 where nothing is seen, not NaN."""
    f, lanes = block.f, block.lanes
    for j in block.columns:
        top, total = room["top"].load(j, lanes), room["total"].load(j, lanes)
        total = (total == 0.0).select(1.0, total)
        room["factor"].store(1.0 / total, j)
        room["top"].store(log(total) + (top == -math.inf).select(0.0, top), j)
    for r in f.range(0, block.rows):
        logsumexp.store(room["top"][r], r)
    _scale_rows(block, out, stride, room["factor"])
