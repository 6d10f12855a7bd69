"""4x4 and 3x3 convolution of stride 2, and input gradients, by Winograd's F(2x2, 2x2).

Strided, the sum over taps along an axis falls into two: even inputs meet some of the taps, odd ones the
others. Of the input gradient it is the outputs that are even or odd. Two outputs of a sum over two taps take
three products instead of four (Winograd, Arithmetic complexity of computations, 1980):

    d0·g0 + d1·g1 = (d0 - d1)·g0 + d1·(g0 + g1),    d1·g0 + d2·g1 = d1·(g0 + g1) + (d2 - d1)·g1

That makes 9 products instead of 16 for kernels of 4x4, and 25 instead of 36 for 3x3, whose middle tap is
alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from math import ceil, prod
from typing import Any, NamedTuple

import numpy as np

from .conv_plan import ITEMS, Pair, Shapes, Span, cut_panels, measure, ordered, rounded
from .conv_sum import VECTORS
from .winograd import GROUP, TILES, tiles_of
from .winograd_kernels import APART


class Scheme(NamedTuple):
    """An algorithm along one axis."""

    taps: int
    size: int  # inputs of a tile
    step: int  # inputs from a tile to the next
    made: int  # outputs of a tile
    inputs: Callable[..., list[Any]]
    weights: Callable[..., list[Any]]
    outputs: Callable[..., list[Any]]
    meets: Sequence[Sequence[Pair]]  # of each product: which inputs meet which weights, and are summed
    before: int = 0  # inputs of a tile before the one that makes its first output, for padding 1

    @property
    def pairs(self) -> list[list[Pair]]:
        """The same of every product along two axes: numbers of matrices."""
        inputs, weights = (1 + max(pair[k] for some in self.meets for pair in some) for k in (0, 1))
        return [
            [(i * inputs + j, k * weights + m) for (i, k), (j, m) in product(high, wide)]
            for high, wide in product(self.meets, repeat=2)
        ]

    @property
    def matrices(self) -> int:
        """How many matrices of transformed inputs there are."""
        return (1 + max(i for some in self.meets for i, _ in some)) ** 2


FORWARD = Scheme(
    taps=4, size=6, step=4, made=2,
    inputs=lambda a, b, c, d, e, f: [a - c, c, e - c, b - d, d, f - d],
    weights=lambda a, b, c, d: [a, a + c, c, b, b + d, d],
    outputs=lambda a, b, c: [a + b, b + c],
    meets=[[(0, 0), (3, 3)], [(1, 1), (4, 4)], [(2, 2), (5, 5)]],
)  # fmt: skip
BACKWARD = Scheme(
    taps=4, size=4, step=2, made=4,
    inputs=lambda a, b, c, d: [a - b, b, b - c, c, d - c],
    weights=lambda a, b, c, d: [d, d + b, -b, c, c + a, a],
    outputs=lambda a, b, c, d, e, f: [a + b, d + e, b + c, e + f],
    meets=[[(0, 0)], [(1, 1)], [(2, 2)], [(2, 3)], [(3, 4)], [(4, 5)]],
    before=1,
)  # fmt: skip
FORWARD_ODD = Scheme(
    taps=3, size=5, step=4, made=2,
    inputs=lambda a, b, c, d, e: [a - c, c, e - c, b, d],
    weights=lambda a, b, c: [a, a + c, c, b],
    outputs=lambda a, b, c: [a + b, b + c],
    meets=[[(0, 0), (3, 3)], [(1, 1)], [(2, 2), (4, 3)]],
)  # fmt: skip
BACKWARD_ODD = Scheme(
    taps=3, size=3, step=2, made=4,
    inputs=lambda a, b, c: [a - b, b, c - b, a],
    weights=lambda a, b, c: [c, c + a, a, b],
    outputs=lambda a, b, c, d, e: [d, a + b, e, b + c],
    meets=[[(0, 0)], [(1, 1)], [(2, 2)], [(3, 3)], [(1, 3)]],
)  # fmt: skip


def scheme_of(taps: int, transposed: bool) -> Scheme:
    """The algorithm of a convolution, or of an input gradient."""
    if taps == FORWARD.taps:
        return BACKWARD if transposed else FORWARD
    return BACKWARD_ODD if transposed else FORWARD_ODD


def suits(s: Shapes, lanes: int) -> bool:
    """Whether there is code for it."""
    known = s.kernel in ((3, 3), (4, 4)) and s.stride == (2, 2) and s.dilation == (1, 1) and s.groups == 1
    return known and s.channels % lanes == 0 and (not s.transposed or s.padding == (1, 1))


def pays(s: Shapes, lanes: int) -> bool:
    """Whether it is faster than summing directly, by products in two vectors at once."""
    if not suits(s, lanes) or min(s.channels, s.outputs) < 2 * lanes:
        return False
    scheme = scheme_of(s.kernel[0], s.transposed)
    tiles = s.images * prod(ceil(n / scheme.made) for n in s.counts)
    products, pair = sum(len(some) for some in scheme.pairs), s.channels * s.outputs / (2 * lanes)
    transforms = 4 * tiles * (s.channels + s.outputs) * products / lanes + 18 * pair * products
    pixels = s.images * prod(s.sizes if s.transposed else s.counts)
    return products * tiles * pair + transforms < prod(s.kernel) * pixels * pair


class StridedPlan(NamedTuple):
    """The tables of a convolution by tiles."""

    sizes: np.ndarray
    extents: np.ndarray  # what `EXTENTS` names
    sources: np.ndarray  # of each tile: where it begins in the block of the input
    places: np.ndarray  # ... and the places of its outputs
    rows: np.ndarray  # how many there are; where the transformed inputs of each tile begin; its number
    segments: np.ndarray  # of all products: the matrices of inputs that are summed
    parts: np.ndarray  # of each product: how many of them are its own, and the first
    panels: np.ndarray
    goals: np.ndarray
    packed: int
    pack_scratch: int
    scratch: int
    items: int


EXTENTS = ("tiles", "point", "product", "panel", "row", "products_at", "sums_at", "pack")


def plan(s: Shapes, lanes: int, rows: int) -> StridedPlan:
    """The plan; outputs beyond the last are computed, and go to a place of their own."""
    scheme, axes = scheme_of(s.kernel[0], s.transposed), [s.residues(0), s.residues(1)]
    down, across = (ceil(n / scheme.made) for n in s.counts)
    together, down = _divide(s.images, down, across)
    band = min(scheme.made * down, s.counts[0])
    tall, wide = (
        Span(n, scheme.step * (tiles - 1) + scheme.size, -scheme.before if s.transposed else -p)
        for n, tiles, p in ((band, down, s.padding[0]), (s.counts[1], across, s.padding[1]))
    )
    panels, _ = cut_panels(s, lanes, VECTORS)
    sizes, items = measure(s, axes, tall, wide, together, band, panels)
    tiles, width = together * down * across, VECTORS * lanes
    padded = -(-tiles // rows) * rows
    point, step = rounded(padded * s.channels), rounded(padded * width)
    pairs = scheme.pairs
    counts = [len(some) for some in pairs]
    row = s.channels * width
    products_at = sizes["outputs_at"] + scheme.matrices * point
    extents = dict(
        tiles=down * across, point=point, product=step, panel=behind(pairs, row) + 2 * width, row=row,
        products_at=products_at, sums_at=products_at + GROUP * len(pairs) * step,
        pack=rounded((scheme.taps**2 * s.channels + 2) * width),
    )  # fmt: skip
    scratch = extents["sums_at"] + rounded((sizes["pixels"] + 1) * width)
    index = np.minimum(np.arange(padded), tiles - 1)
    taps = np.arange(scheme.taps**2).reshape(s.kernel)
    return StridedPlan(
        ordered(sizes | {"classes": 1, "scratch": scratch}),
        np.array([extents[k] for k in EXTENTS], np.int64),
        tiles_of(together, down, across, tall.inputs, wide.inputs, scheme.step) * s.channels,
        _places(scheme, s, together, down, across, band),
        np.concatenate([[padded], index * s.channels, np.arange(padded)]),
        np.array([i * point for some in pairs for i, _ in some], np.int64),
        np.array([[n, sum(counts[:i])] for i, n in enumerate(counts)], np.int64),
        np.array(panels, np.int64), taps * s.channels + np.arange(s.channels)[:, None, None],
        packed=len(panels) * extents["panel"], pack_scratch=extents["pack"], scratch=scratch, items=items,
    )  # fmt: skip


def behind(pairs: list[list[Pair]], row: Any) -> Any:
    """Where the weights of these products end in a panel, with `row` numbers for each pair."""
    return sum(len(some) for some in pairs) * row + len(pairs) * APART


def _divide(images: int, down: int, across: int) -> Pair:
    """How many images, or else how many rows of tiles of one, are done together."""
    if down * across <= TILES:
        return min(images, TILES // (down * across), ceil(images * down * across / ITEMS)), down
    bands = ceil(down / max(1, TILES // across))
    return 1, ceil(down / bands)


def _places(scheme: Scheme, s: Shapes, together: int, down: int, across: int, band: int) -> np.ndarray:
    """Where every tile's outputs lie among the block's."""
    made = scheme.made
    image, i, j, y, x = np.ogrid[:together, :down, :across, :made, :made]
    place = (image * band + made * i + y) * s.counts[1] + made * j + x
    inside = (made * i + y < band) & (made * j + x < s.counts[1])
    return np.where(inside, place, together * band * s.counts[1]).ravel()
