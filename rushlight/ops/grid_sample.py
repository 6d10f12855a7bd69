"""Images read off at positions given by a grid (spatial transformers, Jaderberg et al. 2015); affine grids.

Positions run from -1 to 1 over each dimension of the image: between the centres of its outer pixels with
`align_corners`, else between their outer edges.
"""

from __future__ import annotations

import itertools
import math
import warnings
from collections.abc import Sequence
from functools import reduce
from typing import Any

import numpy as np

from .convert import to_dtype
from .declare import composite, primitive
from .gather import gather
from .grid_checks import check_affine, check_sample, compute_kind, kind_of
from .grid_positions import pixels, taps
from .matmul import matmul
from .views import expand, reshape, select, transpose, unsqueeze

Array = Any


@primitive(forms="", under="internal", differentiable=False)
def pixel_number(positions: Sequence[Array], /, sizes: tuple[int, ...]) -> Array:
    """Which pixel, in row-major order, lies at whole positions (an array a dimension); else the nearest."""
    found: Any = 0
    for at, n in zip(positions, sizes, strict=True):
        within = np.clip(np.nan_to_num(at, nan=0.0, posinf=n, neginf=0), 0, n - 1)
        found = found * n + within.astype(np.int64)
    return found


@primitive(forms="", under="internal", differentiable=False)
def is_pixel(positions: Sequence[Array], /, sizes: tuple[int, ...]) -> Array:
    """1 where whole positions lie within the image, else 0."""
    inside = [(at >= 0) & (at <= n - 1) for at, n in zip(positions, sizes, strict=True)]
    return np.logical_and.reduce(inside).astype(positions[0].dtype)


@composite(forms="", under="nn.functional")
def grid_sample(
    input: Array,
    grid: Array,
    /,
    mode: str = "bilinear",
    padding_mode: str = "zeros",
    align_corners: bool | None = None,
) -> Array:
    """Images (N, C, H, W) read at the positions (x, y) of `grid` (N, H', W', 2); volumes with (x, y, z).

    `mode`: "bilinear" (in volumes trilinear), "nearest", or "bicubic" (images only). Outside the image there
    are zeros, its border, or its reflection. Raises RuntimeError for shapes that do not belong together,
    ValueError for other modes.
    """
    check_sample(input, grid, mode, padding_mode)
    if align_corners is None:
        warnings.warn(
            "nn.functional.grid_sample: align_corners is False by default; say which of the two is meant",
            stacklevel=2,
        )
    result, kind = kind_of(input), compute_kind(input)
    if kind is not result:
        input, grid = to_dtype(input, kind), to_dtype(grid, kind)
    out = _sampled(input, grid, mode, padding_mode, bool(align_corners))
    return out if kind is result else to_dtype(out, result)


def _sampled(input: Array, grid: Array, mode: str, padding_mode: str, align_corners: bool) -> Array:
    """The sum, over the pixels near each position, of weight times pixel."""
    batch, channels, *sizes = tuple(input.shape)
    places = tuple(grid.shape)[1:-1]
    count, rank = math.prod(places), len(sizes)
    flat, points = reshape(input, (batch, channels, math.prod(sizes))), reshape(grid, (batch, count, rank))
    near = []
    for d, n in enumerate(sizes):
        at = pixels(select(points, 2, rank - 1 - d), n, align_corners)
        near.append(taps(at, n, mode, padding_mode, align_corners))
    total = None
    for corner in itertools.product(*near):
        where = [at for at, _ in corner]
        number = unsqueeze(pixel_number(where, tuple(sizes)), 1)
        values = gather(flat, 2, expand(number, (batch, channels, count)))
        weight = reduce(
            lambda a, b: a * b, [w for _, w in corner if w is not None], is_pixel(where, tuple(sizes))
        )
        part = values * unsqueeze(weight, 1)
        total = part if total is None else total + part
    return reshape(total, (batch, channels, *places))


# -- affine grids --------------------------------------------------------------------------------------


@primitive(forms="", under="internal", differentiable=False)
def plain_grid(theta: Array, /, sizes: tuple[int, ...], align_corners: bool) -> Array:
    """The positions of the pixels of an image of these sizes, each with a 1 behind: (pixels, rank + 1)."""
    axes = []
    for n in sizes:
        ends = 1.0 if align_corners else (n - 1) / n
        axes.append(np.linspace(-ends, ends, n) if n > 1 else np.zeros(1))
    positions = np.meshgrid(*axes, indexing="ij")[::-1]
    columns = [p.reshape(-1) for p in positions] + [np.ones(math.prod(sizes))]
    return np.stack(columns, -1).astype(theta.dtype)


@composite(forms="", under="nn.functional")
def affine_grid(theta: Array, /, size: Sequence[int], align_corners: bool | None = None) -> Array:
    """The grid by which grid_sample applies the affine maps `theta` (N, 2, 3) to images of `size`
    (N, C, H, W).

    Volumes alike, with (N, 3, 4) and (N, C, D, H, W). Raises ValueError where the two do not belong together.
    """
    sizes = check_affine(theta, size)
    if align_corners is None:
        warnings.warn(
            "nn.functional.affine_grid: align_corners is False by default; say which of the two is meant",
            stacklevel=2,
        )
    kind, work = kind_of(theta), compute_kind(theta)
    theta = theta if work is kind else to_dtype(theta, work)
    found = matmul(plain_grid(theta, sizes, bool(align_corners)), transpose(theta, 1, 2))
    found = found if work is kind else to_dtype(found, kind)
    return reshape(found, (size[0], *sizes, len(sizes)))
