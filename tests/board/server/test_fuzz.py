"""Questions that make no sense, to every route and the socket: an answer in words, never a 500 or an end."""

import contextlib
import http.client
import json
import random
import socket

import pytest

pytest.importorskip("starlette")

from starlette.routing import Route

from rushlight.board import Writer
from tests.board.asking import until

VALUES = [None, True, -1, 0, 1e308, 10**30, "", "a", "a\0b", "../..", "\ud800", [], {}, [[]], ["a"],
          ["\ud800"], [1], {"a": []}, [None] * 50, "x" * 5000, [0, 1], [1, "a"], [1e400], "loss"]  # fmt: skip
TEXTS = ["", "%00", "..", "%ff", "9" * 30, "loss", "a"]
NAMES = ["tag", "runs", "points", "range", "axis", "tags", "ids", "label", "colour", "note", "hidden",
         "force", "type", "run", "format", "smoothing", "since", "epoch", "index", "step"]  # fmt: skip


def routes(board):
    return [(route.path, method) for route in board.app().routes if isinstance(route, Route)
            for method in route.methods or ()]  # fmt: skip


def question(rng):
    return {rng.choice(NAMES): rng.choice(VALUES) for _ in range(rng.randrange(5))} | (
        {"tag": "loss", "runs": ["a"]} if rng.random() < 0.5 else {}
    )


@pytest.fixture
def run(tmp_path):
    with Writer(tmp_path / "a") as writer:
        for k, x in enumerate([1.0, float("nan"), float("inf")]):
            writer.add_scalar("loss", x, k, walltime=[float("nan"), float("inf"), -1e300][k])


@pytest.mark.parametrize("seed", range(8))
def test_every_route(asking, run, seed):
    rng = random.Random(seed)
    until(lambda: asking.json("/api/changes")["runs"])
    for path, method in routes(asking.board):
        for _ in range(12):
            body = (
                json.dumps(question(rng)).encode()
                if rng.random() < 0.8
                else rng.randbytes(rng.randrange(200))
            )
            address = path.replace("{", "").replace("}", "")
            if rng.random() < 0.5:
                address += "?" + "&".join(f"{rng.choice(NAMES)}={rng.choice(TEXTS)}" for _ in range(3))
            status, _, answer = asking.ask(address, body if method in ("POST", "PUT") else None, method)
            assert status < 500, (address, body, answer)
            assert status == 200 or answer or method == "HEAD"
    assert asking.json("/api/changes")["version"]  # the run may be deleted: that was asked, too


def test_paths_of_all_kinds_end_in_404(asking):
    rng = random.Random(0)
    pieces = [
        "..",
        "%2e%2e",
        "page",
        "api",
        "//",
        "etc",
        "passwd",
        "%00",
        "%ff",
        "\\..",
        "board.js",
        "vendor",
        "~",
        ".",
    ]
    for _ in range(300):
        path = "/" + "/".join(rng.choice(pieces) for _ in range(rng.randint(1, 6)))
        status, _, body = asking.ask(path)
        assert status < 500 and b"root:" not in body and b"import annotations" not in body, path


def raw(board, text):
    """What the server answers to bytes; it may refuse before it has them all."""
    with socket.create_connection(("127.0.0.1", board.port), timeout=5) as connection:
        with contextlib.suppress(OSError):
            connection.sendall(text)
            connection.shutdown(socket.SHUT_WR)
        connection.settimeout(5)
        try:
            return connection.recv(100)
        except (TimeoutError, ConnectionError):
            return b""


def test_what_is_no_http(asking):
    rng = random.Random(1)
    post = b"POST /api/scalars HTTP/1.1\r\nHost: localhost\r\n"
    get = b"GET / HTTP/1.1\r\nHost: localhost\r\n"
    texts = [b"", b"\0" * 100, rng.randbytes(5000), b"GET / HTTP/9.9\r\n\r\n", b"GET " + b"x" * 200_000]
    texts += [
        post + b"Content-Length: 99999999999\r\n\r\n{",
        post + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    ]
    texts += [get + b"Cookie: " + rng.randbytes(300).replace(b"\n", b"") + b"\r\n\r\n"]
    texts += [get + b"Origin: http://[\r\n\r\n", b"GET / HTTP/1.1\r\nHost: \xff\xfe\r\n\r\n"]
    for text in texts:
        assert b" 500 " not in raw(asking.board, text)
    assert asking.ask("/api/runs").status == 200


def test_a_body_that_is_too_large_is_refused(asking):
    connection = http.client.HTTPConnection("127.0.0.1", asking.board.port, timeout=10)
    try:
        connection.request("POST", "/api/scalars", body=b" " * (2 << 20))
        assert connection.getresponse().status == 413
    except (BrokenPipeError, ConnectionResetError):
        pass  # it hung up on us
    finally:
        connection.close()


@pytest.mark.parametrize("seed", range(5))
def test_the_socket(asking, seed):
    pytest.importorskip("websockets")
    from websockets.exceptions import ConnectionClosed

    rng = random.Random(seed)
    kinds = ["watch", "ping", "unknown", None, 3, [], {}]
    with asking.socket() as good:
        for _ in range(40):
            with asking.socket() as bad:
                try:
                    for _ in range(rng.randrange(6)):
                        message = {**question(rng), "type": rng.choice(kinds)}
                        bad.send(
                            rng.choice(
                                [json.dumps(message), rng.randbytes(50), "[" * 2000, "", "null", "9" * 5000]
                            )
                        )
                except ConnectionClosed:
                    continue
        good.send('{"type": "ping"}')
        assert json.loads(good.recv(10)) == {"type": "pong"}
    until(lambda: not asking.board.shared.hub.clients)
