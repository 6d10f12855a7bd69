"""Animated GIF files: one palette of up to 256 colours for all frames. Source: the GIF89a specification."""

from __future__ import annotations

import struct

import numpy as np

_BITS = 5  # of each channel by which colours are counted
_CELLS = 1 << 3 * _BITS


def encode(frames: np.ndarray, fps: float) -> bytes:
    """The file of uint8 frames, shape [time, height, width, 3], that repeats for ever."""
    height, width = frames.shape[1:3]
    palette, indices = quantized(frames)
    bits = max(2, (len(palette) - 1).bit_length())
    table = np.zeros((1 << bits, 3), np.uint8)
    table[: len(palette)] = palette
    delay = max(2, round(100 / fps))  # hundredths of a second; browsers take less than 2 for 10
    parts = [b"GIF89a", struct.pack("<HHBBB", width, height, 0xF0 | bits - 1, 0, 0), table.tobytes()]
    parts.append(b"\x21\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00")
    before = None
    for frame in indices:
        parts.append(struct.pack("<BBBBHBB", 0x21, 0xF9, 4, 1 << 2, delay, 0, 0))
        parts.append(_changed(frame, before, bits))
        before = frame
    return b"".join([*parts, b";"])


def _changed(frame: np.ndarray, before: np.ndarray | None, bits: int) -> bytes:
    """A picture of the rectangle that differs from the frame before, which stays below it."""
    top, bottom, left, right = 0, *frame.shape[:1], 0, *frame.shape[1:]
    if before is not None:
        differs = frame != before
        rows, columns = np.flatnonzero(differs.any(1)), np.flatnonzero(differs.any(0))
        top, bottom = (int(rows[0]), int(rows[-1]) + 1) if len(rows) else (0, 1)
        left, right = (int(columns[0]), int(columns[-1]) + 1) if len(columns) else (0, 1)
    place = struct.pack("<BHHHHB", 0x2C, left, top, right - left, bottom - top, 0)
    data = _lzw(frame[top:bottom, left:right].tobytes(), bits)
    blocks = [data[k : k + 255] for k in range(0, len(data), 255)]
    return place + bytes([bits]) + b"".join(bytes([len(b)]) + b for b in blocks) + b"\0"


def _lzw(pixels: bytes, bits: int) -> bytes:
    """Compressed as GIF does: codes of bits + 1 to 12 bits, the table begun anew when it is full."""
    clear = 1 << bits
    codes, sizes = [clear], [bits + 1]
    known: dict[int, int] = {}
    code, size, following = pixels[0], bits + 1, clear + 2
    for pixel in pixels[1:]:
        pair = code << 8 | pixel
        found = known.get(pair)
        if found is not None:
            code = found
            continue
        codes.append(code)
        sizes.append(size)
        code = pixel
        if following == 4096:
            codes.append(clear)
            sizes.append(size)
            known, size, following = {}, bits + 1, clear + 2
            continue
        known[pair] = following
        size += following >> size  # the reader knows this code one step later
        following += 1
    return _packed([*codes, code, clear + 1], [*sizes, size, _last(size, following)])


def _last(size: int, following: int) -> int:
    """The bits of the end's code: the reader has learnt of one more code by then."""
    return min(12, size + (following >> size))


def _packed(codes: list[int], sizes: list[int]) -> bytes:
    """Codes of these many bits each, one behind the other, low bits first."""
    code, size = np.array(codes, np.int64), np.array(sizes, np.int64)
    total = int(size.sum())
    owner = np.repeat(np.arange(len(code)), size)
    place = np.arange(total) - (np.cumsum(size) - size)[owner]
    return np.packbits((code[owner] >> place & 1).astype(np.uint8), bitorder="little").tobytes()


def quantized(frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A palette [k, 3] of at most 256 colours, exact if there are no more, and the index of each pixel."""
    flat = frames.reshape(-1, 3).astype(np.int32)
    packed = flat[:, 0] << 16 | flat[:, 1] << 8 | flat[:, 2]
    if len(found := np.unique(packed)) <= 256:
        palette = np.stack([found >> 16, found >> 8 & 255, found & 255], 1).astype(np.uint8)
        return palette, np.searchsorted(found, packed).astype(np.uint8).reshape(frames.shape[:3])
    part = flat >> 8 - _BITS
    cell = part[:, 0] << 2 * _BITS | part[:, 1] << _BITS | part[:, 2]
    count = np.bincount(cell, minlength=_CELLS)
    sums = np.stack([np.bincount(cell, flat[:, k], _CELLS) for k in range(3)], 1)
    used = np.flatnonzero(count)
    palette = _median_cut(sums[used] / count[used, None], count[used])
    nearest = np.zeros(_CELLS, np.uint8)
    nearest[used] = _nearest(sums[used] / count[used, None], palette)
    return palette, nearest[cell].reshape(frames.shape[:3])


def _median_cut(colours: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """256 colours that stand for these: boxes halved, the widest first (Heckbert 1982)."""
    boxes = [(_spread(colours, weight), np.arange(len(colours)))]
    while len(boxes) < 256:
        boxes.sort(key=lambda box: box[0])
        spread, members = boxes.pop()
        if len(members) < 2 or spread <= 0:
            boxes.append((0.0, members))
            break
        axis = np.ptp(colours[members], axis=0).argmax()
        members = members[np.argsort(colours[members, axis], kind="stable")]
        half = np.searchsorted(np.cumsum(weight[members]), weight[members].sum() / 2)
        half = min(max(int(half), 1), len(members) - 1)
        for one in (members[:half], members[half:]):
            boxes.append((_spread(colours[one], weight[one]), one))
    means = [np.average(colours[members], 0, weight[members]) for _, members in boxes]
    return np.round(means).astype(np.uint8)


def _spread(colours: np.ndarray, weight: np.ndarray) -> float:
    """The sum of squared distances from the mean."""
    return float((weight[:, None] * (colours - np.average(colours, 0, weight)) ** 2).sum())


def _nearest(colours: np.ndarray, palette: np.ndarray) -> np.ndarray:
    """The index of the palette's colour nearest to each."""
    p = palette.astype(np.float64)
    return ((p * p).sum(1) - 2 * colours @ p.T).argmin(1).astype(np.uint8)
