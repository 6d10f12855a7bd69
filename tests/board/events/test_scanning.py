"""Machine code and Python read the same from event files, sound, torn or damaged."""

import struct

import numpy as np
import pytest

from rushlight.board.events import messages, records
from rushlight.board.events.decoding import decode, decode_tensor
from rushlight.board.events.scanning import BROKEN, DAMAGED, FULL, MORE, OTHER, ROOM, Scanner, next_record
from rushlight.io import protobuf


def spellings(tag, step, x):
    """Events with scalars of three spellings, several in one, and events of other kinds."""
    numbers, other = messages.metadata("scalars"), messages.metadata("p")
    yield messages.scalar_event(step + 0.5, step, tag, x)
    yield messages.event(step + 0.5, -step, messages.scalar("a", x), messages.scalar(tag, np.nan))
    yield messages.event(step + 0.5, step, messages.tensor_value(tag, np.float32(x), numbers))
    yield messages.event(2.0, step, messages.tensor_value("t", np.ones((2, 3)), other))
    yield messages.event(2.0, 1 << 40, messages.tensor_value("s", ["text"], other))
    yield messages.event(2.0, step, messages.scalar("a", 1.0), protobuf.text(1, "empty"))


def log(rng, count):
    """A file's bytes."""
    made = [messages.file_version(1.0)]
    for step in range(count):
        kinds = list(spellings(f"tag{rng.integers(7)}", step, float(rng.standard_normal())))
        made.append(kinds[rng.integers(len(kinds))])
    return records.frame(made)


def everything(scan, data):
    """All rows of some bytes, with tags by name; damage is stepped over."""
    found, at = [], 0
    while True:
        rows = scan(data, at)
        columns = rows.step, rows.wall, rows.value, rows.tag, rows.start, rows.length
        found += [tuple(column[k].item() for column in columns) for k in range(len(rows.tag))]
        if rows.reason == MORE:
            return found, rows.consumed
        at = rows.consumed
        if rows.reason == BROKEN:
            at = next_record(data, at + 1)
            if at < 0:
                return found, rows.consumed


def named(found, tags):
    scalars = [(*row[:3], tags[row[3]], *row[4:]) if row[3] >= 0 else (0, 0, 0, *row[3:]) for row in found]
    return scalars  # the columns of other records mean nothing


def both(raw):
    """What both find; they must agree to the byte."""
    data = np.frombuffer(raw, np.uint8)
    native, python = Scanner(), Scanner()
    first, end = everything(native.scan, data)
    second, same = everything(lambda d, at: python._scan(d.tobytes(), at), data)
    first, second = named(first, native.tags), named(second, python.tags)
    assert end == same
    np.testing.assert_equal(first, second)
    return first


def test_all_kinds_of_events(rng):
    found = both(log(rng, 300))
    assert {row[3] for row in found} >= {OTHER, "a", "tag0", "tag6"}


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_a_torn_file_gives_its_whole_records(rng):
    raw = log(rng, 20)
    whole = both(raw)
    for end in range(0, len(raw), 7):
        found = both(raw[:end])
        np.testing.assert_equal(found, whole[: len(found)])


@pytest.mark.parametrize("seed", range(40))
def test_damage_is_found_and_stepped_over(seed):
    rng = np.random.default_rng(seed)
    raw = bytearray(log(rng, 40))
    for _ in range(rng.integers(1, 5)):
        raw[rng.integers(len(raw))] ^= 1 << rng.integers(8)
    both(bytes(raw))


@pytest.mark.parametrize("seed", range(60))
def test_malformed_messages_with_right_checksums(seed):
    """What a hostile file would hold: framing is sound, the messages are not."""
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(30):
        message = bytearray(messages.event(1.0, 3, messages.scalar("tag", 2.0), messages.tensor_value(
            "x", np.float32(1), messages.metadata("scalars"))))  # fmt: skip
        for _ in range(rng.integers(0, 6)):
            message[rng.integers(len(message))] = rng.integers(256)
        made.append(bytes(message[: rng.integers(1, len(message) + 1)]))
    data = np.frombuffer(records.frame(made), np.uint8)
    rows = Scanner().scan(data)
    assert rows.consumed == len(data)
    assert len(rows.tag) >= 30


STEPS = [0, 1, 127, 128, 1 << 14, (1 << 35) - 1, 1 << 62, -1, -(1 << 63)]


@pytest.mark.parametrize("size", [0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 100, 117, 118, 119, 127, 128, 300])
def test_usual_scalars_of_all_sizes(size):
    found = both(records.frame([messages.scalar_event(0.5, step, "t" * size, 2.0) for step in STEPS]))
    assert [row[:4] for row in found] == [(step, 0.5, 2.0, "t" * size) for step in STEPS]


@pytest.mark.parametrize("step", [0, 300, -1])
def test_each_byte_of_a_usual_scalar_may_be_another_one(step):
    """The short way for usual scalars takes nothing for one that is none; what is odd is left to Python."""
    usual = messages.scalar_event(0.5, step, "loss/train", 2.0)
    made = []
    for at in range(len(usual)):
        for byte in (0x00, 0x01, 0x09, 0x0A, 0x10, 0x15, 0x2A, 0x2D, 0x42, 0x7F, 0x80, 0xFF, usual[at] ^ 1):
            made.append(usual[:at] + bytes([byte]) + usual[at + 1 :])
        made += [usual[:at] + usual[at + 1 :], usual[: at + 1], usual[at:]]
    taken = 0
    for message in made:
        data = np.frombuffer(records.frame([message]), np.uint8)
        native, python = Scanner(), Scanner()
        first, second = native.scan(data), python._scan(data.tobytes(), 0)
        mine, same = ([*zip(rows.step, rows.wall, rows.value, strict=True)] for rows in (first, second))
        if first.tag[0] >= 0:
            taken += 1
            np.testing.assert_equal((mine, native.tags), (same, python.tags))
    assert taken > len(usual)  # those of another time, step, number or tag


def test_tags_that_differ_only_in_their_ends_are_told_apart():
    tags = ["a" * k for k in range(40)] + ["a" * k + "\0" for k in range(40)] + ["loss/valid", "loss/train"]
    found = both(records.frame([messages.scalar_event(1.0, k, tag, k) for k, tag in enumerate(tags)]))
    assert [row[3] for row in found] == tags


def test_random_bytes_are_no_records(rng):
    both(rng.integers(0, 256, 5000, np.uint8).tobytes())


def test_a_huge_length_waits_and_reads_nothing():
    length = struct.pack("<Q", 1 << 60)
    head = length + struct.pack("<I", records.masked_crc(length))
    rows = Scanner().scan(np.frombuffer(head + b"x" * 100, np.uint8))
    assert (len(rows.tag), rows.consumed, rows.reason) == (0, 0, MORE)


def test_more_rows_than_room_are_read_in_parts():
    one = messages.event(1.0, 1, *[messages.scalar(f"t{k}", k) for k in range(100)])
    data = np.frombuffer(records.frame([one] * 700), np.uint8)
    scanner = Scanner()
    first = scanner.scan(data)
    assert first.reason == FULL and ROOM - 100 <= len(first.tag) <= ROOM
    found, end = everything(scanner.scan, data)
    assert len(found) == 70_000 and end == len(data)


def test_more_tags_than_the_table_has_slots():
    made = [messages.scalar_event(1.0, k, f"tag{k}", k) for k in range(5000)]
    data = np.frombuffer(records.frame(made), np.uint8)
    scanner = Scanner()
    at, values = 0, {}
    for _ in range(20):
        rows = scanner.scan(data, at)
        for k, x, start, length in zip(rows.tag, rows.value, rows.start, rows.length, strict=True):
            event = decode(data[start : start + length].tobytes())
            values[event.values[0].tag] = float(x) if k >= 0 else event.values[0].data
            assert k == OTHER or scanner.tags[k] == event.values[0].tag
        at = rows.consumed
    assert values == {f"tag{k}": float(k) for k in range(5000)}


@pytest.mark.parametrize("text", [b"", b"1", b"123456789", bytes(range(256)) * 3])
def test_checksums(text):
    assert records.masked_crc(text) == records._slow_masked_crc(text)


def test_the_checksum_of_the_standard():
    crc = 0xE3069283  # of "123456789", RFC 3720
    assert records.masked_crc(b"123456789") == ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def test_damaged_is_told_from_other(rng):
    raw = bytearray(records.frame([messages.scalar_event(1.0, 1, "a", 1.0)] * 3))
    raw[len(raw) // 2] ^= 1
    assert [row[3] for row in both(bytes(raw))] == ["a", DAMAGED, "a"]


@pytest.mark.parametrize(
    "array", [np.float32(3), np.arange(6).reshape(2, 3), np.zeros((0, 2)), np.array([True])]
)
def test_tensors(array):
    found = decode_tensor(messages.tensor(array))
    assert found.dtype == np.asarray(array).dtype and found.shape == np.shape(array)
    np.testing.assert_array_equal(found, array)
