"""PNG and animated PNG (PNG specification, third edition: https://www.w3.org/TR/png-3/), by zlib alone."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence

import numpy as np

MAGIC = b"\x89PNG\r\n\x1a\n"
COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}  # grey, grey and alpha, RGB, RGBA


def png(image: np.ndarray) -> bytes:
    """A PNG of H x W x C bytes, C being 1 to 4."""
    return MAGIC + _header(image) + _chunk(b"IDAT", _packed(image)) + _chunk(b"IEND", b"")


def animated(frames: Sequence[np.ndarray], seconds: float, loop: bool = True) -> bytes:
    """An animation of images of one size, each shown for some seconds; once, or over and over."""
    delay = struct.pack(">HH", max(1, min(65535, round(seconds * 1000))), 1000)
    parts = [MAGIC, _header(frames[0]), _chunk(b"acTL", struct.pack(">II", len(frames), 0 if loop else 1))]
    number = 0
    height, width = frames[0].shape[:2]
    for k, frame in enumerate(frames):
        place = struct.pack(">IIIII", number, width, height, 0, 0)
        parts.append(_chunk(b"fcTL", place + delay + b"\0\0"))
        number += 1
        if k == 0:
            parts.append(_chunk(b"IDAT", _packed(frame)))
        else:
            parts.append(_chunk(b"fdAT", struct.pack(">I", number) + _packed(frame)))
            number += 1
    return b"".join([*parts, _chunk(b"IEND", b"")])


def _header(image: np.ndarray) -> bytes:
    height, width, channels = image.shape
    return _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, COLOUR_TYPES[channels], 0, 0, 0))


def _packed(image: np.ndarray) -> bytes:
    """The rows, each as differences from the one above (filter 2), which suits pictures and is one pass."""
    height = image.shape[0]
    rows = np.ascontiguousarray(image, np.uint8).reshape(height, -1)
    filtered = np.empty((height, rows.shape[1] + 1), np.uint8)
    filtered[:, 0] = 2
    filtered[0, 1:] = rows[0]
    np.subtract(rows[1:], rows[:-1], out=filtered[1:, 1:])
    return zlib.compress(filtered.tobytes(), 4)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
