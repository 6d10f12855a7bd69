"""C += A B for blocks that lie in the caches, as functions that kernels call.

A gives scalars, B rows of vectors; a register tile of C is summed over the whole depth. Where the scalars
of A
stand is free, so a transposed A needs no copy.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from .ir import Module
from .targets import Target
from .tile import Tile
from .types import Type, i64
from .values import Value

UNROLL = 4
ROWS = 4


class Strides(NamedTuple):
    """Elements from one row of A, step of A, row of B, row of C to the next; None: an argument, in this
    order.
    """

    a_row: int | None = None
    a_step: int | None = None
    b_row: int | None = None
    c_row: int | None = None


class Operands(NamedTuple):
    """The matrices of a product inside its function."""

    a: Value
    b: Value
    c: Value
    depth: Value
    strides: dict[str, Any]
    factors: Value | None


def product(
    m: Module, target: Target, name: str, type: Type, columns: int, strides: Strides, start: str = "C"
) -> str:
    """Write name(a, b, c, rows, depth, strides..., factors): C = start + A B; returns the name.

    It starts from "C", from "0", or from "factors C", a factor for each row. C has `rows` x `columns`; the
    columns are a multiple of the target's lanes.
    """
    open = {key: i64 for key, stride in strides._asdict().items() if stride is None}
    pointers = dict.fromkeys(("a", "b", "c"), type.pointer)
    last = {"factors": type.pointer} if start == "factors C" else {}
    f = m.function(name, internal=True, **pointers, rows=i64, depth=i64, **open, **last)
    a, b, c, rows, depth, *given = f.args
    factors = given.pop() if last else None
    known = strides._asdict() | dict(zip(open, given, strict=True))
    whole = rows & -ROWS
    for height, begin, stop in ((ROWS, 0, whole), (1, whole, rows)):
        for row in f.range(begin, stop, height):
            x, y = a.at(row * known["a_row"]), c.at(row * known["c_row"])
            of_rows = None if factors is None else factors.at(row)
            _stripe(target, type, height, columns, Operands(x, b, y, depth, known, of_rows), start != "0")
    f.ret()
    return name


def _stripe(target: Target, type: Type, height: int, columns: int, operands: Operands, add: bool) -> None:
    """`height` rows of C, as many vectors at a time as leave registers for the scalars."""
    lanes, column = target.lanes(type), 0
    for vectors in even_parts(columns // lanes, 4 if target.registers == 32 else 2):
        _tile(Tile(operands.a.f, type, height, vectors, lanes), operands, column, add)
        column += vectors * lanes


def even_parts(n: int, most: int) -> Sequence[int]:
    """`n` cut into as few parts of at most `most` as there can be, none much smaller than another."""
    count = -(-n // most)
    small, larger = divmod(n, count)
    return [small + 1] * larger + [small] * (count - larger)


def _tile(tile: Tile, operands: Operands, column: int, add: bool) -> None:
    """One register tile of C from `column` on."""
    a, b, c, depth, strides, factors = operands
    lanes, f = tile.lanes, a.f
    rows = [c.at(i * strides["c_row"]).at(column) for i in range(tile.rows)]
    if add:
        for i, (row, sums) in enumerate(zip(rows, tile.sums, strict=True)):
            for j, total in enumerate(sums):
                x = row.load(j * lanes, lanes)
                total.set(x if factors is None else x * factors[i])
    scalars = [a.at(i * strides["a_row"]) for i in range(tile.rows)]
    whole = depth & -UNROLL
    for steps, begin, stop in ((UNROLL, 0, whole), (1, whole, depth)):
        for k in f.range(begin, stop, steps):
            for u in range(steps):
                step = k * strides["a_step"] + u * strides["a_step"]
                line = b.at((k + u) * strides["b_row"]).at(column)
                vectors = [line.load(j * lanes, lanes) for j in range(tile.vectors)]
                tile.step((x.load(step) for x in scalars), vectors)
    for row, sums in zip(rows, tile.sums, strict=True):
        for j, total in enumerate(sums):
            row.store(total, j * lanes)
