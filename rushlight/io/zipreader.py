"""Reads torch's zip archives, trusting nothing in them: sizes and offsets are checked before memory is taken.

Nothing is ever extracted to a path. Records must be stored (torch never compresses, and a compressed record
could be a bomb), lie inside the file, not overlap, and agree with their local header and checksum.
"""

from __future__ import annotations

import io
import os
import struct
import zipfile
import zlib
from typing import Any, NamedTuple

import numpy as np

LOCAL_HEADER = 30  # bytes before the record's name


class Record(NamedTuple):
    """Where a record's data lie in the file."""

    name: str
    start: int
    size: int
    crc: int


def corrupt(what: str) -> RuntimeError:
    """Return the error for an archive that is damaged or lies (torch raises RuntimeError too)."""
    return RuntimeError(f"load: the file is damaged or not what torch.save writes: {what}")


class ZipReader:
    """The records of a seekable binary `file`, by their names below the archive's folder (`data.pkl` ...)."""

    def __init__(self, file: Any) -> None:
        self.file = file
        infos, end = directory(file)
        records = [locate(file, info, end) for info in infos]
        check_overlap(records)
        folder = records[0].name.split("/", 1)[0] if records else ""
        self.records: dict[str, Record] = {}
        for record in records:
            self._enter(record, folder)

    def _enter(self, record: Record, folder: str) -> None:
        head, _, name = record.name.partition("/")
        if head != folder or not name:
            raise corrupt(f"the record {record.name!r} lies outside the archive's folder {folder!r}")
        if name in self.records:
            raise corrupt(f"two records have the name {record.name!r}")
        self.records[name] = record

    def __contains__(self, name: str) -> bool:
        return name in self.records

    def record(self, name: str) -> Record:
        """Return where the record `name` lies; RuntimeError where there is none."""
        if name not in self.records:
            raise corrupt(f"it has no record {name!r} (it has {', '.join(sorted(self.records)[:8])} ...)")
        return self.records[name]

    def read(self, name: str, limit: int) -> bytes:
        """Return the bytes of a small record; RuntimeError where it is larger than `limit` bytes."""
        record = self.record(name)
        if record.size > limit:
            raise corrupt(
                f"the record {name!r} has {record.size} bytes; at most {limit} are read into memory"
            )
        return self.array(name).tobytes()

    def array(self, name: str) -> np.ndarray:
        """Return the record's data as a new uint8 array, its checksum verified."""
        record = self.record(name)
        data = np.empty(record.size, np.uint8)
        self.file.seek(record.start)
        fill(self.file, data.data, name)
        if zlib.crc32(data.data) != record.crc:
            raise corrupt(f"the checksum of the record {name!r} is wrong")
        return data


def fill(file: Any, into: memoryview, name: str) -> None:
    """Read exactly as many bytes as `into` holds."""
    done = 0
    while done < len(into):
        count = read_some(file, into[done:])
        if not count:
            raise corrupt(f"it ends inside the record {name!r}")
        done += count


def read_some(file: Any, into: memoryview) -> int:
    """Read into the buffer and return how many bytes came; without a copy where the file object can."""
    if hasattr(file, "readinto"):
        return file.readinto(into)
    part = file.read(min(len(into), 1 << 24))
    into[: len(part)] = part
    return len(part)


def directory(file: Any) -> tuple[list[zipfile.ZipInfo], int]:
    """Return the central directory and where it starts (all data must lie before)."""
    file.seek(0, os.SEEK_END)
    size = file.tell()
    file.seek(0)
    try:
        with zipfile.ZipFile(file) as archive:
            return archive.infolist(), min(archive.start_dir, size)
    except (
        zipfile.BadZipFile,
        NotImplementedError,
        UnicodeDecodeError,
        struct.error,
        ValueError,
        OSError,
    ) as error:
        raise corrupt(
            f"its zip directory cannot be read ({error}); was the download or the copy cut off?"
        ) from error


def locate(file: Any, info: zipfile.ZipInfo, end: int) -> Record:
    """Return where the data of a directory entry lie, after checking the entry against the local header."""
    check_entry(info)
    file.seek(max(info.header_offset, 0))
    header = file.read(LOCAL_HEADER)
    if info.header_offset < 0 or len(header) < LOCAL_HEADER or header[:4] != b"PK\3\4":
        raise corrupt(f"the record {info.filename!r} has no header where the directory says")
    name_length, extra_length = struct.unpack_from("<HH", header, 26)
    name = file.read(name_length).decode("utf-8", "replace")
    if name != info.orig_filename:
        raise corrupt(f"the directory calls a record {info.filename!r}, its own header {name!r}")
    start = info.header_offset + LOCAL_HEADER + name_length + extra_length
    if start + info.file_size > end:
        raise corrupt(f"the record {info.filename!r} claims {info.file_size} bytes, more than the file holds")
    return Record(name, start, info.file_size, info.CRC)


def check_entry(info: zipfile.ZipInfo) -> None:
    """Refuse compressed and encrypted records, and names that try to leave the archive's folder."""
    if info.compress_type != zipfile.ZIP_STORED or info.file_size != info.compress_size:
        raise corrupt(f"the record {info.filename!r} is compressed; torch stores, so this may be a zip bomb")
    if info.flag_bits & 0x1:
        raise corrupt(f"the record {info.filename!r} is encrypted")
    parts = info.orig_filename.split("/")
    if ".." in parts or "" in parts[:-1] or "\\" in info.orig_filename or "\0" in info.orig_filename:
        raise corrupt(f"the record name {info.orig_filename!r} is a path that leaves the archive")


def check_overlap(records: list[Record]) -> None:
    """Refuse records that share bytes: a small file could otherwise claim any amount of memory."""
    end, last = 0, ""
    for record in sorted(records, key=lambda r: r.start):
        if record.size and record.start < end:
            raise corrupt(f"the records {last!r} and {record.name!r} overlap")
        end, last = max(end, record.start + record.size), record.name


def looks_like_zip(file: io.BufferedIOBase) -> bool:
    """Whether the file starts as a zip archive does; the position is kept."""
    position = file.tell()
    head = file.read(4)
    file.seek(position)
    return head == b"PK\3\4"
