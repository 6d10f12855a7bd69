"""Scans: running sums, products and extremes of arrays (outer, n, inner) along n, forwards or backwards.

Along the last dimension a scan waits for each addition; so as many lines as a vector has lanes run side by
side, in square tiles that are turned for it and back. Along another one, vectors run over what is behind.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from .copies import smaller, transpose
from .ir import Function, Module
from .launch import Kernel, entry
from .targets import Target
from .types import Type, f32, f64, i32, i64
from .values import Value, Var

NUMBERS: dict[str, Type] = {"float32": f32, "float64": f64, "int64": i64, "int32": i32}
#: sums and products of float32 are kept in float64, as PyTorch keeps them
KEPT = {f32: f64}


class Running:
    """A running sum or product."""

    def __init__(self, f: Function, type: Type, how: str) -> None:
        self.how, self.type = how, type
        kept = KEPT.get(type.scalar, type.scalar).x(type.lanes)
        self.total: Var = f.var(f.const(kept, 0 if how == "sum" else 1))

    def meet(self, x: Value, place: Value) -> None:
        wide = x.to(self.total.type.scalar)
        self.total.set(self.total + wide if self.how == "sum" else self.total * wide)

    def found(self) -> list[Value]:
        return [self.total.now.to(self.type.scalar)]


class Extreme:
    """The largest (or smallest) so far and its place: of equal ones the last; NaN beats all."""

    def __init__(self, f: Function, type: Type, how: str) -> None:
        self.how = how
        self.best: Var = f.var(f.const(type, _worst(type, how)))
        self.place: Var = f.var(f.const(i32.x(type.lanes), 0))

    def meet(self, x: Value, place: Value) -> None:
        better = x >= self.best if self.how == "max" else x <= self.best
        if x.type.is_float:
            better = better | (x != x)
        self.best.set(better.select(x, self.best.now))
        self.place.set(better.select(place, self.place.now))

    def found(self) -> list[Value]:
        return [self.best.now, self.place.now]


def _worst(type: Type, how: str) -> float:
    """What every number is at least as good as."""
    if type.is_float:
        return float("-inf" if how == "max" else "inf")
    return -(1 << type.bits - 1) if how == "max" else (1 << type.bits - 1) - 1


def _state(how: str) -> Any:
    return Extreme if how in ("max", "min") else Running


def _entry(m: Module, element: Type) -> Any:
    kinds = {"x": element.pointer, "y": element.pointer, "index": i64.pointer}
    return entry(m, "kernel", False, **kinds, n=i64, inner=i64, first=i64, step=i64)


def _store(found: list[Value], y: Value, index: Value, at: Value, mask: Value | None = None) -> None:
    """Write what a scan has found: numbers, and places if there are any."""
    y.store(found[0], at, mask)
    for places in found[1:]:
        index.store(places.to(i64), at, mask)


def _lines(element: Type, how: str, side: int) -> Module:
    """Scans along the last dimension, forwards; items are lines."""
    m = Module()
    f, lo, hi, _, (x, y, index, n, *_) = _entry(m, element)
    middle = lo + ((hi - lo) & -side)
    for row in f.range(lo, middle, side):
        state = _state(how)(f, element.x(side), how)
        starts = [(row + k) * n for k in range(side)]
        full = n & -side
        for j in f.range(0, full, side):
            _tile(state, x, y, index, [start + j for start in starts], j, None)
        with f.when(full < n):
            rest = f.below(n - full, side)
            _tile(state, x, y, index, [start + full for start in starts], full, rest)
    for row in f.range(middle, hi):
        state = _state(how)(f, element, how)
        for j in f.range(0, n):
            state.meet(x[row * n + j], j.to(i32))
            _store(state.found(), y, index, row * n + j)
    f.ret()
    return m


def _tile(
    state: Any, x: Value, y: Value, index: Value, starts: list[Value], place: Value, mask: Value | None
) -> None:
    """As many steps as lines: their next numbers are turned into columns, and what is found into rows."""
    side = len(starts)
    columns = []
    for k, column in enumerate(transpose([x.load(at, side, mask) for at in starts])):
        state.meet(column, (place + k).to(i32).splat(side))
        columns.append(state.found())
    rows = [transpose(list(kind)) for kind in zip(*columns, strict=True)]
    for at, *found in zip(starts, *rows, strict=True):
        _store(found, y, index, at, mask)


def _columns(element: Type, how: str, lanes: int) -> Module:
    """Scans along an earlier dimension; items are (outer, block of `lanes` columns), the last may overlap."""
    m = Module()
    f, lo, hi, _, (x, y, index, n, inner, first, step) = _entry(m, element)
    blocks = (inner + (lanes - 1)) // lanes
    for item in f.range(lo, hi):
        start = item // blocks * n * inner + smaller(item % blocks * lanes, inner - lanes)
        state = _state(how)(f, element.x(lanes), how)
        for j in f.range(0, n):
            place = first + j * step
            at = start + place * inner
            state.meet(x.load(at, lanes), place.to(i32).splat(lanes))
            _store(state.found(), y, index, at)
    f.ret()
    return m


@cache
def lines(element: str, how: str) -> Kernel:
    """The scan "sum", "prod", "max" or "min" along the last dimension, forwards."""

    def make(target: Target) -> Module:
        return _lines(NUMBERS[element], how, max(4, target.lanes(f64)))

    return Kernel(("scan lines", element, how), make)


def width(element: str, inner: int, target: Target) -> int:
    """Columns scanned together."""
    return min(2 * target.lanes(NUMBERS[element]), 1 << inner.bit_length() - 1)


@cache
def columns(element: str, how: str, lanes: int) -> Kernel:
    """The scan "sum", "prod", "max" or "min" along an earlier dimension, `lanes` columns at a time."""
    key = ("scan columns", element, how, lanes)
    return Kernel(key, lambda target: _columns(NUMBERS[element], how, lanes))
