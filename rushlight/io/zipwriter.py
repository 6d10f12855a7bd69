"""Writes the zip archive that torch.save writes: stored records whose data start at multiples of 64 bytes.

The layout is miniz's, byte for byte (local header, padding in an `FB` extra field, data, data descriptor),
because torch computes the offsets of storages from it. Zip specification: APPNOTE.TXT 6.3.
"""

from __future__ import annotations

import struct
import zlib
from typing import Any, NamedTuple

ALIGNMENT = 64
LIMIT32 = 0xFFFFFFFF  # sizes and offsets from here on need zip64 fields
LIMIT16 = 0xFFFF
LIMIT32_FIELD = 0xFFFFFFFF  # in a 32-bit field: "look in the zip64 extra field"
FLAG_UTF8, FLAG_DESCRIPTOR = 0x800, 0x8


class Entry(NamedTuple):
    """One record as the central directory lists it."""

    name: bytes
    crc: int
    size: int
    offset: int


class ZipWriter:
    """Appends records to `file` (only `write` is needed) in the folder `name`; `close` ends the archive."""

    def __init__(self, file: Any, name: str = "archive") -> None:
        self.file, self.name = file, name
        self.position = 0
        self.entries: list[Entry] = []

    def _write(self, data: bytes | memoryview) -> None:
        self.file.write(data)
        self.position += len(data)

    def add(self, name: str, data: bytes | memoryview) -> None:
        """Append the record `name` (below the archive's folder) holding `data`, a flat buffer of bytes."""
        entry = Entry(f"{self.name}/{name}".encode(), zlib.crc32(data), len(data), self.position)
        self._write(local_header(entry))
        if entry.size:
            self._write(data)
            self._write(descriptor(entry))
        self.entries.append(entry)

    def close(self) -> None:
        """Write the central directory, which makes the archive complete."""
        start = self.position
        for entry in self.entries:
            self._write(central_header(entry))
        self._write(end_of_directory(len(self.entries), self.position - start, start))


def is_large(entry: Entry) -> bool:
    """Whether the record needs zip64 fields."""
    return entry.size >= LIMIT32 or entry.offset >= LIMIT32


def zip64_extra(*values: int) -> bytes:
    """Return the zip64 extra field holding `values`, or nothing when there are none."""
    return struct.pack(f"<HH{len(values)}Q", 1, 8 * len(values), *values) if values else b""


def large_values(entry: Entry) -> list[int]:
    """Return what does not fit in 32 bits: both sizes and the offset of the record."""
    return [entry.size] * 2 * (entry.size >= LIMIT32) + [entry.offset] * (entry.offset >= LIMIT32)


def local_header(entry: Entry) -> bytes:
    """Return the header before the data, padded so that the data are aligned."""
    extra = zip64_extra(*large_values(entry))
    start = entry.offset + 30 + len(entry.name) + len(extra) + 4
    padding = -start % ALIGNMENT
    extra += struct.pack("<2sH", b"FB", padding) + b"Z" * padding
    # The checksum and the sizes stand in the descriptor behind the data, as flag 0x8 says.
    flags = FLAG_UTF8 | (FLAG_DESCRIPTOR if entry.size else 0)
    fixed = struct.pack("<4s5H3I2H", b"PK\3\4", 0, flags, 0, 0, 0, 0, 0, 0, len(entry.name), len(extra))
    return fixed + entry.name + extra


def descriptor(entry: Entry) -> bytes:
    """Return the data descriptor that follows the data: checksum and sizes."""
    form = "<4sI2Q" if is_large(entry) else "<4s3I"
    return struct.pack(form, b"PK\7\x08", entry.crc, entry.size, entry.size)


def central_header(entry: Entry) -> bytes:
    """Return the record's line in the central directory."""
    extra = zip64_extra(*large_values(entry))
    size = LIMIT32_FIELD if entry.size >= LIMIT32 else entry.size
    offset = LIMIT32_FIELD if entry.offset >= LIMIT32 else entry.offset
    flags = FLAG_UTF8 | (FLAG_DESCRIPTOR if entry.size else 0)
    numbers = (entry.crc, size, size, len(entry.name), len(extra), 0, 0, 0, 0, offset)
    fixed = struct.pack("<4s6H3I5H2I", b"PK\1\2", 0, 0, flags, 0, 0, 0, *numbers)
    return fixed + entry.name + extra


def end_of_directory(count: int, size: int, start: int) -> bytes:
    """Return the end record, preceded by the zip64 one where the numbers are too large for it."""
    large = b""
    if count >= LIMIT16 or size >= LIMIT32 or start >= LIMIT32:
        large = struct.pack("<4sQ2H2I4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, size, start)
        large += struct.pack("<4sIQI", b"PK\6\7", 0, start + size, 1)
        count, size, start = LIMIT16, LIMIT32_FIELD, LIMIT32_FIELD
    return large + struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, count, count, size, start, 0)
