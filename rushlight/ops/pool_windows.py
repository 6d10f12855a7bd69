"""The arguments of pooling ops as windows: one (kernel, stride, padding, dilation) for each axis."""

from __future__ import annotations

from typing import Any

from ..arrays.bins import Bins, pooled_size, window_bins
from .spatial import Sizes, at_least, is_batched, per_axis

Windows = tuple[tuple[int, int, int, int], ...]


def bins_of(shape: Sizes, windows: Windows, ceil_mode: bool) -> list[Bins]:
    """The bins of the last axes of an array of this shape."""
    axes = zip(shape[-len(windows) :], windows, strict=True)
    return [window_bins(size, *window, ceil_mode) for size, window in axes]


def pooled_shape(input: Any, windows: Windows, ceil_mode: bool) -> Sizes:
    """The shape that pooling the last axes gives."""
    kept = len(input.shape) - len(windows)
    return (*input.shape[:kept], *(bins.count for bins in bins_of(input.shape, windows, ceil_mode)))


def windows_of(
    name: str, axes: int, input: Any, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool
) -> Windows:
    """The windows that a public pooling function is called with, checked against the input's sizes."""
    is_batched(name, input, axes)
    kernel = at_least(name, "kernel_size", per_axis(name, "kernel_size", kernel, axes), 1)
    stride = (
        kernel if stride is None or stride == () or stride == [] else per_axis(name, "stride", stride, axes)
    )
    padding = at_least(name, "padding", per_axis(name, "padding", padding, axes), 0)
    dilation = at_least(name, "dilation", per_axis(name, "dilation", dilation, axes), 1)
    windows = tuple(zip(kernel, at_least(name, "stride", stride, 1), padding, dilation, strict=True))
    for k, _, p, d in windows:
        if p > (d * (k - 1) + 1) // 2:
            raise RuntimeError(
                f"{name}: pad should be at most half of effective kernel size, but got pad={p}, "
                f"kernel_size={k} "
                f"and dilation={d}"
            )
    _check_sizes(name, tuple(input.shape), windows, ceil_mode)
    return windows


def _check_sizes(name: str, shape: Sizes, windows: Windows, ceil_mode: bool) -> None:
    sizes = shape[-len(windows) :]
    counts = [pooled_size(n, *window, ceil_mode) for n, window in zip(sizes, windows, strict=True)]
    if 0 in shape[-len(windows) - 1 :]:
        raise RuntimeError(f"{name}: only the batch may be empty, but got an input of size {list(shape)}")
    if min(counts) < 1:
        channels = shape[-len(windows) - 1]
        given, found = ("x".join(map(str, (channels, *n))) for n in (sizes, counts))
        raise RuntimeError(
            f"{name}: Given input size: ({given}). Calculated output size: ({found}). Output size is too "
            "small"
        )
