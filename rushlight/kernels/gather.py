"""Elements and slices by position: take, gather, scatter, and slices added up where positions repeat.

Arrays are dense, (outer, n, inner), and positions count along n; they are in range, which the caller has seen
to. What is written at places that may repeat is shared among threads by place, so that the order of sums is
the order of the positions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from .copies import ELEMENTS, smaller
from .ir import Function, Module
from .launch import Kernel, entry
from .targets import Target
from .types import Type, f32, f64, i32, i64
from .values import Value

NUMBERS: dict[str, Type] = {"float32": f32, "float64": f64, "int64": i64, "int32": i32}
POSITIONS: dict[int, Type] = {4: i32, 8: i64}
AHEAD = 4  # rows: how early a row is asked for; scattered rows come from memory twice as fast (Skylake)
RUN = 4  # rows in a row that go to the same thread: 2^RUN of them


def _slots(element: Type, position: Type, **more: Type) -> dict[str, Type]:
    return {"y": element.pointer, "x": element.pointer, "index": position.pointer, "n": i64, "m": i64, **more}


def _loops(
    f: Function, lo: Value, hi: Value, m: Value, by_lines: bool
) -> Iterator[tuple[Value, Value, Value]]:
    """(o, j, o·m + j) of the items lo..hi: those are o, each with all j < m, or j, where o is 0."""
    if not by_lines:
        for j in f.range(lo, hi):
            yield f.const(i64, 0), j, j
        return
    for o in f.range(lo, hi):
        row = o * m
        for j in f.range(0, m):
            yield o, j, row + j


def _inner(f: Function, start: Any, stop: Any, single: bool) -> Iterable[Any]:
    """The loop over the last dimension; none if it has one element."""
    return [0] if single else f.range(start, stop)


def _take(element: Type, position: Type, width: int, by_lines: bool) -> Module:
    """y[o, j, :] = x[o, index[j], :]."""
    m = Module()
    f, lo, hi, _, slots = entry(m, "kernel", False, **_slots(element, position, inner=i64))
    y, x, index, n, count, inner = slots
    for o, j, row in _loops(f, lo, hi, count, by_lines):
        first, place = o * n, index[j].to(i64)
        if width == 1:
            y[row] = x[first + place]
            continue
        later = index[smaller(j + AHEAD, (count if by_lines else hi) - 1)].to(i64)
        source, soon = x.at((first + place) * inner), x.at((first + later) * inner)
        _copy_row(source, y.at(row * inner), soon, inner, width)
    f.ret()
    return m


def _copy_row(source: Value, target: Value, later: Value, n: Value, width: int) -> None:
    """target[0:n] = source[0:n] by vectors, the last of which may overlap; `later` is needed soon."""
    last = n - width
    for j in n.f.range(0, last, width):
        later.prefetch(j)
        target.store(source.load(j, width), j)
    later.prefetch(last)
    target.store(source.load(last, width), last)


def _gather(element: Type, position: Type, by_lines: bool, single: bool) -> Module:
    """y[o, j, k] = x[o, index[o, j, k], k]."""
    m = Module()
    f, lo, hi, _, slots = entry(m, "kernel", False, **_slots(element, position, inner=i64))
    y, x, index, n, count, inner = slots
    for o, _j, row in _loops(f, lo, hi, count, by_lines):
        first = o * n if by_lines else f.const(i64, 0)
        at = row if single else row * inner
        for k in _inner(f, 0, inner, single):
            place = first + index[at + k].to(i64)
            y[at + k] = x[place if single else place * inner + k]
    f.ret()
    return m


def _scatter(element: Type, position: Type, adds: bool, by_lines: bool, single: bool) -> Module:
    """y[o, index[o, j, k], k] = (or +=) x[o, j, k]; items are o, or else k, where o is always 0."""
    m = Module()
    f, lo, hi, _, slots = entry(m, "kernel", False, **_slots(element, position, inner=i64))
    y, x, index, n, count, inner = slots
    for o in f.range(lo, hi) if by_lines else f.range(0, 1):
        first = o * n
        for j in f.range(0, count):
            row = o * count + j
            at = row if single else row * inner
            for k in _inner(f, 0 if by_lines else lo, inner if by_lines else hi, single):
                place = first + index[at + k].to(i64)
                to = y.at(place if single else place * inner + k)
                to.store(to.load() + x[at + k] if adds else x[at + k])
    f.ret()
    return m


def _write(element: Type, position: Type, adds: bool, width: int, by_place: bool, target: Target) -> Module:
    """y[o, index[j], :] = (or +=) x[o, j, :]; items are o, or `by_place` sets of places (o is then always
    0).
    """
    m = Module()
    f, lo, hi, _, slots = entry(m, "kernel", False, **_slots(element, position, inner=i64, sets=i64))
    y, x, index, n, count, inner, sets = slots

    def write(source: Value, row: Value) -> None:
        if width == 1:
            row.store(row.load() + source.load() if adds else source.load())
        elif adds:
            add_row(source, row, inner, width, target)
        else:
            _copy_row(source, row, source, inner, width)

    for item in f.range(lo, hi):
        for j in f.range(0, count):
            place = index[j].to(i64)
            if by_place:
                with f.when(((place >> RUN) & (sets - 1)) == item):
                    write(x.at(j * inner), y.at(place * inner))
            else:
                write(x.at((item * count + j) * inner), y.at((item * n + place) * inner))
    f.ret()
    return m


def add_row(source: Value, target: Value, n: Value, width: int, machine: Target) -> None:
    """target[0:n] += source[0:n]."""
    f = n.f
    if width == 1:
        for j in f.range(0, n):
            target[j] = target[j] + source[j]
        return
    middle = n & -width
    for j in f.range(0, middle, width):
        target.store(target.load(j, width) + source.load(j, width), j)
    if machine.masks:
        with f.when(middle < n):
            rest = f.below(n - middle, width)
            total = target.load(middle, width, rest) + source.load(middle, width, rest)
            target.store(total, middle, rest)
    else:
        add_row(source.at(middle), target.at(middle), n - middle, 1, machine)


def _width(element: Type, inner: int, target: Target) -> int:
    """Lanes of the vectors that rows are cut into: 32 bytes, which come from memory sooner than 64."""
    return min(target.lanes(element), 32 // element.size, 1 << inner.bit_length() - 1)


@cache
def _take_kernel(size: int, position: int, width: int, by_lines: bool) -> Kernel:
    key = ("take", size, position, width, by_lines)
    return Kernel(key, lambda _: _take(ELEMENTS[size], POSITIONS[position], width, by_lines))


def take(size: int, position: int, inner: int, by_lines: bool, target: Target) -> Kernel:
    """Slices of `inner` elements of `size` bytes by positions of `position` bytes."""
    return _take_kernel(size, position, _width(ELEMENTS[size], inner, target), by_lines)


@cache
def gather(size: int, position: int, by_lines: bool, single: bool) -> Kernel:
    """Elements of `size` bytes by positions of `position` bytes; `single`: inner is 1."""
    key = ("gather", size, position, by_lines, single)
    return Kernel(key, lambda _: _gather(ELEMENTS[size], POSITIONS[position], by_lines, single))


@cache
def scatter(size: int, position: int, by_lines: bool, single: bool) -> Kernel:
    """Elements written by position; of several for one place the last one stays."""
    key = ("scatter", size, position, by_lines, single)
    return Kernel(key, lambda _: _scatter(ELEMENTS[size], POSITIONS[position], False, by_lines, single))


@cache
def scatter_add(kind: str, position: int, by_lines: bool, single: bool) -> Kernel:
    """Elements added by position, in their order."""
    key = ("scatter_add", kind, position, by_lines, single)
    return Kernel(key, lambda _: _scatter(NUMBERS[kind], POSITIONS[position], True, by_lines, single))


@cache
def _write_kernel(element: Type, position: int, adds: bool, width: int, by_place: bool) -> Kernel:
    def make(target: Target) -> Module:
        return _write(element, POSITIONS[position], adds, width, by_place, target)

    return Kernel(("write slices", element, position, adds, width, by_place), make)


def add(kind: str, position: int, inner: int, by_place: bool, target: Target) -> Kernel:
    """Slices of `inner` numbers added by position, in their order."""
    element = NUMBERS[kind]
    return _write_kernel(element, position, True, _width(element, inner, target), by_place)


def put(size: int, position: int, inner: int, by_place: bool, target: Target) -> Kernel:
    """Slices of `inner` elements of `size` bytes written by position; of several for one place the last."""
    element = ELEMENTS[size]
    return _write_kernel(element, position, False, _width(element, inner, target), by_place)
