"""A board over an empty folder in this process, and questions to it."""

import json
import time
import urllib.error
import urllib.request

import pytest


class Served:
    """A board: ask("/api/runs"), ask("/api/scalars", {...}, Origin="..."), which give (status, body)."""

    def __init__(self, board):
        self.board = board

    def __getattr__(self, name):
        return getattr(self.board, name)

    def ask(self, path, question=None, method=None, **headers):
        data = question if isinstance(question, bytes | None) else json.dumps(question).encode()
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        address = self.board.url.split("?")[0].rstrip("/") + path
        try:
            request = urllib.request.Request(address, data, headers, method=method)
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()

    __call__ = ask

    def json(self, path, question=None):
        """The answer, which must be a good one."""
        status, body = self.ask(path, question)
        assert status == 200, body
        return json.loads(body)

    def socket(self):
        client = pytest.importorskip("websockets.sync.client")
        return client.connect(self.board.url.replace("http", "ws") + "live", max_size=1 << 24)

    def until(self, condition):
        """Wait until condition() is true; its value."""
        deadline = time.monotonic() + 15
        while not (found := condition()):
            assert time.monotonic() < deadline, "it did not happen"
            time.sleep(0.02)
        return found


@pytest.fixture
def served(tmp_path):
    pytest.importorskip("uvicorn")
    from rushlight.board.server.board import Board

    board = Board(tmp_path, port=0).start()
    yield Served(board)
    board.close()


@pytest.fixture
def asks(served):
    return served


@pytest.fixture
def wait():
    return lambda condition: Served.until(None, condition)
