"""Sliding windows over the last axes of an array: sizes, padding, taps, cache-sized blocks.

Convolution, pooling and unfold look at an input through the same windows, so the arithmetic of positions
lives here once.  Tap `k` of output `p` lies at `p * stride + k * dilation - padding` on its axis.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from math import prod
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided

from . import memory
from .by_rows import add_into

Sizes = tuple[int, ...]
Pads = Sequence[tuple[int, int]]

# One block of columns should stay inside a second-level cache (measured best between 0.5 and 2 MB).
BLOCK_BYTES = 1 << 20


class Window(NamedTuple):
    """The shape of a sliding window and how it moves: one number per spatial axis."""

    kernel: Sizes
    stride: Sizes
    dilation: Sizes

    def counts(self, padded: Sizes) -> Sizes:
        """How many windows fit on each axis of a padded input; zero or less where none does."""
        axes = zip(padded, self.kernel, self.stride, self.dilation, strict=True)
        return tuple((n - d * (k - 1) - 1) // s + 1 for n, k, s, d in axes)

    def taps(self, counts: Sizes) -> list[tuple[slice, ...]]:
        """For every tap, in row-major order, the places of the padded input that it visits."""
        axes = zip(self.kernel, self.stride, self.dilation, counts, strict=True)
        return list(product(*([tap(k * d, s, n) for k in range(size)] for size, s, d, n in axes)))


def tap(offset: int, stride: int, count: int) -> slice:
    """The `count` places that one tap visits on its way along an axis."""
    return slice(offset, offset + stride * (count - 1) + 1, stride)


def grown(sizes: Sizes, pads: Pads) -> Sizes:
    """Sizes after padding."""
    return tuple(max(0, n + low + high) for n, (low, high) in zip(sizes, pads, strict=True))


def both(padding: Sizes) -> Pads:
    """The same padding on both ends of each axis."""
    return [(p, p) for p in padding]


def pad(x: np.ndarray, pads: Pads, value: float = 0) -> np.ndarray:
    """Widen the last axes of `x` by (low, high) places of `value`; a negative pad crops.

    Returns `x` itself where there is nothing to do.
    """
    if not any(low or high for low, high in pads):
        return x
    lead, sizes = x.shape[: -len(pads)], x.shape[-len(pads) :]
    shape = lead + grown(sizes, pads)
    out = memory.full(shape, value, x.dtype) if value else memory.zeros(shape, x.dtype)
    inside, outside = [], []
    for n, (low, high) in zip(sizes, pads, strict=True):
        first = max(0, -low)
        last = max(first, n - max(0, -high))
        inside.append(slice(first, last))
        outside.append(slice(max(0, low), max(0, low) + last - first))
    memory.copy_into(out[(..., *outside)], x[(..., *inside)])
    return out


def crop(x: np.ndarray, starts: Sizes, sizes: Sizes) -> np.ndarray:
    """The contiguous part of the last axes of `x` that begins at `starts` and has the given sizes."""
    part = tuple(slice(start, start + n) for start, n in zip(starts, sizes, strict=True))
    return memory.contiguous(x[(..., *part)])


def blocks(images: int, rows: int, row_bytes: int) -> Iterator[tuple[slice, slice]]:
    """Cut `images` x `rows` into pieces of about `BLOCK_BYTES`: whole images, or some rows of one image."""
    row_bytes = max(row_bytes, 1)
    together = max(1, min(images, BLOCK_BYTES // (rows * row_bytes)))
    # An image is cut only when far too large: each cut repeats the rows that two windows share.
    height = rows if rows * row_bytes <= 4 * BLOCK_BYTES else max(1, BLOCK_BYTES // row_bytes)
    for first in range(0, images, together):
        for top in range(0, rows, height):
            yield slice(first, min(images, first + together)), slice(top, min(rows, top + height))


def unfold(x: np.ndarray, window: Window, padding: Sizes) -> np.ndarray:
    """Every window as a column: (N, C, *sizes) -> (N, C * taps, windows)."""
    padded = pad(x, both(padding))
    counts = window.counts(padded.shape[2:])
    space = padded.strides[2:]
    steps = tuple(b * d for b, d in zip(space, window.dilation, strict=True))
    jumps = tuple(b * s for b, s in zip(space, window.stride, strict=True))
    shape, strides = x.shape[:2] + window.kernel + counts, padded.strides[:2] + steps + jumps
    view = as_strided(padded, shape, strides, writeable=False)
    return memory.contiguous(view).reshape(x.shape[0], x.shape[1] * prod(window.kernel), prod(counts))


def fold(columns: np.ndarray, sizes: Sizes, window: Window, padding: Sizes) -> np.ndarray:
    """The transpose of `unfold`: each column is added where its window lay; gives (N, C, *sizes)."""
    padded = grown(sizes, both(padding))
    counts, size = window.counts(padded), prod(window.kernel)
    channels = columns.shape[1] // size
    parts = columns.reshape(columns.shape[0], channels, size, *counts)
    out = memory.zeros((columns.shape[0], channels, *padded), columns.dtype)
    for k, places in enumerate(window.taps(counts)):
        add_into(out[(..., *places)], parts[:, :, k])
    return crop(out, padding, sizes)
