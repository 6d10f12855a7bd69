"""Convolution as matrix products over columns, one cache-sized block at a time.

The windows of a block become the columns of a matrix, so that a block costs one copy and one BLAS call.
Its pixels are ordered (row, image, rest): at stride 1 the rows that kernel row `i` meets are then one
contiguous part of the matrix, and the kernel's first axis need not be unfolded at all: one product per
kernel row on parts of the same matrix, and a fraction of the copying.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

import numpy as np
from numpy.lib.stride_tricks import as_strided

from .windows import Pads, Sizes, Window, blocks, grown, pad

# One product per kernel row pays only where the sums stay this long and the pixels outnumber the output
# channels so far: else thin products, and the copy that splits the weight, cost more (measured).
MIN_DEPTH = 24
MIN_PIXELS_PER_OUTPUT = 8


def correlate(x: np.ndarray, w: np.ndarray, window: Window, pads: Pads, groups: int) -> np.ndarray:
    """The convolution of x (N, C, *sizes) with w (O, C / groups, *kernel)."""
    if len(pads) == 1:
        return correlate(_row(x), _row(w), *_row_window(window, pads), groups)[:, :, 0]
    layout = Columns(x, w.shape[0], window, pads, groups)
    y = np.empty((x.shape[0], w.shape[0], *layout.counts), np.result_type(x, w))
    factors = layout.split_kernel(w)
    for images, rows in layout.blocks():
        parts = layout.matrices(images, rows)
        total = np.matmul(factors[0], parts[0])
        for factor, part in zip(factors[1:], parts[1:], strict=True):
            total += np.matmul(factor, part)
        y[images, :, rows] = layout.pixels_last(total, images, rows)
    return y


def weights(x: np.ndarray, g: np.ndarray, window: Window, pads: Pads, groups: int) -> np.ndarray:
    """The gradient (O, C / groups, *kernel) that the output cotangent g (N, O, *counts) gives the weight."""
    if len(pads) == 1:
        return weights(_row(x), _row(g), *_row_window(window, pads), groups)[:, :, 0]
    layout = Columns(x, g.shape[1], window, pads, groups)
    shape = (groups, g.shape[1] // groups, layout.depth)
    totals = [np.zeros(shape, np.result_type(x, g)) for _ in layout.slides]
    for images, rows in layout.blocks():
        cotangent = layout.pixels_first(g[images, :, rows])
        for total, part in zip(totals, layout.matrices(images, rows), strict=True):
            total += np.matmul(cotangent, part.swapaxes(-1, -2))
    return layout.join_kernel(totals)


def spread(g: np.ndarray, w: np.ndarray, window: Window, groups: int, padded: Sizes) -> np.ndarray:
    """The transposed convolution of g (N, O, *counts): every product is added where its tap lay."""
    counts, places = g.shape[2:], window.taps(g.shape[2:])
    outputs, channels, depth = w.shape[0] // groups, w.shape[1] * groups, w.shape[1] * len(places)
    out = np.zeros((g.shape[0], channels, *padded), np.result_type(g, w))
    factor = np.ascontiguousarray(w.reshape(groups, outputs, depth).swapaxes(1, 2))
    cotangents = g.reshape(g.shape[0], groups, outputs, prod(counts))
    for images, _ in blocks(g.shape[0], 1, groups * depth * prod(counts) * g.itemsize):
        products = np.matmul(factor, cotangents[images])
        products = products.reshape(products.shape[0], channels, len(places), *counts)
        for k, place in enumerate(places):
            out[(images, slice(None), *place)] += products[:, :, k]
    return out


class Columns:
    """The columns of x (N, C, *sizes) with two spatial axes or more, by blocks of images and output rows."""

    def __init__(self, x: np.ndarray, outputs: int, window: Window, pads: Pads, groups: int) -> None:
        self.x, self.outputs, self.window, self.pads, self.groups = x, outputs, window, pads, groups
        self.counts = window.counts(grown(x.shape[2:], pads))
        self.channels = x.shape[1] // groups
        kernel, slides = window.kernel, self._slides()
        #: The rows of a block at which its products start: one per kernel row, or only 0 if all is unfolded.
        self.slides = [k * window.dilation[0] for k in range(kernel[0])] if slides else [0]
        self.unfolded = (1, *kernel[1:]) if slides else kernel
        #: The number of rows of each matrix: the length of the sums in a product.
        self.depth = self.channels * prod(self.unfolded)

    def _slides(self) -> bool:
        pixels, depth = self.x.shape[0] * prod(self.counts), self.channels * prod(self.window.kernel[1:])
        many = pixels * self.groups >= MIN_PIXELS_PER_OUTPUT * self.outputs
        return self.window.stride[0] == 1 and many and depth >= MIN_DEPTH

    def blocks(self) -> Iterator[tuple[slice, slice]]:
        """The (images, rows) of each block."""
        row_bytes = self.groups * self.depth * prod(self.counts[1:]) * self.x.itemsize
        return blocks(self.x.shape[0], self.counts[0], row_bytes)

    def matrices(self, images: slice, rows: slice) -> list[np.ndarray]:
        """The block's matrices (groups, depth, pixels), one for each slide."""
        height = rows.stop - rows.start
        view = self._view(pad(self.x[images], self.pads), rows.start, height + self.slides[-1])
        full = np.ascontiguousarray(view).reshape(self.groups, self.depth, -1)
        width = (images.stop - images.start) * prod(self.counts[1:])
        return [full[:, :, start * width : (start + height) * width] for start in self.slides]

    def _view(self, padded: np.ndarray, top: int, height: int) -> np.ndarray:
        """The windows of some rows as (groups, channels, *unfolded, height, images, *other counts)."""
        image, channel, *space = padded.strides
        steps = [b * d for b, d in zip(space, self.window.dilation, strict=True)]
        jumps = [b * s for b, s in zip(space, self.window.stride, strict=True)]
        shape = (self.groups, self.channels, *self.unfolded, height, padded.shape[0], *self.counts[1:])
        strides = (channel * self.channels, channel, *steps, jumps[0], image, *jumps[1:])
        start = padded[:, :, top * self.window.stride[0] :]
        return as_strided(start, shape, strides, writeable=False)

    def split_kernel(self, w: np.ndarray) -> list[np.ndarray]:
        """The weight as matrices (groups, O / groups, depth), one for each slide."""
        shape = (self.groups, self.outputs // self.groups, self.depth)
        parts = [w] if len(self.slides) == 1 else [w[:, :, k] for k in range(len(self.slides))]
        return [np.ascontiguousarray(part).reshape(shape) for part in parts]

    def join_kernel(self, totals: list[np.ndarray]) -> np.ndarray:
        """The inverse of `split_kernel`: (O, channels, *kernel)."""
        parts = [total.reshape(self.outputs, self.channels, *self.unfolded) for total in totals]
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=2)

    def pixels_last(self, total: np.ndarray, images: slice, rows: slice) -> np.ndarray:
        """A product (groups, O / groups, pixels) as (images, O, rows, *other counts)."""
        height, count = rows.stop - rows.start, images.stop - images.start
        return np.moveaxis(total.reshape(self.outputs, height, count, *self.counts[1:]), 2, 0)

    def pixels_first(self, g: np.ndarray) -> np.ndarray:
        """(images, O, rows, *other counts) as the matrix (groups, O / groups, pixels)."""
        ordered = np.ascontiguousarray(np.moveaxis(g, 0, 2))
        return ordered.reshape(self.groups, self.outputs // self.groups, -1)


def _row(x: np.ndarray) -> np.ndarray:
    """One spatial axis as two: a row axis of size 1 keeps the pixels of a block contiguous."""
    return x[:, :, None]


def _row_window(window: Window, pads: Pads) -> tuple[Window, Pads]:
    return Window((1, *window.kernel), (1, *window.stride), (1, *window.dilation)), [(0, 0), *pads]
