"""The graph of an ONNX file as nodes to look at, read without the onnx package.

Field numbers: onnx/onnx.proto.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ...io import protobuf
from ..events.graphdefs import GraphNode, Shape, shape_text

#: dtypes by TensorProto.DataType
_DTYPES = {
    **{1: "float32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64", 8: "string"},
    **{9: "bool", 10: "float16", 11: "float64", 12: "uint32", 13: "uint64", 14: "complex64"},
    **{15: "complex128", 16: "bfloat16"},
}
_INITIALIZER, _INPUT, _VALUES = 5, 11, (11, 12, 13)  # fields of GraphProto; values: inputs, outputs, others


class _Tensor(NamedTuple):
    """What is known of a tensor."""

    name: str
    shape: Shape | None
    dtype: str


def onnx_nodes(path: str | os.PathLike[str]) -> list[GraphNode]:
    """The model's inputs, its parameters (initializers) and its nodes, each named by its first output.

    Shapes and dtypes are those that the file tells. Raises ValueError for what is no ONNX file.
    """
    try:
        graph = next((part for part in _parts(Path(path).read_bytes(), 7) if part), b"")
        if not graph:
            raise ValueError("it has no graph")
        return _nodes(graph)
    except (ValueError, IndexError, struct.error) as error:
        raise ValueError(f"{os.fspath(path)} is no ONNX model: {error}") from None


def _nodes(graph: bytes) -> list[GraphNode]:
    parameters = {x.name: x for x in map(_tensor, _parts(graph, _INITIALIZER))}
    known = {x.name: x for field in _VALUES for x in map(_value, _parts(graph, field))} | parameters
    inputs = {x.name: x for x in map(_value, _parts(graph, _INPUT)) if x.name not in parameters}
    nodes = [_source(x, "Placeholder") for x in inputs.values()]
    nodes += [_source(x, "Parameter") for x in parameters.values()]
    messages = list(_parts(graph, 1))
    edges = {edge: name for message in messages for edge, name in _edges(message)}
    return nodes + [_node(message, known, edges) for message in messages]


# -- the pieces of a message ------------------------------------------------------------------------------


def _parts(message: bytes, wanted: int) -> Iterator[bytes]:
    """The strings and messages of a field."""
    return (x for number, x in protobuf.fields(message) if number == wanted and isinstance(x, bytes))


def _first(message: bytes, wanted: int) -> bytes:
    return next(_parts(message, wanted), b"")


def _text(message: bytes, wanted: int) -> str:
    return _first(message, wanted).decode(errors="replace")


def _number(message: bytes, wanted: int, absent: int = 0) -> int:
    found = (x for number, x in protobuf.fields(message) if number == wanted and isinstance(x, int))
    return protobuf.signed(next(found, absent))


def _value(message: bytes) -> _Tensor:
    """A ValueInfoProto; sequences and maps have neither shape nor dtype here."""
    tensor = _first(_first(message, 2), 1)
    shapes = list(_parts(tensor, 2))  # an empty one is a scalar's
    sizes = [_number(dim, 1, -1) for shape in shapes for dim in _parts(shape, 1)]  # -1: a name, or unknown
    return _Tensor(_text(message, 1), tuple(sizes) if shapes else None, _DTYPES.get(_number(tensor, 1), ""))


def _tensor(message: bytes) -> _Tensor:
    """A TensorProto, without its numbers."""
    sizes = [int(n) for k, x in protobuf.fields(message) if k == 1 for n in protobuf.numbers(x, "varint")]
    return _Tensor(_text(message, 8), tuple(sizes), _DTYPES.get(_number(message, 2), ""))


# -- nodes ------------------------------------------------------------------------------------------------


def _source(tensor: _Tensor, op: str) -> GraphNode:
    return GraphNode(tensor.name, op, [], [tensor.shape], [tensor.dtype])


def _outputs(node: bytes) -> list[str]:
    return [name.decode(errors="replace") for name in _parts(node, 2)]


def _name(node: bytes) -> str:
    """The first output's name, which none else has; the node's own, where that is left out."""
    return next(filter(None, [*_outputs(node), _text(node, 3)]), "")


def _edges(node: bytes) -> Iterator[tuple[str, str]]:
    """What a node's outputs are called in the file, and where others read them: "name", "name:1"."""
    for k, output in enumerate(_outputs(node)):
        if output:
            yield output, f"{_name(node)}:{k}" if k else _name(node)


def _node(node: bytes, known: dict[str, _Tensor], edges: dict[str, str]) -> GraphNode:
    inputs = [name.decode(errors="replace") for name in _parts(node, 1) if name]  # "" is one left out
    outputs = [known.get(name, _Tensor(name, None, "")) for name in _outputs(node)]
    found = GraphNode(_name(node), _text(node, 4), [edges.get(name, name) for name in inputs])
    if any(x.dtype for x in outputs):
        found.shapes, found.dtypes = [x.shape for x in outputs], [x.dtype for x in outputs]
    attributes = (_attribute(attribute) for attribute in _parts(node, 5))
    found.attributes = {name: value for name, value in attributes if name}
    return found


def _attribute(message: bytes) -> tuple[str, str]:
    """An attribute's name, and its value as a person reads it: kernel_shape, [3, 3]."""
    name, value = "", None
    items: list[str] = []
    for number, x in protobuf.fields(message):
        if number == 1 and isinstance(x, bytes):
            name = x.decode(errors="replace")
        elif number == 2 and isinstance(x, bytes):
            value = f"{struct.unpack('<f', x)[0]:g}"
        elif number == 3 and isinstance(x, int):
            value = str(protobuf.signed(x))
        elif number == 4 and isinstance(x, bytes):
            value = x.decode(errors="replace")
        elif number == 5 and isinstance(x, bytes):
            value = f"a tensor, {_tensor(x).dtype} {shape_text(_tensor(x).shape)}"
        elif number == 6:
            value = "a graph"
        elif number == 7:
            items += [f"{n:g}" for n in protobuf.numbers(x, "<f4").tolist()]
        elif number == 8:
            items += map(str, protobuf.numbers(x, "varint").tolist())
        elif number == 9 and isinstance(x, bytes):
            items.append(x.decode(errors="replace"))
    return name, f"[{', '.join(items)}]" if value is None else value
