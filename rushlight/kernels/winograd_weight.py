"""The weight gradient of a 3x3 convolution of stride 1, by Winograd's F(3x3, 2x2): 16 products instead of 36.

Tiles of 4x4 inputs are transformed as for the convolution itself, tiles of 2x2 cotangents by the transpose of
what makes outputs. A matrix (tiles, channels) of each is multiplied for every one of 16 points, and the sums
over all tiles are transformed back to 3x3 weights once. Blocks of the images go through memory in stages: all
threads transform, then all multiply. Who does what never changes the order of a sum.

With stride 2, taps that meet even inputs and taps that meet odd ones are kernels by themselves, of one tap or
two: 25 products instead of 36 for kernels of 3x3, 36 instead of 64 for 4x4.
"""

from __future__ import annotations

from collections.abc import Callable
from math import ceil, prod
from typing import Any, NamedTuple

import numpy as np

from .conv_plan import Pair, Shapes, measure, ordered, rounded, span
from .targets import Target
from .winograd import divide, inputs_of, tiles_of
from .winograd_strided import FORWARD

STAGE = 5 << 18  # numbers that are transformed before they are multiplied: they stay in the last cache
SUMS = (
    1 << 16
)  # sums of a point: where there are more, they are transformed back at once, and stages are larger
HIGH, WIDE = 64, 128  # outputs and channels whose products of all points are then in the second-level cache
FEW = 16  # tiles of whole images that are a block: there should be many blocks


def rows_of(target: Target) -> int:
    """Outputs in a tile of registers."""
    return 8 if target.registers == 32 else 4


# -- in one dimension ----------------------------------------------------------------------------------


class Scheme(NamedTuple):
    """An algorithm along one axis, for tiles of two cotangents."""

    taps: int
    stride: int
    size: int  # inputs of a tile
    inputs: Callable[..., list[Any]]
    cotangents: Callable[..., list[Any]]
    weights: Callable[..., list[Any]]
    made: Pair  # transformed inputs and cotangents; input i meets cotangent i, counted round and round

    @property
    def points(self) -> int:
        """Products along two axes, and matrices of transformed inputs."""
        return self.made[0] ** 2


def cotangents_of(a: Any, b: Any) -> list[Any]:
    """Two cotangents at the points 0, 1, -1 and infinity."""
    return [a, a + b, a - b, -b]


def weights_from(a: Any, b: Any, c: Any, d: Any) -> list[Any]:
    """Three weights from four products."""
    even, odd = (b + c) * 0.5, (b - c) * 0.5
    return [a + even, odd, even + d]


DENSE = Scheme(3, 1, 4, inputs_of, cotangents_of, weights_from, (4, 4))
STRIDED = Scheme(
    4, 2, 6, FORWARD.inputs,
    cotangents=lambda a, b: [a, a + b, b],
    weights=lambda a, b, c, d, e, f: [a + b, d + e, b + c, e + f],
    made=(6, 3),
)  # fmt: skip


ODD = Scheme(  # of three taps with stride 2 the one in the middle meets odd inputs, alone
    3, 2, 5,
    inputs=lambda a, b, c, d, e: [a - c, e - c, c, b, d],
    cotangents=lambda a, b: [a, b, a + b],
    weights=lambda a, b, c, d, e: [a + c, d + e, b + c],
    made=(5, 3),
)  # fmt: skip


def scheme_of(s: Shapes) -> Scheme:
    """The algorithm for a kernel and its stride."""
    if s.kernel == (4, 4):
        return STRIDED
    return DENSE if s.stride == (1, 1) else ODD


# -- what it costs -------------------------------------------------------------------------------------


def pays(s: Shapes, lanes: int, rows: int) -> bool:
    """Whether it is faster than summing directly, by products in two vectors at once."""
    if not suits(s, lanes, rows):
        return False
    tiles = s.images * ceil(s.counts[0] / 2) * ceil(s.counts[1] / 2)
    pair = s.channels * s.outputs / (2 * lanes)
    points = scheme_of(s).points
    transforms = 4 * tiles * (s.channels + s.outputs) * points / lanes + 800 * pair
    return points * tiles * pair + transforms < prod(s.kernel) * s.images * prod(s.counts) * pair


def suits(s: Shapes, lanes: int, rows: int) -> bool:
    """Whether there is code for it."""
    one = (s.kernel, s.stride) in (((3, 3), (1, 1)), ((3, 3), (2, 2)), ((4, 4), (2, 2)))
    small = one and s.dilation == (1, 1) and s.groups == 1
    return small and s.channels % lanes == 0 and s.outputs % max(lanes, rows) == 0


# -- the plan ------------------------------------------------------------------------------------------


class WeightPlan(NamedTuple):
    """The tables of a weight gradient by tiles."""

    inputs: np.ndarray  # the sizes of blocks
    cotangents: np.ndarray
    scheme: Scheme
    sources: np.ndarray  # of each tile of a block of the input: where it begins
    corners: np.ndarray  # ... and in the block of cotangents
    blocks: int
    stage: int  # how many of them are transformed at once
    spot: int  # tiles of a block of one image
    tiles: int  # of a whole block
    steps: tuple[int, ...]  # from one point's matrix to the next, of inputs and of cotangents
    scratch: int
    squares: int  # items of outputs and channels; 0: sums of all points are kept until the end


def plan(s: Shapes, lanes: int) -> WeightPlan:
    """The plan; tiles beyond an odd size have cotangents of zero."""
    axes = [s.residues(0), s.residues(1)]
    across = ceil(s.counts[1] / 2)
    together, down = divide(s, across, FEW)
    tall, wide = span(axes[0], 2 * down), span(axes[1], 2 * across)
    sizes, _ = measure(s, axes, tall, wide, together, 2 * down, [[]])
    tiles, blocks = together * down * across, sizes["bands"] * ceil(s.images / together)
    scratch = sizes["outputs_at"] + rounded(4 * tiles * s.outputs)
    others = dict(
        channels=s.outputs, height=s.counts[0], width=s.counts[1], rows=2 * down, pitch=2 * across,
        origin=0, shift=2 * down, skip=0, margin=0, columns=s.counts[1],
    )  # fmt: skip
    pitches, scheme = (s.channels + lanes, s.outputs + lanes), scheme_of(s)
    numbers = sum(n * n * pitch for n, pitch in zip(scheme.made, pitches, strict=True))
    far = s.outputs * s.channels > SUMS
    squares = ceil(s.outputs / HIGH) * ceil(s.channels / WIDE) if far else 0
    scratch = max(scratch, scheme.points * HIGH * WIDE) if far else scratch
    stage = min(blocks, _stage(STAGE * (1 + far) / (tiles * numbers)))
    sizes |= {"classes": 1, "scratch": scratch}
    return WeightPlan(
        ordered(sizes), ordered(sizes | others), scheme,
        tiles_of(together, down, across, tall.inputs, wide.inputs, 2 * scheme.stride) * s.channels,
        tiles_of(together, down, across, 2 * down, 2 * across) * s.outputs,
        blocks, stage, down * across, tiles,
        tuple(rounded(stage * tiles * pitch) for pitch in pitches), scratch, squares,
    )  # fmt: skip


def _stage(fit: float) -> int:
    """About so many blocks, that threads can share evenly."""
    return 4 * max(1, round(fit / 4)) if fit >= 2 else 2
