"""Who may ask: hosts, origins, tokens, cookies."""

import pytest

pytest.importorskip("starlette")

import json
import threading

from rushlight.board.server.board import Board
from rushlight.board.server.safety import COOKIE, Guard, policy


def scope(kind="http", path="/", query=b"", scheme="http", **headers):
    pairs = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()]
    return {"type": kind, "path": path, "query_string": query, "headers": pairs, "scheme": scheme}


OPEN = Guard(None)
CLOSED = Guard(None, ("*",), "secret")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:6006", "localhost:1", "[::1]:6006", "LOCALHOST"])
def test_our_hosts(host):
    assert OPEN.refusal(scope(host=host)) is None


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.example",
        "127.0.0.1.evil.example",
        "127.0.0.1@evil.example",
        "evil.example:6006",
        "[::1",
        "localhost.evil",
        "0x7f.1",
        " ",
        "[x]:1",
    ],
)
def test_other_hosts(host):
    assert OPEN.refusal(scope(host=host)) is not None


ORIGINS = ["http://evil.example", "null", "", "http://[", "file://", "http://localhost"]


@pytest.mark.parametrize("origin", [*ORIGINS, "http://localhost:6007", "//localhost:6006x"])
@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_other_origins(origin, kind):
    assert OPEN.refusal(scope(kind, host="localhost:6006", origin=origin)) is not None


def test_our_origin():
    for kind in ("http", "websocket"):
        assert OPEN.refusal(scope(kind, host="localhost:6006", origin="http://localhost:6006")) is None


def test_other_sites_requests_without_an_origin():
    assert OPEN.refusal(scope(host="localhost", sec_fetch_site="cross-site", sec_fetch_mode="no-cors"))
    assert (
        OPEN.refusal(scope(host="localhost", sec_fetch_site="cross-site", sec_fetch_mode="navigate")) is None
    )


@pytest.mark.parametrize("headers", [{"cookie": f"{COOKIE}=secret"}, {"authorization": "Bearer secret"}])
@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_who_knows_the_token(kind, headers):
    assert CLOSED.refusal(scope(kind, host="x", **headers)) is None


@pytest.mark.parametrize("headers", [{}, {"cookie": f"{COOKIE}=secre"}, {"cookie": f"{COOKIE}=secrett"},
                                     {"cookie": "a\x01=b; \xff"}, {"cookie": f"other=secret; {COOKIE}="},
                                     {"authorization": "secret2"}, {"authorization": "Bearer "}])  # fmt: skip
@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_who_does_not(kind, headers):
    assert CLOSED.refusal(scope(kind, host="x", **headers)) is not None


def test_the_policy_runs_no_scripts_of_others_and_talks_to_nobody():
    assert "'unsafe-inline'" not in policy().split("style-src")[0] and "unsafe-eval" not in policy()
    assert "connect-src 'self';" in policy() and "ws:" not in policy()


def test_a_socket_with_a_cookie(tmp_path):
    client = pytest.importorskip("websockets.sync.client")
    from websockets.exceptions import InvalidStatus

    board = Board(tmp_path, host="0.0.0.0", port=0).start()
    try:
        address = f"ws://127.0.0.1:{board.port}/live"
        with pytest.raises(InvalidStatus):
            client.connect(address)
        cookie = {"Cookie": f"{COOKIE}={board.token}"}
        with client.connect(address, additional_headers=cookie) as socket:
            socket.send('{"type": "ping"}')
            assert json.loads(socket.recv(5)) == {"type": "pong"}
        with pytest.raises(InvalidStatus):
            client.connect(address, additional_headers=cookie, origin="http://evil.example")
    finally:
        board.close()


@pytest.mark.parametrize("scheme, secure", [("http", False), ("https", True)])
def test_the_cookie_is_for_this_site_alone(scheme, secure):
    import asyncio

    sent = []

    async def send(message):
        sent.append(message)

    asked = scope(query=b"token=secret", scheme=scheme, host="x")
    # in a thread: playwright's loop may be running in this one
    thread = threading.Thread(target=lambda: asyncio.run(CLOSED(asked, None, send)))
    thread.start()
    thread.join()
    headers = dict(sent[0]["headers"])
    cookie = headers[b"set-cookie"].decode().lower()
    assert sent[0]["status"] == 303 and headers[b"location"] == b"/"
    assert "httponly" in cookie and "samesite=strict" in cookie and ("secure" in cookie.split("; ")) == secure
