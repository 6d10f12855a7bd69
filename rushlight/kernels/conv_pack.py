"""A convolution's weights in panels: for every tap and input channel, a few vectors of output channels."""

from __future__ import annotations

from .conv_plan import FIELDS, PANEL
from .ir import Function, Module
from .launch import entry
from .targets import Target
from .turning import smaller, turned
from .types import Type, i64, void
from .values import Value


def fields(sizes: Value) -> dict[str, Value]:
    """The numbers of a plan by their names."""
    return {name: sizes.load(k) for k, name in enumerate(FIELDS)}


def pack_module(target: Target, t: Type) -> Module:
    """Panels of weights, each behind a row of biases: the numbers its sums start with."""
    m = Module()
    pack = define_pack(m, t, target)
    tables = dict(sizes=i64.pointer, panels=i64.pointer, goals=i64.pointer)
    f, lo, hi, _, (w, bias, packed, sizes, panels, goals) = entry(
        m, "kernel", False, w=t.pointer, bias=t.pointer, packed=t.pointer, **tables
    )
    for k in f.range(lo, hi):
        numbers = panels.at(k * PANEL)
        f.call(pack, void, w, bias, packed.at(numbers.load()), sizes, numbers, goals)
    f.ret()
    return m


def define_pack(m: Module, t: Type, target: Target) -> str:
    """One panel."""
    lanes = target.lanes(t)
    square = _define_square(m, t, lanes)
    tables = dict(sizes=i64.pointer, numbers=i64.pointer, goals=i64.pointer)
    f = m.function("pack", internal=True, w=t.pointer, bias=t.pointer, panel=t.pointer, **tables)
    w, bias, panel, sizes, numbers, goals = f.args
    n = fields(sizes)
    inner, lane_step = n["inner"], n["lane_step"]
    _, width, first, count, _, source = (numbers.load(j) for j in range(PANEL))
    for j in f.range(0, width, lanes):
        filled = smaller(count - j, lanes)
        panel.store(_biases(f, t.x(lanes), bias, first + j, filled), j)
        for outer in f.range(0, n["outer"]):
            start = w.at(source + j * lane_step + outer * n["outer_step"])
            goal = goals.at(outer * inner)
            f.call(square, void, filled, inner, start, lane_step, panel.at(width + j), width, goal)
    f.ret()
    return f.name


def _biases(f: Function, t: Type, bias: Value, first: Value, filled: Value) -> Value:
    """The biases of a vector of channels; zeros where there are none."""
    row = f.var(f.const(t, 0))
    with f.when(bias != 0):
        row.set(bias.load(first, t.lanes, f.below(filled, t.lanes)))
    return row.now


def _define_square(m: Module, t: Type, lanes: int) -> str:
    """square: panel[goals[c]·width + r] = w[r·step + c] for c < inner, r < count."""
    f = m.function(
        "square", internal=True, count=i64, inner=i64, w=t.pointer, step=i64, panel=t.pointer, width=i64,
        goals=i64.pointer,
    )  # fmt: skip
    count, inner, w, step, panel, width, goals = f.args
    with f.when(step == 1):  # and so is inner: one channel and tap
        panel.at(goals.load() * width).store(w.load(0, lanes, f.below(count, lanes)))
        f.ret()
    starts = [smaller(count - 1, i) * step for i in range(lanes)]
    for c in f.range(0, inner, lanes):
        many = smaller(inner - c, lanes)
        inside = f.below(many, lanes)
        rows = [w.load(start + c, lanes, inside) for start in starts]
        for i, column in enumerate(turned(rows)):
            with f.when(many > i):
                panel.store(column, goals.load(c + i) * width)
    f.ret()
    return f.name
