"""The loops of a fused program: over memory in a row, or over the rows of a nest.

Slots: a table of sizes and strides, the addresses of outputs and of inputs, numbers (f64). Of a row in memory
the items are elements, and the table is not read. In a nest an item is a row; the table has the sizes of the
dimensions around it, the lengths of rows and of those that end a dimension cut into blocks; then for every
operand its strides along the outer dimensions, its steps from the last row of each but the outermost to the
next, and its stride along the row.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from .fused_steps import Step, Values, bits, said, shown, types_of
from .fused_types import kept, loaded, stored
from .ir import Module
from .launch import entry
from .targets import Target
from .types import Type, f64, i64
from .values import Value, Var

#: how an operand goes along a row: it is one element for all rows, one a row, dense, or takes any steps
SINGLE, STILL, DENSE, STEPS = "single", "still", "dense", "steps"
_MANY = 12  # steps that need the registers of two vectors side by side


class Place(NamedTuple):
    """An array as the code sees it."""

    name: str
    type: Type
    walk: str


class Form(NamedTuple):
    """What a fused program's code depends on; `outer` dimensions lie around a row, none around memory in a
    row, and the one cut into blocks is `block`.
    """

    steps: tuple[Step, ...]
    outputs: tuple[Place, ...]
    inputs: tuple[Place, ...]
    numbers: tuple[str, ...]
    outer: int
    block: int

    @property
    def key(self) -> object:
        """What tells its code apart, whatever names it uses."""
        names = [*(p.name for p in self.inputs), *self.numbers]
        order = {name: k for k, name in enumerate([*names, *(s.name for s in self.steps)])}
        outputs = tuple((order[p.name], p.walk) for p in self.outputs)
        inputs = tuple((said(p.type), p.walk) for p in self.inputs)
        return "fused", shown(self.steps, names), outputs, inputs, len(self.numbers), self.outer, self.block

    @property
    def types(self) -> dict[str, Type]:
        """The types of all names."""
        return types_of(self.steps, {p.name: p.type for p in self.inputs}, self.numbers)

    @property
    def is_costly(self) -> bool:
        """Whether an element costs more than the memory it lies in."""
        return any(s.is_costly for s in self.steps)


def write(form: Form, target: Target) -> Module:
    """The module of a fused program's kernel."""
    return _Writer(form, target).module


class _Writer:
    """A kernel while it is written."""

    def __init__(self, form: Form, target: Target) -> None:
        self.form, self.target, self.module = form, target, Module()
        self.levels = self._levels()
        widest = max(bits(t) for t in (*form.types.values(), *(s.computes for s in form.steps)))
        self.lanes = target.bits // widest
        self.operands, self.first = (*form.outputs, *form.inputs), len(form.outputs)  # the first input
        self.jumps = any(p.walk == STEPS for p in self.operands)
        narrow = form.is_costly or self.jumps or len(form.steps) > _MANY
        self.wide = self.lanes if narrow else 2 * self.lanes
        self._write()

    def _levels(self) -> dict[str, int]:
        """Where values change: nowhere (0), from row to row (1), from element to element (2)."""
        found = dict.fromkeys(self.form.numbers, 0)
        for p in self.form.inputs:
            found[p.name] = {SINGLE: 0, STILL: 1}.get(p.walk, 2)
        for step in self.form.steps:
            found[step.name] = max((found[name] for name in step.names), default=0)
        return found

    def _write(self) -> None:
        types: dict[str, Type] = {"table": i64.pointer}
        types |= {f"operand {k}": stored(p.type).pointer for k, p in enumerate(self.operands)}
        types |= {f"number {k}": f64 for k in range(len(self.form.numbers))}
        self.f, self.lo, self.hi, _, (self.table, *slots) = entry(self.module, **types)
        count = len(self.operands)
        single = Values(self.f, 1)
        for name, v in zip(self.form.numbers, slots[count:], strict=True):
            single[name] = v
        self._read(single, slots[:count], 0)
        if self.form.outer:
            self._nest(slots[:count], single)
        else:
            self._walk(self.lo, self.hi, slots[:count], [], single)
        self.f.ret()

    def _read(self, values: Values, at: Sequence[Value], level: int) -> None:
        """Load the inputs that change at this level, and compute what follows from them."""
        for p, address in zip(self.form.inputs, at[self.first :], strict=True):
            if self.levels[p.name] == level:
                values[p.name] = loaded(address.load(), p.type)
        values.compute(self._steps(level))

    def _steps(self, level: int) -> list[Step]:
        return [s for s in self.form.steps if self.levels[s.name] == level]

    # -- the rows of a nest -------------------------------------------------------------------------

    def _nest(self, start: Sequence[Value], single: Values) -> None:
        """Rows lo..hi, counted like an odometer."""
        f, outer = self.f, self.form.outer
        sizes = [self.table[d] for d in range(outer)]
        length, last = self.table[outer], self.table[outer + 1]
        tables = [self.table.at(outer + 2 + k * (2 * outer + 1)) for k in range(len(self.operands))]
        counts, at = [f.var(0) for _ in range(outer)], [f.var(p) for p in start]
        with f.when(self.lo > 0):
            self._go_to(self.lo, sizes, tables, counts, at)
        steps = [table[2 * outer] for table in tables]
        for _ in f.range(self.lo, self.hi):
            at_end = counts[self.form.block] + 1 == sizes[self.form.block]
            row, here = single.copy(), [p.now for p in at]
            self._read(row, here, 1)
            self._walk(f.const(i64, 0), at_end.select(last, length), here, steps, row)
            self._advance(outer - 1, sizes, tables, counts, at)

    def _go_to(
        self, row: Value, sizes: list[Value], tables: list[Value], counts: list[Var], at: list[Var]
    ) -> None:
        """Set counts and addresses for a row."""
        rest = row
        for d in reversed(range(self.form.outer)):
            quotient = rest // sizes[d] if d else self.f.const(i64, 0)
            counts[d].set(rest - quotient * sizes[d])
            for p, table in zip(at, tables, strict=True):
                p.set(p.at(counts[d] * table[d]))
            rest = quotient

    def _advance(
        self, d: int, sizes: list[Value], tables: list[Value], counts: list[Var], at: list[Var]
    ) -> None:
        """Count on along dimension d, or, at its end, along the one around it."""
        counts[d] += 1
        if d == 0:
            self._step(0, tables, at)
            return
        with self.f.when(counts[d] < sizes[d]):
            self._step(d, tables, at)
        with self.f.otherwise():
            counts[d].set(0)
            self._advance(d - 1, sizes, tables, counts, at)

    def _step(self, d: int, tables: list[Value], at: list[Var]) -> None:
        for p, table in zip(at, tables, strict=True):
            p.set(p.at(table[self.form.outer + d]))

    # -- a row --------------------------------------------------------------------------------------

    def _walk(
        self, start: Value, stop: Value, at: Sequence[Value], steps: Sequence[Value], known: Values
    ) -> None:
        """The elements start..stop: wide vectors, then a masked one or single elements."""
        f, masks = self.f, self.target.masks and not self.jumps
        for step in self._steps(2):
            for name in sorted(step.names):
                if self.levels[name] < 2:
                    known.operand(step, name)
        middle = start + ((stop - start) & -self.wide)
        tail = self.lanes if masks else 1
        wide, narrow = known.splat(self.wide), known.splat(tail)
        for i in f.range(start, middle, self.wide):
            self._body(i, None, at, steps, wide.copy())
        for i in f.range(middle, stop, tail):
            self._body(i, f.below(stop - i, tail) if masks else None, at, steps, narrow.copy())

    def _body(
        self, i: Value, mask: Value | None, at: Sequence[Value], steps: Sequence[Value], values: Values
    ) -> None:
        """Some elements from i on; all are read before any is written."""
        for k, p in enumerate(self.form.inputs, self.first):
            if p.walk == DENSE:
                values[p.name] = loaded(at[k].load(i, values.lanes, mask), p.type)
            elif p.walk == STEPS:
                values[p.name] = loaded(_gathered(at[k].at(i * steps[k]), steps[k], values.lanes), p.type)
        values.compute(self._steps(2))
        for k, p in enumerate(self.form.outputs):
            v = kept(values[p.name], p.type)
            if p.walk == STEPS:
                _scatter(v, at[k].at(i * steps[k]), steps[k])
            else:
                at[k].store(v, i, mask)


def _gathered(at: Value, step: Value, lanes: int) -> Value:
    """Every step-th element, lane by lane."""
    found = at.load().splat(lanes)
    for k in range(1, lanes):
        at = at.at(step)
        one = at.load()
        found = at.f.emit(f"insertelement {found}, {one}, i32 {k}", found.type)
    return found


def _scatter(v: Value, at: Value, step: Value) -> None:
    """Write lane by lane."""
    for k in range(v.lanes):
        at.store(v.lane(k))
        at = at.at(step)
