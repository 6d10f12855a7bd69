"""Kernels over rows: an expression in which sums and maxima along the row appear, as passes over each row.

`softmax` is exp(x - row_max(x)) / row_sum(exp(x - row_max(x))): the maximum closes a first pass, the sum a
second
one, and a third writes the result. What is dear to compute and needed again is kept in the output's row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import rushlight.scalar as scalar

from ..scalar import CONST, VAR, Expr
from .ir import Module
from .launch import Kernel, entry
from .lower import operands
from .math import functions
from .targets import Target
from .types import Type, f64, i32, i64, void
from .values import Value, Var

#: Σ and max along the row; x[i], where i is the row's index, NaN where there is no such place; 1 at place i
#: of the row, 0 elsewhere; i itself
row_sum = scalar.Function("row_sum", kind=scalar.ARITH)
row_max = scalar.Function("row_max", kind=scalar.ARITH)
pick = scalar.Function("pick", kind=scalar.ARITH)
one_at = scalar.Function("one_at", kind=scalar.ARITH)
as_number = scalar.Function("as_number", kind=scalar.ARITH)
_REDUCTIONS = (row_sum, row_max)

#: what an input or output is: a number a place, a number a column (shared by all rows), a number a row, an
#: index a row, one number for all, the same in memory; and of outputs: sums over the rows of a chunk, a
#: number a column
FULL, COLUMNS, ROWS, INDEX, NUMBER, ONE = "full", "columns", "rows", "index", "number", "one"
TOTALS = "totals"

LINE = 64  # bytes of a line of the caches
_AHEAD = 2048  # elements, at most, that the first pass asks for before they are read


def row_kernel(
    outputs: Mapping[str, tuple[str, Expr]], inputs: Mapping[str, str], element: Type, stream: bool = False
) -> Kernel:
    """The kernel whose items are rows; its slots are the rows' length, the outputs and the inputs, in order.

    Full arrays are contiguous. An output of TOTALS is an array of zeros of (chunks, n); the grain, which
    tells
    chunks apart, is then the last slot. With `stream`, full outputs go past the caches: rows must be whole
    lines of them.
    """
    key = ("rows", Rows.shown(outputs), list(inputs.items()), str(element), stream)
    return Kernel(key, lambda target: Rows(dict(outputs), dict(inputs), element, target, stream).module)


class Rows:
    """A row kernel while it is written."""

    def __init__(
        self,
        outputs: dict[str, tuple[str, Expr]],
        inputs: dict[str, str],
        element: Type,
        target: Target,
        stream: bool,
    ) -> None:
        self.outputs, self.inputs, self.element, self.target = outputs, inputs, element, target
        self.roots = [e for _, e in outputs.values()]
        self.order = list(scalar.nodes(scalar.Function("together")(*self.roots)))[:-1]
        self.places: dict[Expr, int] = {}  # in which pass a node's value is known
        self.single: dict[Expr, bool] = {}  # whether it is one number for the whole row
        for e in self.order:
            self._classify(e)
        self.kept = self._keepers()
        self.streamed = {n for n, (kind, _) in outputs.items() if stream and kind == FULL} - {
            *self.kept.values()
        }
        self.module = Module()
        self._write()

    @staticmethod
    def shown(outputs: Mapping[str, tuple[str, Expr]]) -> list[tuple[str, str, str]]:
        """The outputs as text."""
        return [(name, kind, repr(scalar.program(e))) for name, (kind, e) in outputs.items()]

    def _classify(self, e: Expr) -> None:
        args = [] if e.fn in (VAR, CONST) else list(e.args)
        self.places[e] = max((self.places[a] for a in args), default=0) + (e.fn in _REDUCTIONS)
        if e.fn is VAR:
            self.single[e] = self.inputs[e.name] in (ROWS, INDEX, NUMBER, ONE)
        else:
            self.single[e] = e.fn in (*_REDUCTIONS, pick) or (
                e.fn is not one_at and all(self.single[a] for a in args)
            )

    def _keepers(self) -> dict[Expr, str]:
        """Dear nodes needed again in a later pass, and the full outputs whose rows hold them until then."""
        free = {name: e for name, (kind, e) in self.outputs.items() if kind == FULL}
        kept: dict[Expr, str] = {}
        for e in self.order:
            if e.fn.kind is not scalar.REAL or e.fn in (scalar.div, CONST) or self.single[e]:
                continue
            users = [u for u in self.order if u.fn not in (VAR, CONST) and e in u.args]
            later = [u for u in users if u.fn not in _REDUCTIONS and self.places[u] > self.places[e]]
            if later and self._is_summed(e):
                name = next((n for n, out in free.items() if self.places[out] > self.places[e]), None)
                if name is not None:
                    kept[e] = name
                    del free[name]
        return kept

    def _is_summed(self, e: Expr) -> bool:
        """Whether a sum needs a node in the pass in which it is first known."""
        sums = [r for r in self.order if r.fn in _REDUCTIONS and self.places[r] == self.places[e] + 1]
        return any(e in scalar.nodes(r.args[0]) for r in sums)

    # -- the row ------------------------------------------------------------------------------------

    def _write(self) -> None:
        element = self.element.pointer
        types: dict[str, Type] = {"row length": i64} | dict.fromkeys(self.outputs, element)
        for name, kind in self.inputs.items():
            types[name] = f64 if kind == NUMBER else i64.pointer if kind == INDEX else element
        if any(kind == TOTALS for kind, _ in self.outputs.values()):
            types["grain"] = i64
        f, lo, hi, _, slots = entry(self.module, **types)
        self.f, self.n, self.lo = f, slots[0], lo
        self.base = dict(zip(types, slots, strict=True))
        for name, (kind, _) in self.outputs.items():
            if kind == TOTALS:  # the row of this chunk
                self.base[name] = self.base[name].at(lo // self.base["grain"] * self.n)
        self.rows(lo, hi)
        if self.streamed and self.target.triple.startswith("x86"):
            f.call("llvm.x86.sse.sfence", void)
        f.ret()

    def rows(self, lo: Value, hi: Value) -> None:
        """The rows lo..hi."""
        for r in self.f.range(lo, hi):
            self.one(r)

    def one(self, r: Value) -> None:
        """A row, or some from r on."""
        self.row = r
        self.known: dict[Expr, Value] = {}
        self.at = {name: self._row_of(name) for name in (*self.outputs, *self.inputs)}
        for place in range(max(self.places.values()) + 1):
            self._pass(place)
        self._write_singles()

    def _row_of(self, name: str) -> Value:
        kind = self.outputs[name][0] if name in self.outputs else self.inputs[name]
        p = self.base[name]
        return p.at(self.row * self.n) if kind == FULL else p

    def _pass(self, place: int) -> None:
        """One walk along the row: the sums it closes, and the outputs that can be written."""
        sums = [e for e in self.order if e.fn in _REDUCTIONS and self.places[e] == place + 1]
        writes = [
            (name, kind, e)
            for name, (kind, e) in self.outputs.items()
            if kind in (FULL, TOTALS) and self.places[e] == place
        ]
        if sums or writes:
            self.walk(place, sums, writes)

    def walk(self, place: int, sums: list[Expr], writes: list[tuple[str, str, Expr]]) -> None:
        f, lanes = self.f, self.target.lanes(self.element)
        wide = lanes * (4 if not writes and not self._is_dear(sums) else 2)
        self.know(place)
        totals = [f.var(self.neutral(e, wide)) for e in sums]
        whole = self.n & -wide
        for i in f.range(0, whole, wide):
            self._step(place, i, wide, None, sums, totals, writes)
        if self.target.masks:
            narrow = [f.var(self._narrowed(e, v.now, lanes)) for e, v in zip(sums, totals, strict=True)]
            for i in f.range(whole, self.n, lanes):
                self._step(place, i, lanes, f.below(self.n - i, lanes), sums, narrow, writes)
        else:
            narrow = [f.var(self._narrowed(e, v.now, 1)) for e, v in zip(sums, totals, strict=True)]
            for i in f.range(whole, self.n):
                self._step(place, i, 1, None, sums, narrow, writes)
        for e, v in zip(sums, narrow, strict=True):
            self.known[e] = self._narrowed(e, v.now, 1)

    def know(self, place: int) -> None:
        """Single numbers, once before the loop."""
        for e in self.order:
            if self.single[e] and self.places[e] <= place and e not in self.known:
                self.known[e] = self.number(e)

    def _is_dear(self, sums: list[Expr]) -> bool:
        return any(x.fn.kind is scalar.REAL and x.fn is not CONST for e in sums for x in scalar.nodes(e))

    def _step(
        self,
        place: int,
        i: Value,
        lanes: int,
        mask: Value | None,
        sums: list[Expr],
        totals: list[Var],
        writes: list[tuple[str, str, Expr]],
    ) -> None:
        """The elements i .. i + lanes of the row."""
        if place == 0 and mask is None and max(self.places.values()) > 0:
            self._look_ahead(i, lanes)
        done: dict[Expr, Value] = {}
        for e, total in zip(sums, totals, strict=True):
            v = self.value(e.args[0], place, i, lanes, mask, done)
            if mask is not None:
                v = mask.select(v, self.neutral(e, lanes))
            total.set(self.combine(e, total.now, v))
        for name, kind, e in writes:
            v = self.value(e, place, i, lanes, mask, done)
            if kind == TOTALS:
                v = v + self.at[name].load(i, lanes, mask)
            if name in self.streamed and mask is None and lanes > 1:
                self.at[name].store(v, i, align=min(LINE, lanes * self.element.size), stream=True)
            else:
                self.store(name, i, v, mask)

    def _look_ahead(self, i: Value, lanes: int) -> None:
        """Ask for what the first pass reads two rows later: meanwhile the others leave the memory idle."""
        ahead = self.n * 2
        ahead = (ahead < _AHEAD).select(ahead, _AHEAD)
        for name, kind in self.inputs.items():
            if kind == FULL:
                for k in range(0, lanes, LINE // self.element.size):
                    self.at[name].at(i + ahead).prefetch(k)

    # -- values -------------------------------------------------------------------------------------

    def value(
        self, e: Expr, place: int, i: Value, lanes: int, mask: Value | None, done: dict[Expr, Value]
    ) -> Value:
        """A node's elements i .. i + lanes, each node once."""
        if e in done:
            return done[e]
        if e.fn is CONST:
            v = self.f.const(self.element.x(lanes), e.args[0])
        elif self.single[e]:
            v = self.known[e].splat(lanes)
        elif e.fn is VAR:
            v = self.load(e.name, i, lanes, mask)
        elif e in self.kept and self.places[e] < place:
            v = self.load(self.kept[e], i, lanes, mask)
        elif e.fn is one_at:
            here = self.here(i, lanes) == self.known[e.args[0]].to(i32)
            v = here.select(self.f.const(self.element.x(lanes), 1), 0)
        else:
            parts = [self.value(a, place, i, lanes, mask, done) for a in e.args]
            v = functions(self.element)[e.fn.name](*operands(e, parts, self.element))
            if e in self.kept:
                self.store(self.kept[e], i, v, mask)
        done[e] = v
        return v

    def load(self, name: str, i: Value, lanes: int, mask: Value | None) -> Value:
        """An array's elements i .. i + lanes of the row."""
        return self.at[name].load(i, lanes, mask)

    def store(self, name: str, i: Value, v: Value, mask: Value | None) -> None:
        """Write them."""
        self.at[name].store(v, i, mask)

    def here(self, i: Value, lanes: int) -> Value:
        """Their places in the row."""
        return self.f.iota(lanes, i32) + i.to(i32)

    def number(self, e: Expr) -> Value:
        """A number that holds for the whole row."""
        if e.fn is CONST:
            return self.f.const(self.element, e.args[0])
        if e.fn is VAR:
            kind, p = self.inputs[e.name], self.base[e.name]
            return p.to(self.element) if kind == NUMBER else p[0 if kind == ONE else self.row]
        if e.fn is as_number:
            return self.known[e.args[0]].to(self.element)
        if e.fn is pick:
            i = self.known[e.args[1]]
            inside = (i >= 0) & (i < self.n)
            found = self.at[e.args[0].name].load(inside.select(i, 0))
            return inside.select(found, float("nan"))
        parts = [self.known[a] for a in e.args]
        return functions(self.element)[e.fn.name](*operands(e, parts, self.element))

    def _write_singles(self) -> None:
        for name, (kind, e) in self.outputs.items():
            if kind == ROWS:
                for x in self.order:
                    if self.single[x] and x not in self.known:
                        self.known[x] = self.number(x)
                self.base[name].store(self.known[e], self.row)

    def neutral(self, e: Expr, lanes: int) -> Value:
        return self.f.const(self.element.x(lanes), 0.0 if e.fn is row_sum else float("-inf"))

    def combine(self, e: Expr, x: Value, y: Value) -> Value:
        if e.fn is row_sum:
            return x + y
        return ((y > x) | (y != y)).select(y, x)  # NaN stays

    def _narrowed(self, e: Expr, v: Value, lanes: int) -> Value:
        """A vector of partial results combined into fewer lanes, halves against halves."""
        combine: Callable[[Value, Value], Value] = lambda x, y: self.combine(e, x, y)  # noqa: E731
        while v.lanes > max(lanes, 2):
            half = v.lanes // 2
            v = combine(v.shuffle(range(half)), v.shuffle(range(half, 2 * half)))
        return combine(v.lane(0), v.lane(1)) if lanes == 1 and v.lanes == 2 else v
