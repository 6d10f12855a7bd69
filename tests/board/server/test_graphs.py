"""The routes of graphs: the list, the nodes, a node's attributes; refusals in words."""

import json

import pytest

pytest.importorskip("uvicorn")

from rushlight.board.events import messages, records
from rushlight.board.events.graphdefs import GraphNode, encode_graph
from rushlight.board.server.graphs import drawn
from rushlight.io import protobuf

from .test_server import ask, board, wait

__all__ = ["board"]

GRAPH = {"run": ".", "kind": "graph", "tag": ""}


def log(folder, graph):
    framed = records.frame([messages.file_version(1.0), messages.graph_event(2.0, graph)])
    (folder / "events.out.tfevents.1").write_bytes(framed)


def listed(board):
    return json.loads(ask(board, "/api/graphs")[1])["graphs"]


def test_a_graph_and_a_node(board, tmp_path):
    assert listed(board) == []
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
    wait(lambda: listed(board) == [GRAPH])
    status, body = ask(board, "/api/graph", GRAPH)
    assert status == 200 and json.loads(body) == {
        "nodes": [
            ["x", "Input", [], [["2×?", "float32"]], "", "", ""],
            ["Net/mm", "mm", [[0, 0], [0, -1]], [], "net.py:3", "x @ w", "Net"],
        ],
        "unknown": 1,
    }
    found = json.loads(ask(board, "/api/graph/node", GRAPH | {"node": 1})[1])
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
def test_bad_questions(board, tmp_path, question, status):
    log(tmp_path, encode_graph([GraphNode("x", "Input")]))
    wait(lambda: listed(board))
    assert ask(board, "/api/graph/node", question)[0] == status


@pytest.mark.parametrize(
    "graph, words",
    [
        (b"\xff\xff\xff", b"can't be shown"),
        (protobuf.data(1, protobuf.text(1, "n")) * 1_000_000, b"more than 50,000 ops"),
    ],
)
def test_a_graph_that_cannot_be_shown_says_why(board, tmp_path, graph, words):
    log(tmp_path, graph)
    wait(lambda: listed(board))
    status, body = ask(board, "/api/graph", GRAPH)
    assert status == 422 and words in body
    assert ask(board, "/api/runs")[0] == 200


def test_inputs_by_output_and_of_two_nodes_of_one_name():
    nodes = [
        GraphNode("a", "x"),
        GraphNode("a", "y"),
        GraphNode("a:1", "z"),
        GraphNode("b", "w", ["a", "a:1", "a:2", "a:x", "b"]),
    ]
    assert drawn(nodes)["nodes"][3][2] == [(0, 0), (2, 0), (0, 2), (3, 0)]
