"""PNG and GIF files read back by Pillow."""

import io

import numpy as np
import pytest

from rushlight.board import png
from rushlight.board.writer import boxes, gif, images

Image = pytest.importorskip("PIL.Image")


def pictures():
    rng = np.random.default_rng(0)
    yield "noise", rng.integers(0, 256, (17, 23, 4)).astype(np.uint8)
    y, x, c = np.mgrid[:150, :200, :4]
    yield "smooth", (127 + 60 * np.sin(x / 20) + 60 * np.cos(y / 30) + c).astype(np.uint8)
    yield "steps", (x // 16 * 16).astype(np.uint8)
    yield "one pixel", np.array([[[1, 2, 3, 4]]], np.uint8)
    yield "tall", rng.integers(0, 9, (3000, 1, 4)).astype(np.uint8)


PICTURES = dict(pictures())


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("picture", PICTURES.values(), ids=PICTURES)
def test_png(picture, channels, monkeypatch):
    pixels = picture[:, :, :channels]
    for band in (1, 1000, png.BAND):  # rows filtered at once
        monkeypatch.setattr(png, "BAND", band)
        file = Image.open(io.BytesIO(png.encode(pixels)))
        assert file.mode == ["L", "LA", "RGB", "RGBA"][channels - 1]
        np.testing.assert_array_equal(np.asarray(file).reshape(pixels.shape), pixels)


def test_png_is_as_small_as_pillows():
    for name in ("smooth", "steps"):
        pixels = PICTURES[name][:, :, :3]
        theirs = io.BytesIO()
        Image.fromarray(pixels).save(theirs, "PNG")
        assert len(png.encode(pixels)) < 1.2 * len(theirs.getvalue())


def frames_of(data):
    from PIL import ImageSequence

    file = Image.open(io.BytesIO(data))
    return file, [np.asarray(frame.convert("RGB")) for frame in ImageSequence.Iterator(file)]


@pytest.mark.parametrize("colours", [1, 2, 3, 17, 256])
def test_gif_of_few_colours_is_exact(colours):
    rng = np.random.default_rng(colours)
    palette = rng.permutation(1 << 24)[:colours]
    indices = rng.integers(0, colours, (5, 40, 60))
    frames = np.stack([palette >> 16, palette >> 8 & 255, palette & 255], 1).astype(np.uint8)[indices]
    frames[2:4, 5:20, 7:30] = frames[0, 5:20, 7:30]  # parts that stay
    file, found = frames_of(gif.encode(frames, 10))
    assert file.info["duration"] == 100 and file.info["loop"] == 0
    if colours > 1:  # Pillow joins equal frames
        np.testing.assert_array_equal(np.stack(found), frames)
    else:
        np.testing.assert_array_equal(found[0], frames[0])


def test_gif_of_long_runs_and_full_tables():
    rng = np.random.default_rng(0)
    frames = np.zeros((2, 300, 300, 3), np.uint8)
    frames[1, :, :, 0] = rng.integers(0, 200, (300, 300))  # more codes than a table takes
    _, found = frames_of(gif.encode(frames, 30))
    np.testing.assert_array_equal(np.stack(found), frames)


def test_gif_of_many_colours_is_near():
    y, x, t = np.mgrid[:48, :64, :3]
    frames = np.stack([x * 4, y * 5, (x + y) * 2 + t], -1).transpose(2, 0, 1, 3).astype(np.uint8)
    _, found = frames_of(gif.encode(frames, 4))
    error = np.abs(np.stack(found).astype(int) - frames)
    assert error.mean() < 6 and error.max() < 64


def test_resized_like_pillow():
    pixels = PICTURES["smooth"][:, :, :3]
    for height, width in ((75, 100), (300, 400), (31, 350)):
        theirs = np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.LANCZOS))
        assert np.abs(images.resized(pixels, height, width).astype(int) - theirs).max() <= 1


@pytest.mark.parametrize("box", [[-5, -5, 100, 100], [50, 50, 60, 60], [3, 3, 3, 3], [9, 9, 2, 2]])
def test_boxes_may_lie_outside(box):
    pixels = np.zeros((20, 30, 3), np.uint8)
    out = boxes.drawn(pixels, np.array([box], np.float32), ["a label that is longer than the picture"])
    assert out.shape == pixels.shape and not pixels.any()


def test_letters_are_readable():
    ink = boxes.lettered("L")
    assert ink.shape == (8, 6) and ink[:7, 0].all() and ink[6, :5].all() and ink.sum() == 11
    assert (boxes.lettered("é") == boxes.lettered("?")).all()
