"""A board over an empty folder, and questions to it."""

import json
import time
import urllib.error
import urllib.request

import pytest


@pytest.fixture
def served(tmp_path):
    pytest.importorskip("uvicorn")
    from rushlight.board.server.board import Board

    board = Board(tmp_path, port=0).start()
    yield Served(board)
    board.close()


class Served:
    def __init__(self, board):
        self.board = board

    def ask(self, path, question=None):
        """(status, body)"""
        data = None if question is None else json.dumps(question).encode()
        try:
            with urllib.request.urlopen(self.board.url.rstrip("/") + path, data) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()

    def json(self, path, question=None):
        status, body = self.ask(path, question)
        assert status == 200, body
        return json.loads(body)

    def socket(self):
        client = pytest.importorskip("websockets.sync.client")
        return client.connect(self.board.url.replace("http", "ws") + "live", max_size=1 << 24)


def wait(condition):
    deadline = time.monotonic() + 15
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)
    return found


@pytest.fixture(name="wait")
def waiting():
    return wait
