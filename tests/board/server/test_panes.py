"""What pages are told of windows, how the server bears malformed posts, and whom it refuses."""

import json
import random
import urllib.error
import urllib.request
from contextlib import contextmanager

import pytest

pytest.importorskip("uvicorn")

from rushlight.board.panes.environment import Operation
from rushlight.board.server.board import Board
from rushlight.board.server.panes import latest
from rushlight.board.server.visdom import POSTS, parsed


def post(asking, path, body, **headers):
    """The status and the words of an answer to a client's post."""
    answer = asking.ask(f"/{path}", body, **headers)
    return answer.status, answer.body.decode()


def read(asking, env="main"):
    return asking.json(f"/api/panes?env={env}")


def text(win, content, env="main"):
    return {"win": win, "eid": env, "data": [{"type": "text", "content": content}]}


def received(socket, kind):
    while (message := json.loads(socket.recv(5)))["type"] != kind:
        pass
    return message


@contextmanager
def subscribe(asking, envs):
    with asking.socket() as socket:
        socket.send(json.dumps({"type": "panes", "envs": envs}))
        yield socket


def test_a_page_gets_what_follows_the_number_it_knows(asking):
    post(asking, "events", text("a", "1"))
    known = read(asking)
    assert known["jsons"]["a"]["content"] == "1"
    post(asking, "events", text("b", "2"))
    with subscribe(asking, {"main": [known["life"], known["n"]]}) as socket:
        message = received(socket, "panes")
        assert (message["from"], [op["win"] for op in message["ops"]]) == (known["n"], ["b"])
        post(asking, "update", text("a", "more") | {"append": True})
        then = received(socket, "panes")
        assert then["from"] == message["n"] and then["ops"][0]["edits"][0] == [
            "extend",
            ["content"],
            "<br>more",
        ]
        post(asking, "close", {"win": "a"})
        assert received(socket, "panes")["ops"][0]["do"] == "close"


def test_a_page_that_knows_nothing_is_told_to_read(asking):
    post(asking, "events", text("a", "1"))
    for known in (["", 0], ["other", 5], [read(asking)["life"], 10**9]):
        with subscribe(asking, {"main": known}) as socket:
            assert received(socket, "panes_stale")["env"] == "main"


def test_the_list_of_environments_is_pushed(asking):
    with subscribe(asking, {}) as socket:
        assert received(socket, "envs")["names"] == ["main"]
        post(asking, "events", text("a", "1", "second"))
        assert received(socket, "envs")["names"] == ["main", "second"]


def test_only_what_is_still_seen_is_sent():
    ops = [
        Operation(k, win, do, "")
        for k, (win, do) in enumerate(
            [("a", "window"), ("a", "edit"), ("b", "window"), ("a", "window"), ("a", "edit"), ("b", "close")]
        )
    ]
    assert [op.number for op in latest(ops)] == [3, 4, 5]
    ops.append(Operation(6, None, "all", ""))
    assert [op.number for op in latest(ops)] == [6]


def test_numbers_that_are_no_json():
    assert parsed(b"[NaN, Infinity, -Infinity, 1e999, 1.5, 1]") == [None, None, None, None, 1.5, 1]


BODIES = [
    b"",
    b"\xff\xfe",
    b"null",
    b"[]",
    b"3",
    b'"x"',
    b"{",
    b"[" * 100_000,
    b'{"a":' * 50_000,
    b"1" * 5000,
    b'{"win": "\\ud800", "eid": "\\ud800", "data": [{"type": "text", "content": "\\ud800"}]}',
]


@pytest.mark.parametrize(
    "path",
    [
        *POSTS,
        "env/x",
        "vis_socket_wrap",
        "api/panes/batch",
        "api/panes/event",
        "api/panes/closed",
        "api/panes/do/arrange",
        "api/panes/do/boom",
    ],
)
def test_a_malformed_post_gets_words(asking, path):
    for body in BODIES:
        status, answer = post(asking, path, body)
        assert status < 500, (body[:30], answer)
    assert post(asking, "events", text("a", "1")) == (200, "a")


def test_any_bytes_leave_it_standing(asking):
    """Posts of every kind, mutated byte by byte: refused or done, never an error of the server's."""
    rng = random.Random(0)
    points = [{"type": "scatter", "x": [1], "y": [2], "name": "n"}]
    whole = [
        text("a", "1"),
        {
            "win": "a",
            "eid": "main",
            "data": points,
            "append": True,
            "layout": {},
            "opts": {"title": "t", "legend": ["x"]},
        },
        {"client": "c", "messages": [[1, "events", text("a", "1")]]},
        {"eid": "main", "layout": {"a": {"x": 1, "y": 2, "w": 3, "h": 4}}},
        {"event_type": "PropertyUpdate", "target": "a", "eid": "main", "propertyId": 0, "value": 1},
    ]
    paths = [
        *POSTS,
        "api/panes/batch",
        "api/panes/event",
        "api/panes/closed",
        "api/panes/do/arrange",
        "env/q",
    ]
    for _ in range(600):
        body = bytearray(json.dumps(rng.choice(whole)).encode())
        for _ in range(rng.randrange(4)):
            body[rng.randrange(len(body))] = rng.choice(b'{}[]",:0123456789aenul\\\xff')
        status, answer = post(asking, rng.choice(paths), bytes(body))
        assert status < 500, (bytes(body), answer)
    assert post(asking, "events", text("a", "1")) == (200, "a")


def test_malformed_messages_of_a_page(asking):
    with subscribe(asking, {}) as socket:
        for envs in (3, [], {"main": 3}, {"main": ["x", "y"]}, {str(k): ["", 0] for k in range(101)}):
            socket.send(json.dumps({"type": "panes", "envs": envs}))
            assert received(socket, "error")["message"].startswith("not understood")
        socket.send(json.dumps({"type": "panes", "envs": {"../..": ["", 0], "\x00": ["", 0]}}))
        socket.send(json.dumps({"type": "ping"}))
        received(socket, "pong")


def test_too_long_a_post(asking, monkeypatch):
    monkeypatch.setattr("rushlight.board.server.visdom.MOST_BYTES", 1 << 20)
    status, words = post(asking, "api/panes/event", b" " * (2 << 20))
    assert status == 413 and "at most" in words


@pytest.mark.parametrize("path", ["events", "delete_env", "api/panes/batch", "api/panes/event"])
def test_a_foreign_page_can_not_post(asking, path):
    assert post(asking, path, {}, Origin="http://evil.example")[0] == 403
    assert post(asking, path, {}, Host="evil.example")[0] == 403


def test_an_edited_property_is_so_for_all(asking):
    item = {"type": "slider", "name": "lr", "value": 0.1}
    post(asking, "events", {"win": "p", "data": [{"type": "properties", "content": [item]}]})
    event = {"event_type": "PropertyUpdate", "target": "p", "eid": "main", "propertyId": 0, "value": 0.5}
    assert post(asking, "api/panes/event", event)[0] == 200
    assert read(asking)["jsons"]["p"]["content"][0]["value"] == 0.5
    for k in (-1, 7, "x", None):
        assert post(asking, "api/panes/event", event | {"propertyId": k})[0] == 200
    assert read(asking)["jsons"]["p"]["content"] == [item | {"value": 0.5}]


def test_an_address_of_visdoms_leads_to_the_view(asking):
    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *arguments):
            return None

    with pytest.raises(urllib.error.HTTPError) as answer:
        urllib.request.build_opener(Stay).open(asking.board.url + "env/my%20env")
    with answer.value as found:
        assert found.headers["location"] == "/#view=panels&envs=my%2520env"


def test_an_answer_does_not_wait_for_an_ack(asking):
    """asyncio sets TCP_NODELAY only on sockets that say they are TCP; else a small answer takes 40 ms."""
    import socket

    bound = Board(asking.board.root, port=0).bind()
    with bound:
        assert bound.proto == socket.IPPROTO_TCP
