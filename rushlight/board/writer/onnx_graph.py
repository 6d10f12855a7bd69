"""The graph of an ONNX file as TensorFlow's GraphDef, read without the onnx package.

Field numbers: onnx/onnx.proto; tensorflow/core/framework/{graph,node_def,attr_value}.proto.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path

from ...io import protobuf

_PRODUCER = 22  # the version of GraphDef
#: DataType of TensorFlow by TensorProto.DataType of ONNX
_DTYPES = {
    1: 1,
    2: 4,
    3: 6,
    4: 17,
    5: 5,
    6: 3,
    7: 9,
    8: 7,
    9: 10,
    10: 19,
    11: 2,
    12: 22,
    13: 23,
    14: 8,
    15: 18,
}
_DTYPES |= {16: 14}


def graph_def(path: str | os.PathLike[str]) -> bytes:
    """A GraphDef of the model's inputs and nodes. Raises ValueError for what is no ONNX file."""
    try:
        graphs = [part for part in _parts(Path(path).read_bytes(), 7) if part]
        if not graphs:
            raise ValueError("it has no graph")
        nodes = [_variable(value) for value in _parts(graphs[0], 11)]  # outputs are nodes' own names
        nodes += [_node(node) for node in _parts(graphs[0], 1)]
    except (ValueError, IndexError) as error:
        raise ValueError(f"{os.fspath(path)} is no ONNX model: {error}") from None
    versions = protobuf.data(4, protobuf.uint(1, _PRODUCER))
    return b"".join(protobuf.data(1, node) for node in nodes) + versions


def _parts(message: bytes, wanted: int) -> Iterator[bytes]:
    """The strings and messages of a field."""
    return (x for number, x in protobuf.fields(message) if number == wanted and isinstance(x, bytes))


def _first(message: bytes, wanted: int) -> bytes:
    return next(_parts(message, wanted), b"")


def _number(message: bytes, wanted: int) -> int:
    return next((x for n, x in protobuf.fields(message) if n == wanted and isinstance(x, int)), 0)


def _attribute(name: str, value: bytes) -> bytes:
    """An entry of NodeDef's map of AttrValues."""
    return protobuf.data(5, protobuf.text(1, name) + protobuf.data(2, value))


def _variable(value: bytes) -> bytes:
    """An input."""
    tensor = _first(_first(value, 2), 1)
    sizes = [_number(dim, 1) or -1 for dim in _parts(_first(tensor, 2), 1)]
    shape = b"".join(protobuf.data(2, protobuf.uint(1, size)) for size in sizes)
    dtype = protobuf.uint(6, _DTYPES.get(_number(tensor, 1), 0))
    kind = _attribute("dtype", dtype) + _attribute("shape", protobuf.data(7, shape))
    return protobuf.data(1, _first(value, 1)) + protobuf.text(2, "Variable") + kind


def _node(node: bytes) -> bytes:
    outputs = list(_parts(node, 2))
    words = ", ".join(_words(attribute) for attribute in _parts(node, 5))
    name = protobuf.data(1, outputs[0] if outputs else _first(node, 3)) + protobuf.data(2, _first(node, 4))
    inputs = b"".join(protobuf.data(3, x) for x in _parts(node, 1) if x)
    return name + inputs + _attribute("parameters", protobuf.data(2, words.encode()))


def _words(attribute: bytes) -> str:
    """An attribute as a person reads it: kernel_shape = [3, 3]."""
    name, value = "", ""
    numbers: list[str] = []
    for number, x in protobuf.fields(attribute):
        if number == 1 and isinstance(x, bytes):
            name = x.decode(errors="replace")
        elif number == 2 and isinstance(x, bytes):
            value = f"{struct.unpack('<f', x)[0]:g}"
        elif number == 3 and isinstance(x, int):
            value = str(protobuf.signed(x))
        elif number == 4 and isinstance(x, bytes):
            value = x.decode(errors="replace")
        elif number in (5, 6) and isinstance(x, bytes):
            value = "a tensor" if number == 5 else "a graph"
        elif number in (7, 8):
            numbers += [f"{n:g}" for n in protobuf.numbers(x, "<f4" if number == 7 else "varint").tolist()]
        elif number == 9 and isinstance(x, bytes):
            numbers.append(x.decode(errors="replace"))
    return f"{name} = {value or '[' + ', '.join(numbers) + ']'}"
