"""Pictures: from arrays of any layout to rows of pixels, and those to files."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import png
from ..events import messages
from . import boxes, gif
from .values import Values, array, numeric

COLUMNS = 8  # of a batch's grid


def image(tag: str, given: Any, layout: str) -> Values:
    """One picture, or a batch as a grid of 8 columns. See `laid_out` for what is taken."""
    data = laid_out(given, layout)
    return Values(lambda: [_value(tag, _pixels(data))], data.nbytes)


def with_boxes(tag: str, given: Any, corners: Any, layout: str, rescale: float, labels: Any) -> Values:
    """A picture with red rectangles [n, (left, top, right, bottom)], each with its label, then rescaled."""
    data, frames = laid_out(given, layout), numeric(corners, "add_image_with_boxes")
    if frames.ndim != 2 or frames.shape[1] != 4:
        raise ValueError(f"boxes have shape [n, 4] (left, top, right, bottom), but these {frames.shape}")
    if not (rescale > 0 and np.isfinite(rescale)):
        raise ValueError(f"rescale is {rescale}; it must be more than 0")
    texts = [labels] if isinstance(labels, str) else None if labels is None else [str(x) for x in labels]
    if texts is not None and len(texts) != len(frames):
        texts = None  # as PyTorch does

    def make() -> list[bytes]:
        pixels = boxes.drawn(_coloured(_pixels(data)), frames, texts)
        size = data.shape[:2]
        if rescale != 1:
            pixels = resized(pixels, int(size[0] * rescale), int(size[1] * rescale))
        return [messages.image(tag, (*size, pixels.shape[2]), png.encode(pixels))]

    return Values(make, data.nbytes)


def video(tag: str, given: Any, fps: float) -> Values:
    """[batch, time, channels, height, width] as an animated GIF; a batch as a grid of 2^k videos."""
    data = numeric(given, "add_video")
    if data.ndim != 5 or data.shape[2] not in (1, 3) or not data.size:
        raise ValueError(
            f"a video has shape [batch, time, channels (1 or 3), height, width], but this {data.shape}"
        )
    if not fps > 0:
        raise ValueError(f"fps is {fps}; it must be more than 0")

    def make() -> list[bytes]:
        frames = _coloured(_pixels(_tiled(data)))
        return [messages.image(tag, frames.shape[1:], gif.encode(frames, fps))]

    return Values(make, data.nbytes)


def figure_pixels(figure: Any, close: bool) -> np.ndarray:
    """A matplotlib figure as RGB, [height, width, 3]."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    pixels = np.array(canvas.buffer_rgba(), np.uint8)[:, :, :3]
    if close:
        from matplotlib import pyplot

        pyplot.close(figure)
    return pixels


def figures(given: Any, close: bool) -> np.ndarray:
    """One figure, or a list of equally large ones as a batch [n, height, width, 3]."""
    if not isinstance(given, list):
        return figure_pixels(given, close)
    pixels = [figure_pixels(figure, close) for figure in given]
    if len({x.shape for x in pixels}) != 1:
        raise ValueError("add_figure takes a list of figures of one size; set figsize and dpi")
    return np.stack(pixels)


def laid_out(given: Any, layout: str) -> np.ndarray:
    """A copy of a picture as [height, width, channels (1, 3 or 4)], still in its own dtype.

    layout: what the dimensions are, the letters of HW, HWC or NHWC in any order; a batch becomes a grid.
    """
    data = numeric(given, "add_image")
    letters = layout.upper()
    if sorted(letters) not in (["H", "W"], ["C", "H", "W"], ["C", "H", "N", "W"]):
        raise ValueError(
            f"dataformats is {layout!r}; it has the letters HW, CHW or NCHW, in the array's order"
        )
    if data.ndim != len(letters):
        raise ValueError(
            f"the image has {data.ndim} dimensions, {data.shape}, but dataformats={layout!r} {len(letters)}; "
            "name its dimensions: dataformats='HWC', 'CHW', 'HW' or 'NCHW'"
        )
    wanted = [letter for letter in "NHWC" if letter in letters]
    data = data.transpose([letters.index(letter) for letter in wanted])
    data = data[..., None] if "C" not in letters else data
    if data.shape[-1] not in ((1, 3) if "N" in letters else (1, 3, 4)) or not data.size:
        raise ValueError(
            f"an image has 1, 3 or 4 channels (in a batch 1 or 3) and some pixels, but with "
            f"dataformats={layout!r} this one of shape {array(given).shape} has {data.shape[-1]} channels"
        )
    return grid(data, COLUMNS) if "N" in letters else data


def grid(batch: np.ndarray, columns: int) -> np.ndarray:
    """[n, height, width, channels] side by side, row by row; what is left of the last row is zero."""
    count, height, width, channels = batch.shape
    columns = min(count, columns)
    rows = -(-count // columns)
    filled = np.zeros((rows * columns, height, width, channels), batch.dtype)
    filled[:count] = batch
    tiles = filled.reshape(rows, columns, height, width, channels).swapaxes(1, 2)
    return tiles.reshape(rows * height, columns * width, channels)


def _tiled(data: np.ndarray) -> np.ndarray:
    """Videos in a grid: [time, height, width, channels]. PyTorch's shape: their number a power of 2."""
    count = len(data)
    whole = 1 << (count - 1).bit_length()
    filled = np.zeros((whole, *data.shape[1:]), data.dtype)
    filled[:count] = data
    rows = 1 << (count.bit_length() - 1) // 2
    tiles = filled.reshape(rows, whole // rows, *data.shape[1:]).transpose(2, 0, 4, 1, 5, 3)
    time, _, height, _, width, channels = tiles.shape
    return tiles.reshape(time, rows * height, whole // rows * width, channels)


def _pixels(data: np.ndarray) -> np.ndarray:
    """uint8 as it is; of all other dtypes, 0 .. 1 becomes 0 .. 255. NaN is 0."""
    if data.dtype == np.uint8:
        return data
    scaled = np.nan_to_num(data.astype(np.float32) * 255, nan=0.0)
    return scaled.clip(0, 255).astype(np.uint8)


def _coloured(pixels: np.ndarray) -> np.ndarray:
    """Gray as RGB."""
    return np.repeat(pixels, 3, -1) if pixels.shape[-1] == 1 else pixels


def _value(tag: str, pixels: np.ndarray) -> bytes:
    return messages.image(tag, pixels.shape, png.encode(pixels))


def resized(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    """The picture in another size, by Lanczos' windowed sinc with three lobes."""
    across, down = _lanczos(pixels.shape[1], max(width, 1)), _lanczos(pixels.shape[0], max(height, 1))
    wide = np.einsum("wx,hxc->hwc", across, pixels.astype(np.float64)).round().clip(0, 255)
    return np.einsum("hy,ywc->hwc", down, wide).round().clip(0, 255).astype(np.uint8)


def _lanczos(old: int, new: int) -> np.ndarray:
    """[new, old]: the weight of each old pixel in each new one."""
    scale = old / new
    spread = max(scale, 1.0)  # when it becomes smaller, the window is as wide as what it stands for
    centre = (np.arange(new)[:, None] + 0.5) * scale
    t = (np.arange(old)[None] + 0.5 - centre) / spread
    weight = np.where(np.abs(t) < 3, np.sinc(t) * np.sinc(t / 3), 0.0)
    return weight / weight.sum(1, keepdims=True)


def sprite(pictures: np.ndarray) -> bytes:
    """A PNG of small pictures [n, channels, height, width] in a square of as many rows as columns."""
    columns = int(np.ceil(np.sqrt(len(pictures))))
    tiles = _coloured(_pixels(grid(pictures.transpose(0, 2, 3, 1), columns)))
    square = np.zeros((max(tiles.shape[:2]), tiles.shape[1], 3), np.uint8)
    square[: len(tiles)] = tiles
    return png.encode(square)
