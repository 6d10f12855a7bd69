"""Convolution of any number of spatial axes, and its gradients, on NumPy.

One trilinear form holds them all (per group, `q = p * stride + k * dilation - padding`):

    T(x, w, g) = sum over n, o, c, p, k of  g[n, o, p] * w[o, c, k] * x[n, c, q]

Its partial derivatives are the convolution (by g), the input gradient, which is the transposed
convolution (by x), and the weight gradient (by w).  So the vjp of each of the three is made of the other
two, and double backward needs nothing more:

    y = convolution(x, w)       dx = input_gradient(dy, w)      dw = weight_gradient(x, dy)
    x = input_gradient(g, w)    dg = convolution(dx, w)         dw = weight_gradient(dx, g)
    w = weight_gradient(x, g)   dx = input_gradient(g, dw)      dg = convolution(x, dw)

Routes: 1x1 is one matrix product per image; depthwise is a sum over taps (`depthwise.py`); all else is a
matrix product per block of columns (`columns.py`).  Half types are widened to float32, and rounded once.
Where machine code may be used, `kernels/conv.py` does the float types; a window that is the whole input is a
product (`one_window.py`).
"""

from __future__ import annotations

from math import prod
from typing import NamedTuple

import numpy as np

from ..kernels import conv, conv_last
from ..kernels.images import is_last, to_first, to_last
from . import columns, depthwise, one_window
from .converting import converted
from .copying import row_major
from .halves import is_half, wide
from .windows import Pads, Sizes, Window, both, crop, grown, pad


class Geometry(NamedTuple):
    """How windows move over the input: one number per spatial axis, and the number of channel groups."""

    stride: Sizes
    padding: Sizes
    dilation: Sizes
    groups: int = 1

    def window(self, kernel: Sizes) -> Window:
        """The sliding window of a kernel of these sizes."""
        return Window(kernel, self.stride, self.dilation)

    def output_sizes(self, sizes: Sizes, kernel: Sizes) -> Sizes:
        """Spatial sizes of the convolution's output; zero or less where the kernel does not fit."""
        return self.window(kernel).counts(tuple(n + 2 * p for n, p in zip(sizes, self.padding, strict=True)))

    def pads(self, sizes: Sizes, kernel: Sizes, counts: Sizes) -> Pads:
        """The padding for `counts` outputs: what exceeds their windows is cropped.

        More input than the windows need is no accident: a transposed convolution may be given any size (its
        output_padding) up to the next that has more windows, and, where dilated, beyond.
        """
        if counts == self.output_sizes(sizes, kernel):
            return both(self.padding)
        axes = zip(sizes, kernel, counts, self.stride, self.padding, self.dilation, strict=True)
        return [(p, (count - 1) * s + d * (k - 1) + 1 - n - p) for n, k, count, s, p, d in axes]

    def transposed_sizes(self, sizes: Sizes, kernel: Sizes, output_padding: Sizes) -> Sizes:
        """Spatial sizes of the transposed convolution's output for an input of spatial `sizes`."""
        axes = zip(sizes, kernel, self.stride, self.padding, self.dilation, output_padding, strict=True)
        return tuple((n - 1) * s - 2 * p + d * (k - 1) + extra + 1 for n, k, s, p, d, extra in axes)


def convolution(
    x: np.ndarray,
    w: np.ndarray,
    geometry: Geometry,
    counts: Sizes | None = None,
    bias: np.ndarray | None = None,
) -> np.ndarray:
    """y[n, o, p] = bias[o] + sum over c, k of w[o, c, k] x[n, c, q]; x (N, C, *sizes).

    w is (O, C / groups, *kernel); `counts` asks for fewer outputs along each axis than there are windows.
    """
    if is_half(x):
        y = convolution(wide(x), wide(w), geometry, counts, None if bias is None else wide(bias))
        return converted(y, x.dtype)
    counts = counts or geometry.output_sizes(x.shape[2:], w.shape[2:])
    y = one_window.convolution(x, w, bias, geometry.padding, geometry.groups)
    if y is not None:
        return y
    if conv.suits(x, w):
        return _by_kernel(x, w, bias, geometry, counts, False)
    return _biased(_correlate(x, w, geometry, geometry.pads(x.shape[2:], w.shape[2:], counts)), bias)


def transposed_convolution(
    x: np.ndarray, w: np.ndarray, geometry: Geometry, output_padding: Sizes
) -> np.ndarray:
    """The input gradient of the size that `output_padding` selects; w is (C, O / groups, *kernel)."""
    sizes = geometry.transposed_sizes(x.shape[2:], w.shape[2:], output_padding)
    return input_gradient(x, w, geometry, sizes)


def input_gradient(
    g: np.ndarray, w: np.ndarray, geometry: Geometry, sizes: Sizes, bias: np.ndarray | None = None
) -> np.ndarray:
    """dx[n, c, q] = bias[c] + sum over o, k of w[o, c, k] g[n, o, p]; g (N, O, *counts) -> (N, C, *sizes)."""
    if is_half(g):
        dx = input_gradient(wide(g), wide(w), geometry, sizes, None if bias is None else wide(bias))
        return converted(dx, g.dtype)
    if bias is None:
        dx = one_window.input_gradient(g, w, geometry.padding, geometry.groups, sizes)
        if dx is not None:
            return dx
    if conv.suits(g, w):
        return _by_kernel(g, w, bias, geometry, sizes, True)
    return _biased(_spread(g, w, geometry, sizes), bias)


def _biased(y: np.ndarray, bias: np.ndarray | None) -> np.ndarray:
    """y, which is ours, with a number added to each channel."""
    if bias is not None:
        y += bias.reshape(-1, *(1 for _ in y.shape[2:]))
    return y


def weight_gradient(x: np.ndarray, g: np.ndarray, geometry: Geometry, kernel: Sizes) -> np.ndarray:
    """dw[o, c, k] = sum over n, p of g[n, o, p] x[n, c, q]; gives (O, C / groups, *kernel)."""
    if is_half(x):
        return converted(weight_gradient(wide(x), wide(g), geometry, kernel), x.dtype)
    dw = one_window.weight_gradient(x, g, geometry.padding, geometry.groups, kernel)
    if dw is not None:
        return dw
    if conv.suits(x, g):
        return _weights_by_kernel(x, g, geometry, kernel)
    return _pair(x, g, geometry, kernel)


def _by_kernel(
    x: np.ndarray, w: np.ndarray, bias: np.ndarray | None, geometry: Geometry, counts: Sizes, transposed: bool
) -> np.ndarray:
    """Images with channels last give such again."""
    w = w if w.flags.c_contiguous else row_major(w)
    if is_last(x):
        y = conv_last.convolve(x, w, bias, geometry, counts, transposed)
        if y is not None:
            return y
    x = x if x.flags.c_contiguous else row_major(x)
    return conv.convolve(x, w, bias, geometry, counts, transposed)


def _weights_by_kernel(x: np.ndarray, g: np.ndarray, geometry: Geometry, kernel: Sizes) -> np.ndarray:
    if is_last(x):
        given = g if is_last(g) else to_first(row_major(to_last(g)))
        dw = conv_last.weight_gradient(x, given, geometry, kernel)
        if dw is not None:
            return dw
    x, g = (a if a.flags.c_contiguous else row_major(a) for a in (x, g))
    return conv.weight_gradient(x, g, geometry, kernel)


def _is_depthwise(channels: int, groups: int) -> bool:
    return groups == channels and groups > 1


def _is_pointwise(kernel: Sizes, stride: Sizes, pads: Pads) -> bool:
    unit = all(n == 1 for n in (*kernel, *stride))
    return unit and not any(low or high for low, high in pads)


def _correlate(x: np.ndarray, w: np.ndarray, geometry: Geometry, pads: Pads) -> np.ndarray:
    window, groups = geometry.window(w.shape[2:]), geometry.groups
    if _is_pointwise(window.kernel, window.stride, pads):
        return _mix_channels(w, x, groups)
    if _is_depthwise(x.shape[1], groups):
        return depthwise.correlate(pad(x, pads), w, window)
    return columns.correlate(x, w, window, pads, groups)


def _spread(g: np.ndarray, w: np.ndarray, geometry: Geometry, sizes: Sizes) -> np.ndarray:
    window, groups = geometry.window(w.shape[2:]), geometry.groups
    if all(s == 1 for s in window.stride):
        return _correlate(g, _mirrored(w, groups), geometry, _mirrored_pads(g, w, geometry, sizes))
    padded = grown(sizes, both(geometry.padding))
    if _is_depthwise(w.shape[1] * groups, groups):
        return crop(depthwise.spread(g, w, window, groups, padded), geometry.padding, sizes)
    return crop(columns.spread(g, w, window, groups, padded), geometry.padding, sizes)


def _pair(x: np.ndarray, g: np.ndarray, geometry: Geometry, kernel: Sizes) -> np.ndarray:
    window, groups = geometry.window(kernel), geometry.groups
    pads = geometry.pads(x.shape[2:], kernel, g.shape[2:])
    if _is_depthwise(x.shape[1], groups):
        return depthwise.weights(pad(x, pads), g, window)
    return columns.weights(x, g, window, pads, groups)


def _mix_channels(w: np.ndarray, x: np.ndarray, groups: int) -> np.ndarray:
    """The 1x1 convolution: w (O, C / groups) times x (N, C, *sizes), group by group."""
    images, sizes = x.shape[0], x.shape[2:]
    pixels = x.reshape(images, groups, w.shape[1], prod(sizes))
    y = np.matmul(w.reshape(groups, w.shape[0] // groups, w.shape[1]), pixels)
    return y.reshape(images, w.shape[0], *sizes)


def _mirrored(w: np.ndarray, groups: int) -> np.ndarray:
    """The kernel that makes a stride-1 input gradient a convolution: mirrored, channels exchanged."""
    outputs, inputs, kernel = w.shape[0], w.shape[1], w.shape[2:]
    mirrored = w[(slice(None), slice(None), *(slice(None, None, -1) for _ in kernel))]
    grouped = mirrored.reshape(groups, outputs // groups, inputs, *kernel).swapaxes(1, 2)
    return grouped.reshape(groups * inputs, outputs // groups, *kernel)


def _mirrored_pads(g: np.ndarray, w: np.ndarray, geometry: Geometry, sizes: Sizes) -> Pads:
    """The pads that give the mirrored convolution of g these sizes; negative where padding was wide."""
    pads = []
    axes = zip(g.shape[2:], sizes, w.shape[2:], geometry.padding, geometry.dilation, strict=True)
    for count, size, k, p, d in axes:
        low = d * (k - 1) - p
        pads.append((low, size + d * (k - 1) - count - low))
    return pads
