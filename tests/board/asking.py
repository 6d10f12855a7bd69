"""Questions to a board, as a page would ask them."""

import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from email.message import Message
from typing import Any, NamedTuple

import numpy as np
import pytest


class Answer(NamedTuple):
    """What a server says to a question."""

    status: int
    headers: Message
    body: bytes

    def good(self) -> bytes:
        """The body of an answer that is no refusal."""
        assert self.status == 200, (self.status, self.body)
        return self.body


class Asking:
    """ask("/api/runs"), ask("/api/scalars", {...}, Origin="..."), and the questions that most tests ask."""

    def __init__(self, board: Any) -> None:
        self.board = board

    def ask(self, path: str, question: Any = None, method: str | None = None, **headers: str) -> Answer:
        """The answer, also a refusal. A question in bytes is sent as it is; any other becomes JSON."""
        data = question if isinstance(question, bytes | None) else json.dumps(question).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        address = self.board.url.split("?")[0].rstrip("/") + path
        request = urllib.request.Request(address, data, named, method=method)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return Answer(answer.status, answer.headers, answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.headers, error.read())

    def json(self, path: str, question: Any = None) -> Any:
        """What a good answer says."""
        return json.loads(self.ask(path, question).good())

    def packed(self, path: str, question: Any) -> tuple[Any, np.ndarray]:
        """The head and all numbers of a packed answer, which must be a good one."""
        body = self.ask(path, question).good()
        size = int.from_bytes(body[:4], "little")
        return json.loads(body[4 : 4 + size]), np.frombuffer(body[4 + size :], "<f8")

    def entries(self, kind: str, tag: str, run: str = "run", count: int = 1) -> Any:
        """The line of a tag's entries, when there are at least so many."""
        question = {"kind": kind, "tag": tag, "runs": [run, "absent"]}
        found = until(lambda: _of(self.json("/api/entries", question)["lines"], count))
        return found[0]

    def media(self, kind: str, tag: str, mark: str, item: int = 0, run: str = "run") -> Answer:
        """A picture, a sound or a film."""
        query = {"kind": kind, "run": run, "tag": tag, "mark": mark, "item": item}
        return self.ask("/api/media?" + urllib.parse.urlencode(query))

    def socket(self, **more: Any) -> Any:
        """A page's live connection."""
        client = pytest.importorskip("websockets.sync.client")
        return client.connect(self.board.url.replace("http", "ws") + "live", max_size=1 << 24, **more)


def _of(lines: list[Any], count: int) -> list[Any]:
    """The lines, if the first has so many entries."""
    return lines if lines and len(lines[0]["mark"]) >= count else []


def until(condition: Callable[[], Any], seconds: float = 15) -> Any:
    """Wait until condition() is true; its value."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)
    return found
