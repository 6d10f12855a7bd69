"""Protocol buffers by hand: the wire format of event files, TensorFlow Serving and ONNX, without a schema.

A message is fields, each a key (its number · 8 + its kind) and a value. What writes a field here returns its
bytes, so a message is a sum of them: `uint(1, 3) + text(2, "loss")`. Source: "Protocol Buffers Encoding",
https://protobuf.dev/programming-guides/encoding.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
_64_BITS = (1 << 64) - 1


def varint(n: int) -> bytes:
    """An integer, 7 bits a byte, low ones first; a negative one as its two's complement of 64 bits."""
    n &= _64_BITS
    out = bytearray()
    while n > 0x7F:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    out.append(n)
    return bytes(out)


def key(number: int, kind: int) -> bytes:
    """What stands before a field's value."""
    return varint(number << 3 | kind)


def uint(number: int, n: int) -> bytes:
    """A field of type int32, int64, uint64, bool or enum."""
    return key(number, VARINT) + varint(n)


def double(number: int, x: float) -> bytes:
    """A field of type double."""
    return key(number, FIXED64) + struct.pack("<d", x)


def single(number: int, x: float) -> bytes:
    """A field of type float."""
    return key(number, FIXED32) + struct.pack("<f", x)


def data(number: int, value: bytes) -> bytes:
    """A field of type bytes, or a message inside a message."""
    return key(number, BYTES) + varint(len(value)) + value


def text(number: int, value: str) -> bytes:
    """A field of type string."""
    return data(number, value.encode())


def doubles(number: int, values: Any) -> bytes:
    """A packed field of repeated doubles."""
    return data(number, np.asarray(values, "<f8").tobytes())


def uints(number: int, values: Iterable[int]) -> bytes:
    """A packed field of repeated integers."""
    return data(number, b"".join(map(varint, values)))


# -- reading --------------------------------------------------------------------------------------------


def read_varint(message: bytes, at: int) -> tuple[int, int]:
    """The unsigned integer at a place, and the place behind it. Raises ValueError where there is none."""
    found = shift = 0
    while shift < 64:
        if at >= len(message):
            raise ValueError(f"a protobuf message of {len(message)} bytes ends within a number")
        byte = message[at]
        at += 1
        found |= (byte & 0x7F) << shift
        if byte < 0x80:
            return found & _64_BITS, at
        shift += 7
    raise ValueError(f"a protobuf number has more than 64 bits at byte {at - 10}")


def fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """(number, value) of each field in order: an unsigned int for a varint, else the value's bytes.

    Raises ValueError for what is no message: a length beyond the end, an unknown kind.
    """
    at = 0
    while at < len(message):
        head, at = read_varint(message, at)
        number, kind = head >> 3, head & 7
        if kind == VARINT:
            value, at = read_varint(message, at)
            yield number, value
            continue
        size, at = read_varint(message, at) if kind == BYTES else ({FIXED64: 8, FIXED32: 4}.get(kind, -1), at)
        if size < 0:
            raise ValueError(f"field {number} of a protobuf message is of unknown kind {kind}")
        if size > len(message) - at:
            raise ValueError(
                f"field {number} of a protobuf message claims {size} bytes of {len(message) - at}"
            )
        yield number, message[at : at + size]
        at += size


def signed(n: int) -> int:
    """An int32 or int64 from its unsigned form."""
    return n - (1 << 64) if n >> 63 else n


def numbers(value: int | bytes, dtype: str) -> np.ndarray:
    """The numbers of a repeated field ("<f4", "<f8", or "varint"), packed or a single one."""
    if isinstance(value, int):
        return np.array([signed(value)], np.int64)
    if dtype != "varint":
        if len(value) % np.dtype(dtype).itemsize:
            raise ValueError(f"{len(value)} bytes are no whole number of {dtype}")
        return np.frombuffer(value, dtype)
    found, at = [], 0
    while at < len(value):
        n, at = read_varint(value, at)
        found.append(signed(n))
    return np.array(found, np.int64)
