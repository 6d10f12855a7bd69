"""The loops of a fused program: over memory in a row, or over the rows of a nest.

Slots: a table (`fused_nest.table`), the addresses of outputs and of inputs, numbers (f64). Of a row in memory
the items are elements, in a nest they are rows.
"""

from __future__ import annotations

from .fused_form import CHUNK, COLUMNS, EACH, ROW, Form
from .fused_nest import Odometer, Table
from .fused_rows import Rows
from .fused_steps import Values
from .fused_sums import Collector, neutral
from .fused_types import stored
from .ir import Module
from .launch import entry
from .normalize import along
from .targets import Target
from .types import Type, i64, ptr
from .values import Value


def write(form: Form, target: Target) -> Module:
    """The module of a fused program's kernel."""
    return _Kernel(form, target).module


class _Kernel:
    """A kernel while it is written."""

    def __init__(self, form: Form, target: Target) -> None:
        self.form, self.target, self.module = form, target, Module()
        types: dict[str, Type] = {"table": i64.pointer}
        types |= {f"operand {k}": stored(p.type).pointer for k, p in enumerate(form.arrays)}
        types |= {f"number {k}": form.types[name] for k, name in enumerate(form.numbers)}
        self.f, self.lo, self.hi, _, (words, *slots) = entry(self.module, **types)
        self.table, count = Table(words, form.outer), len(form.arrays)
        at, numbers = slots[:count], slots[count:]
        if form.index:  # the number of an element is an address in bytes, which begin at 0
            at.append(self.f.const(ptr, 0))
        steps = [self.table.stride(k, form.outer) for k in range(len(at) if form.outer else 0)]
        self.rows = Rows(self.f, form, target, steps)
        self._write(at, numbers)

    def _write(self, at: list[Value], numbers: list[Value]) -> None:
        single = Values(self.f, 1)
        for name, v in zip(self.form.numbers, numbers, strict=True):
            single[name] = v
        self.rows.read(single, at, 0)
        self._enter_chunk(at)
        chunk = self.rows.collectors(CHUNK)
        if self.form.outer:
            self._nest(at, single, chunk)
        else:
            self.rows.walk([self.rows.begin(at, single, chunk)], self.lo, self.hi)
        self.rows.write(at, chunk, CHUNK)
        self.f.ret()

    # -- chunks -------------------------------------------------------------------------------------

    def _enter_chunk(self, at: list[Value]) -> None:
        """Go to where what this chunk collects is put."""
        if all(p.walk in (ROW, EACH) for _, p in self.form.collected):
            return
        chunk = self.f.var(0)
        with self.f.when(self.lo > 0):
            chunk.set(self.lo // self.table.grain)
        for k, p in self.form.collected:
            if p.walk == CHUNK:
                at[k] = at[k].at(chunk.now)
            elif p.walk == COLUMNS:
                at[k] = at[k].at(chunk % self.table.chunks * self.table.columns)

    def _begin_columns(self, odometer: Odometer) -> None:
        """Sums of nothing for the columns of the first row."""
        zero, at = self.f.const(i64, 0), odometer.addresses
        for k, p in self.form.collected:
            if p.walk in (COLUMNS, EACH):
                for place in along(self.f, self.target, p.type, zero, odometer.length, self.rows.wide):
                    place.set(at[k], neutral(self.f, p.kind, p.type.x(place.lanes)))

    # -- the rows of a nest -------------------------------------------------------------------------

    def _nest(self, start: list[Value], single: Values, chunk: dict[int, Collector]) -> None:
        """Rows lo..hi, some together, then one by one."""
        f, together = self.f, self.form.together
        odometer = Odometer(f, self.table, self.form.block, start)
        with f.when(self.lo > 0):
            odometer.go_to(self.lo)
        self._begin_columns(odometer)
        middle = self.lo
        if together > 1:
            middle = self.lo + ((self.hi - self.lo) & -together)
            for _ in f.range(self.lo, middle, together):
                self._do([odometer.further(k) for k in range(together)], odometer, single, chunk)
                odometer.skip(together)
        for _ in f.range(middle, self.hi):
            self._do([odometer.addresses], odometer, single, chunk)
            odometer.advance(self.form.outer - 1)

    def _do(
        self, at: list[list[Value]], odometer: Odometer, single: Values, chunk: dict[int, Collector]
    ) -> None:
        """The rows that begin there."""
        rows = [self.rows.begin(there, single, chunk) for there in at]
        self.rows.walk(rows, self.f.const(i64, 0), odometer.length)
        for row in rows:
            self.rows.end(row)
        if self.rows.tail == 1:
            for collector in chunk.values():
                collector.settle()
