"""The routes of graphs: the list, the nodes, a node's attributes; refusals in words."""

import pytest

pytest.importorskip("uvicorn")

from rushlight.board.events import messages, records
from rushlight.board.events.graphdefs import GraphNode, encode_graph
from rushlight.board.server.graphs import drawn
from rushlight.io import protobuf
from tests.board.asking import until

GRAPH = {"run": ".", "kind": "graph", "tag": ""}


def log(folder, graph):
    framed = records.frame([messages.file_version(1.0), messages.graph_event(2.0, graph)])
    (folder / "events.out.tfevents.1").write_bytes(framed)


def listed(asking):
    return asking.json("/api/graphs")["graphs"]


def test_a_graph_and_a_node(asking, tmp_path):
    assert listed(asking) == []
    said = {"_source": "net.py:3", "_source_text": "x @ w", "_modules": "Net", "dim": "1"}
    log(
        tmp_path,
        encode_graph(
            [
                GraphNode("x", "Input", [], [(2, -1)], ["float32"]),
                GraphNode("Net/mm", "mm", ["x", "^x", "gone"], attributes=said),
            ]
        ),
    )
    until(lambda: listed(asking) == [GRAPH])
    assert asking.json("/api/graph", GRAPH) == {
        "nodes": [
            ["x", "Input", [], [["2×?", "float32"]], "", "", ""],
            ["Net/mm", "mm", [[0, 0], [0, -1]], [], "net.py:3", "x @ w", "Net"],
        ],
        "unknown": 1,
    }
    found = asking.json("/api/graph/node", GRAPH | {"node": 1})
    assert found["attributes"]["dim"] == "1" and found["inputs"] == ["x", "^x", "gone"]


@pytest.mark.parametrize(
    "question, status",
    [
        ({}, 400),
        ({"run": "."}, 400),
        (GRAPH | {"run": "other"}, 404),
        (GRAPH | {"kind": "x"}, 404),
        (GRAPH | {"kind": "../etc"}, 404),
        (GRAPH | {"node": "a"}, 400),
        (GRAPH | {"node": 5}, 400),
        (GRAPH | {"node": -1}, 400),
    ],
)
def test_bad_questions(asking, tmp_path, question, status):
    log(tmp_path, encode_graph([GraphNode("x", "Input")]))
    until(lambda: listed(asking))
    assert asking.ask("/api/graph/node", question).status == status


@pytest.mark.parametrize(
    "graph, words",
    [
        (b"\xff\xff\xff", b"can't be shown"),
        (protobuf.data(1, protobuf.text(1, "n")) * 1_000_000, b"more than 50,000 ops"),
    ],
)
def test_a_graph_that_cannot_be_shown_says_why(asking, tmp_path, graph, words):
    log(tmp_path, graph)
    until(lambda: listed(asking))
    status, _, body = asking.ask("/api/graph", GRAPH)
    assert status == 422 and words in body
    assert asking.ask("/api/runs").status == 200


def test_inputs_by_output_and_of_two_nodes_of_one_name():
    nodes = [
        GraphNode("a", "x"),
        GraphNode("a", "y"),
        GraphNode("a:1", "z"),
        GraphNode("b", "w", ["a", "a:1", "a:2", "a:x", "b"]),
    ]
    assert drawn(nodes)["nodes"][3][2] == [(0, 0), (2, 0), (0, 2), (3, 0)]
