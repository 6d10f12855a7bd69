"""Sums and greatest elements that a fused program collects while it runs, and what is left to do afterwards.

Within a chunk of the program they are collected in the type of what is collected; across chunks, whose number
does not depend on that of threads, floats are added in float64.
"""

from __future__ import annotations

import math
from functools import cache

from .fused_types import cast, in_register, kept
from .ir import Function, Module
from .launch import Kernel, entry
from .normalize import along
from .targets import Target
from .types import Type, f64, i1, i64, u8
from .values import Value, Var

SUM, MAX, MIN = "sum", "max", "min"


def collected(type: Type) -> Type:
    """The type in which elements are collected for a result of some type."""
    return u8 if type == i1 else in_register(type)


def neutral(f: Function, kind: str, type: Type) -> Value:
    """What changes nothing."""
    if kind == SUM:
        return f.const(type, 0)
    sign = -1 if kind == MAX else 1
    if type.is_float:
        return f.const(type, sign * math.inf)
    low, high = (
        (0, 2**type.bits - 1) if type.unsigned else (-(2 ** (type.bits - 1)), 2 ** (type.bits - 1) - 1)
    )
    return f.const(type, low if kind == MAX else high)


def combine(kind: str, x: Value, y: Value) -> Value:
    """Two partial results as one; NaN stays."""
    if kind == SUM:
        return x + y
    better = y > x if kind == MAX else y < x
    return ((better | (y != y)) if y.type.is_float else better).select(y, x)


def narrowed(kind: str, v: Value, lanes: int) -> Value:
    """A vector of partial results in fewer lanes, halves against halves."""
    while v.lanes > max(lanes, 2):
        half = v.lanes // 2
        v = combine(kind, v.shuffle(range(half)), v.shuffle(range(half, 2 * half)))
    return combine(kind, v.lane(0), v.lane(1)) if lanes == 1 and v.lanes == 2 else v


class Collector:
    """A sum, or greatest element, while elements come in vectors of some widths."""

    def __init__(self, f: Function, kind: str, type: Type, widths: set[int]) -> None:
        self.kind, self.type = kind, type
        self.parts: dict[int, Var] = {w: f.var(neutral(f, kind, type.x(w))) for w in sorted(widths)}

    def add(self, v: Value, mask: Value | None) -> None:
        """Take in the lanes of a vector that are in the mask."""
        if mask is not None:
            v = mask.select(v, neutral(v.f, self.kind, v.type))
        part = self.parts[v.lanes]
        part.set(combine(self.kind, part.now, v))

    def settle(self) -> None:
        """Move what single elements have come to into a vector: few are ever added one after the other."""
        wide, single = self.parts[max(self.parts)], self.parts[1]
        zero, f = neutral(single.f, self.kind, wide.type), single.f
        wide.set(
            combine(self.kind, wide.now, f.emit(f"insertelement {zero}, {single.now}, i32 0", wide.type))
        )
        single.set(neutral(f, self.kind, self.type))

    def result(self) -> Value:
        """All that came, as one number."""
        widths = sorted(self.parts, reverse=True)
        total = self.parts[widths[0]].now
        for w in widths[1:]:
            total = combine(self.kind, narrowed(self.kind, total, w), self.parts[w].now)
        return narrowed(self.kind, total, 1)


@cache
def finish(kind: str, type: Type, dense: bool) -> Kernel:
    """out[q] = what the partial results [p, q, s] of a program come to, for each q.

    The table: the sizes of p and s, the strides of p, q and s, and that of the output. `dense`: those of q
    and of the output are 1.
    """
    key = ("fused finish", kind, type.name, type.unsigned, dense)
    return Kernel(key, lambda target: _finish(kind, type, dense, target))


def _finish(kind: str, type: Type, dense: bool, target: Target) -> Module:
    m = Module()
    memory = (
        u8 if type == i1 else Type("i16", 16, unsigned=True) if type.bits == 16 and type.is_float else type
    )
    types = {"table": i64.pointer, "out": memory.pointer, "parts": collected(type).pointer}
    f, lo, hi, _, (table, out, parts) = entry(m, **types)
    p_count, s_count, p_step, q_step, s_step, out_step = (table[k] for k in range(6))
    wide = f64 if kind == SUM and type.is_float else collected(type)

    def total(q: Value, lanes: int, mask: Value | None) -> Value:
        found = f.var(neutral(f, kind, wide.x(lanes)))
        for p in f.range(0, p_count):
            for s in f.range(0, s_count):
                v = parts.at(p * p_step + s * s_step).load(q, lanes, mask)
                found.set(combine(kind, found.now, cast(v, wide)))
        one = cast(found.now, collected(type))  # float64 to float16 by way of float32
        return one if type == i1 else kept(cast(one, type), type)

    if dense:
        for place in along(f, target, f64, lo, hi, 2 * target.lanes(f64)):
            place.set(out, total(place.at, place.lanes, place.mask))
    else:
        for q in f.range(lo, hi):
            out[q * out_step] = total(q * q_step, 1, None)
    f.ret()
    return m
