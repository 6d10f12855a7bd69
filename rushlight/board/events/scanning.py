"""Many records at once: the scalars of a piece of an event file as columns, by machine code where it runs."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np

from ...kernels import checksums, native
from ...kernels import events as kernel
from .decoding import Value, decode, decode_tensor
from .grouping import Grouping, Groups
from .records import masked_crc

OTHER, DAMAGED = kernel.OTHER, kernel.DAMAGED
MORE, FULL, BROKEN = kernel.MORE, kernel.FULL, kernel.BROKEN
ROOM, MOST_ROOM = 1 << 11, 1 << 16  # rows of one scan
_OF_A_TAG = 500  # rows of each tag in one scan that keep the work for each tag small
_BYTES = 48  # of a row in the file, about
_COLUMNS = {"step": "i8", "wall": "f8", "value": "f4", "tag": "i4", "start": "i8", "length": "i8"}


@dataclass
class Rows:
    """What a scan found: a row for each scalar, and for each record of another kind (tag OTHER or DAMAGED).

    tag: its number in Scanner.tags. start, length: where the record's message is in the bytes. consumed:
    bytes of whole records. reason: MORE (the bytes end), FULL (scan again from there), BROKEN (there is no
    record).
    The arrays are the scanner's own, and are written over by its next scan.
    """

    step: np.ndarray
    wall: np.ndarray
    value: np.ndarray
    tag: np.ndarray
    start: np.ndarray
    length: np.ndarray
    consumed: int
    reason: int


class Scanner:
    """Reads pieces of files; `tags[k]` is the tag whose rows have number k, over all that it has read."""

    def __init__(self) -> None:
        self.tags: list[str] = []
        self._numbers: dict[str, int] = {}  # of tags, where Python scans
        self._make_room(ROOM)
        self._table(1 << 10)
        self._buffer = np.empty(0, np.uint8)
        self._grouping = Grouping()

    def _make_room(self, room: int) -> None:
        self.room = room
        self._columns = {name: np.zeros(room, dtype) for name, dtype in _COLUMNS.items()}

    def piece(self, tags: int) -> int:
        """How many bytes of a file with so many tags are best read at once; there is room for them.

        A scan costs something for every tag that is in it.
        """
        room = min(max(ROOM, 1 << (tags * _OF_A_TAG).bit_length()), MOST_ROOM)
        if room > self.room:
            self._make_room(room)
        return room * _BYTES

    def buffer(self, size: int) -> np.ndarray:
        """Room for a piece of a file: the same again, if it isn't larger than usual."""
        if size > self.room * _BYTES:
            return np.empty(size, np.uint8)
        if len(self._buffer) < size:
            self._buffer = np.empty(size, np.uint8)
        return self._buffer[:size]

    def _table(self, capacity: int) -> None:
        """A new table of tags; those known get new numbers when they are met again."""
        self._hashes, self._ids = np.zeros(capacity, np.uint64), np.zeros(capacity, np.int32)
        self._tag_start, self._tag_length = np.zeros(capacity, np.int64), np.zeros(capacity, np.int64)

    def scan(self, data: np.ndarray, start: int = 0) -> Rows:
        """The rows of the records in `data` (uint8) from byte `start` on."""
        return self._scan_natively(data, start) if native.on() else self._scan(data.tobytes(), start)

    def by_tag(self, rows: Rows, part: slice) -> Groups:
        """Some of the scalars of a scan, sorted by tag. Written over by the next ones."""
        columns = (rows.tag[part], rows.step[part], rows.wall[part], rows.value[part])
        return self._grouping.sort(len(self.tags), *columns)

    def _scan_natively(self, data: np.ndarray, start: int) -> Rows:
        if len(self.tags) * 2 >= len(self._hashes):
            self._grow()
        state = np.array([start, 0, len(self.tags), 0], np.int64)
        table = (self._hashes, self._ids, len(self._hashes), self._tag_start, self._tag_length)
        columns = self._columns.values()
        kernel.scan()(1, 0, data, len(data), checksums.table(), state, self.room, *columns, *table)
        consumed, count, known, reason = state.tolist()
        for k in range(len(self.tags), known):
            at, length = int(self._tag_start[k]), int(self._tag_length[k])
            self.tags.append(data[at : at + length].tobytes().decode(errors="replace"))
        return self._rows(count, consumed, reason)

    def _grow(self) -> None:
        """Twice the table, the known tags in it where the kernel will look for them."""
        hashes, ids = self._hashes, self._ids
        self._table(2 * len(hashes))
        mask = len(self._hashes) - 1
        for code, number in zip(hashes.tolist(), ids.tolist(), strict=True):
            slot = code >> 32 & mask
            while code and self._hashes[slot]:
                slot = slot + 1 & mask
            if code:
                self._hashes[slot], self._ids[slot] = code, number

    def _rows(self, count: int, consumed: int, reason: int) -> Rows:
        columns = {name: column[:count] for name, column in self._columns.items()}
        return Rows(**columns, consumed=consumed, reason=reason)

    def _scan(self, data: bytes, at: int) -> Rows:
        """The same in Python: what the machine code is tested against, and runs where there is none."""
        count, reason = 0, MORE
        while at + 16 <= len(data):
            (length,) = struct.unpack_from("<q", data, at)
            if length < 0 or struct.unpack_from("<I", data, at + 8)[0] != masked_crc(data[at : at + 8]):
                reason = BROKEN
                break
            begin, end = at + 12, at + 12 + length
            if end + 4 > len(data):
                break
            message = data[begin:end]
            sound = struct.unpack_from("<I", data, end)[0] == masked_crc(message)
            rows = self._event_rows(message) if sound else [(0, 0.0, 0.0, DAMAGED)]
            if len(rows) > self.room:
                rows = [(0, 0.0, 0.0, OTHER)]
            if count + len(rows) > self.room:
                reason = FULL
                break
            for row in rows:
                for column, x in zip(self._columns.values(), (*row[:3], row[3], begin, length), strict=True):
                    column[count] = x
                count += 1
            at = end + 4
        return self._rows(count, at, reason)

    def _event_rows(self, message: bytes) -> list[tuple[int, float, float, int]]:
        try:
            event = decode(message)
            numbers = [one_float(value) for value in event.values]
        except ValueError:
            numbers, event = [], None
        if event is None or event.graph or event.meta or event.version or event.session or not numbers:
            return [(0, 0.0, 0.0, OTHER)]
        if any(x is None for x in numbers):
            return [(0, 0.0, 0.0, OTHER)]
        tags = [self._number(value.tag) for value in event.values]
        return [(event.step, event.wall, x, k) for x, k in zip(numbers, tags, strict=True) if x is not None]

    def _number(self, tag: str) -> int:
        if tag not in self._numbers:
            self._numbers[tag] = len(self.tags)
            self.tags.append(tag)
        return self._numbers[tag]


def one_float(value: Value) -> float | None:
    """The number of a scalar's Value (simple_value, or a tensor of one number); None for anything else."""
    if value.kind not in ("scalars", ""):
        return None
    if isinstance(value.data, float):
        return value.data
    if value.field != 8 or not isinstance(value.data, bytes):
        return None
    array = decode_tensor(value.data)
    return float(array.reshape(())) if array.size == 1 and array.dtype.kind in "fiub" else None


def next_record(data: np.ndarray, start: int) -> int:
    """The first place from `start` on where a record seems to begin; -1 if there is none."""
    state = np.array([start], np.int64)
    if native.on():
        kernel.search()(1, 1, data, len(data), checksums.table(), state)
        return int(state[0])
    raw = data.tobytes()
    for at in range(start, len(raw) - 11):
        if struct.unpack_from("<I", raw, at + 8)[0] == masked_crc(raw[at : at + 8]):
            return at
    return -1
