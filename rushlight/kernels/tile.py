"""The register tile under every product of matrices: rows of scalars times vectors, summed in registers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from math import ceil
from typing import Any

from .ir import Function
from .targets import Target
from .types import Type, i8
from .values import Value, Var


def fma(x: Any, y: Any, z: Any) -> Value:
    """x·y + z rounded once where the processor can, and at most twice."""
    a, b, c = x.now, y.now, z.now
    lanes = max(a.lanes, b.lanes, c.lanes)
    a, b, c = a.splat(lanes), b.splat(lanes), c.splat(lanes)
    return a.f.call(f"llvm.fmuladd.{a.type.suffix}", a.type, a, b, c)


MOST_ROWS = 14  # of a tile


def most_rows(target: Target, vectors: int) -> int:
    """Rows of a tile that leave registers for a row of B and a scalar."""
    return min((target.registers - 2) // vectors - 1, MOST_ROWS)


def even(n: int, most: int) -> int:
    """The size, at most `most`, of as few and as equal parts of n as there can be."""
    return ceil(n / ceil(n / most))


class Tile:
    """`rows` x `vectors` accumulators of `lanes` numbers each, all in registers.

    A step adds the outer product of one scalar per row and one vector per column block:
    sums[i][j] += scalars[i] · vectors[j].
    """

    def __init__(self, f: Function, type: Type, rows: int, vectors: int, lanes: int) -> None:
        zero = f.const(type.x(lanes), 0)
        self.rows, self.vectors, self.lanes = rows, vectors, lanes
        self.sums: list[list[Var]] = [[f.var(zero) for _ in range(vectors)] for _ in range(rows)]

    def step(self, scalars: Iterable[Any], vectors: Sequence[Any]) -> None:
        """Add one outer product. Scalars that are loaded as they are asked for stand next to their use."""
        for x, row in zip(scalars, self.sums, strict=True):
            wide = x.now.splat(self.lanes)
            for y, total in zip(vectors, row, strict=True):
                total.set(fma(wide, y, total))


def multiples(stride: Any, count: int) -> dict[int, Value]:
    """The odd multiples of a stride below `count`, in registers.

    LLVM is kept from knowing how they are related: it makes one long chain of additions else.
    """
    return {i: opaque(stride.now * i) for i in range(1, count, 2)}


def opaque(x: Value) -> Value:
    """An integer that the optimiser knows nothing of."""
    return x.f.emit(f'call {x.type} asm "", "=r,0"({x})', x.type)


def strided(p: Any, odd: dict[int, Value] | None, count: int) -> Iterator[Value]:
    """The addresses p, p + stride, p + 2·stride ... (at most 16) by the odd multiples of the stride in bytes.

    An address adds a register times 1, 2, 4 or 8 for nothing. Without multiples: neighbours.
    """
    at, element = p.now, p.now.type.target
    yield at
    for i in range(1, count):
        if odd is None:
            yield at.at(i)
        else:
            twos = min((i & -i).bit_length() - 1, 3)
            yield at.of(i8).at(odd[i >> twos] << twos if twos else odd[i]).of(element)
