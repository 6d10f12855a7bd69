"""The server: what it answers, what it pushes, and whom it refuses."""

import json
import time

import numpy as np
import pytest

pytest.importorskip("uvicorn")
pytest.importorskip("starlette")

import urllib.error
import urllib.request

from rushlight.board import Writer
from rushlight.board.server.board import Board


@pytest.fixture
def board(tmp_path):
    board = Board(tmp_path, port=0).start()
    yield board
    board.close()


def ask(board, path, question=None, **headers):
    data = None if question is None else json.dumps(question).encode()
    request = urllib.request.Request(board.url.rstrip("/") + path, data, headers)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def runs(board):
    return json.loads(ask(board, "/api/runs")[1])


def wait(condition):
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def unpacked(body):
    size = int.from_bytes(body[:4], "little")
    return json.loads(body[4 : 4 + size]), np.frombuffer(body[4 + size :], "<f8")


def test_runs_and_scalars(board, tmp_path):
    with Writer(tmp_path / "a" / "b") as writer:
        for step in range(10):
            writer.add_scalar("loss/train", step * 0.5, step)
    wait(lambda: runs(board)["tags"].get("scalars"))
    assert [run["name"] for run in runs(board)["runs"]] == ["a/b"]
    status, body = ask(board, "/api/scalars", {"tag": "loss/train", "runs": ["a/b", "absent"]})
    head, numbers = unpacked(body)
    assert status == 200 and head["lines"] == [{"run": "a/b", "points": 10, "count": 10}]
    np.testing.assert_array_equal(numbers.reshape(3, 10)[[0, 2]], [np.arange(10), np.arange(10) * 0.5])
    _, body = ask(board, "/api/scalars", {"tag": "loss/train", "runs": ["a/b"], "range": [3, 5]})
    np.testing.assert_array_equal(unpacked(body)[1].reshape(3, -1)[0], [2, 3, 4, 5, 6])


@pytest.mark.parametrize("question", [[], {}, {"tag": "a"}, {"tag": "a", "runs": [1]},
                                      {"tag": "a", "runs": [], "points": "x"}])  # fmt: skip
def test_a_bad_question_gets_a_reason(board, question):
    status, body = ask(board, "/api/scalars", question)
    assert status == 400 and body


@pytest.mark.parametrize("path", ["/page/../board.py", "/page/%2e%2e/server/board.py", "/page//etc/passwd",
                                  "/page/vendor/../../server/board.py"])  # fmt: skip
def test_nothing_outside_the_page_is_served(board, path):
    assert ask(board, path)[0] == 404


def test_foreign_hosts_and_origins_are_refused(board):
    assert ask(board, "/api/runs", Host="evil.example")[0] == 403
    assert ask(board, "/api/runs", Origin="http://evil.example")[0] == 403
    assert ask(board, "/api/runs", Origin=board.url.rstrip("/"))[0] == 200


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


def test_new_points_are_pushed(board, tmp_path):
    client = pytest.importorskip("websockets.sync.client")
    writer = Writer(tmp_path)
    writer.add_scalar("loss", 1.0, 1)
    wait(lambda: runs(board)["tags"].get("scalars"))
    with client.connect(board.url.replace("http", "ws") + "live") as socket:
        socket.send(json.dumps({"type": "watch", "tags": ["loss"]}))
        socket.send(json.dumps({"type": "ping"}))
        assert json.loads(socket.recv(5)) == {"type": "pong"}
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


def test_a_foreign_page_gets_no_socket(board):
    client = pytest.importorskip("websockets.sync.client")
    from websockets.exceptions import InvalidStatus

    with pytest.raises(InvalidStatus):
        client.connect(board.url.replace("http", "ws") + "live", origin="http://evil.example")
