"""Where the rows of a nest begin, counted like an odometer; and the table that says how arrays lie."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .fused_space import Space
from .ir import Function
from .values import Value

_HEAD = 3  # words before the sizes


def table(space: Space, grain: int, chunks: int) -> np.ndarray:
    """The grain, how many columns there are, and how many chunks along one; of a nest, the sizes of the
    dimensions around a row, the lengths of a row and of one that ends a dimension cut into blocks; then for
    every operand its strides along the outer dimensions, its steps along them where all dimensions within
    begin anew, and its stride along the row.
    """
    *sizes, most = space.sizes
    words = [grain, space.length, chunks // space.blocks]
    if space.outer:
        words += [*sizes, most, space.length - (space.blocks - 1) * most]
        for *outer, inner in space.strides:
            ends = [(n - 1) * s for n, s in zip(sizes, outer, strict=True)]
            words += [*outer, *(s - sum(ends[d + 1 :]) for d, s in enumerate(outer)), inner]
    return np.array(words, np.int64)


class Table:
    """The words of a table, loaded where they are asked for."""

    def __init__(self, words: Value, outer: int) -> None:
        self.words, self.outer = words, outer

    @property
    def grain(self) -> Value:
        return self.words[0]

    @property
    def columns(self) -> Value:
        return self.words[1]

    @property
    def chunks(self) -> Value:
        return self.words[2]

    def size(self, d: int) -> Value:
        """The size of an outer dimension."""
        return self.words[_HEAD + d]

    def length(self, is_last: bool) -> Value:
        """The length of rows, or of those at the end of a dimension cut into blocks."""
        return self.words[_HEAD + self.outer + is_last]

    def stride(self, operand: int, d: int) -> Value:
        """The stride of an operand along an outer dimension, or along rows."""
        return self._of(operand)[d if d < self.outer else 2 * self.outer]

    def step(self, operand: int, d: int) -> Value:
        """How far an operand moves where an outer dimension counts on, and all within it begin anew."""
        return self._of(operand)[self.outer + d]

    def _of(self, operand: int) -> Value:
        return self.words.at(_HEAD + self.outer + 2 + operand * (2 * self.outer + 1))


class Odometer:
    """The row that is being computed: its number in each outer dimension, and where it is in every array."""

    def __init__(self, f: Function, table: Table, block: int, start: Sequence[Value]) -> None:
        self.f, self.table, self.block = f, table, block
        self.counts, self.at = [f.var(0) for _ in range(table.outer)], [f.var(p) for p in start]

    @property
    def addresses(self) -> list[Value]:
        """Where the row begins, in every array."""
        return [p.now for p in self.at]

    @property
    def length(self) -> Value:
        """How long it is."""
        if self.block < 0:
            return self.table.length(False)
        is_last = self.counts[self.block] + 1 == self.table.size(self.block)
        return is_last.select(self.table.length(True), self.table.length(False))

    def go_to(self, row: Value) -> None:
        """Go to a row, from the first."""
        rest = row
        for d in reversed(range(self.table.outer)):
            size = self.table.size(d)
            quotient = rest // size if d else self.f.const(row.type, 0)
            self.counts[d].set(rest - quotient * size)
            for k, p in enumerate(self.at):
                p.set(p.at(self.counts[d] * self.table.stride(k, d)))
            rest = quotient

    def advance(self, d: int) -> None:
        """Count on along dimension d, or, at its end, along the one around it."""
        self.counts[d] += 1
        if d == 0:
            self._move(0)
            return
        with self.f.when(self.counts[d] < self.table.size(d)):
            self._move(d)
        with self.f.otherwise():
            self.counts[d].set(0)
            self.advance(d - 1)

    def _move(self, d: int) -> None:
        for k, p in enumerate(self.at):
            p.set(p.at(self.table.step(k, d)))

    def further(self, rows: int) -> list[Value]:
        """Where the row so many further along the last outer dimension begins, in every array."""
        last = self.table.outer - 1
        return [p.at(self.table.stride(k, last) * rows) for k, p in enumerate(self.at)]

    def skip(self, rows: int) -> None:
        """Go on by rows of the last outer dimension."""
        for p, there in zip(self.at, self.further(rows), strict=True):
            p.set(there)
