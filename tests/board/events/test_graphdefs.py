"""GraphDefs: what is written is read, by us and TensorBoard; what is malformed is refused with a reason."""

import random

import pytest

from rushlight.board.events.graphdefs import GraphNode, TooLarge, decode_graph, encode_graph, shape_text
from rushlight.io import protobuf

NODES = [
    GraphNode("x", "Placeholder", [], [(2, -1)], ["float32"]),
    GraphNode("Net/fc/linear", "linear", ["x", "x:1", "^x"], [(2, 3), None, ()], ["float32", "int64", "bool"],
              {"_source": "net.py:12", "alpha": "1"}),
]  # fmt: skip


def test_round_trip():
    assert decode_graph(encode_graph(NODES)) == NODES


def test_tensorboard_reads_it():
    graph_pb2 = pytest.importorskip("tensorboard.compat.proto.graph_pb2")
    graph = graph_pb2.GraphDef.FromString(encode_graph(NODES))
    assert [node.name for node in graph.node] == ["x", "Net/fc/linear"]
    assert list(graph.node[1].input) == ["x", "x:1", "^x"] and graph.versions.producer == 22
    shapes = graph.node[1].attr["_output_shapes"].list.shape
    assert [[dim.size for dim in shape.dim] for shape in shapes] == [[2, 3], [], []] and shapes[
        1
    ].unknown_rank
    assert graph.node[1].attr["_source"].s == b"net.py:12"


def test_attributes_of_tensorflow():
    pb = pytest.importorskip("tensorboard.compat.proto.graph_pb2")
    graph = pb.GraphDef()
    node = graph.node.add(name="c", op="Const", device="/cpu:0")
    node.attr["dtype"].type = 101  # a reference to float32
    node.attr["value"].tensor.dtype, node.attr["value"].tensor.int_val[:] = 3, [7]
    node.attr["big"].tensor.tensor_content = b"\0" * 10_000
    node.attr["strides"].list.i[:] = [1, 2]
    node.attr["f"].func.name = "inner"
    node.attr["shape"].shape.dim.add(size=5)
    function = graph.library.function.add()
    function.signature.name = "inner"
    function.node_def.add(name="a", op="Add", input=["c:out:0", "^arg"])
    first, second = decode_graph(graph.SerializeToString())
    said = first.attributes
    assert first.dtypes == ["float32"] and first.shapes == [(5,)] and said["device"] == "/cpu:0"
    assert said["value"].startswith("7") and said["big"] == "a tensor of 10,003 bytes"
    assert said["strides"] == "[1, 2]" and said["f"] == "inner"
    assert (second.name, second.inputs) == ("inner/a", ["inner/c", "^inner/arg"])


def test_what_is_too_large_is_refused():
    with pytest.raises(TooLarge, match="more than 2 ops"):
        decode_graph(encode_graph([GraphNode(str(k), "a") for k in range(3)]), most=2)
    million = protobuf.data(1, protobuf.text(1, "n")) * 1_000_000
    with pytest.raises(TooLarge, match="50,000 ops"):
        decode_graph(million)


def test_damaged_bytes_are_a_value_error_or_a_graph():
    rng, whole = random.Random(0), encode_graph(NODES * 3)
    for _ in range(2000):
        damaged = bytearray(whole[: rng.randrange(len(whole))])
        for _ in range(rng.randrange(4)):
            if damaged:
                damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        try:
            decode_graph(bytes(damaged))
        except ValueError:
            pass


def test_shapes_as_text():
    assert [shape_text(s) for s in ((2, -1), (), None)] == ["2×?", "scalar", "?"]
