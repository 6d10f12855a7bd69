"""Embeddings: what is listed, told, refused; t-SNE over the socket."""

import base64
import json

import numpy as np
import pytest

from tests.board.asking import until
from tests.board.embedding import clusters, write


@pytest.fixture
def listed(asking):
    """listed(): the embeddings, when the server has found some."""
    return lambda: until(lambda: asking.json("/api/embeddings"))


def points_of(asking, question):
    """The head, and the columns of the points."""
    head, numbers = asking.packed("/api/embeddings/points", question)
    return head, numbers.reshape(-1, head["points"])


def test_points_and_components(asking, listed, tmp_path):
    points, kinds = clusters()
    write(tmp_path / "run", points, kinds)
    assert listed() == [{"run": "run", "embeddings": ["emb"], "error": ""}]
    assert "embeddings" in asking.json("/api/runs")["tags"]
    head, (rows, *components) = points_of(asking, {"run": "run", "index": 0})
    assert (head["points"], head["dimensions"], len(components)) == (60, 6, 6)
    assert head["columns"] == ["label"] and head["metadata"][4] == [kinds[4]] and head["note"] == ""
    np.testing.assert_array_equal(rows, np.arange(60))
    centred = points - points.mean(0)
    np.testing.assert_allclose((np.array(components) ** 2).sum(), (centred**2).sum(), rtol=1e-4)


def test_neighbours(asking, listed, tmp_path):
    points, kinds = clusters()
    write(tmp_path, points, kinds)
    listed()
    question = {"run": ".", "index": 0, "point": 4, "count": 10, "metric": "euclidean"}
    found = asking.json("/api/embeddings/neighbours", question)
    assert {kinds[i] for i in found["indices"]} == {kinds[4]} and found["distances"] == sorted(
        found["distances"]
    )
    for bad in ({"point": 60}, {"point": -1}, {"metric": "other"}, {"count": "x"}, {"point": True}):
        assert asking.ask("/api/embeddings/neighbours", question | bad).status == 400


def test_a_changed_table_is_read_again(asking, listed, tmp_path):
    write(tmp_path, np.eye(3))
    listed()
    assert points_of(asking, {"run": "."})[0]["points"] == 3
    (tmp_path / "t.tsv").write_text("1\t2\n3\t4\n5\t6\n7\t8\n")
    assert points_of(asking, {"run": "."})[0]["points"] == 4


def test_what_is_wrong_is_said(asking, listed, tmp_path):
    (tmp_path / "secret.tsv").write_text("1\t2\n")
    write(tmp_path / "run", np.eye(3), ["a"])
    write(tmp_path / "run", np.eye(3), name="out", tensor="../secret.tsv")
    write(tmp_path / "run", np.eye(3), name="absolute", tensor=str(tmp_path / "secret.tsv"))
    write(tmp_path / "run", np.eye(3), name="gone", tensor="gone.tsv")
    listed()
    head, _ = points_of(asking, {"run": "run", "index": 0})
    assert head["note"] == "the metadata have 1 rows for 3 points" and head["metadata"] == []
    for index, message in enumerate(["leads out", "not relative", "no file 'gone.tsv'"], 1):
        status, _, body = asking.ask("/api/embeddings/points", {"run": "run", "index": index})
        assert status == 422 and message in body.decode()
    for question in ({"run": "run", "index": 9}, {"run": "../run"}, {"run": "/etc"}):
        assert asking.ask("/api/embeddings/points", question).status == 404
    assert asking.ask("/api/embeddings/points", {}).status == 400


def test_pictures(asking, listed, tmp_path):
    png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + (8).to_bytes(4, "big") * 2 + b"rest"
    write(tmp_path / "a", np.eye(3), sprite=png)
    write(tmp_path / "b", np.eye(3), sprite=b"<svg onload='alert(1)'/>")
    listed()
    assert asking.ask("/api/embeddings/sprite?run=a&index=0").good() == png
    assert asking.ask("/api/embeddings/sprite?run=b&index=0").status == 422
    assert asking.ask("/api/embeddings/sprite?run=..%2f&index=x").status == 404
    assert asking.ask("/api/embeddings/sprite?run=a&index=" + "9" * 5000).status in (400, 404)


def received(socket, *states):
    """The next message of t-SNE in one of these states."""
    while True:
        message = json.loads(socket.recv(20))
        if message["type"] == "tsne" and message["state"] in states:
            return message


def start(socket, **more):
    socket.send(json.dumps({"type": "tsne", "action": "start", "run": ".", "index": 0} | more))


def say(socket, action):
    socket.send(json.dumps({"type": "tsne", "action": action}))


def positions(message):
    return np.frombuffer(base64.b64decode(message["positions"]), "<f4").reshape(-1, message["dims"])


def test_tsne_runs_to_its_end(asking, listed, tmp_path):
    points, kinds = clusters()
    write(tmp_path, points, kinds)
    listed()
    with asking.socket() as socket:
        start(socket, perplexity=10, iterations=400, dims=3)
        assert received(socket, "running")["iteration"] >= 1
        last = received(socket, "done")
        assert last["iteration"] == 400 and positions(last).shape == (60, 3)
        far = np.linalg.norm(positions(last)[:, None] - positions(last)[None], axis=2) + np.eye(60) * 1e9
        nearest = far.argmin(1)
        assert all(kinds[i] == kinds[j] for i, j in enumerate(nearest))


def test_tsne_waits_until_the_page_is_ready_and_can_be_paused(asking, listed, tmp_path):
    write(tmp_path, clusters()[0])
    listed()
    with asking.socket() as socket:
        start(socket, iterations=20_000)
        first = received(socket, "running")
        say(socket, "pause")
        paused = received(socket, "paused", "running")  # nothing was said to be drawn: no second "running"
        assert paused["state"] == "paused" and paused["iteration"] >= first["iteration"]
        say(socket, "ready")
        say(socket, "resume")
        assert received(socket, "running")["iteration"] >= paused["iteration"]
        say(socket, "cancel")
        assert received(socket, "cancelled")["iteration"] < 20_000


def test_a_page_that_leaves_ends_its_job(asking, listed, tmp_path):
    import threading

    def working():
        return [t for t in threading.enumerate() if t.name.startswith("rushlight-board-tsne")]

    write(tmp_path, clusters()[0])
    listed()
    with asking.socket() as socket:
        start(socket, iterations=20_000)
        received(socket, "running")
        assert working()
    until(lambda: not working())


def test_tsne_of_nonsense(asking, listed, tmp_path):
    write(tmp_path, np.eye(3))
    listed()
    with asking.socket() as socket:
        start(socket)
        assert "at least 4 points" in received(socket, "failed")["message"]
        start(socket, index=7)
        assert "no embedding 7" in received(socket, "failed")["message"]
        for message in (
            {"action": "start"},
            {"action": "start", "run": ".", "dims": 9},
            {"action": "explode"},
            {},
            {"action": "start", "run": ".", "perplexity": float("nan")},
        ):
            socket.send(json.dumps({"type": "tsne"} | message))
            while (answer := json.loads(socket.recv(10)))["type"] != "error":
                pass
            assert "not understood" in answer["message"]


def test_no_more_jobs_than_the_machine_bears(asking, listed, tmp_path):
    write(tmp_path, clusters()[0])
    listed()
    with asking.socket() as one, asking.socket() as two, asking.socket() as three:
        for socket in (one, two):
            start(socket, iterations=20_000)
            received(socket, "running")
        start(three)
        assert "2 others are running" in received(three, "failed")["message"]
        say(one, "cancel")
        received(one, "cancelled")
        start(three, iterations=3)
        received(three, "done")
