"""The cotangents of attention: the weights are made again, block by block, from log Σ exp.

P = exp(S - log Σ exp);  dV = Pᵀ G;  dS = scale · P (G Vᵀ - Σ G out);  dQ = dS K;  dK = dSᵀ Q.
T. Dao et al., "FlashAttention" (2022), algorithm 4.
"""

from __future__ import annotations

import functools
from typing import Any

from .attention import KEYS
from .attention_block import Block, Shape, hide, rooms, turn, zero_rows
from .exponential import exp_nonpositive
from .ir import Module
from .launch import Kernel, entry
from .product import Strides, product
from .targets import Target
from .tile import fma
from .turning import smaller
from .types import f64, i64, void
from .values import Value

ARRAYS = ("query", "key", "value", "mask", "out", "g", "d_query", "d_key", "d_value")


def scratch(shape: Shape) -> dict[str, int]:
    """The memory a thread needs, in elements."""
    n = shape.queries
    turned_blocks = {"query": shape.features * n, "g": shape.values * n}
    return turned_blocks | {"weights": KEYS * n, "slopes": KEYS * n, "shift": n, "mean": n}


@functools.cache
def kernel(shape: Shape) -> Kernel:
    """Attention backward: an item is a head, whose sums over queries and keys go in order.

    Slots: ARRAYS, log Σ exp (heads, length), scratch, where each head begins in ARRAYS, length, keys, rows'
    strides of ARRAYS, scale.
    """
    return Kernel(("attention backward", shape), lambda target: make(shape, target))


def make(shape: Shape, target: Target) -> Module:
    """The code."""
    m, t, n, lanes = Module(), shape.type, shape.queries, target.lanes(shape.type)
    width, depth = shape.features, shape.values
    by_keys = product(m, target, "by_keys", t, n, Strides(None, 1, n, n), "0")
    to_query = product(m, target, "to_query", t, width, Strides(1, n))
    to_key = product(m, target, "to_key", t, width, Strides(n, 1))
    to_value = to_key if width == depth else product(m, target, "to_value", t, depth, Strides(n, 1))
    pointers = dict.fromkeys((*ARRAYS, "logsumexp", "scratch"), t.pointer) | {"mask": shape.mask_type.pointer}
    numbers = dict.fromkeys(("length", "keys", *(f"{name}_row" for name in ARRAYS)), i64)
    f, lo, hi, tid, slots = entry(m, **pointers, places=i64.pointer, **numbers, scale=f64)
    arrays, (logsumexp, memory, places, length, keys) = slots[:9], slots[9:14]
    q_row, k_row, v_row, mask_row, out_row, g_row, dq_row, dk_row, dv_row, scale = slots[14:]
    room, factor = rooms(memory, tid, scratch(shape)), scale.to(t)
    for head in f.range(lo, hi):
        query, key, value, mask, out, g, d_query, d_key, d_value = (
            x.at(places[head * len(ARRAYS) + i]) for i, x in enumerate(arrays)
        )
        zero_rows(d_query, length, dq_row, width, lanes)
        zero_rows(d_key, keys, dk_row, width, lanes)
        zero_rows(d_value, keys, dv_row, depth, lanes)
        for first in f.range(0, length, n):
            rows = smaller(length - first, n)
            q, dq, g_ = query.at(first * q_row), d_query.at(first * dq_row), g.at(first * g_row)
            block = Block(f, shape, lanes, first, rows)
            turn(block, q, q_row, width, room["query"], factor)
            turn(block, g_, g_row, depth, room["g"])
            _row_numbers(
                block, room, g_, g_row, out.at(first * out_row), out_row, logsumexp.at(head * length + first)
            )
            for start in f.range(0, block.seen(keys), KEYS):
                count = smaller(block.seen(keys) - start, KEYS)
                k, dk, dv = key.at(start * k_row), d_key.at(start * dk_row), d_value.at(start * dv_row)
                f.call(by_keys, void, k, room["query"], room["weights"], count, width, k_row)
                f.call(by_keys, void, value.at(start * v_row), room["g"], room["slopes"], count, depth, v_row)
                hide(block, room["weights"], start, count, mask, mask_row)
                _slopes(block, room, count, factor)
                f.call(to_value, void, room["weights"], g_, dv, count, rows, g_row, dv_row)
                f.call(to_key, void, room["slopes"], q, dk, count, rows, q_row, dk_row)
                f.call(to_query, void, room["slopes"], k, dq, rows, count, k_row, dq_row)
    f.ret()
    return m


def _row_numbers(
    block: Block, room: dict[str, Value], g: Value, g_row: Value, out: Value, out_row: Value, logsumexp: Value
) -> None:
    """Each query's log Σ exp, and Σ G out."""
    f, lanes = block.f, block.lanes
    for r in f.range(0, block.rows):
        left, right = g.at(r * g_row), out.at(r * out_row)
        total: Any = block.vector(0)
        for d in range(0, block.shape.values, lanes):
            total = fma(left.load(d, lanes), right.load(d, lanes), total)
        room["mean"].store(total.fold(lambda x, y: x + y), r)
        room["shift"].store(logsumexp[r], r)


def _slopes(block: Block, room: dict[str, Value], count: Value, scale: Value) -> None:
    """P in place of the scores, and dS in place of G Vᵀ."""
    lanes = block.lanes
    numbers = [(room["shift"].load(j, lanes), room["mean"].load(j, lanes)) for j in block.columns]
    for r in block.f.range(0, count):
        weights, slopes = (room[name].at(r * block.shape.queries) for name in ("weights", "slopes"))
        for j, (shift, mean) in zip(block.columns, numbers, strict=True):
            p = exp_nonpositive(weights.load(j, lanes) - shift)
            weights.store(p, j)
            slopes.store((slopes.load(j, lanes) - mean) * p * scale, j)
