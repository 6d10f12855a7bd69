"""PNG files, animated ones too.

Source: Portable Network Graphics Specification, third edition, https://www.w3.org/TR/png-3.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from itertools import count

import numpy as np

_MAGIC = b"\x89PNG\r\n\x1a\n"
_COLOURS = {1: 0, 2: 4, 3: 2, 4: 6}  # PNG's colour type by the number of channels
BAND = 1 << 20  # bytes of pixels filtered at once
LEVEL = 6  # of zlib


def encode(pixels: np.ndarray) -> bytes:
    """The file of uint8 pixels, shape [height, width, channels]: gray, gray + alpha, RGB or RGBA."""
    return _MAGIC + _header(pixels) + _chunk(b"IDAT", _packed(pixels)) + _chunk(b"IEND", b"")


def animated(frames: Sequence[np.ndarray], seconds: float, loop: bool = True) -> bytes:
    """An animation of images of one size, each shown for some seconds; once, or over and over."""
    delay = struct.pack(">HH", max(1, min(65535, round(seconds * 1000))), 1000)
    parts = [_MAGIC, _header(frames[0]), _chunk(b"acTL", struct.pack(">II", len(frames), 0 if loop else 1))]
    height, width = frames[0].shape[:2]
    numbers = count()  # of the chunks that are an animation's alone
    for k, frame in enumerate(frames):
        place = struct.pack(">IIIII", next(numbers), width, height, 0, 0)
        parts.append(_chunk(b"fcTL", place + delay + b"\0\0"))
        data = _packed(frame)
        parts.append(_chunk(b"fdAT", struct.pack(">I", next(numbers)) + data) if k else _chunk(b"IDAT", data))
    return b"".join([*parts, _chunk(b"IEND", b"")])


def _header(pixels: np.ndarray) -> bytes:
    height, width, channels = pixels.shape
    return _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, _COLOURS[channels], 0, 0, 0))


def _packed(pixels: np.ndarray) -> bytes:
    """The rows, filtered and compressed."""
    height, width, channels = pixels.shape
    squeeze = zlib.compressobj(LEVEL)
    rows = max(1, BAND // max(1, width * channels))
    data = [squeeze.compress(_filtered(pixels, k, k + rows)) for k in range(0, height, rows)]
    return b"".join([*data, squeeze.flush()])


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _filtered(pixels: np.ndarray, start: int, stop: int) -> bytes:
    """Some rows, each with the filter before it that leaves the least sum of |differences|.

    That is the specification's advice (12.8); rows of a few colours stay as they are, which zlib likes more.
    """
    rows = pixels[start:stop]
    left, up = np.zeros_like(rows), np.zeros_like(rows)
    left[:, 1:] = rows[:, :-1]
    up[1:] = rows[:-1]
    up[0] = pixels[start - 1] if start else 0
    corner = np.zeros_like(rows)
    corner[:, 1:] = up[:, :-1]
    half = (left >> 1) + (up >> 1) + (left & up & 1)
    options = np.stack([rows, rows - left, rows - up, rows - half, rows - _paeth(left, up, corner)])
    cost = np.abs(options.view(np.int8).astype(np.int16)).sum((2, 3), np.int64)
    best = cost.argmin(0)
    plain = (
        (rows[:, 1:] == rows[:, :-1]).mean((1, 2)) > 0.5 if rows.shape[1] > 1 else np.ones(len(rows), bool)
    )
    best[plain & (best > 2)] = 0
    chosen = options[best, np.arange(len(rows))].reshape(len(rows), -1)
    return np.concatenate([best[:, None].astype(np.uint8), chosen], 1).tobytes()


def _paeth(left: np.ndarray, up: np.ndarray, corner: np.ndarray) -> np.ndarray:
    """Of the three neighbours, the one nearest to left + up - corner."""
    a, b, c = (x.astype(np.int16) for x in (left, up, corner))
    to_left, to_up, to_corner = np.abs(b - c), np.abs(a - c), np.abs(a + b - 2 * c)
    nearest = np.where(to_up <= to_corner, up, corner)
    return np.where((to_left <= to_up) & (to_left <= to_corner), left, nearest)
