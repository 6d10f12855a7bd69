"""Events as Python objects: what is in a record, whoever wrote it: PyTorch, TensorFlow, we."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

import numpy as np

from ...io import protobuf
from .messages import DTYPES, STRING

_NAMES = {number: name for name, number in DTYPES.items()}
# TensorProto's repeated fields of numbers, for tensors without tensor_content
_REPEATED = {
    5: "<f4",
    6: "<f8",
    7: "varint",
    9: "<c8",
    12: "<c16",
    10: "varint",
    11: "varint",
    13: "varint",
    16: "varint",
    17: "varint",
}
_OLD_KINDS = {2: "scalars", 4: "images", 5: "histograms", 6: "audio"}


@dataclass
class Value:
    """A Summary.Value. `kind` is the plugin that shows it; `data` a number, or the message's bytes.

    `field` is its number in Summary.Value: 2 simple_value, 4 image, 5 histogram, 6 audio, 8 tensor; 0: none.
    """

    tag: str = ""
    kind: str = ""
    field: int = 0
    data: float | bytes = b""
    content: bytes = b""
    description: str = ""


@dataclass
class Event:
    """One record's message. `session` is 1 where a run starts again; `meta` is (tag, RunMetadata)."""

    wall: float = 0.0
    step: int = 0
    values: list[Value] = field(default_factory=list)
    graph: bytes | None = None
    meta: tuple[str, bytes] | None = None
    version: str = ""
    session: int = 0


def decode(message: bytes) -> Event:
    """The event of a record. Raises ValueError for bytes that are no Event."""
    event = Event()
    for number, value in protobuf.fields(message):
        if number == 1:
            event.wall = _unpack("<d", value)
        elif number == 2 and isinstance(value, int):
            event.step = protobuf.signed(value)
        elif isinstance(value, bytes):
            _take(event, number, value)
    return event


def _take(event: Event, number: int, value: bytes) -> None:
    """A field of an event that is a message or a string."""
    if number == 3:
        event.version = value.decode(errors="replace")
    elif number == 4:
        event.graph = value
    elif number == 5:
        event.values = [decode_value(v) for n, v in protobuf.fields(value) if n == 1 and isinstance(v, bytes)]
    elif number == 7:
        event.session = next((v for n, v in protobuf.fields(value) if n == 1 and isinstance(v, int)), 0)
    elif number == 8:
        parts = dict(protobuf.fields(value))
        event.meta = (_text(parts.get(1, b"")), _bytes(parts.get(2, b"")))


def decode_value(message: bytes) -> Value:
    """A Summary.Value."""
    found = Value()
    for number, value in protobuf.fields(message):
        if number == 1:
            found.tag = _text(value)
        elif number == 2:
            found.field, found.data = number, _unpack("<f", value)
        elif number in (4, 5, 6, 8):
            found.field, found.data = number, _bytes(value)
        elif number == 9:
            found.kind, found.content, found.description = decode_metadata(_bytes(value))
    found.kind = found.kind or _OLD_KINDS.get(found.field, "")
    return found


def decode_metadata(message: bytes) -> tuple[str, bytes, str]:
    """(plugin, its content, description) of a SummaryMetadata."""
    plugin, content, description = "", b"", ""
    for number, value in protobuf.fields(message):
        if number == 1:
            parts = dict(protobuf.fields(_bytes(value)))
            plugin, content = _text(parts.get(1, b"")), _bytes(parts.get(2, b""))
        elif number == 3:
            description = _text(value)
    return plugin, content, description


def decode_tensor(message: bytes) -> np.ndarray:
    """The array of a TensorProto; strings as an array of bytes objects.

    Raises ValueError for a dtype that NumPy lacks, or numbers that do not fill the shape.
    """
    dtype, shape, content, strings = 0, (), b"", []
    repeated: list[np.ndarray] = []
    for number, value in protobuf.fields(message):
        if number == 1 and isinstance(value, int):
            dtype = value
        elif number == 2:
            shape = _shape(_bytes(value))
        elif number == 4:
            content = _bytes(value)
        elif number == 8:
            strings.append(_bytes(value))
        elif number in _REPEATED:
            repeated.append(protobuf.numbers(value, _REPEATED[number]))
    if dtype == STRING:
        return _filled(np.array(strings, object), shape)
    if dtype not in _NAMES:
        raise ValueError(f"a tensor of an unknown type (number {dtype})")
    kind = _dtype(_NAMES[dtype])
    if content:
        return np.frombuffer(content, kind).reshape(shape)
    flat = np.concatenate(repeated) if repeated else np.zeros(0)
    halves = dtype in (14, 19) and flat.dtype == np.int64
    return _filled(_halves(flat, kind) if halves else flat.astype(kind), shape)


def _halves(bits: np.ndarray, kind: np.dtype) -> np.ndarray:
    """The numbers of half_val: their 16 bits each; PyTorch puts the 32 bits of a float32 there."""
    if ((bits < 0) | (bits > 0xFFFF)).any():
        return bits.astype(np.int32).view(np.float32).astype(kind)
    return bits.astype(np.uint16).view(kind)


def _dtype(name: str) -> np.dtype:
    if name == "bfloat16":
        import ml_dtypes

        return np.dtype(ml_dtypes.bfloat16)
    return np.dtype(name).newbyteorder("<")


def _shape(message: bytes) -> tuple[int, ...]:
    """The sizes of a TensorShapeProto."""
    sizes = []
    for number, value in protobuf.fields(message):
        if number == 2:
            size = dict(protobuf.fields(_bytes(value))).get(1, 0)
            sizes.append(protobuf.signed(size) if isinstance(size, int) else -1)
    if any(size < 0 for size in sizes):
        raise ValueError("a tensor's shape has a negative or unknown size")
    return tuple(sizes)


def _filled(flat: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The array of these numbers, the last one repeated to the end, as TensorFlow reads them."""
    size = int(np.prod(shape, dtype=object)) if shape else 1
    if flat.size == size:
        return flat.reshape(shape)
    if not 0 < flat.size < size <= 1 << 24:
        raise ValueError(f"a tensor of shape {shape} has {flat.size} numbers")
    return np.concatenate([flat, np.repeat(flat[-1:], size - flat.size)]).reshape(shape)


def _unpack(form: str, value: int | bytes) -> float:
    if not isinstance(value, bytes) or len(value) != struct.calcsize(form):
        raise ValueError("a number of an event has the wrong type")
    return struct.unpack(form, value)[0]


def _bytes(value: int | bytes) -> bytes:
    if isinstance(value, int):
        raise ValueError("an event has a number where a message belongs")
    return value


def _text(value: int | bytes) -> str:
    return _bytes(value).decode(errors="replace")
