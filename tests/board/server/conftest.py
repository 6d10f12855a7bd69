"""A board over a folder that is written by the test, asked over HTTP."""

import json
import time
import urllib.error
import urllib.parse
import urllib.request

import numpy as np
import pytest


class Asking:
    """Questions to a board."""

    def __init__(self, board):
        self.board = board

    def raw(self, path, question=None):
        """(status, headers, body)."""
        data = None if question is None else json.dumps(question).encode()
        request = urllib.request.Request(self.board.url.rstrip("/") + path, data)
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.headers, error.read()

    def json(self, path, question=None):
        status, _, body = self.raw(path, question)
        assert status == 200, (status, body)
        return json.loads(body)

    def packed(self, path, question):
        """The head and all numbers of a packed answer."""
        status, _, body = self.raw(path, question)
        assert status == 200, (status, body)
        size = int.from_bytes(body[:4], "little")
        return json.loads(body[4 : 4 + size]), np.frombuffer(body[4 + size :], "<f8")

    def entries(self, kind, tag, run="run", count=1):
        """The line of a tag's entries, when there are at least so many."""
        deadline = time.monotonic() + 10
        while True:
            lines = self.json("/api/entries", {"kind": kind, "tag": tag, "runs": [run, "absent"]})["lines"]
            if lines and len(lines[0]["mark"]) >= count:
                return lines[0]
            assert time.monotonic() < deadline, f"no {count} entries of {tag}"
            time.sleep(0.02)

    def media(self, kind, tag, mark, item=0, run="run"):
        query = {"kind": kind, "run": run, "tag": tag, "mark": mark, "item": item}
        return self.raw("/api/media?" + urllib.parse.urlencode(query))


@pytest.fixture
def asking(tmp_path):
    pytest.importorskip("uvicorn")
    from rushlight.board.server.board import Board

    board = Board(tmp_path, port=0).start()
    yield Asking(board)
    board.close()
