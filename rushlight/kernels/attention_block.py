"""What attention forward and backward do with a block of queries: turn it, score it, hide what it may not
see.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

from .ir import Function
from .turning import smaller, turned
from .types import Type, i8, i32
from .values import Value


class Shape(NamedTuple):
    """What code is made for: the numbers' type, sizes of a query and of a value, what hides keys.

    Sizes are multiples of the lanes. `mask` is "" for none, "added" for numbers, "kept" for truth values;
    `queries` is how many a block has.
    """

    type: Type
    features: int
    values: int
    causal: bool
    mask: str
    queries: int

    @property
    def mask_type(self) -> Type:
        """The type of the mask's elements."""
        return i8 if self.mask == "kept" else self.type


class Block(NamedTuple):
    """A block of queries: the first one's number, and how many of its lanes are queries."""

    f: Function
    shape: Shape
    lanes: int
    first: Value
    rows: Value

    @property
    def columns(self) -> range:
        """Where the vectors of a row of scores begin."""
        return range(0, self.shape.queries, self.lanes)

    def vector(self, number: float) -> Value:
        """The number in all lanes."""
        return self.f.const(self.shape.type.x(self.lanes), number)

    def seen(self, keys: Value) -> Value:
        """How many keys the last of the queries sees."""
        return smaller(keys, self.first + self.rows) if self.shape.causal else keys


def size(rooms: dict[str, int]) -> int:
    """The elements of all rooms together; each begins a cache line."""
    return sum(n + -n % 16 for n in rooms.values())


def rooms(memory: Value, tid: Value, sizes: dict[str, int]) -> dict[str, Value]:
    """A thread's part of the scratch memory, cut into rooms of these sizes."""
    found, place = {}, memory.at(tid * size(sizes))
    for name, n in sizes.items():
        found[name] = place
        place = place.at(n + -n % 16)
    return found


def cells(block: Block, scores: Value, count: Value) -> Iterator[list[Value]]:
    """For each of `count` keys the places of its vectors of scores."""
    for r in block.f.range(0, count):
        row = scores.at(r * block.shape.queries)
        yield [row.at(j) for j in block.columns]


def zero_rows(x: Value, rows: Value, stride: Value, columns: int, lanes: int) -> None:
    """Zeros in all rows of a matrix."""
    f, t = x.f, x.type.target
    assert t is not None
    for r in f.range(0, rows):
        for d in range(0, columns, lanes):
            x.at(r * stride).store(f.const(t.x(lanes), 0), d)


def copy_rows(x: Value, stride: Value, into: Value, rows: Value, columns: int, lanes: int) -> None:
    """Rows side by side: rows far apart, as those of heads that lie inside, compete for the same cache
    lines.
    """
    for r in x.f.range(0, rows):
        for d in range(0, columns, lanes):
            into.at(r * columns).store(x.at(r * stride).load(d, lanes), d)


def turn(block: Block, x: Value, stride: Value, columns: int, into: Value, scale: Any = 1.0) -> None:
    """into[column][query] = scale · x[query][column]; lanes behind the last query repeat it."""
    f, lanes = block.f, block.lanes
    for q in f.range(0, block.shape.queries, lanes):
        rows = [x.at(smaller(q + i, block.rows - 1) * stride) for i in range(lanes)]
        for d in f.range(0, columns, lanes):
            for i, column in enumerate(turned([row.load(d, lanes) for row in rows])):
                into.store(column * scale, (d + i) * block.shape.queries + q)


def hide(block: Block, scores: Value, start: Value, count: Value, mask: Value, stride: Value) -> None:
    """Add the mask to the scores of the keys from `start` on, and hide keys that come after their query."""
    if block.shape.mask:
        _add_mask(block, scores, start, count, mask, stride)
    if block.shape.causal:
        _hide_future(block, scores, start, count)


def _hide_future(block: Block, scores: Value, start: Value, count: Value) -> None:
    f, lanes = block.f, block.lanes
    ahead = start - block.first  # of the first key before the first query
    for r in f.range((ahead > 1).select(0, 1 - ahead), count):
        row, distance = scores.at(r * block.shape.queries), (ahead + r).to(i32)
        for j in block.columns:
            hidden = f.iota(lanes, i32) + j < distance
            row.store(hidden.select(-math.inf, row.load(j, lanes)), j)


def _add_mask(block: Block, scores: Value, start: Value, count: Value, mask: Value, stride: Value) -> None:
    """The mask lies a row per query: it is turned square by square."""
    f, lanes = block.f, block.lanes
    for q in f.range(0, block.shape.queries, lanes):
        numbers = (smaller(block.first + q + i, block.first + block.rows - 1) for i in range(lanes))
        rows = [mask.at(number * stride).at(start) for number in numbers]
        for k in f.range(0, count, lanes):
            place = scores.at(k * block.shape.queries + q)
            with f.when(k + lanes <= count):
                _add_square(block, place, [row.load(k, lanes) for row in rows])
            with f.otherwise():
                there = f.below(count - k, lanes)
                _add_square(block, place, [row.load(k, lanes, there) for row in rows])


def _add_square(block: Block, place: Value, rows: list[Value]) -> None:
    """Add a square of the mask; behind the last key it meets scores that nobody reads."""
    if block.shape.mask == "kept":
        rows = [(row != 0).select(block.vector(0), block.vector(-math.inf)) for row in rows]
    for i, column in enumerate(turned(rows)):
        cell = place.at(i * block.shape.queries)
        cell.store(cell.load(0, block.lanes) + column)
