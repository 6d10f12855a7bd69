"""Tables that say where a convolution's operands lie, so that its kernel need not know any shape.

A convolution and its input gradient are the same sum over taps,

    y[place(p)] = bias + sum over segments s and r < run of  weight[s, r] * x[source(p) + segment(s) + r],

with x a block of the input, padded and with channels last. They differ in the tables only. Strided, the
input gradient falls into residue classes: outputs q = first (mod stride) meet just the taps k that make
q + padding - k·dilation divisible by the stride (Dumoulin and Visin, A guide to convolution arithmetic).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from math import ceil, prod
from typing import NamedTuple

import numpy as np

Pair = tuple[int, int]

# Numbers in a block of the input, and outputs in a block: what fits a second-level cache (1 MB on servers,
# 256 KB and more elsewhere) together with a panel of weights.
BLOCK_INPUTS = 1 << 16
BLOCK_OUTPUTS = 512
# Items that are worth dividing among threads: where there are fewer blocks, their channels are divided too.
ITEMS = 8
# What a tile of neighbours may do in vain, as it needs fewer loads and registers.
WASTE = 1.15


class Residue(NamedTuple):
    """Outputs first, first + every ... along an axis: number i meets tap k at input i·step + where."""

    first: int
    every: int
    step: int
    taps: list[tuple[int, int]]  # (where, k), in the order of `where`


class Shapes(NamedTuple):
    """What is summed: input (N, C, *sizes), output (N, O, *counts), two axes each; the rest per axis."""

    images: int
    channels: int
    outputs: int
    sizes: Pair
    counts: Pair
    kernel: Pair
    stride: Pair
    padding: Pair
    dilation: Pair
    groups: int
    transposed: bool  # the input gradient: strides and padding are those of the convolution it belongs to

    def residues(self, axis: int) -> list[Residue]:
        """The classes of outputs along an axis."""
        s, p, d = self.stride[axis], self.padding[axis], self.dilation[axis]
        taps = range(self.kernel[axis])
        if not self.transposed:
            return [Residue(0, 1, s, [(k * d - p, k) for k in taps])]
        return [
            Residue(q, s, 1, sorted(((q + p - k * d) // s, k) for k in taps if (q + p - k * d) % s == 0))
            for q in range(min(s, self.counts[axis]))
        ]


class Span(NamedTuple):
    """A block's part of one axis: outputs, the inputs they need, and where the first lies at output 0."""

    outputs: int
    inputs: int
    origin: int


def span(residues: Sequence[Residue], outputs: int) -> Span:
    """The inputs that the first `outputs` outputs need."""
    reads = [
        (where + i * r.step)
        for r in residues
        for where, _ in r.taps
        for i in (0, (outputs - 1 - r.first) // r.every)
        if r.first < outputs
    ]
    origin = min(reads, default=0)
    return Span(outputs, max(reads, default=0) - origin + 1, origin)


class Plan(NamedTuple):
    """The tables of a convolution, the sizes of its scratch memory, and how many items it is."""

    sizes: np.ndarray  # what `FIELDS` names
    sources: np.ndarray  # of each pixel of a class: where its first tap lies in the block
    places: np.ndarray  # ... and its place among the block's outputs
    segments: np.ndarray
    classes: np.ndarray
    panels: np.ndarray
    goals: np.ndarray  # of each number of the weight's rows: its row in a panel
    packed: int  # numbers in all panels
    scratch: int  # numbers of scratch memory for a thread
    items: int


FIELDS = (
    "images", "together", "bands", "channels", "height", "width",
    "rows", "pitch", "origin", "shift", "skip", "margin", "columns",
    "outputs", "counts", "band", "pixels", "classes", "panels", "parts", "outputs_at", "scratch",
    "outer", "inner", "outer_step", "lane_step",
)  # fmt: skip


PANEL = 6  # numbers of a panel: its place, width, first channel, channels, first input channel, place in w


def plan(s: Shapes, lanes: int, rows: int, vectors: int) -> Plan:
    """The plan for vectors of `lanes` numbers and tiles of `rows` pixels by up to `vectors` vectors."""
    axes = [s.residues(0), s.residues(1)]
    together, band = block(s, axes)
    tall, wide = span(axes[0], band), span(axes[1], s.counts[1])
    classes, segments, sources, places, goals = classify(s, axes, tall, wide, together, rows)
    panels, packed = cut_panels(s, lanes, vectors)
    sizes, items = measure(s, axes, tall, wide, together, band, panels)
    outputs = (sizes["pixels"] + 1) * lanes * vectors
    sizes |= {"classes": len(classes), "scratch": sizes["outputs_at"] + rounded(outputs)}
    tables = (np.ascontiguousarray(t, np.int64) for t in (sources, places, segments, classes, panels, goals))
    return Plan(ordered(sizes), *tables, packed=packed, scratch=sizes["scratch"], items=items)


def ordered(sizes: dict[str, int]) -> np.ndarray:
    """Sizes as kernels read them."""
    return np.array([sizes[name] for name in FIELDS], np.int64)


def rounded(count: int) -> int:
    """Numbers of scratch memory: whole cache lines, and one more against strides that share cache sets."""
    return -(-count // 16) * 16 + 16


def measure(
    s: Shapes, axes: Sequence[Sequence[Residue]], tall: Span, wide: Span, together: int, band: int,
    panels: list[list[int]],
) -> tuple[dict[str, int], int]:  # fmt: skip
    """The sizes that `FIELDS` names, but for those that depend on the kernel, and the number of items."""
    bands = ceil(s.counts[0] / band)
    blocks = bands * ceil(s.images / together)
    parts = min(len(panels), ceil(ITEMS / blocks))
    margin, skip = max(0, -wide.origin), max(0, wide.origin)
    pixels, taps = band * s.counts[1], prod(s.kernel)
    deep, own = s.channels // s.groups, s.outputs // s.groups
    sizes = dict(
        images=s.images, together=together, bands=bands,
        channels=s.channels, height=s.sizes[0], width=s.sizes[1], rows=tall.inputs, pitch=wide.inputs,
        origin=tall.origin, shift=band // axes[0][0].every * axes[0][0].step,
        skip=skip, margin=margin, columns=max(0, min(s.sizes[1] - skip, wide.inputs - margin)),
        outputs=s.outputs, counts=prod(s.counts), band=pixels, pixels=together * pixels,
        panels=len(panels), parts=parts,
        outputs_at=rounded(together * tall.inputs * wide.inputs * s.channels),
        outer=deep if s.transposed else 1, inner=taps * (1 if s.transposed else deep),
        outer_step=own * taps if s.transposed else 0, lane_step=taps * (1 if s.transposed else deep),
    )  # fmt: skip
    return sizes, blocks * parts


def block(s: Shapes, axes: Sequence[Sequence[Residue]]) -> Pair:
    """How many images, or else how many rows of outputs, are done together."""
    every = axes[0][0].every
    image = span(axes[0], s.counts[0]).inputs * span(axes[1], s.counts[1]).inputs * s.channels
    most = min(BLOCK_OUTPUTS // prod(s.counts), 2 * BLOCK_INPUTS // image, s.images)
    if most >= 1:
        return most, s.counts[0]
    row = image // s.counts[0]
    fit = max(1, min(2 * BLOCK_OUTPUTS // s.counts[1], BLOCK_INPUTS // row))
    bands = ceil(s.counts[0] / fit)
    return 1, -(-ceil(s.counts[0] / bands) // every) * every


def classify(
    s: Shapes, axes: Sequence[Sequence[Residue]], tall: Span, wide: Span, together: int, rows: int
) -> tuple[list[list[int]], list[int], np.ndarray, np.ndarray, np.ndarray]:
    """The classes of outputs with their segments, pixels, and rows of weights."""
    deep = s.channels // s.groups
    classes: list[list[int]] = []
    segments: list[int] = []
    sources: list[np.ndarray] = []
    places: list[np.ndarray] = []
    taken, row = 0, 0
    goals = np.full((deep, *s.kernel), prod(s.kernel) * deep)
    for high, flat in product(*axes):
        source, place = pixels_of(s, high, flat, tall, wide, together)
        own, run = segments_of(s, high, flat, tall, wide)
        classes.append([taken, len(source), len(segments), len(own), run, row])
        segments += own
        extra = -len(source) % rows
        sources.append(np.concatenate([source, np.zeros(extra, np.int64)]))
        places.append(np.concatenate([place, np.full(extra, together * tall.outputs * wide.outputs)]))
        taken += len(source) + extra
        for (_, i), (_, j) in product(high.taps, flat.taps):
            goals[:, i, j] = row + np.arange(deep)
            row += deep
    return classes, segments, np.concatenate(sources), np.concatenate(places), goals


def pixels_of(
    s: Shapes, high: Residue, flat: Residue, tall: Span, wide: Span, together: int
) -> tuple[np.ndarray, np.ndarray]:
    """Where the pixels of a class lie: in the block of the input, and among the block's outputs."""
    h = np.arange(len(range(high.first, tall.outputs, high.every)))[:, None]
    w = np.arange(len(range(flat.first, wide.outputs, flat.every)))
    image = np.arange(together)[:, None, None]
    source = (image * tall.inputs + h * high.step) * wide.inputs + w * flat.step
    place = (image * tall.outputs + high.first + h * high.every) * wide.outputs + flat.first + w * flat.every
    return source.ravel() * s.channels, place.ravel()


def segments_of(s: Shapes, high: Residue, flat: Residue, tall: Span, wide: Span) -> tuple[list[int], int]:
    """Where runs of numbers that lie side by side begin, and how long they are."""
    deep = s.channels // s.groups
    side_by_side = s.groups == 1 and all(b - a == 1 for (a, _), (b, _) in zip(flat.taps, flat.taps[1:]))
    starts = flat.taps[:1] if side_by_side else flat.taps
    run = deep * (len(flat.taps) if side_by_side else 1)
    rows = [(where - tall.origin) * wide.inputs for where, _ in high.taps]
    return [(row + where - wide.origin) * s.channels for row in rows for where, _ in starts], run


class Rows(NamedTuple):
    """The rows of a weight gradient in tiles, and the place of each weight's row among them."""

    near: bool  # whether the rows of a tile meet neighbours
    offsets: np.ndarray  # of each row: from a pixel's first tap to the number it meets
    goals: np.ndarray
    tiles: int


def rows_of_weights(p: Plan, near: int, apart: int) -> Rows:
    """Tiles of `near` rows that meet neighbours, if few are wasted; else of `apart` rows of any kind.

    p is a convolution's plan: it has one class, whose runs are the numbers that lie side by side.
    """
    run = int(p.classes[0, 4])
    depth = run * len(p.segments)
    padded = -(-run // near) * near
    every = np.arange(depth)
    if len(p.segments) * padded < WASTE * -(-depth // apart) * apart:
        offsets = (p.segments[:, None] + np.arange(padded)).ravel()
        place = every // run * padded + every % run
        return Rows(True, offsets, place[p.goals.ravel()], len(offsets) // near)
    offsets = (p.segments[:, None] + np.arange(run)).ravel()
    offsets = np.pad(offsets, (0, -depth % apart))
    return Rows(False, offsets, np.ascontiguousarray(p.goals.ravel()), len(offsets) // apart)


def cut_panels(s: Shapes, lanes: int, vectors: int) -> tuple[list[list[int]], int]:
    """The output channels in panels of at most `vectors` vectors; a panel: its place, width, channels ..."""
    deep, own, taps = s.channels // s.groups, s.outputs // s.groups, prod(s.kernel)
    panels, at = [], 0
    for group, first, count in _panels(s.groups, own, lanes * vectors):
        width = -(-count // lanes) * lanes
        if s.transposed:
            source = (group * deep * own + first) * taps
        else:
            source = (group * own + first) * deep * taps
        panels.append([at, width, group * own + first, count, group * deep, source])
        at += (taps * deep + 2) * width
    return panels, at


def _panels(groups: int, channels: int, most: int) -> Iterator[tuple[int, int, int]]:
    """(group, first, count) of every panel."""
    for group in range(groups):
        for first in range(0, channels, most):
            yield group, first, min(most, channels - first)
