"""Attempts of other pages, other machines and hostile logs on a running board.

Each takes the board and returns what got through, or None. They run against a server of their own.
"""

from __future__ import annotations

import http.client
import json
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rushlight.board.events import messages
from rushlight.board.events.records import frame

Attempt = Callable[[Any], str | None]
SECRET = "a file beside the logs"
ATTEMPTS: list[Attempt] = []


def attempt(make: Attempt) -> Attempt:
    """Register an attempt."""
    ATTEMPTS.append(make)
    return make


def ask(
    board: Any, path: str, method: str = "GET", body: bytes | None = None, **headers: str
) -> tuple[int, bytes]:
    """The status and the body of an answer, headers sent as they are."""
    connection = http.client.HTTPConnection("127.0.0.1", board.port, timeout=10)
    try:
        connection.putrequest(method, path, skip_host="Host" in headers)
        for name, value in headers.items():
            connection.putheader(name.replace("_", "-"), value)
        if body is not None:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)  # pyright: ignore[reportArgumentType]
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (BrokenPipeError, ConnectionResetError):
        return 0, b""
    finally:
        connection.close()


def through(found: tuple[int, bytes]) -> str | None:
    """What is wrong with an answer that should have been a refusal."""
    status, body = found
    return (
        f"{status}: {body[:60]!r}"
        if status in (101, 200) or status >= 500 or SECRET.encode() in body
        else None
    )


def upgrade(board: Any, **headers: str) -> tuple[int, bytes]:
    """Ask for the WebSocket."""
    key = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec_WebSocket_Version": "13"}
    return ask(board, "/live", Sec_WebSocket_Key="dGhlIHNhbXBsZSBub25jZQ==", **key, **headers)


@attempt
def dns_rebinding(board: Any) -> str | None:
    """A page of evil.example whose name was made to lead to 127.0.0.1."""
    host = f"evil.example:{board.port}"
    return through(ask(board, "/api/runs", Host=host, Origin=f"http://{host}"))


@attempt
def foreign_page_reads(board: Any) -> str | None:
    """A page of another site asks for the list of runs."""
    return through(ask(board, "/api/runs", Origin="http://evil.example"))


@attempt
def foreign_page_deletes(board: Any) -> str | None:
    """A form or a script of another site, which needs no leave for a POST of plain text, deletes a run."""
    body = json.dumps({"runs": ["run"], "force": True}).encode()
    for origin in ("http://evil.example", "null", f"http://localhost:{board.port}0"):
        ask(board, "/api/delete", "POST", body, Origin=origin, Content_Type="text/plain")
    return None if (board.root / "run").exists() else "the run is gone"


@attempt
def foreign_page_without_an_origin(board: Any) -> str | None:
    """An image or a script tag of another site."""
    return through(ask(board, "/api/runs", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="no-cors"))


@attempt
def foreign_socket(board: Any) -> str | None:
    """A WebSocket from another site, which no browser holds back."""
    return through(upgrade(board, Origin="http://evil.example"))


@attempt
def rebinding_socket(board: Any) -> str | None:
    """The same under a name that leads here."""
    return through(upgrade(board, Host="evil.example", Origin="http://evil.example"))


@attempt
def paths_that_climb(board: Any) -> str | None:
    """Ways to name a file outside the page's folder."""
    secret = os.path.relpath(board.root.parent / "secret.txt", "/")
    for up in (
        "../" * 12,
        "%2e%2e/" * 12,
        "..%2f" * 12,
        "%2e%2e%2f" * 12,
        "..\\" * 12,
        "/" * 3,
        "....//" * 12,
    ):
        for begin in ("/", "/page/", "/page/vendor/", "/api/"):
            found = through(ask(board, begin + up + secret))
            if found and SECRET in found:
                return found
    return None


@attempt
def runs_that_climb(board: Any) -> str | None:
    """Names of runs and of things in the trash that are paths."""
    for name in ("..", "../secret.txt", "/etc", "run/../..", "."):
        for path, question in (("delete", {"runs": [name], "force": True}), ("restore", {"ids": [name]})):
            ask(board, f"/api/{path}", "POST", json.dumps(question).encode())
    return None if (board.root.parent / "secret.txt").exists() and (board.root / "run").exists() else "moved"


@attempt
def links_in_the_logs(board: Any) -> str | None:
    """A link among the logs to a file outside them."""
    _, body = ask(board, "/api/runs")
    return "the link is a run" if b"linked" in body else None


@attempt
def guessing_tokens(board: Any) -> str | None:
    """Tokens near the true one, by cookie, header and address, to a board that asks for one."""
    guard = _closed(board)
    token = guard.token
    for guess in ("", token[:-1], token + "x", token.upper(), token[::-1], "*", "%00", token.encode().hex()):
        for headers in ((b"cookie", f"rushlight-board={guess}"), (b"authorization", f"Bearer {guess}")):
            scope = _scope([(headers[0], headers[1].encode())])
            if guess != token and guard.refusal(scope) is None:
                return f"{guess!r} is taken for the token"
        if guess != token and guard.refusal(_scope([], f"token={guess}".encode())) is None:
            return f"{guess!r} is taken for the token"
    return "the true token is refused" if guard.refusal(_scope([], f"token={token}".encode())) else None


def _closed(board: Any) -> Any:
    from rushlight.board.server.board import Board
    from rushlight.board.server.safety import Guard

    return Guard(board.app(), ("*",), Board(board.root, host="0.0.0.0").token)


def _scope(headers: list[tuple[bytes, bytes]], query: bytes = b"") -> dict[str, Any]:
    return {
        "type": "http",
        "path": "/api/runs",
        "query_string": query,
        "headers": [(b"host", b"x"), *headers],
    }


@attempt
def a_body_without_end(board: Any) -> str | None:
    """A question of 64 MB."""
    return through(ask(board, "/api/scalars", "POST", b" " * (64 << 20)))


@attempt
def a_length_that_lies(board: Any) -> str | None:
    """A body announced as 10 TB of which a byte comes."""
    head = (
        f"POST /api/scalars HTTP/1.1\r\nHost: localhost:{board.port}\r\nContent-Length: {10 << 40}\r\n\r\n{{"
    )
    with socket.create_connection(("127.0.0.1", board.port), timeout=10) as connection:
        connection.sendall(head.encode())
        return through(ask(board, "/api/absent"))


@attempt
def scripts_in_names(board: Any) -> str | None:
    """A run and a tag that are HTML: no answer is a page that holds them, and the policy runs no script."""
    for path in ("/", "/api/runs", "/api/changes", "/api/trash"):
        connection = http.client.HTTPConnection("127.0.0.1", board.port, timeout=10)
        connection.request("GET", path)
        answer = connection.getresponse()
        body, kind = answer.read(), answer.headers["content-type"]
        policy = answer.headers["content-security-policy"]
        connection.close()
        if "html" in kind and b"onerror" in body:
            return f"{path} is a page with a script of the logs"
        if (
            "script-src 'self' 'sha256-" not in policy
            or answer.headers["x-content-type-options"] != "nosniff"
        ):
            return f"{path} comes without the policy"
    return None


def prepare(root: Path) -> None:
    """Logs with a run, hostile names, a link that leads out; and what must not be reached."""
    root.mkdir()
    (root.parent / "secret.txt").write_text(SECRET)
    event = frame([messages.scalar_event(1e9, 1, "<img src=x onerror=alert(1)>", 1.0)])
    for name in ("run", "<img src=x onerror=alert(1)>"):
        (root / name).mkdir()
        (root / name / "events.out.tfevents.1").write_bytes(event)
    outside = root.parent / "outside"
    outside.mkdir()
    (outside / "events.out.tfevents.1").write_bytes(event)
    (root / "linked").symlink_to(outside)


def run(folder: Path) -> dict[str, str | None]:
    """Start a board over hostile logs in an empty folder and try everything; what got through, by name."""
    from rushlight.board.server.board import Board

    prepare(folder / "logs")
    board = Board(folder / "logs", port=0).start()
    try:
        return {one.__name__: one(board) for one in ATTEMPTS}
    finally:
        board.close()
