"""What a fused program does along its rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from . import philox
from .fused_form import ALIGNED, COLUMNS, DENSE, EACH, ROW, STEPS, Form
from .fused_steps import Uniform, Values
from .fused_sums import Collector, combine
from .fused_types import cast, kept, loaded
from .ir import Function
from .targets import Target
from .types import i64
from .values import Value


class Row(NamedTuple):
    """A row: where it begins in every array, what is known of it, and what collects its elements."""

    at: Sequence[Value]
    known: Values
    collectors: dict[int, Collector]


class Rows:
    """The code along rows. `steps` are the operands' strides along them, where there are any but 1."""

    def __init__(self, f: Function, form: Form, target: Target, steps: Sequence[Value]) -> None:
        self.f, self.form, self.steps = f, form, steps
        self.first = len(form.outputs)  # the number of the first input
        self.masks = target.masks and not form.jumps
        self.wide, lanes = form.wide(target), form.lanes(target)
        self.tail = lanes if self.masks else 1

    def read(self, values: Values, at: Sequence[Value], level: int) -> None:
        """Load the inputs that change at this level, and compute what follows from them."""
        for p, address in zip(self.form.inputs, at[self.first :]):  # behind them the index
            if self.form.levels[p.name] == level:
                values[p.name] = loaded(address.load(), p.type)
        values.compute(self.form.at_level(level))

    def begin(self, at: Sequence[Value], single: Values, chunk: dict[int, Collector]) -> Row:
        """A row, of which nothing is done yet."""
        known = single.copy()
        self.read(known, at, 1)
        return Row(at, known, chunk | self.collectors(ROW))

    def end(self, row: Row) -> None:
        """Write what was collected of a row."""
        self.write(row.at, row.collectors, ROW)

    def collectors(self, walk: str) -> dict[int, Collector]:
        """Empty collectors of the outputs that are collected so."""
        widths, collected = {self.wide, self.tail}, self.form.collected
        return {k: Collector(self.f, p.kind, p.type, widths) for k, p in collected if p.walk == walk}

    def write(self, at: Sequence[Value], collectors: dict[int, Collector], walk: str) -> None:
        """Write what was collected so."""
        for k, p in self.form.collected:
            if p.walk == walk:
                at[k].store(collectors[k].result())

    def walk(self, rows: Sequence[Row], start: Value, stop: Value) -> None:
        """The elements start..stop of some rows: wide vectors, then masked ones or single elements."""
        for row in rows:
            self._cast(row.known)
        middle = start + ((stop - start) & -self.wide)
        for lanes, low, high in ((self.wide, start, middle), (self.tail, middle, stop)):
            known = [row.known.splat(lanes) for row in rows]
            masked = self.masks and high is stop
            for i in self.f.range(low, high, lanes):
                mask = self.f.below(stop - i, lanes) if masked else None
                values = [v.copy() for v in known]
                for row, v in zip(rows, values, strict=True):
                    self._compute(row, v, i, mask)
                self._collect(rows, values, i, mask)

    def _cast(self, known: Values) -> None:
        """Have what stays the same along a row in all types that steps read it in."""
        for step in self.form.at_level(2):
            for name in sorted(step.names):
                if self.form.levels[name] < 2:
                    known.operand(step, name)

    def _compute(self, row: Row, values: Values, i: Value, mask: Value | None) -> None:
        """Some elements from i on; all are read before any is written."""
        for k, p in enumerate(self.form.inputs, self.first):
            if p.walk == DENSE:
                values[p.name] = loaded(row.at[k].load(i, values.lanes, mask), p.type)
            elif p.walk == STEPS:
                at, step = row.at[k], self.steps[k]
                values[p.name] = loaded(gathered(at.at(i * step), step, values.lanes), p.type)
        for step in self.form.uniforms:
            values[step.name] = self._random(row, i, values, step)
        values.compute(self.form.at_level(2))
        for k, p in self.form.plain:
            v = kept(values[p.name], p.type)
            if p.walk == STEPS:
                scatter(v, row.at[k].at(i * self.steps[k]), self.steps[k])
            else:
                row.at[k].store(v, i, mask)

    def _random(self, row: Row, i: Value, values: Values, step: Uniform) -> Value:
        """The random numbers of some elements from i on."""
        key, offset = (row.known[name] for name in step.integers)
        first = row.at[-1].to(i64)
        if self.form.index == ALIGNED and values.lanes == philox.BLOCK:
            return philox.block(self.f, first + i, key, offset)
        stride = self.steps[-1] if self.steps else self.f.const(i64, 1)
        return philox.elements(self.f, first + i * stride, stride, values.lanes, key, offset)

    def _collect(self, rows: Sequence[Row], values: Sequence[Values], i: Value, mask: Value | None) -> None:
        """Add some elements from i on to what is collected: those of a column pairwise, then to its sum."""
        for k, p in self.form.collected:
            found = [cast(v[p.name], p.type) for v in values]
            if p.walk not in (COLUMNS, EACH):
                for row, v in zip(rows, found, strict=True):
                    row.collectors[k].add(v, mask)
                continue
            while len(found) > 1:
                found = [combine(p.kind, a, b) for a, b in zip(found[::2], found[1::2], strict=True)]
            at = rows[0].at[k]
            at.store(combine(p.kind, at.load(i, found[0].lanes, mask), found[0]), i, mask)


def gathered(at: Value, step: Value, lanes: int) -> Value:
    """Every step-th element, lane by lane."""
    found = at.load().splat(lanes)
    for k in range(1, lanes):
        at = at.at(step)
        one = at.load()
        found = at.f.emit(f"insertelement {found}, {one}, i32 {k}", found.type)
    return found


def scatter(v: Value, at: Value, step: Value) -> None:
    """Write lane by lane."""
    for k in range(v.lanes):
        at.store(v.lane(k))
        at = at.at(step)
