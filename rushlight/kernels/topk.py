"""The k first of each line, for small k: a short sorted list, and vectors that look for what belongs in."""

from __future__ import annotations

from functools import cache

from .ir import Module
from .launch import Kernel, entry
from .targets import Target
from .types import Type, f32, f64, i8, i16, i32, i64
from .values import Value

NUMBERS: dict[str, Type] = {"float32": f32, "float64": f64, "int64": i64, "int32": i32}


def before(x: Value, y: Value, largest: bool) -> Value:
    """Whether `x` comes before `y`; NaN is larger than all numbers, and equal ones keep their order."""
    found = x > y if largest else x < y
    if not x.type.is_float:
        return found
    nan, other = (x, y) if largest else (y, x)
    return found | ((nan != nan) & (other == other))


def _insert(values: Value, places: Value, x: Value, place: Value, count: Value, largest: bool) -> None:
    """Put `x` into the sorted list of `count` elements, which grows by one."""
    f = x.f
    at = f.var(count)
    for _ in f.forever():
        f.leave(at == 0)
        previous = at - 1
        other = values[previous]
        f.leave(~before(x, other, largest))
        values[at] = other
        places[at] = places[previous]
        at.set(previous)
    values[at] = x
    places[at] = place


def _topk(element: Type, largest: bool, lanes: int) -> Module:
    """values and places of the k first of x[row, 0:n], sorted where they end up; items are rows."""
    m = Module()
    f, lo, hi, _, (x, y, index, n, k) = entry(
        m, x=element.pointer, y=element.pointer, index=i64.pointer, n=i64, k=i64
    )
    mask = {8: i8, 16: i16}[lanes]
    last = k - 1
    for row in f.range(lo, hi):
        line, values, places = x.at(row * n), y.at(row * k), index.at(row * k)

        def consider(j: Value, line: Value = line, values: Value = values, places: Value = places) -> None:
            with f.when(before(line[j], values[last], largest)):
                _insert(values, places, line[j], j, last, largest)

        for j in f.range(0, k):
            _insert(values, places, line[j], j, j, largest)
        middle = k + ((n - k) & -lanes)
        for j in f.range(k, middle, lanes):
            better = before(line.load(j, lanes), values[last].splat(lanes), largest)
            with f.when(better.bits(mask) != 0):
                for i in f.range(0, lanes):
                    consider(j + i)
        for j in f.range(middle, n):
            consider(j)
    f.ret()
    return m


@cache
def topk(element: str, largest: bool) -> Kernel:
    """The k largest (or smallest) of each line, 0 < k <= n."""

    def make(target: Target) -> Module:
        return _topk(NUMBERS[element], largest, min(16, max(8, target.lanes(NUMBERS[element]))))

    return Kernel(("topk", element, largest), make)
