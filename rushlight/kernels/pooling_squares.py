"""Maxima over squares of 2 x 2 that tile a plane, and their transpose: outputs of a line in the lanes.

A plane of squares is pairs of lines, one pair after the other, so that items know nothing of planes. The
transpose writes every number once, zeros too.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from .ir import Function, Module
from .launch import Kernel, entry
from .pooling import NUMBERS, Maximum
from .targets import Target
from .types import Type, i32, i64
from .values import Value


def lanes_of(element: str, columns: int, target: Target) -> int:
    """Lanes that hold a line of outputs, or as many as there are."""
    return max(2, min(target.lanes(NUMBERS[element]), 1 << (columns - 1).bit_length()))


class Part(NamedTuple):
    """Some outputs of a line side by side, and which numbers of a line of squares are theirs."""

    lanes: int
    outputs: Value | None = None  # masks; None: all
    halves: tuple[Value | None, Value | None] = (None, None)


def _parts(f: Function, columns: Value, lanes: int) -> Iterator[tuple[Value, Part]]:
    """The parts of a line and their first outputs. What is left has masks that are the same for all lines."""
    whole = columns & -lanes
    for j in f.range(0, whole, lanes):
        yield j, Part(lanes)
    left = columns - whole
    with f.when(left > 0):
        halves = f.below(left * 2, lanes), f.below(left * 2 - lanes, lanes)
        yield whole, Part(lanes, f.below(left, lanes), halves)


def _maximum(t: Type, x: Value, width: Value, part: Part) -> Maximum:
    """The largest number of each square from x on, and its place: 0, 1 in a line, 2, 3 in the next."""
    f, lanes, even, squares = x.f, part.lanes, [2 * k for k in range(part.lanes)], []
    for line in (x, x.at(width)):
        near, far = (line.load(lanes * half, lanes, mask) for half, mask in enumerate(part.halves))
        squares += [near.shuffle([k + odd for k in even], far) for odd in (0, 1)]
    places = i32.x(lanes)
    state = Maximum(f, t.x(lanes), f.const(places, 0))
    state.best.set(squares[0])
    for place, number in enumerate(squares[1:], 1):
        state.meet(number, f.const(places, place))
    return state


def _maxima(t: Type, lanes: int) -> Module:
    """Items are lines of outputs."""
    m = Module()
    f, lo, hi, _, (x, y, columns) = entry(m, "kernel", False, x=t.pointer, y=t.pointer, columns=i64)
    for line in f.range(lo, hi):
        for j, part in _parts(f, columns, lanes):
            best = _maximum(t, x.at(line * columns * 4 + j * 2), columns * 2, part).best
            y.store(best, line * columns + j, part.outputs)
    f.ret()
    return m


def _spread(t: Type, lanes: int) -> Module:
    """Items are lines of what is spread: g goes to where the maxima of x lie."""
    m = Module()
    arrays = dict.fromkeys(("g", "x", "y"), t.pointer)
    f, lo, hi, _, (g, x, y, columns) = entry(m, "kernel", False, **arrays, columns=i64)
    for line in f.range(lo, hi):
        for j, part in _parts(f, columns, lanes):
            first = line * columns * 4 + j * 2
            place = _maximum(t, x.at(first), columns * 2, part).place
            given = g.load(line * columns + j, lanes, part.outputs)
            shares = [(place == f.const(place.now.type, k)).select(given, 0) for k in range(4)]
            _merge(y.at(first), shares[:2], part)
            _merge(y.at(first + columns * 2), shares[2:], part)
    f.ret()
    return m


def _merge(y: Value, shares: list[Value], part: Part) -> None:
    """Write the shares of even and odd columns."""
    order = [k // 2 + part.lanes * (k % 2) for k in range(2 * part.lanes)]
    for half, mask in enumerate(part.halves):
        at = part.lanes * half
        y.store(shares[0].shuffle(order[at : at + part.lanes], shares[1]), at, mask)


@cache
def maxima(element: str, lanes: int) -> Kernel:
    """The largest number of each square."""
    return Kernel(("square maxima", element, lanes), lambda target: _maxima(NUMBERS[element], lanes))


@cache
def spread(element: str, lanes: int) -> Kernel:
    """The transpose of `maxima`."""
    return Kernel(("square spread", element, lanes), lambda target: _spread(NUMBERS[element], lanes))
