"""Tables of convolutions whose arrays have channels last in memory: as in `conv_plan`, with nothing to turn.

Outputs are written where they belong, so every class of outputs says how many of them there are in a block.
Where no window leaves the image, sources are places in the image itself, and there is no block.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import ceil, prod
from typing import NamedTuple

import numpy as np

from .conv_plan import (
    BLOCK_OUTPUTS,
    FIELDS,
    Pair,
    Plan,
    Residue,
    Shapes,
    Span,
    block,
    classify,
    cut_panels,
    measure,
    ordered,
    rounded,
    span,
)
from .values import Value

# Numbers in a block of several images; and items, among which threads share well: to copy a block is cheap.
INPUTS = 9 << 14
PIXELS = 512  # outputs in a block that is read in place
FEW_PIXELS = 192  # and for weight gradients, which read it again and again
ITEMS = 16
MORE = ("inside", "rows_out", "columns_out")
CLASS = 9  # numbers of a class: those of `conv_plan`, and its first row, every how many, how many in a row
STARTS = 6  # where these begin


class LastPlan(NamedTuple):
    """The tables, the sizes with `MORE` behind, and whether the kernel reads the input in place."""

    tables: Plan
    sizes: np.ndarray
    classes: np.ndarray
    scratch: int


def plan(s: Shapes, lanes: int, rows: int, vectors: int, pixels: int = PIXELS) -> LastPlan:
    """The plan for vectors of `lanes` numbers and tiles of `rows` pixels by up to `vectors` vectors.

    A block has `pixels` outputs where it can be read in place.
    """
    axes = [s.residues(0), s.residues(1)]
    spans = [span(axis, count) for axis, count in zip(axes, s.counts, strict=True)]
    inside = all(a.origin >= 0 and a.origin + a.inputs <= n for a, n in zip(spans, s.sizes, strict=True))
    together, band = _block(s, axes, rows, pixels if inside else None)
    if inside:
        tall, wide = Span(band, s.sizes[0], 0), Span(s.counts[1], s.sizes[1], 0)
    else:
        tall, wide = span(axes[0], band), spans[1]
    classes, segments, sources, places, goals = classify(s, axes, tall, wide, together, rows)
    panels, packed = cut_panels(s, lanes, vectors)
    sizes, _ = measure(s, axes, tall, wide, together, band, panels)
    blocks = sizes["bands"] * ceil(s.images / together)
    sizes["parts"] = min(len(panels), ceil(ITEMS / blocks))
    outputs_at = 0 if inside else sizes["outputs_at"]
    scratch = outputs_at + rounded((sizes["pixels"] + 1) * lanes * vectors)
    sizes |= dict(classes=len(classes), outputs_at=outputs_at, scratch=scratch)
    longer = [[*c, *_where(s, high, flat)] for c, (high, flat) in zip(classes, product(*axes), strict=True)]
    tables = (np.ascontiguousarray(t, np.int64) for t in (sources, places, segments, classes, panels, goals))
    found = Plan(ordered(sizes), *tables, packed=packed, scratch=scratch, items=blocks * sizes["parts"])
    more = np.array([inside, band, s.counts[1]], np.int64)
    return LastPlan(found, np.append(found.sizes, more), np.array(longer, np.int64), scratch)


def _block(s: Shapes, axes: Sequence[Sequence[Residue]], rows: int, pixels: int | None) -> Pair:
    """How many images, or else how many rows of outputs, are done together: those that fill tiles best."""
    image = prod(span(axis, count).inputs for axis, count in zip(axes, s.counts, strict=True)) * s.channels
    most = min((pixels or BLOCK_OUTPUTS) // prod(s.counts), INPUTS // image, s.images)
    if most >= 2:
        return _fullest(most, s.images, prod(s.counts), rows), s.counts[0]
    if pixels is None or pixels >= prod(s.counts):
        return block(s, axes)
    every, across = axes[0][0].every, s.counts[1]
    most = max(1, pixels // (across * every))
    return 1, every * _fullest(most, ceil(s.counts[0] / every), across * every, rows)


def _fullest(most: int, parts: int, pixels: int, rows: int) -> int:
    """How many of so many parts to do together, at most, so that few tiles of rows are needed."""

    def tiles(count: int) -> int:
        whole, rest = divmod(parts, count)
        return whole * ceil(count * pixels / rows) + ceil(rest * pixels / rows)

    return min(range(most, most // 2, -1), key=tiles)


def _where(s: Shapes, high: Residue, flat: Residue) -> tuple[int, int, int]:
    return high.first, high.every, len(range(flat.first, s.counts[1], flat.every))


def fields(sizes: Value) -> dict[str, Value]:
    """The numbers of a plan by their names."""
    return {name: sizes.load(k) for k, name in enumerate((*FIELDS, *MORE))}
