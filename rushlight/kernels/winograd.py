"""3x3 convolution of stride 1 by Winograd's F(2x2, 3x3): 16 products for 4 outputs instead of 36.

Tiles of 4x4 inputs are transformed by sums and differences, multiplied number by number with transformed
weights and summed over channels (16 matrix products), and transformed back into 2x2 outputs (Lavin and Gray,
Fast algorithms for convolutional neural networks, 2015). In float32 it is as accurate as summing directly.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import ceil, prod
from typing import Any, NamedTuple

import numpy as np

from .conv_plan import Shapes, classify, cut_panels, measure, ordered, rounded, span
from .conv_sum import VECTORS
from .targets import Target

TILES = 64  # tiles in a block: weights come from the third-level cache, and are used for so many
GROUP = 4  # panels for which transformed sums are kept: so often fewer are the transformed inputs read
POINTS = 16


def rows_of(target: Target) -> int:
    """Tiles of the image in a tile of registers."""
    return 8 if target.registers == 32 else 6


# -- in one dimension ----------------------------------------------------------------------------------


def weights_of(a: Any, b: Any, c: Any) -> list[Any]:
    """Three weights at the points 0, 1, -1 and infinity."""
    even, odd = (a + c) * 0.5, b * 0.5
    return [a, even + odd, even - odd, c]


def inputs_of(a: Any, b: Any, c: Any, d: Any) -> list[Any]:
    """What is multiplied with them."""
    return [a - c, b + c, c - b, b - d]


def outputs_of(a: Any, b: Any, c: Any, d: Any) -> list[Any]:
    """Two sums from four products."""
    return [a + b + c, b - c - d]


def both(transform: Callable[..., list[Any]], grid: Sequence[Sequence[Any]]) -> list[list[Any]]:
    """A transform along rows, then along columns; the result is a list of rows."""
    half = [transform(*row) for row in grid]
    return [list(row) for row in zip(*(transform(*column) for column in zip(*half)))]


# -- what it costs -------------------------------------------------------------------------------------


def pays(s: Shapes, lanes: int) -> bool:
    """Whether it is faster than summing directly, by products in two vectors at once."""
    small = s.kernel == (3, 3) and s.stride == s.dilation == (1, 1) and s.groups == 1
    if not small or s.channels % lanes or s.outputs < lanes:
        return False
    tiles = s.images * ceil(s.counts[0] / 2) * ceil(s.counts[1] / 2)
    pair = s.channels * s.outputs / (2 * lanes)
    transforms = 4 * tiles * (s.channels + s.outputs) * 16 / lanes + 30 * pair * 16
    return POINTS * tiles * pair + transforms < 9 * s.images * prod(s.counts) * pair


# -- the plan ------------------------------------------------------------------------------------------


class WinogradPlan(NamedTuple):
    """The tables of a convolution by tiles."""

    sizes: np.ndarray
    extents: np.ndarray  # what `EXTENTS` names
    sources: np.ndarray  # of each tile: where it begins in the block of the input
    places: np.ndarray  # ... and the places of its four outputs
    rows: np.ndarray  # how many there are; where the transformed inputs of each tile begin; its number
    panels: np.ndarray
    goals: np.ndarray
    product: int  # numbers in a point's products
    packed: int
    pack_scratch: int
    scratch: int
    items: int


EXTENTS = ("tiles", "point", "product", "panel", "products_at", "sums_at", "pack")


def plan(s: Shapes, lanes: int, rows: int) -> WinogradPlan:
    """The plan; outputs beyond an odd size are computed, and go to a place of their own."""
    return plan_of(s, lanes, rows, *divide(s, ceil(s.counts[1] / 2)), s.channels)


def plan_of(s: Shapes, lanes: int, rows: int, together: int, down: int, pitch: int) -> WinogradPlan:
    """The plan for blocks of so many images and rows of tiles; a transformed tile has `pitch` numbers."""
    axes = [s.residues(0), s.residues(1)]
    across = ceil(s.counts[1] / 2)
    band = min(2 * down, s.counts[0])
    tall, wide = span(axes[0], 2 * down), span(axes[1], 2 * across)
    panels, _ = cut_panels(s, lanes, VECTORS)
    sizes, items = measure(s, axes, tall, wide, together, band, panels)
    tiles = together * down * across
    padded, width = -(-tiles // rows) * rows, VECTORS * lanes
    point, product = rounded(padded * s.channels), rounded(padded * width)
    row = rounded(s.channels * width)
    extents = dict(
        tiles=down * across, point=point, product=product, panel=POINTS * row + 2 * width,
        products_at=sizes["outputs_at"] + POINTS * point,
        sums_at=sizes["outputs_at"] + POINTS * (point + GROUP * product),
        pack=rounded((9 * s.channels + 2) * width),
    )  # fmt: skip
    scratch = extents["sums_at"] + rounded((sizes["pixels"] + 1) * width)
    sources = tiles_of(together, down, across, tall.inputs, wide.inputs) * s.channels
    places = _places(s, together, down, across, band)
    index = np.minimum(np.arange(padded), tiles - 1)
    _, _, _, _, goals = classify(s, axes, tall, wide, 1, 1)
    table = np.concatenate([[padded], index * pitch, np.arange(padded)])
    return WinogradPlan(
        ordered(sizes | {"classes": 1, "scratch": scratch}),
        np.array([extents[k] for k in EXTENTS], np.int64),
        sources, places, table, np.array(panels, np.int64), np.ascontiguousarray(goals, np.int64),
        product=product, packed=len(panels) * extents["panel"], pack_scratch=extents["pack"],
        scratch=scratch, items=items,
    )  # fmt: skip


def divide(s: Shapes, across: int, most: int = TILES) -> tuple[int, int]:
    """How many images of at most `most` tiles, or else how many rows of tiles of one, are done together."""
    down = ceil(s.counts[0] / 2)
    if down * across <= TILES:
        return min(s.images, max(1, most // (down * across))), down
    bands = ceil(down / max(1, TILES // across))
    return 1, ceil(down / bands)


def tiles_of(together: int, down: int, across: int, rows: int, pitch: int, step: int = 2) -> np.ndarray:
    """The pixel, among `rows` x `pitch` of each image, where every tile begins."""
    image, i, j = np.ogrid[:together, :down, :across]
    return ((image * rows + step * i) * pitch + step * j).ravel()


def _places(s: Shapes, together: int, down: int, across: int, band: int) -> np.ndarray:
    """Where every tile's outputs lie among the block's."""
    image, i, j, y, x = np.ogrid[:together, :down, :across, :2, :2]
    place = (image * band + 2 * i + y) * s.counts[1] + 2 * j + x
    inside = (2 * i + y < band) & (2 * j + x < s.counts[1])
    return np.where(inside, place, together * band * s.counts[1]).ravel()
