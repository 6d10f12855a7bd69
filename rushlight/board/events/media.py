"""Pictures, sounds and films in events: their bytes as they were written, and what these say of themselves.

Nothing is decoded: type and size are read from the first bytes, so that a picture that unfolds to
gigabytes costs what it takes on the disk.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from ...io import protobuf
from .decoding import Value, decode_tensor

MOST_ITEMS = 64  # of one step


class Item(NamedTuple):
    """One picture, sound or film: its bytes, what they are ("" if nothing we show), width and height or 0."""

    data: bytes
    type: str
    width: int = 0
    height: int = 0
    label: str = ""


_STARTS = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"BM", "image/bmp"),
    (b"\x1a\x45\xdf\xa3", "video/webm"),
    (b"OggS", "audio/ogg"),
    (b"fLaC", "audio/flac"),
    (b"ID3", "audio/mpeg"),
    (b"\xff\xfb", "audio/mpeg"),
)
_RIFF = {b"WEBP": "image/webp", b"WAVE": "audio/wav"}
_FTYP = {b"avif": "image/avif", b"M4A ": "audio/mp4"}


def sniffed(data: bytes) -> str:
    """The media type that the first bytes show, of those a page may be given; "" for anything else.

    SVG and HTML are not among them: they can hold scripts.
    """
    if data[:4] == b"RIFF":
        return _RIFF.get(data[8:12], "")
    if data[4:8] == b"ftyp":
        return _FTYP.get(data[8:12], "video/mp4")
    return next((kind for start, kind in _STARTS if data.startswith(start)), "")


def size(data: bytes, kind: str) -> tuple[int, int]:
    """(width, height) in pixels as a picture's head says; (0, 0) where it doesn't."""
    read = {"image/png": _png, "image/gif": _gif, "image/bmp": _bmp, "image/jpeg": _jpeg, "image/webp": _webp}
    try:
        return read[kind](data)
    except (KeyError, struct.error, IndexError):
        return 0, 0


def _png(data: bytes) -> tuple[int, int]:
    return struct.unpack_from(">II", data, 16)


def _gif(data: bytes) -> tuple[int, int]:
    return struct.unpack_from("<HH", data, 6)


def _bmp(data: bytes) -> tuple[int, int]:
    width, height = struct.unpack_from("<ii", data, 18)
    return abs(width), abs(height)


def _jpeg(data: bytes) -> tuple[int, int]:
    """From the first frame header (SOF0-SOF15 without DHT, JPG, DAC)."""
    at = 2
    while data[at] == 0xFF:
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4])
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack_from(">HH", data, at + 5)
            return width, height
        at += 2 + max(length, 2)
    return 0, 0


def _webp(data: bytes) -> tuple[int, int]:
    kind = data[12:16]
    if kind == b"VP8X":
        return int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1
    if kind == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    width, height = struct.unpack_from("<HH", data, 26)
    return width & 0x3FFF, height & 0x3FFF


def item(data: bytes, label: str = "") -> Item:
    """Bytes, with what they say of themselves."""
    kind = sniffed(data)
    return Item(data, kind, *size(data, kind), label)


def items(value: Value) -> list[Item]:
    """What a value of the images, audio or video plugin holds. Raises ValueError if it is malformed.

    Image {encoded 4}, Audio {encoded 4}; tensors of strings: images [width, height, encoded ...], audio
    [k, 2] of (encoded, label), video [encoded ...].
    """
    if not isinstance(value.data, bytes):
        raise ValueError("a picture or sound is a message, not a number")
    if value.field in (4, 6):
        return [item(_encoded(value.data))]
    strings = decode_tensor(value.data)
    if strings.dtype != object:
        raise ValueError(f"encoded pictures or sounds are strings, not {strings.dtype}")
    if value.kind == "audio" and strings.ndim == 2 and strings.shape[1] == 2:
        return [item(data, label.decode(errors="replace")) for data, label in strings[:MOST_ITEMS].tolist()]
    flat = strings.reshape(-1)
    first = 2 if value.kind == "images" and not any(map(sniffed, flat[:2])) else 0
    return [item(data) for data in flat[first : first + MOST_ITEMS]]


def _encoded(message: bytes) -> bytes:
    """The field 4 of an Image or Audio."""
    found = [data for number, data in protobuf.fields(message) if number == 4 and isinstance(data, bytes)]
    if not found:
        raise ValueError("the message has no encoded picture or sound")
    return found[-1]


def animated(value: Value) -> bool:
    """Whether a picture is a GIF, which is how films are written (Writer.add_video)."""
    return isinstance(value.data, bytes) and b"GIF8" in value.data[:96]
