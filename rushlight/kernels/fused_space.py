"""The space that a fused program's elements lie in, with as few dimensions as its arrays' strides allow."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import NamedTuple


class Space(NamedTuple):
    """Sizes from the outermost to the innermost, and the strides along them of every operand."""

    sizes: tuple[int, ...]
    strides: tuple[tuple[int, ...], ...]

    @property
    def count(self) -> int:
        """How many elements there are."""
        return prod(self.sizes)

    def inner(self, operand: int) -> int:
        """The stride of an operand along the innermost dimension."""
        return self.strides[operand][-1]

    def split(self, block: int) -> Space:
        """The innermost dimension in blocks, the last of which reaches beyond its end."""
        *outer, n = self.sizes
        strides = tuple((*s[:-1], s[-1] * block, s[-1]) for s in self.strides)
        return Space((*outer, -(-n // block), min(block, n)), strides)

    def moved(self, dim: int, to: int) -> Space:
        """The dimension `dim` at place `to`."""
        return Space(_moved(self.sizes, dim, to), tuple(_moved(s, dim, to) for s in self.strides))


def _moved(values: tuple[int, ...], dim: int, to: int) -> tuple[int, ...]:
    rest = [*values[:dim], *values[dim + 1 :]]
    return (*rest[:to], values[dim], *rest[to:])


def collapse(shape: Sequence[int], strides: Sequence[Sequence[int]]) -> Space:
    """The same elements with the fewest dimensions, one at least, in the order of the first operand's memory.

    Dimensions of size 1 are dropped; neighbours become one where every operand walks through both in even
    steps. Where strides of the first operand tie, those of the next decide.
    """
    dims = [(n, *(s[d] for s in strides)) for d, n in enumerate(shape) if n != 1]
    dims.sort(key=lambda dim: [abs(s) for s in dim[1:]], reverse=True)
    found: list[tuple[int, ...]] = []
    for dim in dims:
        if found and all(outer == s * dim[0] for outer, s in zip(found[-1][1:], dim[1:], strict=True)):
            dim = (dim[0] * found.pop()[0], *dim[1:])
        found.append(dim)
    if not found:
        found = [(1, *(1 for _ in strides))]
    sizes, *along = zip(*found, strict=True)
    return Space(sizes, tuple(along))
