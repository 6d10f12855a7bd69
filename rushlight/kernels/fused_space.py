"""The space that a fused program's elements lie in, with as few dimensions as its arrays' strides allow."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import NamedTuple


class Space(NamedTuple):
    """Sizes from the outermost dimension to the innermost, a row, and the strides of every operand.

    Rows of `length` elements may be cut into blocks, which the dimension `block` counts.
    """

    sizes: tuple[int, ...]
    strides: tuple[tuple[int, ...], ...]
    length: int
    block: int = -1

    @property
    def count(self) -> int:
        """How many elements there are, those beyond the end of the last blocks included."""
        return prod(self.sizes)

    @property
    def outer(self) -> int:
        """How many dimensions there are around a row; memory in a row has none."""
        return len(self.sizes) - 1

    @property
    def blocks(self) -> int:
        """How many blocks there are in a row."""
        return self.sizes[self.block] if self.block >= 0 else 1

    @property
    def rows(self) -> int:
        """How many rows, or blocks of them, there are."""
        return prod(self.sizes[:-1])

    def cut(self, most: int, at: int) -> Space:
        """The rows in blocks of at most so many elements, counted by a new dimension `at`."""
        *outer, n = self.sizes
        sizes = (*outer[:at], -(-n // most), *outer[at:], min(most, n))
        strides = tuple((*s[:at], s[-1] * most, *s[at:-1], s[-1]) for s in self.strides)
        return Space(sizes, strides, n, at)


def collapse(shape: Sequence[int], strides: Sequence[Sequence[int]]) -> Space:
    """The same elements with the fewest dimensions, one at least, in the order of the memory of the first of
    those operands that are stretched the least.

    Dimensions of size 1 are dropped; neighbours become one where every operand walks through both in even
    steps. Where strides of an operand tie, those of the next decide.
    """
    dims = [(n, *(s[d] for s in strides)) for d, n in enumerate(shape) if n != 1]
    stretched = [sum(not dim[1 + k] for dim in dims) for k in range(len(strides))]
    order = sorted(range(len(strides)), key=stretched.__getitem__)
    dims.sort(key=lambda dim: [abs(dim[1 + k]) for k in order], reverse=True)
    found: list[tuple[int, ...]] = []
    for dim in dims:
        if found and all(outer == s * dim[0] for outer, s in zip(found[-1][1:], dim[1:], strict=True)):
            dim = (dim[0] * found.pop()[0], *dim[1:])
        found.append(dim)
    if not found:
        found = [(1, *(1 for _ in strides))]
    sizes, *along = zip(*found, strict=True)
    return Space(sizes, tuple(along), sizes[-1])
