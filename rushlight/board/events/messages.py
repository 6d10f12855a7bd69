"""The messages of event files, as bytes: Event, Summary.Value, SummaryMetadata, TensorProto.

Field numbers are TensorFlow's: tensorflow/core/util/event.proto, framework/{summary,tensor}.proto.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import Any

import numpy as np

from ...io import protobuf
from .records import FILE_VERSION

#: TensorProto's numbers for dtypes
DTYPES = {"float32": 1, "float64": 2, "int32": 3, "uint8": 4, "int16": 5, "int8": 6, "int64": 9, "bool": 10}
DTYPES |= {
    "complex64": 8,
    "bfloat16": 14,
    "uint16": 17,
    "complex128": 18,
    "float16": 19,
    "uint32": 22,
    "uint64": 23,
}
STRING = 7
START = 1  # of SessionLog's states


def file_version(wall: float) -> bytes:
    """The event that opens a file."""
    return protobuf.double(1, wall) + protobuf.text(3, FILE_VERSION)


def event(wall: float, step: int, *values: bytes) -> bytes:
    """An Event with a Summary of `values` (each a Summary.Value); `wall` in seconds since 1970."""
    summary = b"".join(protobuf.data(1, value) for value in values)
    return head(wall, step) + protobuf.data(5, summary)


def graph_event(wall: float, graph: bytes) -> bytes:
    """An Event with a GraphDef."""
    return head(wall, 0) + protobuf.data(4, graph)


def head(wall: float, step: int) -> bytes:
    """An event's time and step."""
    return protobuf.double(1, wall) + protobuf.uint(2, step)


@lru_cache(4096)
def _scalar_frame(tag: str) -> tuple[bytes, bytes, bytes]:
    """What surrounds the step and the number of an event of one scalar."""
    before = protobuf.text(1, tag) + protobuf.key(2, protobuf.FIXED32)
    value = protobuf.key(1, protobuf.BYTES) + protobuf.varint(len(before) + 4) + before
    summary = protobuf.key(5, protobuf.BYTES) + protobuf.varint(len(value) + 4) + value
    return protobuf.key(1, protobuf.FIXED64), protobuf.key(2, protobuf.VARINT), summary


def scalar_event(wall: float, step: int, tag: str, x: float) -> bytes:
    """event(wall, step, scalar(tag, x)), quickly: a training loop writes many."""
    first, second, summary = _scalar_frame(tag)
    return b"".join((first, _DOUBLE(wall), second, protobuf.varint(step), summary, single(x)))


def single(x: float) -> bytes:
    """A float32's bytes; what is too large for one is infinite, as in NumPy."""
    try:
        return _FLOAT(x)
    except OverflowError:
        return _FLOAT(float("inf") if x > 0 else float("-inf"))


def scalar(tag: str, x: float) -> bytes:
    """A Summary.Value of one number (simple_value)."""
    return protobuf.text(1, tag) + protobuf.key(2, protobuf.FIXED32) + single(x)


def metadata(plugin: str, content: bytes = b"", description: str = "") -> bytes:
    """A SummaryMetadata: which plugin a value is for, and what it should know."""
    data = protobuf.text(1, plugin) + (protobuf.data(2, content) if content else b"")
    return protobuf.data(1, data) + (protobuf.text(3, description) if description else b"")


def tensor(array: Any) -> bytes:
    """A TensorProto: numbers as their bytes, strings each as a field."""
    array = np.asarray(array)
    shape = b"".join(protobuf.data(2, protobuf.uint(1, n)) for n in array.shape)
    if array.dtype.kind in "SUO":
        strings = [x.encode() if isinstance(x, str) else bytes(x) for x in array.reshape(-1).tolist()]
        return (
            protobuf.uint(1, STRING)
            + protobuf.data(2, shape)
            + b"".join(protobuf.data(8, s) for s in strings)
        )
    if array.dtype.name not in DTYPES:
        raise TypeError(f"an event file takes no tensor of {array.dtype}; give one of {', '.join(DTYPES)}")
    order = array.dtype if array.dtype.name == "bfloat16" else array.dtype.newbyteorder("<")
    content = np.ascontiguousarray(array).astype(order, copy=False).tobytes()
    return protobuf.uint(1, DTYPES[array.dtype.name]) + protobuf.data(2, shape) + protobuf.data(4, content)


def session_start(wall: float, step: int) -> bytes:
    """An event that says: the run starts again here, what there is of this step and later is void."""
    return head(wall, step) + protobuf.data(7, protobuf.uint(1, START))


def image(tag: str, size: tuple[int, int, int], encoded: bytes) -> bytes:
    """A Summary.Value of a picture as a file's bytes; `size` is (height, width, channels)."""
    sizes = b"".join(protobuf.uint(k, n) for k, n in enumerate(size, 1))
    return protobuf.text(1, tag) + protobuf.data(4, sizes + protobuf.data(4, encoded))


def audio(tag: str, rate: float, frames: int, encoded: bytes, content_type: str = "audio/wav") -> bytes:
    """A Summary.Value of one channel of sound as a file's bytes; `rate` in frames a second."""
    head = protobuf.single(1, rate) + protobuf.uint(2, 1) + protobuf.uint(3, frames)
    return protobuf.text(1, tag) + protobuf.data(
        6, head + protobuf.data(4, encoded) + protobuf.text(5, content_type)
    )


def histogram(tag: str, moments: tuple[float, float, float, float, float], limits: Any, counts: Any) -> bytes:
    """A Summary.Value of a HistogramProto.

    moments: (min, max, number, sum, sum of squares). limits: the upper edge of each bucket; counts: in it.
    """
    parts = [protobuf.double(k, x) for k, x in enumerate(moments, 1)]
    histo = b"".join(parts) + protobuf.doubles(6, limits) + protobuf.doubles(7, counts)
    return protobuf.text(1, tag) + protobuf.data(5, histo)


def described(tag: str, description: bytes) -> bytes:
    """A Summary.Value of nothing but its SummaryMetadata."""
    return protobuf.text(1, tag) + protobuf.data(9, description)


def tensor_value(tag: str, array: Any, described: bytes) -> bytes:
    """A Summary.Value of a tensor, with its SummaryMetadata."""
    return protobuf.text(1, tag) + protobuf.data(8, tensor(array)) + protobuf.data(9, described)


_DOUBLE, _FLOAT = struct.Struct("<d").pack, struct.Struct("<f").pack
