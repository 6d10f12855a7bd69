"""Event files (TensorBoard's log format) read by machine code.

A file is records: u64 length, u32 masked crc32c of the length, the bytes, u32 masked crc32c of the bytes.
The bytes are a protobuf message Event{1: double wall_time, 2: int64 step, 5: Summary{1: Value ...}}, and a
scalar is a Value{1: tag, 2: float simple_value} or Value{1: tag, 8: TensorProto of one float}. Scalars are
taken apart here; of everything else only the place is noted. Nothing is read outside the given bytes,
whatever they say.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from .checksums import crc, crc_of_length, stored
from .ir import Function, Module
from .launch import Kernel, entry
from .targets import Target
from .types import Type, f32, f64, i32, i64, u8, u32, u64, void
from .values import Value

HEADER, FOOTER = 12, 4  # bytes around a record's own
#: what ends a scan: the bytes end within a record; there is no room for more; what follows is no record
MORE, FULL, BROKEN = 0, 1, 2
#: in place of a tag: a record to be read elsewhere, and one whose crc is wrong
OTHER, DAMAGED = -1, -2
_FAR = 1 << 62  # where a cursor goes that met something it can't read
_GOLDEN = 0x9E3779B97F4A7C15  # 2^64 / the golden ratio, odd: multiplying by it spreads the bits (Knuth)
_BYTES = {"data": u8.pointer, "at": i64.pointer, "end": i64}

_SLOTS: dict[str, Type] = {
    **{"data": u8.pointer, "size": i64, "crcs": u32.pointer, "state": i64.pointer, "room": i64},
    **{"step": i64.pointer, "wall": f64.pointer, "value": f32.pointer, "tag": i32.pointer},
    **{"start": i64.pointer, "length": i64.pointer},
    **{"hashes": u64.pointer, "numbers": i32.pointer, "capacity": i64},
    **{"tag_start": i64.pointer, "tag_length": i64.pointer},
}


@cache
def scan() -> Kernel:
    """Reads the records of `data` from state[0] on; scalars become rows of the columns.

    `state` is, before and after: the bytes consumed, the rows written, the tags known, and why it ended. A
    tag's number is found by its hash in `hashes` and `numbers` (a table of `capacity` slots, a power of 2);
    where a new tag stands is noted in tag_start and tag_length.
    """

    def make(target: Target) -> Module:
        m = Module()
        crc(m, target)
        for helper in (_varint, _span, _skip, _float_tensor, _value, _number):
            helper(m)
        f, _lo, _hi, _tid, slots = entry(m, "kernel", False, **_SLOTS)
        _records(f, dict(zip(_SLOTS, slots, strict=True)), target)
        f.ret()
        return m

    return Kernel("events", make)


@cache
def search() -> Kernel:
    """state[0] = the first place from state[0] on where a record's length and its crc agree, or -1."""

    def make(target: Target) -> Module:
        m = Module()
        crc(m, target)
        types = {"data": u8.pointer, "size": i64, "crcs": u32.pointer, "state": i64.pointer}
        f, _lo, _hi, _tid, (data, size, crcs, state) = entry(m, "kernel", False, **types)
        for at in f.range(state[0], size - HEADER + 1):
            with f.when(stored(data.at(at + 8)) == crc_of_length(crcs, data.at(at), target)):
                state[0] = at
                f.ret()
        state[0] = -1
        f.ret()
        return m

    return Kernel("event search", make)


# -- records and events ---------------------------------------------------------------------------------


def _records(f: Function, s: dict[str, Value], target: Target) -> None:
    """The loop over records. Nothing is consumed of one that is not whole or finds no room."""
    data, size, state = s["data"], s["size"], s["state"]
    at, row, reason = f.var(state[0]), f.var(state[1]), f.var(MORE)
    for _ in f.forever():
        f.leave(at + (HEADER + FOOTER) > size)
        length = data.at(at).of(i64).load(0, align=1)
        sound = stored(data.at(at + 8)) == crc_of_length(s["crcs"], data.at(at), target)
        reason.set(_pick(sound & (length >= 0), MORE, BROKEN))
        f.leave(reason != MORE)
        f.leave(length > size - at - (HEADER + FOOTER))
        begin = at + HEADER
        before, kind = row.now, f.var(DAMAGED)
        known = f.call("crc", u32, s["crcs"], data.at(begin), length)
        with f.when(stored(data.at(begin + length)) == known):
            kind.set(_event(f, s, begin, length, row))
        crowded = (kind == FULL) & (before > 0)
        reason.set(_pick(crowded, FULL, MORE))
        row.set(crowded.select(before, row))
        f.leave(crowded)
        with f.when(kind != 0):
            s["tag"][before] = _pick(kind == DAMAGED, DAMAGED, OTHER).to(i32)
            s["start"][before], s["length"][before] = begin, length
            row.set(before + 1)
        at.set(begin + length + FOOTER)
        reason.set(_pick(row >= s["room"], FULL, MORE))
        f.leave(reason != MORE)
    state[0], state[1], state[3] = at, row, reason


def _event(f: Function, s: dict[str, Value], begin: Value, length: Value, row: Any) -> Value:
    """Write a row for every value of an event made of scalars: 0; else OTHER, or FULL if there is no room."""
    kind, first, end = f.var(0), row.now, begin + length
    wall, step, size = _usual(f, s["data"], begin, length)
    with f.when(size > 0):
        value = s["data"].at(end - 4).of(f32).load(0, align=1)
        kind.set(_row(f, s, row, end - 5 - size, size.now, value))
    with f.otherwise():
        kind.set(_fields_of_event(f, s, begin, end, row, wall, step))
    for k in f.range(first, row):
        s["step"][k], s["wall"][k] = step, wall
        s["start"][k], s["length"][k] = begin, length
    return kind.now


def _usual(f: Function, data: Value, begin: Value, length: Value) -> tuple[Any, Any, Any]:
    """The time, the step and the size of the tag, if an event is these and one number, spelt as writers do.

    Then its last bytes are 2A n 0A n-2 0A n-9, the tag, 15 and the number. Else the size is 0.
    """
    wall, step, size = f.var(f.const(f64, 0)), f.var(0), f.var(0)
    end = begin + length
    with f.when((length >= 24) & (data[begin] == 0x09)):  # so that 8 bytes are there behind the longest step
        wall.set(data.at(begin + 1).of(f64).load(0, align=1))
        at, more = f.var(begin + 9), f.var(0)
        with f.when(data[at] == 0x10):
            shift = f.var(0)
            for _ in f.forever():
                at += 1
                byte = data[at].to(i64)
                step.set(step | ((byte & 0x7F) << shift))
                shift += 7
                more.set(byte & 0x80)
                f.leave((more == 0) | (shift > 63))
            at += 1
        n = end - at - 2
        wanted = 0x0A000A002A + (n << 8) + ((n - 2) << 24) + ((n - 9) << 40)
        same = (data.at(at).of(i64).load(0, align=1) & 0xFFFFFFFFFFFF) == wanted
        fits = (n > 9) & (n < 0x80) & (more == 0) & (data[end - 5] == 0x15)
        size.set((same & fits).select(n - 9, 0))
    return wall, step, size


def _fields_of_event(
    f: Function, s: dict[str, Value], begin: Value, end: Value, row: Any, wall: Any, step: Any
) -> Value:
    """The same for any order and spelling; time and step are those that come last."""
    data, at, kind, first = s["data"], f.stack(i64, 1), f.var(0), row.now
    at[0] = begin
    wall.set(f.const(f64, 0))
    step.set(0)
    for key in _fields(f, data, at, end):
        with f.when(key == 0x09):
            wall.set(_fixed(data, at, end, f64))
        with f.otherwise():
            with f.when(key == 0x10):
                step.set(f.call("varint", i64, data, at, end))
            with f.otherwise():
                kind.set(OTHER)
                with f.when(key == 0x2A):
                    kind.set(_summary(f, s, at, end, row))
        f.leave(kind != 0)
    return ((kind == 0) & ((at[0] != end) | (row == first))).select(OTHER, kind)


def _summary(f: Function, s: dict[str, Value], at: Value, end: Value, row: Any) -> Value:
    """A row for each value of a summary, without step and time."""
    data, found, kind = s["data"], f.stack(i64, 3), f.var(0)
    size = f.call("span", i64, data, at, end)
    stop = at[0] + size
    for key in _fields(f, data, at, stop):
        kind.set(OTHER)
        with f.when(key == 0x0A):
            inner = f.call("span", i64, data, at, stop)
            kind.set(f.call("value", i64, data, at, at[0] + inner, found))
        f.leave(kind != 0)
        kind.set(_row(f, s, row, found[0], found[1], found.at(2).of(f32).load()))
        f.leave(kind != 0)
    return ((kind == 0) & (at[0] != stop)).select(OTHER, kind)


def _row(f: Function, s: dict[str, Value], row: Any, tag: Value, size: Value, value: Value) -> Value:
    """Write a number with the tag that stands somewhere: 0, or FULL if there is no room."""
    names = [s[name] for name in ("hashes", "numbers", "capacity", "tag_start", "tag_length")]
    number = f.call("number", i64, s["data"], tag, size, s["state"], *names)
    kind = _pick((number < 0) | (row >= s["room"]), FULL, 0)
    with f.when(kind == 0):
        s["tag"][row], s["value"][row] = number.to(i32), value
        row += 1
    return kind


def _value(m: Module) -> None:
    """value(data, at, end, found) -> 0 and found = [tag's start, its length, the float]; or OTHER."""
    f = m.function("value", i64, internal=True, **_BYTES, found=i64.pointer)
    data, at, end, found = f.args
    named, valued = f.var(0), f.var(0)
    for key in _fields(f, data, at, end):
        known = f.var(1)
        with f.when(key == 0x0A):
            size = f.call("span", i64, data, at, end)
            found[0], found[1] = at[0], size
            at[0] = at[0] + size
            named.set(1)
        with f.otherwise():
            with f.when(key == 0x15):
                found.at(2).of(f32).store(_fixed(data, at, end, f32))
                valued += 1
            with f.otherwise():
                with f.when(key == 0x42):
                    size = f.call("span", i64, data, at, end)
                    valued += f.call("float_tensor", i64, data, at, at[0] + size, found.at(2).of(f32))
                with f.otherwise():
                    known.set(0)
                    with f.when(key == 0x4A):
                        known.set(_names_scalars(f, data, at, end))
        f.leave(known == 0)
    f.ret(_pick((at[0] == end) & (named == 1) & (valued == 1), 0, OTHER))


def _names_scalars(f: Function, data: Value, at: Value, end: Value) -> Value:
    """Whether a SummaryMetadata is {1: plugin_data{1: "scalars" ...} ...}; goes behind it."""
    size = f.call("span", i64, data, at, end)
    begin, known = at[0], f.var(0)
    at[0] = begin + size
    with f.when(size >= 11):
        head = data.at(begin).of(u32).load(0, align=1)
        name = data.at(begin + 4).of(u32).load(0, align=1)
        rest = data.at(begin + 7).of(u32).load(0, align=1)
        words = [int.from_bytes(text, "little") for text in (b"scal", b"lars", b"\x0a\x00\x0a\x07")]
        same = (name == words[0]) & (rest == words[1]) & ((head & 0xFFFF00FF) == words[2])
        known.set(same.to(i64))
    return known.now


def _float_tensor(m: Module) -> None:
    """float_tensor(data, at, end, out) -> 1 and out = its number, if it is one DT_FLOAT; else 0."""
    f = m.function("float_tensor", i64, internal=True, **_BYTES, out=f32.pointer)
    data, at, end, out = f.args
    floats, numbers = f.var(0), f.var(0)
    for key in _fields(f, data, at, end):
        with f.when(key == 0x08):
            floats.set((f.call("varint", i64, data, at, end) == 1).to(i64))
        with f.otherwise():
            with f.when(key == 0x2D):
                out[0] = _fixed(data, at, end, f32)
                numbers += 1
            with f.otherwise():
                with f.when((key == 0x22) | (key == 0x2A)):
                    size = f.call("span", i64, data, at, end)
                    numbers += _pick(size == 4, 1, 2)
                    out[0] = _fixed(data, at, at[0] + size, f32)
                with f.otherwise():
                    with f.when(key == 0x12):
                        numbers += _pick(f.call("span", i64, data, at, end) == 0, 0, 2)
                    with f.otherwise():
                        f.call("skip", void, data, at, end, key)
    f.ret(((at[0] == end) & (floats == 1) & (numbers == 1)).to(i64))


# -- the pieces of a protobuf message -------------------------------------------------------------------


def _fields(f: Function, data: Value, at: Value, end: Value) -> Iterator[Value]:
    """The fields of a message by their keys; the body reads what follows the key."""
    for _ in f.forever():
        f.leave(at[0] >= end)
        yield f.call("varint", i64, data, at, end)


def _fixed(data: Value, at: Value, end: Value, type: Type) -> Value:
    """The number of `type` at the cursor, which goes behind it; 0 if it isn't all there."""
    f, begin = data.f, at[0]
    out = f.var(f.const(type, 0))
    at[0] = _FAR
    with f.when(begin + type.size <= end):
        out.set(data.at(begin).of(type).load(0, align=1))
        at[0] = begin + type.size
    return out.now


def _pick(condition: Value, yes: int, no: int) -> Value:
    """One of two numbers."""
    return condition.select(condition.f.const(i64, yes), no)


def _varint(m: Module) -> None:
    """varint(data, at, end): 7 bits a byte, low ones first; at[0] goes behind it, or far away."""
    f = m.function("varint", i64, internal=True, **_BYTES)
    data, at, end = f.args
    place, found, shift = f.var(at[0]), f.var(0), f.var(0)
    at[0] = _FAR
    for _ in f.forever():
        with f.when((place >= end) | (shift > 63)):
            f.ret(0)
        byte = data[place].to(i64)
        found.set(found | ((byte & 0x7F) << shift))
        shift += 7
        place += 1
        f.leave(byte < 0x80)
    at[0] = place
    f.ret(found)


def _span(m: Module) -> None:
    """span(data, at, end): the length before a string or message that lies within; else 0, and far away."""
    f = m.function("span", i64, internal=True, **_BYTES)
    data, at, end = f.args
    size = f.call("varint", i64, data, at, end)
    with f.when((at[0] > end) | (size < 0) | (size > end - at[0])):
        at[0] = _FAR
        f.ret(0)
    f.ret(size)


def _skip(m: Module) -> None:
    """skip(data, at, end, key): goes behind a field of any kind."""
    f = m.function("skip", internal=True, **_BYTES, key=i64)
    data, at, end, key = f.args
    kind = key & 7
    begin = at[0]
    at[0] = _FAR
    for code, size in ((1, 8), (5, 4)):
        with f.when((kind == code) & (begin + size <= end)):
            at[0] = begin + size
    with f.when(kind == 0):
        at[0] = begin
        f.call("varint", i64, data, at, end)
    with f.when(kind == 2):
        at[0] = begin
        size = f.call("span", i64, data, at, end)
        at[0] = at[0] + size
    f.ret()


# -- tags ------------------------------------------------------------------------------------------------


def _mixed(code: Any, word: Value) -> Value:
    """A hash with 8 more bytes in it."""
    product = (code ^ word) * _GOLDEN
    return product ^ (product >> 32)


def _number(m: Module) -> None:
    """number(data, start, length, state, hashes, numbers, capacity, ...): a tag's number; -1 without room."""
    tables = {"hashes": u64.pointer, "numbers": i32.pointer, "capacity": i64}
    places = {"tag_start": i64.pointer, "tag_length": i64.pointer}
    f = m.function("number", i64, internal=True, data=u8.pointer, start=i64, length=i64, state=i64.pointer,
                   **tables, **places)  # fmt: skip
    data, start, length, state, hashes, numbers, capacity, tag_start, tag_length = f.args
    code, end, rest = f.var(length.to(u64)), start + length, length & 7
    for at in f.range(start, end - 7, 8):
        code.set(_mixed(code, data.at(at).of(u64).load(0, align=1)))
    with f.when(rest != 0):  # the last 8 bytes are there, as a record's head is before its tag
        last = data.at(end - 8).of(u64).load(0, align=1)
        code.set(_mixed(code, last >> (64 - 8 * rest).to(u64)))
    code.set(code | 1)  # 0 is an empty slot
    slot = f.var((code >> 32).to(i64) & (capacity - 1))
    for _ in f.forever():
        with f.when(hashes[slot] == code.now):
            f.ret(numbers[slot].to(i64))
        f.leave(hashes[slot] == 0)
        slot.set((slot + 1) & (capacity - 1))
    known = state[2]
    with f.when(known * 2 >= capacity):
        f.ret(-1)
    hashes[slot], numbers[slot] = code, known.to(i32)
    tag_start[known], tag_length[known] = start, length
    state[2] = known + 1
    f.ret(known)
