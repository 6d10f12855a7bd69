"""Sums along one dimension of contiguous memory, seen as (outer, n, inner): of rows (inner = 1), of columns.

What is added is cut into blocks that depend on the shape alone, each read in one run of memory and summed in
its own type; sums of blocks are added in float64.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from .ir import Function, Module
from .launch import Kernel, entry
from .normalize import Place, along
from .targets import Target
from .total import BLOCK, block
from .types import Type, f64, i64
from .values import Value

ROWS = 256  # rows of a block of columns
WIDTH = 16384  # bytes of a row of a tile at most, so that its sums stay in the level-1 cache
_NARROW = 4  # vectors of sums that stay in registers
_SUMS = 8  # partial sums that are added side by side
_TOGETHER = 4  # rows that are read side by side


@cache
def rows(element: Type) -> Kernel:
    """out[k] = the sum of block k: those of a row one after the other, of BLOCK numbers but the last."""

    def make(target: Target) -> Module:
        m = Module()
        name = block(m, element, target)
        f, lo, hi, _, (out, x, n) = entry(m, out=element.pointer, x=element.pointer, n=i64)
        blocks = (n + (BLOCK - 1)) // BLOCK
        for k in f.range(lo, hi):
            row, at = k // blocks, k % blocks * BLOCK
            count = _smaller(n - at, f.const(i64, BLOCK))
            out[k] = f.call(name, element, x.at(row * n + at), count)
        f.ret()
        return m

    return Kernel(("sums of rows", str(element)), make)


@cache
def finish(element: Type) -> Kernel:
    """out[k] = Σ x[k, :] of rows of n sums, in float64 (integers: in their own type), eight side by side."""

    def make(_: Target) -> Module:
        m = Module()
        f, lo, hi, _tid, (out, x, n) = entry(m, out=element.pointer, x=element.pointer, n=i64)
        kept = f64 if element.is_float else element
        whole = n & -_SUMS
        for row in f.range(lo, hi):
            sums = x.at(row * n)
            partial = f.var(f.const(kept.x(_SUMS), 0))
            for k in f.range(0, whole, _SUMS):
                partial += sums.load(k, _SUMS).to(kept)
            total = f.var(partial.now.fold(lambda a, b: a + b))
            for k in f.range(whole, n):
                total += sums[k].to(kept)
            out[row] = total.now.to(element)
        f.ret()
        return m

    return Kernel(("finish sums", str(element)), make)


@cache
def columns(element: Type) -> Kernel:
    """out[outer, block, inner] = the sums of blocks of at most ROWS rows; an item is a tile of a block.

    A block is cut into tiles of `width` columns but for the last; these are counted last.
    """

    def make(target: Target) -> Module:
        m = Module()
        types: dict[str, Type] = dict.fromkeys(("out", "x"), element.pointer)
        types |= dict.fromkeys(("n", "inner", "width"), i64)
        f, lo, hi, _, (out, x, n, inner, width) = entry(m, **types)
        blocks, tiles = (n + (ROWS - 1)) // ROWS, (inner + width - 1) // width
        for item in f.range(lo, hi):
            k, column = item // tiles, item % tiles * width
            row = k % blocks * ROWS
            source = x.at((k // blocks * n + row) * inner + column)
            sums = out.at(k * inner + column)
            sizes = _smaller(n - row, f.const(i64, ROWS)), _smaller(inner - column, width)
            tile = _Tile(f, target, element, source, sums, *sizes)
            with f.when(tile.width <= _NARROW * tile.lanes):
                tile.narrow(inner)
            with f.otherwise():
                tile.wide(inner)
        f.ret()
        return m

    return Kernel(("sums of columns", str(element)), make)


class _Tile:
    """`count` rows of `width` numbers, and where their sums go."""

    def __init__(
        self,
        f: Function,
        target: Target,
        element: Type,
        source: Value,
        sums: Value,
        count: Value,
        width: Value,
    ) -> None:
        self.f, self.target, self.element = f, target, element
        self.source, self.sums, self.count, self.width = source, sums, count, width
        self.lanes = target.lanes(element)

    def _columns(self, vectors: int) -> Iterator[Place]:
        zero = self.f.const(i64, 0)
        yield from along(self.f, self.target, self.element, zero, self.width, vectors * self.lanes)

    def _together(self, place: Place, row: Value, step: Value) -> Value:
        """The sum of some rows, pairwise."""
        values = [place.of(self.source.at((row + k) * step)) for k in range(_TOGETHER)]
        while len(values) > 1:
            values = [a + b for a, b in zip(values[::2], values[1::2], strict=True)]
        return values[0]

    def narrow(self, step: Value) -> None:
        """Sums in registers, column after column."""
        f, whole = self.f, self.count & -_TOGETHER
        for place in self._columns(_NARROW):
            total = f.var(f.const(self.element.x(place.lanes), 0))
            for row in f.range(0, whole, _TOGETHER):
                total += self._together(place, row, step)
            for row in f.range(whole, self.count):
                total += place.of(self.source.at(row * step))
            place.set(self.sums, total.now)

    def wide(self, step: Value) -> None:
        """Sums in memory, some rows at a time."""
        f, whole = self.f, self.count & -_TOGETHER
        for place in self._columns(2):
            place.set(self.sums, f.const(self.element.x(place.lanes), 0))
        for row in f.range(0, whole, _TOGETHER):
            for place in self._columns(2):
                place.set(self.sums, place.of(self.sums) + self._together(place, row, step))
        for row in f.range(whole, self.count):
            for place in self._columns(2):
                place.set(self.sums, place.of(self.sums) + place.of(self.source.at(row * step)))


def _smaller(x: Value, y: Value) -> Value:
    return (x < y).select(x, y)
