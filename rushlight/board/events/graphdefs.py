"""GraphDef: a model's ops by name, with the names of their inputs; as bytes and back, whoever wrote it.

Field numbers are TensorFlow's: tensorflow/core/framework/{graph,node_def,attr_value,tensor_shape}.proto.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from ...io import protobuf
from .decoding import decode_tensor
from .messages import DTYPES

MOST_NODES = 50_000  # a larger graph can't be drawn, and is not sent to a page
MOST_TEXT = 2_000  # characters kept of an attribute
_PRODUCER = 22  # of GraphDefs: what PyTorch writes, and the oldest that readers still take
_TYPES = {
    **{7: "string", 8: "complex64", 14: "bfloat16", 17: "uint16", 18: "complex128", 19: "float16"},
    **{20: "resource", 22: "uint32", 23: "uint64"},
    **{number: name for name, number in DTYPES.items()},
}
_NUMBERS = {name: number for number, name in _TYPES.items()}
_REFERENCE = 100  # a reference to a variable of type n is type n + 100

Shape = tuple[int, ...]


class TooLarge(ValueError):
    """A graph of more nodes than can be drawn."""


@dataclass
class GraphNode:
    """An op. `inputs` are names of nodes, "name:1" for another than the first output, "^name" for order only.

    `shapes` and `dtypes` are those of its outputs, where they are known; a size is -1 and a shape None where
    it is not. `attributes` are all others, as text.
    """

    name: str
    op: str
    inputs: list[str] = field(default_factory=list)
    shapes: list[Shape | None] = field(default_factory=list)
    dtypes: list[str] = field(default_factory=list)
    attributes: dict[str, str] = field(default_factory=dict)


# -- writing --------------------------------------------------------------------------------------------


def encode_graph(nodes: list[GraphNode]) -> bytes:
    """The GraphDef of these nodes."""
    versions = protobuf.uint(1, _PRODUCER)
    return b"".join(protobuf.data(1, _encode_node(node)) for node in nodes) + protobuf.data(4, versions)


def _encode_node(node: GraphNode) -> bytes:
    head = protobuf.text(1, node.name) + protobuf.text(2, node.op)
    head += b"".join(protobuf.text(3, name) for name in node.inputs)
    shapes = b"".join(protobuf.data(7, _encode_shape(shape)) for shape in node.shapes)
    types = protobuf.uints(6, [_NUMBERS.get(name, 0) for name in node.dtypes])
    attributes = {"_output_shapes": protobuf.data(1, shapes), "_output_dtypes": protobuf.data(1, types)}
    attributes |= {name: protobuf.text(2, text) for name, text in node.attributes.items()}
    entries = (protobuf.text(1, name) + protobuf.data(2, value) for name, value in attributes.items())
    return head + b"".join(protobuf.data(5, entry) for entry in entries)


def _encode_shape(shape: Shape | None) -> bytes:
    if shape is None:
        return protobuf.uint(3, 1)
    return b"".join(protobuf.data(2, protobuf.uint(1, n)) for n in shape)


# -- reading --------------------------------------------------------------------------------------------


def decode_graph(message: bytes, most: int = MOST_NODES) -> list[GraphNode]:
    """The nodes of a GraphDef, those of its functions within a scope of the function's name.

    Raises ValueError for bytes that are no GraphDef, TooLarge for more than `most` nodes.
    """
    found: list[GraphNode] = []
    for prefix, node in _node_messages(message):
        if len(found) >= most:
            raise TooLarge(f"this graph has more than {most:,} ops, and the board draws no more than that")
        found.append(_decode_node(node, prefix))
    return found


def _node_messages(message: bytes) -> Iterator[tuple[str, bytes]]:
    """(scope, NodeDef) of a graph's nodes and those of the functions in its library."""
    for number, value in protobuf.fields(message):
        if number == 1:
            yield "", _bytes(value)
        elif number == 2:
            for n, function in protobuf.fields(_bytes(value)):
                if n == 1:
                    yield from _function_nodes(_bytes(function))


def _function_nodes(message: bytes) -> Iterator[tuple[str, bytes]]:
    """The nodes of a FunctionDef; its signature, an OpDef, has its name."""
    name, nodes = "function", []
    for number, value in protobuf.fields(message):
        if number == 1:
            parts = dict(protobuf.fields(_bytes(value)))
            name = _text(parts.get(1, b"")) or name
        elif number == 3:
            nodes.append(_bytes(value))
    yield from ((f"{name}/", node) for node in nodes)


def _decode_node(message: bytes, prefix: str) -> GraphNode:
    node = GraphNode("", "")
    for number, value in protobuf.fields(message):
        if number == 1:
            node.name = prefix + _text(value)
        elif number == 2:
            node.op = _text(value)
        elif number == 3:
            node.inputs.append(_input(_text(value), prefix))
        elif number == 4 and value:
            node.attributes["device"] = _text(value)
        elif number == 5:
            parts = dict(protobuf.fields(_bytes(value)))
            _take_attribute(node, _text(parts.get(1, b"")), _bytes(parts.get(2, b"")))
    return node


def _input(name: str, prefix: str) -> str:
    """An input's name; within functions "node:output:index" is said, and arguments are no nodes."""
    if not prefix:
        return name
    order, name = ("^", name[1:]) if name.startswith("^") else ("", name)
    return f"{order}{prefix}{name.split(':')[0]}"


def _take_attribute(node: GraphNode, name: str, message: bytes) -> None:
    if name in ("_output_shapes", "_output_dtypes"):
        lists = [_bytes(value) for number, value in protobuf.fields(message) if number == 1]
        items = [item for one in lists for item in protobuf.fields(one)]
        if name == "_output_shapes":
            node.shapes = [_decode_shape(_bytes(value)) for number, value in items if number == 7]
        else:
            node.dtypes = [_type(n) for k, v in items if k == 6 for n in protobuf.numbers(v, "varint")]
        return
    text = _attribute(message)
    if name in ("dtype", "T") and not node.dtypes and text in _NUMBERS:
        node.dtypes = [text]
    if name == "shape" and not node.shapes and (found := _shape_attribute(message)) is not None:
        node.shapes = [found]
    node.attributes[name] = text


def _shape_attribute(message: bytes) -> Shape | None:
    return next((_decode_shape(_bytes(v)) for number, v in protobuf.fields(message) if number == 7), None)


def _attribute(message: bytes) -> str:
    """An AttrValue as text."""
    for number, value in protobuf.fields(message):
        if number == 1:
            items = [_item(k, v) for k, v in _first(protobuf.fields(_bytes(value)), 64)]
            return f"[{', '.join(items)}]"[:MOST_TEXT]
        return _item(number, value)
    return ""


def _first(items: Iterator[tuple[int, int | bytes]], most: int) -> list[tuple[int, int | bytes]]:
    return [item for item, _ in zip(items, range(most), strict=False)]


def _item(number: int, value: int | bytes) -> str:
    """One value of an AttrValue or of its list; both number the kinds alike."""
    if number == 2:
        return _text(value)
    if number == 3:
        return ", ".join(map(str, protobuf.numbers(value, "varint").tolist()))
    if number == 4:
        return ", ".join(f"{x:.6g}" for x in protobuf.numbers(value, "<f4").tolist())
    if number == 5:
        return ", ".join(str(bool(x)) for x in protobuf.numbers(value, "varint").tolist())
    if number == 6:
        return ", ".join(_type(n) for n in protobuf.numbers(value, "varint").tolist())
    if number == 7:
        return shape_text(_decode_shape(_bytes(value)))
    if number == 8:
        return _tensor(_bytes(value))
    if number in (9, 10):
        parts = dict(protobuf.fields(value)) if number == 10 and isinstance(value, bytes) else {1: value}
        return _text(parts.get(1, b""))
    return f"({len(value) if isinstance(value, bytes) else 8} bytes)"


def _tensor(message: bytes) -> str:
    """A constant: its numbers if they are few, else what it is."""
    if len(message) > 4096:
        return f"a tensor of {len(message):,} bytes"
    try:
        array = decode_tensor(message)
    except ValueError:
        return f"a tensor of {len(message):,} bytes"
    kind = f"{array.dtype.name}{shape_text(array.shape)}"
    return f"{array.tolist()} {kind}"[:MOST_TEXT] if array.size <= 16 else kind


def _decode_shape(message: bytes) -> Shape | None:
    """The sizes of a TensorShapeProto, None for a shape of unknown rank."""
    sizes: list[int] = []
    for number, value in protobuf.fields(message):
        if number == 3 and value:
            return None
        if number == 2:
            size = dict(protobuf.fields(_bytes(value))).get(1, 0)
            sizes.append(protobuf.signed(size) if isinstance(size, int) else -1)
    return tuple(sizes)


def shape_text(shape: Shape | None) -> str:
    """A shape as people write it: "64×3×32×32", "scalar", "?" where it is unknown."""
    if shape is None:
        return "?"
    return "×".join("?" if n < 0 else str(n) for n in shape) or "scalar"


def _type(number: int) -> str:
    return _TYPES.get(number - _REFERENCE if number > _REFERENCE else number, f"type {number}")


def _bytes(value: int | bytes) -> bytes:
    if isinstance(value, int):
        raise ValueError("a graph has a number where a message belongs")
    return value


def _text(value: int | bytes) -> str:
    """Text, at most so much as anybody reads."""
    return _bytes(value)[: 4 * MOST_TEXT].decode(errors="replace")[:MOST_TEXT]
