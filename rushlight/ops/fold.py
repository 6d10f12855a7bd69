"""Windows as columns and back, and channels exchanged with pixels."""

from __future__ import annotations

from math import prod
from typing import Any

from ..arrays.windows import Window, both, grown
from ..arrays.windows import fold as fold_array
from ..arrays.windows import unfold as unfold_array
from .declare import Op, composite, primitive
from .spatial import Sizes, at_least, is_batched, per_axis
from .views import permute, reshape, squeeze, unsqueeze

Array = Any


@primitive(forms="", under="internal")
def im2col(input: Array, /, window: tuple[Sizes, Sizes, Sizes], padding: Sizes) -> Array:
    """The windows of (N, C, *sizes) as columns (N, C·taps, windows); window: kernel, stride, dilation."""
    return unfold_array(input, Window(*window), padding)


@primitive(forms="", under="internal")
def col2im(input: Array, /, sizes: Sizes, window: tuple[Sizes, Sizes, Sizes], padding: Sizes) -> Array:
    """The transpose of im2col: columns (N, C·taps, windows) summed where they overlap, to (N, C, *sizes)."""
    return fold_array(input, sizes, Window(*window), padding)


im2col.vjp(input=lambda g, input_shape, window, padding: col2im(g, tuple(input_shape[2:]), window, padding))
col2im.vjp(input=lambda g, window, padding: im2col(g, window, padding))


def _unfold(input: Array, /, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Array:
    """The windows of (N, C, H, W) as columns: (N, C·kH·kW, windows)."""
    batched = is_batched("unfold", input, 2)
    window, padding = _window("unfold", kernel_size, dilation, padding, stride)
    sizes = tuple(input.shape[-2:])
    counts = window.counts(grown(sizes, both(padding)))
    if min(counts) < 1:
        raise RuntimeError(
            f"unfold: Given input with spatial size {sizes}, kernel_size={window.kernel}, "
            f"dilation={window.dilation}, "
            f"padding={padding}, calculated shape of the array of sliding blocks as {counts}, but its "
            "components must "
            f"be at least one."
        )
    columns = im2col(input if batched else unsqueeze(input, 0), tuple(window), padding)
    return columns if batched else squeeze(columns, 0)


unfold = composite(_unfold, name="unfold2d", forms="", under="internal", aliases=("nn.functional.unfold",))


def _over_images(op: Op, size: int, values: list[Any], flags: list[bool], options: dict[str, Any]) -> Any:
    """The batching rule: a batch of batches of images is one batch of images."""
    x, *rest = values
    y = op(reshape(x, (size * int(x.shape[1]), *x.shape[2:])), *rest, **options)
    return reshape(y, (size, int(x.shape[1]), *y.shape[1:]))


im2col.batch(_over_images)
col2im.batch(_over_images)


@composite(forms="", under="nn.functional")
def fold(
    input: Array, /, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1
) -> Array:
    """Columns (N, C·kH·kW, windows) summed where they overlap: (N, C, *output_size)."""
    batched = is_batched("fold", input, 1)
    window, padding = _window("fold", kernel_size, dilation, padding, stride)
    sizes = per_axis("fold", "output_size", output_size, 2)
    _check_columns(tuple(input.shape), sizes, window, padding)
    image = col2im(input if batched else unsqueeze(input, 0), sizes, tuple(window), padding)
    return image if batched else squeeze(image, 0)


def _window(name: str, kernel: Any, dilation: Any, padding: Any, stride: Any) -> tuple[Window, Sizes]:
    window = Window(
        at_least(name, "kernel_size", per_axis(name, "kernel_size", kernel, 2), 1),
        at_least(name, "stride", per_axis(name, "stride", stride, 2), 1),
        at_least(name, "dilation", per_axis(name, "dilation", dilation, 2), 1),
    )
    return window, at_least(name, "padding", per_axis(name, "padding", padding, 2), 0)


def _check_columns(shape: Sizes, sizes: Sizes, window: Window, padding: Sizes) -> None:
    if shape[-2] % prod(window.kernel):
        raise RuntimeError(
            "fold: Expected size of input's dimension 1 to be divisible by the product of kernel_size, but "
            "got "
            f"input.size(1)={shape[-2]} and kernel_size={window.kernel}."
        )
    counts = window.counts(grown(sizes, both(padding)))
    if min(counts) < 1 or shape[-1] != prod(counts):
        raise RuntimeError(
            f"fold: Given output_size={sizes}, kernel_size={window.kernel}, dilation={window.dilation}, "
            f"padding={padding}, stride={window.stride}, expected size of input's dimension 2 to match the "
            "calculated "
            f"number of sliding blocks {' * '.join(map(str, counts))} = {prod(counts)}, but got "
            f"input.size(2)={shape[-1]}."
        )


@composite(forms="", under="nn.functional", aliases=("pixel_shuffle",))
def pixel_shuffle(input: Array, /, upscale_factor: int) -> Array:
    """(*, C·r², H, W) to (*, C, H·r, W·r): each group of r² channels becomes the pixels of an r x r block."""
    *lead, channels, height, width = _image("pixel_shuffle", input, upscale_factor, "upscale_factor")
    r = upscale_factor
    if channels % (r * r):
        raise RuntimeError(
            "pixel_shuffle: pixel_shuffle expects its input's 'channel' dimension to be divisible by the "
            "square of "
            f"upscale_factor, but input.size(-3)={channels} is not divisible by {r * r}"
        )
    n = len(lead)
    blocks = reshape(input, (*lead, channels // (r * r), r, r, height, width))
    woven = permute(blocks, (*range(n), n, n + 3, n + 1, n + 4, n + 2))
    return reshape(woven, (*lead, channels // (r * r), height * r, width * r))


@composite(forms="", under="nn.functional", aliases=("pixel_unshuffle",))
def pixel_unshuffle(input: Array, /, downscale_factor: int) -> Array:
    """(*, C, H·r, W·r) to (*, C·r², H, W): the inverse of pixel_shuffle."""
    *lead, channels, height, width = _image("pixel_unshuffle", input, downscale_factor, "downscale_factor")
    r = downscale_factor
    for what, size, dim in (("height", height, -2), ("width", width, -1)):
        if size % r:
            raise RuntimeError(
                f"pixel_unshuffle: pixel_unshuffle expects {what} to be divisible by downscale_factor, but "
                f"input.size({dim})={size} is not divisible by {r}"
            )
    n = len(lead)
    blocks = reshape(input, (*lead, channels, height // r, r, width // r, r))
    parted = permute(blocks, (*range(n), n, n + 2, n + 4, n + 1, n + 3))
    return reshape(parted, (*lead, channels * r * r, height // r, width // r))


@composite(forms="", under="nn.functional", aliases=("channel_shuffle", "native_channel_shuffle"))
def channel_shuffle(input: Array, /, groups: int) -> Array:
    """(N, g·c, *) with its channels in the order of (N, c·g, *): one from each group in turn."""
    batch, channels, *sizes = _channels(input)
    if groups <= 0 or channels % groups:
        raise RuntimeError(
            f"channel_shuffle: Number of channels must be divisible by groups. Got {channels} channels and "
            f"{groups} groups."
        )
    parted = reshape(input, (batch, groups, channels // groups, *sizes))
    return reshape(permute(parted, (0, 2, 1, *range(3, 3 + len(sizes)))), (batch, channels, *sizes))


def _channels(input: Any) -> Sizes:
    shape = tuple(input.shape)
    if len(shape) < 3:
        raise RuntimeError(
            "channel_shuffle: channel_shuffle expects input with > 2 dims, but got input with sizes "
            f"{list(shape)}"
        )
    return shape


def _image(name: str, input: Any, factor: int, what: str) -> Sizes:
    shape = tuple(input.shape)
    if len(shape) < 3:
        raise RuntimeError(
            f"{name}: {name} expects input to have at least 3 dimensions, but got input with {len(shape)} "
            "dimension(s)"
        )
    if factor <= 0:
        raise RuntimeError(f"{name}: {name} expects a positive {what}, but got {factor}")
    return shape
