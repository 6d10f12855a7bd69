"""Matrices turned over: rows become columns, a square of vectors in registers at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .ir import Function, Module
from .targets import Target
from .types import Type, i64
from .values import Value


def turned(rows: Sequence[Value]) -> list[Value]:
    """The columns of a square of vectors: quarters change places, in halves as large every time."""
    vectors, step = list(rows), 1
    while step < len(vectors):
        for i in range(len(vectors)):
            if not i & step:
                pair = vectors[i], vectors[i | step]
                vectors[i], vectors[i | step] = _exchanged(*pair, step)
        step *= 2
    return vectors


def _exchanged(a: Value, b: Value, step: int) -> tuple[Value, Value]:
    """Two rows that have given each other one of two neighbouring blocks of `step` lanes."""
    n = a.lanes
    low = [n + (c ^ step) if c & step else c for c in range(n)]
    high = [n + c if c & step else c | step for c in range(n)]
    return a.shuffle(low, b), a.shuffle(high, b)


def smaller(x: Any, y: Any) -> Value:
    """min(x, y)"""
    return (x < y).select(x, y)


def define_turn(m: Module, t: Type, target: Target) -> str:
    """turn(rows, columns, x, x_step, y, y_step): y[c·y_step + r] = x[r·x_step + c], all rows and columns."""
    f = m.function(
        "turn", internal=True, rows=i64, columns=i64, x=t.pointer, x_step=i64, y=t.pointer, y_step=i64
    )
    rows, columns, x, x_step, y, y_step = f.args
    lanes = target.lanes(t)
    whole = columns & -lanes
    for r in f.range(0, rows, lanes):
        height = smaller(rows - r, lanes)
        source, goal = x.at(r * x_step), y.at(r)
        with f.when(height == lanes):
            for c in f.range(0, whole, lanes):
                _square(f, source.at(c), x_step, goal.at(c * y_step), y_step, lanes)
            with f.when(whole < columns):
                end, rest = goal.at(whole * y_step), columns - whole
                _part(f, source.at(whole), x_step, end, y_step, lanes, height, rest)
        with f.otherwise():
            for c in f.range(0, columns, lanes):
                width = smaller(columns - c, lanes)
                _part(f, source.at(c), x_step, goal.at(c * y_step), y_step, lanes, height, width)
    f.ret()
    return f.name


def _square(f: Function, x: Value, x_step: Value, y: Value, y_step: Value, lanes: int) -> None:
    """A whole square."""
    rows = [x.load(x_step * i, lanes) for i in range(lanes)]
    for i, column in enumerate(turned(rows)):
        y.store(column, y_step * i)


def _part(
    f: Function, x: Value, x_step: Value, y: Value, y_step: Value, lanes: int, height: Value, width: Value
) -> None:
    """The corner of a square: nothing outside `height` rows and `width` columns is touched."""
    inside = f.below(width, lanes)
    last = height - 1
    rows = [x.load(smaller(last, i) * x_step, lanes, inside) for i in range(lanes)]
    filled = f.below(height, lanes)
    for i, column in enumerate(turned(rows)):
        with f.when(width > i):
            y.store(column, y_step * i, filled)
