"""The register tile under every product of matrices: rows of scalars times vectors, summed in registers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .ir import Function
from .types import Type
from .values import Value, Var


def fma(x: Any, y: Any, z: Any) -> Value:
    """x·y + z rounded once where the processor can, and at most twice."""
    a, b, c = x.now, y.now, z.now
    lanes = max(a.lanes, b.lanes, c.lanes)
    a, b, c = a.splat(lanes), b.splat(lanes), c.splat(lanes)
    return a.f.call(f"llvm.fmuladd.{a.type.suffix}", a.type, a, b, c)


class Tile:
    """`rows` x `vectors` accumulators of `lanes` numbers each, all in registers.

    A step adds the outer product of one scalar per row and one vector per column block:
    sums[i][j] += scalars[i] · vectors[j].
    """

    def __init__(self, f: Function, type: Type, rows: int, vectors: int, lanes: int) -> None:
        zero = f.const(type.x(lanes), 0)
        self.rows, self.vectors, self.lanes = rows, vectors, lanes
        self.sums: list[list[Var]] = [[f.var(zero) for _ in range(vectors)] for _ in range(rows)]

    def step(self, scalars: Sequence[Any], vectors: Sequence[Any]) -> None:
        """Add one outer product."""
        for x, row in zip(scalars, self.sums, strict=True):
            wide = x.now.splat(self.lanes)
            for y, total in zip(vectors, row, strict=True):
                total.set(fma(wide, y, total))
