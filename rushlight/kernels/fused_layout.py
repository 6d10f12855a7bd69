"""How the arrays of a fused program lie: in a row, or as rows of a nest; and what is collected where."""

from __future__ import annotations

from collections.abc import Container, Sequence
from itertools import groupby, pairwise
from math import prod
from typing import NamedTuple

import numpy as np

from .fused_form import CHUNK, COLUMNS, DENSE, EACH, ROW, SINGLE, STEPS, STILL
from .fused_nest import table
from .fused_space import Space, collapse
from .fused_sums import collected
from .fused_types import stored
from .types import Type

_TILE = 16  # elements of a row where an array lies across it: its lines may share one set of the cache
_MOST_ROWS = 256  # that are added up one after the other
#: of sums of columns: rows of a tile, at least, to be cut evenly; columns of one, at most and at least; tiles
#: that are enough for all threads
_LEAST_ROWS, _WIDEST, _NARROWEST, _TILES = 32, 2048, 128, 8


class Operand(NamedTuple):
    """An array as the kernel sees it: its type, and its strides in elements along the dimensions of the space
    (0 where it is stretched). An output is named after the step, or input, whose value it gets.
    """

    name: str
    type: Type
    strides: tuple[int, ...]


class Reduction(NamedTuple):
    """An output: the "sum" (or "max", "min") of the step, or input, `name` along the dimensions of the space
    in which it has no stride but None, as an array of this type.
    """

    name: str
    type: Type
    strides: tuple[int | None, ...]
    kind: str = "sum"


class Finish(NamedTuple):
    """Partial results [p, q, s] of which each q becomes one of the output's elements, `step` apart.

    `done`: the partial results are the output's elements already.
    """

    p: int
    q: int
    s: int
    step: int
    done: bool

    @property
    def table(self) -> np.ndarray:
        """As the kernel that finishes reads it."""
        return np.array([self.p, self.s, self.q * self.s, self.s, 1, self.step], np.int64)


class Layout(NamedTuple):
    """The space; how its operands walk along rows, and the items and words that the loops are given; what is
    left of each reduction afterwards, by the number of its output.

    `is_even`: the rows of a chunk are added to the same sums of columns, and lie in even steps; `is_aligned`:
    rows begin at whole blocks of what is counted.
    """

    space: Space
    walks: tuple[str, ...]
    total: int
    grain: int
    table: np.ndarray
    finishes: dict[int, Finish]
    is_even: bool
    is_aligned: bool


def lay_out(
    shape: Sequence[int],
    outputs: Sequence[Operand | Reduction],
    inputs: Sequence[Operand],
    most: int,
    counted: int = 0,
) -> Layout | None:
    """The layout of a program of which `most` elements are worth waking a thread for. If they are `counted`,
    in blocks of so many, the last operand is their number.

    None where, in the order of memory, reductions are not along rows, nor across all of them.
    """
    strides = [[s or 0 for s in p.strides] for p in (*outputs, *inputs)]
    space = collapse(shape, [*strides, *[_in_order(shape)] * (counted > 0)])
    reductions = {k: p for k, p in enumerate(outputs) if isinstance(p, Reduction)}
    if not space.count:
        return _lay_out_nothing(shape, space, reductions)
    grain = most
    if len(space.sizes) > 1 or any(s not in ((0,), (1,)) for s in space.strides):
        space, grain = _nest(
            space, most, [s for k, s in enumerate(space.strides) if k in reductions and s[-1]]
        )
    walks = _walks(space, reductions)
    if CHUNK in walks and space.outer:
        grain = min(grain, _MOST_ROWS)
    total = space.rows if space.outer else space.count
    chunks = -(-total // grain)
    finishes = {k: _finish(space, r, walks[k], space.strides[k], grain) for k, r in reductions.items()}
    known = {k: finish for k, finish in finishes.items() if finish is not None}
    if len(known) < len(finishes):
        return None
    own = [_own(space, walks[k], s, known.get(k)) for k, s in enumerate(space.strides)]
    space, last = space._replace(strides=tuple(own)), own[-1]
    aligned = counted > 0 and last[-1] == 1 and not any(s % counted for s in last[:-1])
    even = bool({COLUMNS, EACH} & {*walks}) and (space.outer == 2 or space.sizes[-2] % grain == 0)
    return Layout(space, tuple(walks), total, grain, table(space, grain, chunks), known, even, aligned)


def _in_order(shape: Sequence[int]) -> list[int]:
    """The strides of memory in the order of the dimensions."""
    return [prod(shape[d + 1 :]) for d in range(len(shape))]


def _nest(space: Space, most: int, columns: Sequence[tuple[int, ...]]) -> tuple[Space, int]:
    """The space with its rows cut into blocks, so that long ones are a few items; and items of a chunk.

    Where an array is dense across the rows, blocks are narrow, and the rows of one block follow each other:
    what they read of that array are the same lines. For sums of columns, of these strides, all rows of a
    block do.
    """
    outer = space.outer
    across = outer > 0 and any(s[-2] in (1, -1) and s[-1] not in (0, 1) for s in space.strides)
    if columns:
        count = min(_rows_of_a_sum(space.sizes[:-1], s[:-1]) for s in columns)
        rows, width = _tile(space, count, most, _TILE if across else _WIDEST)
        return space.cut(width, 0), rows
    if across or outer == 0 or space.length > most:
        space = space.cut(_TILE if across else most, outer - across)
    return space, max(1, most // space.sizes[-1])


def _rows_of_a_sum(sizes: Sequence[int], strides: Sequence[int]) -> int:
    """How many neighbouring rows are added up: those of the last dimensions that do not stay."""
    last = next((d + 1 for d in reversed(range(len(sizes))) if strides[d]), 0)
    return prod(sizes[last:])


def _tile(space: Space, count: int, most: int, widest: int) -> tuple[int, int]:
    """Rows and columns of which sums of columns, of `count` neighbouring rows, are made at a time.

    Either rows are cut evenly, or columns not at all: no tile ends in the middle of a block of columns.
    """
    rows = next(n for n in range(min(count, _MOST_ROWS), 0, -1) if count % n == 0)
    if rows < min(count, _LEAST_ROWS):
        return _MOST_ROWS, space.length
    width = min(space.length, widest)
    while rows * width > most and width >= 2 * _NARROWEST:
        if space.rows // rows * -(-space.length // width) >= _TILES:
            break
        width = -(-width // 32) * 16
    return rows, width


def _walk(strides: tuple[int, ...]) -> str:
    """How an operand goes along a row."""
    if not any(strides):
        return SINGLE
    return {0: STILL, 1: DENSE}.get(strides[-1], STEPS)


def _walks(space: Space, reductions: Container[int]) -> list[str]:
    """How operands go along rows, and what reductions collect of them."""
    walks = [_walk(s) for s in space.strides]
    for k, s in enumerate(space.strides):
        if k in reductions:
            stays = any(n for d, n in enumerate(s[:-1]) if d != space.block)
            walks[k] = (EACH if stays else COLUMNS) if s[-1] else ROW if stays else CHUNK
    if COLUMNS in walks or EACH in walks:  # their chunks are too large for sums in float32
        return [ROW if w == CHUNK else w for w in walks]
    return walks


# -- reductions -----------------------------------------------------------------------------------------


def _finish(space: Space, r: Reduction, walk: str, strides: tuple[int, ...], grain: int) -> Finish | None:
    """What is left of a reduction where chunks, or rows, have collected their share."""
    *outer, inner = strides
    in_place = collected(r.type) == stored(r.type)
    chunks = -(-(space.rows if space.outer else space.count) // grain)
    if walk == CHUNK:
        return Finish(1, 1, chunks, 1, in_place and chunks == 1)
    if walk == COLUMNS:
        along = chunks // space.blocks
        return Finish(along, space.length, 1, inner, in_place and along == 1 and inner == 1)
    if walk == EACH:  # one chunk has all rows of a sum
        dims = [(n, s) for d, (n, s) in enumerate(zip(space.sizes, outer)) if d != space.block]
        rows = _rows_of_a_sum(*zip(*dims, strict=True))
        if not in_place or inner != 1 or rows != grain or prod(n for n, s in dims if not s) != grain:
            return None
        return Finish(1, space.rows, 1, 1, True)
    dims = [(n, s) for n, s in zip(space.sizes[:-1], outer, strict=True) if n > 1]
    if in_place and all(s for _, s in dims) and any(outer):
        return Finish(1, space.rows, 1, 1, True)
    return _finish_rows(dims)


def _finish_rows(dims: list[tuple[int, int]]) -> Finish | None:
    """What is left where each row has its result: of these dimensions (size, stride) those that stay must be
    neighbours, and walked through in even steps.
    """
    runs = [(stays, list(run)) for stays, run in groupby(dims, lambda dim: dim[1] != 0)]
    kept = [k for k, (stays, _) in enumerate(runs) if stays]
    counts = [prod(n for n, _ in run) for _, run in runs]
    if not kept:
        return Finish(1, 1, prod(counts), 1, False)
    at, run = kept[0], runs[kept[0]][1]
    if len(kept) > 1 or any(s != n * t for (_, s), (n, t) in pairwise(run)):
        return None
    return Finish(prod(counts[:at]), counts[at], prod(counts[at + 1 :]), run[-1][1], False)


def _own(space: Space, walk: str, strides: tuple[int, ...], finish: Finish | None) -> tuple[int, ...]:
    """The strides of an operand; of a reduction, those of the memory it is collected in."""
    sizes = space.sizes[:-1]
    if finish is None or finish.done:
        return strides
    if walk == COLUMNS:
        return (*(space.sizes[-1] if d == space.block else 0 for d in range(len(sizes))), 1)
    return strides if walk == CHUNK else (*(prod(sizes[d + 1 :]) for d in range(len(sizes))), 0)


def _lay_out_nothing(shape: Sequence[int], space: Space, reductions: dict[int, Reduction]) -> Layout | None:
    """No elements: what is collected of them is zero, or the like."""
    finishes: dict[int, Finish] = {}
    for k, r in reductions.items():
        kept = [(n, s) for n, s in zip(shape, r.strides, strict=True) if s is not None and n != 1]
        kept.sort(key=lambda dim: -abs(dim[1]))
        rest = _finish_rows(kept) if all(n for n, _ in kept) else Finish(0, 0, 0, 1, False)
        if rest is None:
            return None
        finishes[k] = rest._replace(p=0)
    walks = tuple(CHUNK if k in reductions else DENSE for k in range(len(space.strides)))
    return Layout(space, walks, 0, 1, np.zeros(3, np.int64), finishes, False, False)
