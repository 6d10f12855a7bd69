"""Graphs in logs: what PyTorch, TensorFlow 2 and Keras write."""

import json

import numpy as np
import pytest

from rushlight.board.events import messages, records
from rushlight.board.events.graphdefs import GraphNode, TooLarge, encode_graph
from rushlight.board.logs.graphs import MOST_BYTES, Graphs, keras_graph, listed, place_of
from rushlight.board.logs.store import Store
from rushlight.io import protobuf


def log(folder, *events):
    folder.mkdir(parents=True, exist_ok=True)
    framed = records.frame([messages.file_version(1.0), *events])
    (folder / "events.out.tfevents.1").write_bytes(framed)


def graphs(folder):
    """The nodes of all graphs, by kind and tag."""
    store = Store(folder)
    store.poll(10)
    reader, (run,) = Graphs(), store.runs.values()
    return {(kind, tag): reader.read(place_of(run, kind, tag), kind, tag) for kind, tag in listed(run)}


def test_the_last_graph_of_a_run(tmp_path):
    first, last = ([GraphNode(name, "op")] for name in ("first", "last"))
    log(tmp_path, *(messages.graph_event(2.0, encode_graph(nodes)) for nodes in (first, last)))
    assert graphs(tmp_path) == {("graph", ""): last}


def test_run_metadata_of_tensorflow_2(tmp_path):
    nodes = [[GraphNode("a", "MatMul")], [GraphNode("b", "Relu", ["a"])]]
    functions = [protobuf.data(4, protobuf.data(2, encode_graph(part))) for part in nodes]
    ran = protobuf.data(3, encode_graph([GraphNode("fused", "x")]))
    for tag, metadata in (("step", ran + b"".join(functions)), ("old", ran)):
        value = messages.tensor_value(
            tag, np.array(metadata, object), messages.metadata("graph_run_metadata")
        )
        log(tmp_path / tag, messages.event(2.0, 1, value))
    assert [n.name for n in graphs(tmp_path / "step")["graph_run_metadata", "step"]] == ["a", "b"]
    assert [n.name for n in graphs(tmp_path / "old")["graph_run_metadata", "old"]] == ["fused"]


def layer(kind, name, *inbound):
    return {"class_name": kind, "config": {"name": name}, "inbound_nodes": list(inbound)}


KERAS_2 = [
    layer("Input", "in"),
    layer("Dense", "d", [["in", 0, 0, {}]]),
    layer("Add", "sum", [["in", 0, 0, {}], ["d", 0, 0, {}]]),
]
KERAS_3 = [
    layer("Input", "in"),
    layer("Dense", "d", {"args": [{"config": {"keras_history": ["in", 0, 0]}}]}),
    layer("Add", "sum", {"args": [[{"config": {"keras_history": [name, 0, 0]}} for name in ("in", "d")]]}),
]


@pytest.mark.parametrize("layers", [KERAS_2, KERAS_3])
def test_keras_layers(tmp_path, layers):
    text = json.dumps({"class_name": "Functional", "config": {"name": "m", "layers": layers}})
    value = messages.tensor_value("keras", np.array(text, object), messages.metadata("graph_keras_model"))
    log(tmp_path, messages.event(2.0, 0, value))
    found = graphs(tmp_path)["graph_keras_model", "keras"]
    assert [(n.name, n.op, n.inputs) for n in found] == [
        ("in", "Input", []),
        ("d", "Dense", ["in"]),
        ("sum", "Add", ["in", "d"]),
    ]


def test_a_sequential_keras_model_is_a_chain():
    layers = [{"class_name": "Dense", "config": {"name": name}} for name in "abc"]
    found = keras_graph(json.dumps({"config": {"layers": layers}}).encode())
    assert [n.inputs for n in found] == [[], ["a"], ["b"]]


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b"{}",
        b'{"config": 3}',
        b'{"config": {"layers": [1]}}',
        b"[" * 100_000,
        b"\xff",
        b'{"config": {"layers": [{"name": [1]}]}}',
    ],
)
def test_no_keras_model_is_a_value_error(text):
    try:
        assert len(keras_graph(text)) == 1
    except ValueError:
        pass


def test_a_record_too_long_is_refused(tmp_path):
    log(tmp_path, messages.graph_event(2.0, encode_graph([GraphNode("a", "b")])))
    store = Store(tmp_path)
    store.poll(10)
    (run,) = store.runs.values()
    place = place_of(run, "graph", "")._replace(length=MOST_BYTES + 1)
    with pytest.raises(TooLarge, match="256 MB"):
        Graphs().read(place, "graph", "")
    with pytest.raises(LookupError, match="no graph 'x'"):
        place_of(run, "graph_run_metadata", "x")


@pytest.mark.filterwarnings("ignore")  # torch's own: torch.jit.trace is deprecated
def test_what_pytorch_writes(tmp_path):
    torch = pytest.importorskip("torch")
    tensorboard = pytest.importorskip("torch.utils.tensorboard")
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU())
    with tensorboard.SummaryWriter(str(tmp_path)) as writer:
        writer.add_graph(model, torch.ones(2, 3))
    nodes = {n.op: n for n in graphs(tmp_path)["graph", ""]}
    assert nodes["aten::linear"].shapes == [(2, 4)] and nodes["aten::relu"].inputs == [
        nodes["aten::linear"].name
    ]
