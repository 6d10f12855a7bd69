"""A board in this process, and how to ask it."""

import json
import time
import urllib.error
import urllib.request

import pytest


class Asker:
    """ask("/api/runs"), ask("/api/scalars", {...}, Origin="..."): (status, body)."""

    def __init__(self, board):
        self.url = board.url.rstrip("/").split("?")[0].rstrip("/")

    def __call__(self, path, question=None, method=None, **headers):
        data = question if isinstance(question, bytes | None) else json.dumps(question).encode()
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            request = urllib.request.Request(self.url + path, data, headers, method=method)
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()

    def json(self, path, question=None):
        """The answer, which must be a good one."""
        status, body = self(path, question)
        assert status == 200, body
        return json.loads(body)

    def until(self, condition):
        """Wait until condition() is true; its value."""
        deadline = time.monotonic() + 15
        while not (found := condition()):
            assert time.monotonic() < deadline, "it did not happen"
            time.sleep(0.02)
        return found


@pytest.fixture
def served(tmp_path):
    """A board over tmp_path."""
    pytest.importorskip("uvicorn")
    from rushlight.board.server.board import Board

    board = Board(tmp_path, port=0).start()
    yield board
    board.close()


@pytest.fixture
def asks(served):
    return Asker(served)
