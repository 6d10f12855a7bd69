"""Kernels over short rows: as many rows side by side as a vector has lanes, column after column.

A row of ten numbers in a vector of sixteen is masked in each pass, and its sums are folded lane by lane: 25
ns for log_softmax. Here passes go from column to column: sums need no folding, and what holds for a row is
computed for all lanes at once.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..scalar import CONST, VAR, Expr
from .fused_rows import gathered, scatter
from .ir import Module
from .launch import Kernel
from .lower import operands
from .math import functions
from .rows import FULL, INDEX, NUMBER, ONE, ROWS, TOTALS, Rows, as_number, pick
from .targets import Target
from .types import Type, i32
from .values import Value


def row_kernel(outputs: Mapping[str, tuple[str, Expr]], inputs: Mapping[str, str], element: Type) -> Kernel:
    """The kernel that `rows.row_kernel` describes, for short rows. It has no totals."""
    assert all(kind != TOTALS for kind, _ in outputs.values())
    shown = Rows.shown(outputs)
    key = ("rows beside", shown, list(inputs.items()), str(element))

    def make(target: Target) -> Module:
        return _Beside(dict(outputs), dict(inputs), element, target, stream=False).module

    return Kernel(key, make)


class _Beside(Rows):
    """A kernel while it is written: `known` are vectors of a number a row."""

    def rows(self, lo: Value, hi: Value) -> None:
        """The rows lo..hi: vectors of them, then single ones."""
        lanes = self.target.lanes(self.element)
        middle = lo + ((hi - lo) & -lanes)
        for self.lanes, start, stop in ((lanes, lo, middle), (1, middle, hi)):
            for r in self.f.range(start, stop, self.lanes):
                self.one(r)

    def walk(self, place: int, sums: list[Expr], writes: list[tuple[str, str, Expr]]) -> None:
        """One walk along the rows: the sums it closes, and the outputs that can be written."""
        self.know(place)
        totals = [self.f.var(self.neutral(e, self.lanes)) for e in sums]
        for i in self.f.range(0, self.n):
            done: dict[Expr, Value] = {}
            for e, total in zip(sums, totals, strict=True):
                v = self.value(e.args[0], place, i, self.lanes, None, done)
                total.set(self.combine(e, total.now, v))
            for name, _, e in writes:
                self.store(name, i, self.value(e, place, i, self.lanes, None, done), None)
        for e, total in zip(sums, totals, strict=True):
            self.known[e] = total.now

    def load(self, name: str, i: Value, lanes: int, mask: Value | None) -> Value:
        """Column i of some rows."""
        kind = self.outputs[name][0] if name in self.outputs else self.inputs[name]
        if kind != FULL:  # a number a column
            return self.at[name][i].splat(lanes)
        return gathered(self.at[name].at(i), self.n, lanes)

    def store(self, name: str, i: Value, v: Value, mask: Value | None) -> None:
        """Write it."""
        scatter(v.splat(self.lanes), self.at[name].at(i), self.n)

    def here(self, i: Value, lanes: int) -> Value:
        """The place of all of them in their rows."""
        return i.to(i32).splat(lanes)

    def number(self, e: Expr) -> Value:
        """A number for each row."""
        if e.fn is CONST:
            return self.f.const(self.element.x(self.lanes), e.args[0])
        if e.fn is VAR and self.inputs[e.name] in (ROWS, INDEX):
            return self.base[e.name].load(self.row, self.lanes)
        if e.fn is VAR:
            kind, p = self.inputs[e.name], self.base[e.name]
            return {NUMBER: lambda: p.to(self.element), ONE: lambda: p[0]}[kind]().splat(self.lanes)
        if e.fn is as_number:
            return self.known[e.args[0]].to(self.element)
        if e.fn is pick:
            return self._picked(e.args[0].name, self.known[e.args[1]])
        parts = [self.known[a].splat(self.lanes) for a in e.args]
        return functions(self.element)[e.fn.name](*operands(e, parts, self.element))

    def _picked(self, name: str, i: Value) -> Value:
        """The number at place i of each row, NaN where there is none."""
        inside = (i >= 0) & (i < self.n)
        place, found = inside.select(i, 0), self.f.const(self.element.x(self.lanes), 0)
        step = self.n if self.inputs[name] == FULL else self.f.const(self.n.type, 0)
        for k in range(self.lanes):
            one = self.at[name].at(step * k).load(place.lane(k) if self.lanes > 1 else place)
            if self.lanes == 1:
                found = one
            else:
                found = self.f.emit(f"insertelement {found}, {one}, i32 {k}", found.type)
        return inside.select(found, float("nan"))
