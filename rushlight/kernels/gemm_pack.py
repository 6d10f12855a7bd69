"""Panels: strips of a matrix laid out in the order in which a product reads them."""

from __future__ import annotations

from .ir import Function, Module
from .targets import Target
from .turning import smaller, turned
from .types import Type, i64
from .values import Value


def define_pack(m: Module, name: str, t: Type, target: Target, width: int) -> str:
    """name(n, x, row, step, y): y[k·width + r] = x[r·row + k·step] for k < n, r < width.

    Neighbours along r are copied, those along k turned in squares of registers. There are as many steps as a
    vector has lanes at least; up to a vector is written behind the panel.
    """
    f = m.function(name, internal=True, n=i64, x=t.pointer, row=i64, step=i64, y=t.pointer)
    n, x, row, step, y = f.args
    with f.when(row == 1):
        _copy(f, n, x, step, y, width, target.lanes(t))
        f.ret()
    with f.when(step == 1):
        _turn(f, n, x, row, y, width, target.lanes(t))
        f.ret()
    for k in f.range(0, n):
        for r in f.range(0, width):
            y.store(x.load(r * row + k * step), k * width + r)
    f.ret()
    return name


def _copy(f: Function, n: Value, x: Value, step: Value, y: Value, width: int, lanes: int) -> None:
    """Rows of the panel as they are; the last vector of a row is moved back to its end. The next panel, which
    lies beside it, is asked for.
    """
    lanes = min(lanes, 1 << (width.bit_length() - 1))
    for k in f.range(0, n):
        line, goal = x.at(k * step), y.at(k * width)
        line.prefetch(width)
        for r in range(0, width, lanes):
            place = min(r, width - lanes)
            goal.store(line.load(place, lanes), place)


def _turn(f: Function, n: Value, x: Value, row: Value, y: Value, width: int, lanes: int) -> None:
    """Squares turned over; the last ones are moved back to the ends of the panel."""
    rows = [x.at(row * r) for r in range(width)]
    for start in f.range(0, n, lanes):
        k = smaller(start, n - lanes)
        for r in range(0, width, lanes):
            place = max(min(r, width - lanes), 0)
            square = [rows[min(place + i, width - 1)].load(k, lanes) for i in range(lanes)]
            for i, column in enumerate(turned(square)):
                y.store(column, (k + i) * width + place)
