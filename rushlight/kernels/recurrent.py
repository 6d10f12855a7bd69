"""Whole sequences through an LSTM, a GRU or a plain RNN: all steps of one layer and direction in one launch.

The inputs' share of the gates, one product for all steps, stands in `gates` before; the gates themselves do
afterwards. A step multiplies the states before it by the weights, and makes of the sums what the cell says.
S. Hochreiter, J. Schmidhuber, "Long short-term memory" (1997); K. Cho et al., "Learning phrase
representations using RNN encoder-decoder" (2014).
"""

from __future__ import annotations

import functools
from typing import Any

from .arithmetic import relu
from .exponential import sigmoid
from .hyperbolic import tanh
from .ir import Function, Module
from .launch import Kernel
from .recurrent_block import (
    GATES,
    Form,
    Product,
    Units,
    begin,
    define_kernel,
    define_pack,
    define_product,
    each_kind,
    in_pairs,
    slots,
    step_of,
)
from .targets import Target
from .tile import fma
from .types import void
from .values import Value

#: the arrays of each cell in the order of the slots, behind weights and panels; biases are the sums of the
#: inputs' and the states', but a GRU has the states' of n apart, as a fourth row
ARRAYS = {
    "lstm": ("gates", "before", "outputs", "last", "bias", "cells", "squashed", "last_c"),
    "gru": ("gates", "before", "outputs", "last", "bias", "shares"),
    "tanh": ("gates", "before", "outputs", "last", "bias"),
    "relu": ("gates", "before", "outputs", "last", "bias"),
}


def parts(cell: str) -> tuple[int, int]:
    """How many products make up the gates of an item, and of how many panels each."""
    return {"lstm": (2, 2), "gru": (1, 3)}.get(cell, (1, 2))


@functools.cache
def kernel(form: Form) -> Kernel:
    """The forward pass. Slots: weights, panels, ARRAYS of the cell, room, `recurrent_block.LAST`.

    Row r of a step finds its state in row start + r of `before`, and leaves the new one in the next step's
    row there, or in `last` if the next step has fewer rows.
    """
    return Kernel(("recurrent", form), lambda target: make(form, target))


def make(form: Form, target: Target) -> Module:
    """The code."""
    m, types, (many, vectors) = Module(), slots(form, ARRAYS[form.cell]), parts(form.cell)
    paired = GATES[form.cell] == 1
    for count in (1, 2) if paired else (vectors,):
        define_product(m, target, form, count)
    define_pack(m, target, form, types)
    f, lo, hi, tid, s = begin(m, "step", types)
    s.room = s.room.at(tid * s.space)
    for item, count in in_pairs(f, lo, hi) if paired else ((item, 1) for item in f.range(lo, hi)):
        _item(f, target, form, s, item, (many, count if paired else vectors), count)
    f.ret()
    define_kernel(m, types, GATES[form.cell])
    return m


def _item(
    f: Function, target: Target, form: Form, s: Any, item: Value, split: tuple[int, int], count: int
) -> None:
    """One step of some hidden units: the sums of all their gates, then the cells."""
    lanes, step, (many, vectors) = target.lanes(form.type), step_of(s), split
    first, width = item * lanes, many * vectors * lanes
    for r in f.range(0, step["rows"]):
        for gate in range(GATES[form.cell]):
            s.gates.prefetch(((step["start"] + r) * GATES[form.cell] + gate) * s.hidden + first)
    panel = s.hidden * lanes
    apart = panel * s.items if GATES[form.cell] > 1 else panel
    for part in range(many):
        b, c = s.panels.at(panel * item + apart * (part * vectors)), s.room.at(part * vectors * lanes)
        a = s.before.at(step["start"] * s.hidden)
        sizes = (f.lift(width, step["rows"].type), step["rows"], step["tall"], step["short"])
        f.call(f"rows{vectors}", void, *Product(a, s.hidden, s.hidden, b, apart, c, *sizes))
    for v in range(count):

        def cells(units: Units, v: int = v) -> None:
            for r in f.range(0, step["rows"]):
                _CELLS[form.cell](Row(s, units, step, r, s.room.at(r * width + v * lanes)), form.cell)

        each_kind(f, form, s.hidden, first + v * lanes, lanes, cells)


class Row:
    """One row of a step: its sums, and its place in the arrays."""

    def __init__(self, s: Any, units: Units, step: dict[str, Value], r: Value, sums: Value) -> None:
        self.s, self.units, self.step, self.r, self.sums = s, units, step, r, sums
        self.place = (step["start"] + r) * s.hidden

    def load(self, name: str) -> Value:
        """This row of an array that has one number for a unit."""
        return self.units.load(getattr(self.s, name), self.place)

    def store(self, name: str, value: Value) -> None:
        """Write this row of such an array."""
        self.units.store(getattr(self.s, name), value, self.place)

    def sum(self, gate: int) -> Value:
        """The states' share of a gate."""
        return self.sums.load(gate * self.units.lanes, self.units.lanes)

    def gate(self, gate: int, gates: int) -> Value:
        """The inputs' share of a gate, with its bias."""
        share = self.units.load(self.s.gates, self.place * gates + self.s.hidden * gate)
        return share + self.bias(gate)

    def bias(self, k: int) -> Value:
        """A row of the biases."""
        return self.units.load(self.s.bias, self.s.hidden * k)

    def keep(self, gate: int, gates: int, value: Value) -> None:
        """Write a gate."""
        self.units.store(self.s.gates, value, self.place * gates + self.s.hidden * gate)

    def hand_on(self, before: str, last: str, value: Value) -> None:
        """Leave a state to the next step, or among the last ones."""
        there = getattr(self.s, before).at((self.step["next_start"] + self.r) * self.s.hidden)
        end = getattr(self.s, last).at(self.r * self.s.hidden)
        self.units.store((self.r < self.step["next_rows"]).select(there, end), value, 0)


def _lstm(row: Row, _: str) -> None:
    """c' = σ(f) c + σ(i) tanh(g),  h' = σ(o) tanh(c')."""
    i, f, g, o = (row.gate(k, 4) + row.sum(k) for k in range(4))
    i, f, g, o = sigmoid(i), sigmoid(f), tanh(g), sigmoid(o)
    for k, gate in enumerate((i, f, g, o)):
        row.keep(k, 4, gate)
    c = fma(f, row.load("cells"), i * g)
    squashed = tanh(c)
    row.store("squashed", squashed)
    row.hand_on("cells", "last_c", c)
    h = o * squashed
    row.store("outputs", h)
    row.hand_on("before", "last", h)


def _gru(row: Row, _: str) -> None:
    """n = tanh(x_n + r (W h + b)),  h' = n + z (h - n)."""
    r, z = (sigmoid(row.gate(k, 3) + row.sum(k)) for k in range(2))
    share = row.sum(2) + row.bias(3)
    n = tanh(fma(r, share, row.gate(2, 3)))
    for k, gate in enumerate((r, z, n)):
        row.keep(k, 3, gate)
    row.store("shares", share)
    h = fma(z, row.load("before") - n, n)
    row.store("outputs", h)
    row.hand_on("before", "last", h)


def _plain(row: Row, cell: str) -> None:
    """h' = tanh or relu of the sum."""
    x = row.gate(0, 1) + row.sum(0)
    h = relu(x) if cell == "relu" else tanh(x)
    row.store("outputs", h)
    row.hand_on("before", "last", h)


_CELLS: dict[str, Any] = {"lstm": _lstm, "gru": _gru, "tanh": _plain, "relu": _plain}
