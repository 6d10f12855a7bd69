"""Cotangents through the steps of an LSTM, a GRU or a plain RNN, last step first, in one launch.

It makes those of the gates before their nonlinearity, of all rows, whose products with inputs, states and
weights are the gradients; those of the first states; and the sums over rows, which are the biases'.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from .ir import Function, Module
from .launch import Kernel
from .recurrent_block import (
    GATES,
    Form,
    Product,
    Units,
    begin,
    define_kernel,
    define_pack_upright,
    define_product,
    each_kind,
    in_pairs,
    slots,
    step_of,
)
from .targets import Target
from .tile import fma
from .types import i64, void
from .values import Value

#: the arrays of each cell in the order of the slots, behind weights and panels
ARRAYS = {
    "lstm": ("g", "dh", "d", "sums", "gates", "cells", "squashed", "dc"),
    "gru": ("g", "dh", "d", "sums", "gates", "shares", "before"),
    "tanh": ("g", "dh", "d", "sums", "outputs"),
    "relu": ("g", "dh", "d", "sums", "outputs"),
}
#: elements from one row to the next of g and of dh, rows of a panel of d, the first gate among the weights
SIZES = dict(g_row=i64, dh_row=i64, depth=i64, first_gate=i64)
#: groups of panels in `d`, and rows of `sums`: a GRU has n for the inputs, r, z, and n for the states
GROUPS = {"lstm": 4, "gru": 4, "tanh": 1, "relu": 1}


@functools.cache
def kernel(form: Form) -> Kernel:
    """The backward pass. Slots: weights, panels, ARRAYS of the cell, room, SIZES, `recurrent_block.LAST`.

    `d` gets the cotangents of the gates as panels, a vector of units after another, each with all rows. `dh`
    (and `dc`) begin as those of the last states, and end as those of the first; dh's rows are whole vectors.
    A row of the table of steps names the step done before, then the one whose cells are done now.
    """
    return Kernel(("recurrent backward", form), lambda target: make(form, target))


def make(form: Form, target: Target) -> Module:
    """The code."""
    m, types = Module(), slots(form, ARRAYS[form.cell], SIZES)
    for count in (1, 2):
        define_product(m, target, form, count, "panels")
    define_pack_upright(m, target, form, types, "hidden")
    f, lo, hi, tid, s = begin(m, "step", types)
    s.room = s.room.at(tid * s.space)
    for item, count in in_pairs(f, lo, hi):
        _item(f, target, form, s, item, count)
    f.ret()
    define_kernel(m, types, 1)
    return m


def _item(f: Function, target: Target, form: Form, s: Any, item: Value, count: int) -> None:
    """One step of some hidden units: the state's cotangents from the step before, then the cells'."""
    lanes, step = target.lanes(form.type), step_of(s)
    _prefetch(f, form, s, step, item * lanes)
    _states(f, form, s, step, item, count, lanes)
    for v in range(count):

        def cells(units: Units) -> None:
            sums = [f.var(f.const(form.type.x(lanes), 0)) for _ in range(GROUPS[form.cell])]
            for r in f.range(0, step["next_rows"]):
                made = _CELLS[form.cell](Row(s, units, step["next_start"] + r, r))
                for total, value in zip(sums, made, strict=True):
                    total.set(total + value)
            for k, total in enumerate(sums):
                place = s.hidden * k
                units.store(s.sums, units.load(s.sums, place) + total, place)

        each_kind(f, form, s.hidden, item * lanes + v * lanes, lanes, cells)


def _prefetch(f: Function, form: Form, s: Any, step: dict[str, Value], first: Value) -> None:
    """Ask for what the cells will need while the products run."""
    kept = [name for name in ARRAYS[form.cell][4:] if name not in ("gates", "dc")]
    for r in f.range(0, step["next_rows"]):
        row = step["next_start"] + r
        s.g.prefetch(row * s.g_row + first)
        for name in kept:
            getattr(s, name).prefetch(row * s.hidden + first)
        for gate in range(GATES[form.cell] if form.cell in ("lstm", "gru") else 0):
            s.gates.prefetch((row * GATES[form.cell] + gate) * s.hidden + first)


def _states(
    f: Function, form: Form, s: Any, step: dict[str, Value], item: Value, count: int, lanes: int
) -> None:
    """dh = d W of the step before; a GRU's has a direct way back beside it, which stands there already."""
    gates = GATES[form.cell]
    depth, after = s.items * (gates * lanes), s.depth * lanes
    a = s.d.at(step["start"] * lanes + s.items * after * (GROUPS[form.cell] - gates))
    b = s.panels.at(item * depth * lanes)
    dh, direct = s.dh.at(item * lanes), form.cell == "gru"
    c, c_row = (s.room, f.lift(count * lanes, i64)) if direct else (dh, s.dh_row)
    sizes = (step["rows"], step["tall"], step["short"])
    f.call(f"panels{count}", void, *Product(a, after, depth, b, depth * lanes, c, c_row, *sizes))
    if direct:
        for r in f.range(0, step["rows"]):
            for v in range(0, count * lanes, lanes):
                place = r * s.dh_row + v
                total = dh.load(place, lanes) + s.room.load(r * (count * lanes) + v, lanes)
                dh.store(total, place)


class Row:
    """One row of a step, and its place in the arrays; `r` is its row among the states."""

    def __init__(self, s: Any, units: Units, row: Value, r: Value) -> None:
        self.s, self.units, self.row, self.r = s, units, row, r

    def load(self, name: str) -> Value:
        """This row of an array that has one number for a unit."""
        return self.units.load(getattr(self.s, name), self.row * self.s.hidden)

    def gates(self, count: int) -> list[Value]:
        """The gates of this row."""
        places = [(self.row * count + k) * self.s.hidden for k in range(count)]
        return [self.units.load(self.s.gates, place) for place in places]

    def write(self, values: list[Value]) -> list[Value]:
        """Write cotangents of the gates, which are 0 for units that do not exist; returns them."""
        s, units = self.s, self.units
        for k, value in enumerate(values):
            panel = s.items * (k * units.lanes) + units.first
            s.d.store(value, panel * s.depth + self.row * units.lanes)
        return values

    @property
    def dy(self) -> Value:
        """The cotangent of this row's new state, from the steps behind it and from the outputs."""
        back = self.units.load(self.s.dh, self.r * self.s.dh_row)
        return back + self.units.load(self.s.g, self.row * self.s.g_row)


def _lstm(row: Row) -> list[Value]:
    i, f, g, o = row.gates(4)
    squashed, dy, place = row.load("squashed"), row.dy, row.r * row.s.hidden
    dc = fma(dy * o, 1.0 - squashed * squashed, row.units.load(row.s.dc, place))
    row.units.store(row.s.dc, dc * f, place)
    di, df = dc * g * (i * (1.0 - i)), dc * row.load("cells") * (f * (1.0 - f))
    return row.write([di, df, dc * i * (1.0 - g * g), dy * squashed * (o * (1.0 - o))])


def _gru(row: Row) -> list[Value]:
    r, z, n = row.gates(3)
    dy = row.dy
    row.units.store(row.s.dh, dy * z, row.r * row.s.dh_row)
    dn = dy * (1.0 - z) * (1.0 - n * n)
    dz = dy * (row.load("before") - n) * (z * (1.0 - z))
    dr = dn * row.load("shares") * (r * (1.0 - r))
    return row.write([dn, dr, dz, dn * r])


def _tanh(row: Row) -> list[Value]:
    y = row.load("outputs")
    return row.write([row.dy * (1.0 - y * y)])


def _relu(row: Row) -> list[Value]:
    return row.write([(row.load("outputs") > 0.0).select(row.dy, 0.0)])


_CELLS: dict[str, Callable[[Row], list[Value]]] = {"lstm": _lstm, "gru": _gru, "tanh": _tanh, "relu": _relu}
