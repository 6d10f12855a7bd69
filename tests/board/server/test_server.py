"""The server: what it answers, what it pushes, and whom it refuses."""

import json

import numpy as np
import pytest

pytest.importorskip("uvicorn")
pytest.importorskip("starlette")

import urllib.error
import urllib.request

from rushlight.board import Writer
from rushlight.board.server.board import Board
from tests.board.asking import until


def test_runs_and_scalars(asking, tmp_path):
    with Writer(tmp_path / "a" / "b") as writer:
        for step in range(10):
            writer.add_scalar("loss/train", step * 0.5, step)
    until(lambda: asking.json("/api/runs")["tags"].get("scalars"))
    assert [run["name"] for run in asking.json("/api/runs")["runs"]] == ["a/b"]
    head, numbers = asking.packed("/api/scalars", {"tag": "loss/train", "runs": ["a/b", "absent"]})
    assert head["lines"] == [{"run": "a/b", "points": 10, "count": 10}]
    np.testing.assert_array_equal(numbers.reshape(3, 10)[[0, 2]], [np.arange(10), np.arange(10) * 0.5])
    _, numbers = asking.packed("/api/scalars", {"tag": "loss/train", "runs": ["a/b"], "range": [3, 5]})
    np.testing.assert_array_equal(numbers.reshape(3, -1)[0], [2, 3, 4, 5, 6])


@pytest.mark.parametrize("question", [[], {}, {"tag": "a"}, {"tag": "a", "runs": [1]},
                                      {"tag": "a", "runs": [], "points": "x"}])  # fmt: skip
def test_a_bad_question_gets_a_reason(asking, question):
    answer = asking.ask("/api/scalars", question)
    assert answer.status == 400 and answer.body


@pytest.mark.parametrize("path", ["/page/../board.py", "/page/%2e%2e/server/board.py", "/page//etc/passwd",
                                  "/page/vendor/../../server/board.py"])  # fmt: skip
def test_nothing_outside_the_page_is_served(asking, path):
    assert asking.ask(path).status == 404


def test_foreign_hosts_and_origins_are_refused(asking):
    assert asking.ask("/api/runs", Host="evil.example").status == 403
    assert asking.ask("/api/runs", Origin="http://evil.example").status == 403
    assert asking.ask("/api/runs", Origin=asking.board.url.rstrip("/")).status == 200


def test_a_token_is_asked_where_others_can_come(tmp_path):
    board = Board(tmp_path, host="0.0.0.0", port=0)
    assert board.token
    board.start()
    try:
        address = f"http://127.0.0.1:{board.port}"
        for path in ("/", "/api/runs", "/page/app.js", "/?token=wrong"):
            with pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(address + path)
            assert refused.value.code == 403
            refused.value.close()
        with urllib.request.urlopen(f"{address}/api/runs?token={board.token}") as answer:
            assert answer.status == 200
    finally:
        board.close()


def received(socket, kind):
    """The next message of a type."""
    while (message := json.loads(socket.recv(5)))["type"] != kind:
        pass
    return message


def told(socket, message):
    """What the server says of scalars after a message."""
    socket.send(json.dumps(message))
    socket.send(json.dumps({"type": "ping"}))
    found = []
    while (said := json.loads(socket.recv(5)))["type"] != "pong":
        found += [(said["type"], said["tag"], said["count"])] if "tag" in said else []
    return found


def test_who_watches_late_is_told_what_it_may_have_missed(asking, tmp_path):
    with Writer(tmp_path / "a") as writer, asking.socket() as socket:
        writer.add_scalar("loss", 1.0, 0)
        writer.flush()
        received(socket, "runs")
        assert told(socket, {"type": "watch", "tags": ["other"]}) == []
        tags = ["loss", "other"]
        assert told(socket, {"type": "watch", "tags": tags, "runs": ["b"]}) == []
        assert told(socket, {"type": "watch", "tags": tags, "runs": ["a"]}) == [("stale", "loss", 1)]
        assert told(socket, {"type": "watch", "tags": ["loss"], "runs": ["a", "b"]}) == []


def test_new_points_are_pushed(asking, tmp_path):
    writer = Writer(tmp_path)
    writer.add_scalar("loss", 1.0, 1)
    until(lambda: asking.json("/api/runs")["tags"].get("scalars"))
    with asking.socket() as socket:
        socket.send(json.dumps({"type": "watch", "tags": ["loss"]}))
        socket.send(json.dumps({"type": "ping"}))
        received(socket, "pong")
        writer.add_scalar("other", 1.0, 2)
        writer.add_scalar("loss", float("nan"), 2)
        message = received(socket, "scalars")
        assert (message["type"], message["run"], message["step"], message["value"]) == (
            "scalars",
            ".",
            [2],
            [None],
        )
        for text in ("no json", "[]", '{"type": "unknown"}', '{"type": "watch", "tags": 3}', "[" * 10_000):
            socket.send(text)
            assert received(socket, "error")["message"].startswith("not understood")
    writer.close()


def test_a_foreign_page_gets_no_socket(asking):
    pytest.importorskip("websockets")
    from websockets.exceptions import InvalidStatus

    with pytest.raises(InvalidStatus):
        asking.socket(origin="http://evil.example")
