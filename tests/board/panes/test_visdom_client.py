"""The real visdom client against our server, unchanged: the demo's calls, events, environments, log-in."""

import gc
import json
import threading

import pytest

pytest.importorskip("uvicorn")
pytest.importorskip("visdom")

import requests
import visdom
import websocket

from rushlight.board.server.board import Board
from tests.board.asking import until
from tests.board.panes.visdom_demo import NOT_RUN
from tests.board.panes.visdom_surfaces import DEMO

pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # the client leaves its session and files open
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


def collect():
    """Have what the clients leave open complain here, where it is ignored, and not in another test."""
    for thread in threading.enumerate():
        if thread.name == "Visdom-Socket-Thread":
            thread.join(timeout=10)
    for each in gc.get_objects():
        if type(each) in (requests.Session, websocket.WebSocket):
            each.close() if type(each) is requests.Session else each.shutdown()
    gc.collect()


@pytest.fixture(scope="module")
def board(tmp_path_factory):
    board = Board(tmp_path_factory.mktemp("logs"), port=0).start()
    yield board
    board.close()
    collect()


@pytest.fixture(scope="module")
def client(board):
    made = visdom.Visdom("http://127.0.0.1", port=board.port, raise_exceptions=True)
    yield made
    made.use_socket = False
    made.session.close()


@pytest.mark.parametrize("name", DEMO)
def test_demo(client, name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(client, "env", name)
    DEMO[name](client, lambda env=None: json.loads(client.get_window_data(env=env)))


def test_the_table_in_the_docs_is_that_of_the_demo():
    from pathlib import Path

    page = (Path(__file__).parents[3] / "docs" / "board_panels.md").read_text("utf-8")
    rows = {
        line.split("`")[1]: line.split("|")[2].strip() for line in page.splitlines() if line.startswith("| `")
    }
    missing = dict.fromkeys(DEMO, "pass").items() - rows.items()
    assert not missing and NOT_RUN.keys() <= rows.keys()


def happen(board, event):
    import urllib.request

    urllib.request.urlopen(f"{board.url}api/panes/event", json.dumps(event).encode()).close()


def test_events_reach_handlers(board, client):
    assert client.check_connection()
    got = []
    win = client.text("press a key", env="events")
    client.register_event_handler(got.append, win)
    happen(board, {"event_type": "KeyPress", "key": "a", "key_code": 65, "target": win, "eid": "events"})
    until(lambda: got)
    assert (got[0]["event_type"], got[0]["key"], got[0]["eid"]) == ("KeyPress", "a", "events")
    assert got[0]["pane_data"]["content"] == "press a key"
    client.clear_event_handlers(win)


def test_polling_instead_of_a_socket(board):
    polling = visdom.Visdom("http://127.0.0.1", port=board.port, use_incoming_socket=False, use_polling=True)
    try:
        got = []
        win = polling.text("press a key", env="polled")
        polling.register_event_handler(got.append, win)
        for key in "abc":
            happen(board, {"event_type": "KeyPress", "key": key, "target": win, "eid": "polled"})
        until(lambda: len(got) == 3)
        assert [event["key"] for event in got] == ["a", "b", "c"]
    finally:
        polling.use_socket = False
        polling.socket_thread.join()


def test_environments(client, board):
    client.text("one", win="w", env="first/of two")
    assert "first_of two" in client.get_env_list()
    assert client.save(["first/of two", "absent"]) == '["first_of two"]'
    saved = json.loads((board.root / ".panels" / "first_of two.json").read_text())
    assert saved["jsons"]["w"]["content"] == "one" and saved["reload"] == {}
    assert client.win_hash("absent") is None and len(client.win_hash(client.text("hashed"))) == 32
    client.delete_env("first_of two")
    assert "first_of two" not in client.get_env_list()
    assert not list((board.root / ".panels").glob("first*"))


def test_replay_of_a_log(client, tmp_path, monkeypatch):
    monkeypatch.setattr(client, "log_to_filename", str(tmp_path / "log"))
    monkeypatch.setattr(client, "env", "replayed")
    win = client.line(Y=[1, 2, 3])
    client.line(X=[4.0], Y=[4.0], win=win, update="append")
    client.close(env="replayed")
    client.replay_log(str(tmp_path / "log"))
    assert json.loads(client.get_window_data(win))["content"]["data"][0]["y"] == [1, 2, 3, 4]


def test_what_it_can_not_update_is_said(client):
    win = client.bar(X=[1, 2, 3], env="said")
    assert client._send({"win": win, "eid": "said", "data": [{"type": "bar"}]}, "update").endswith("was bar")
    assert client.line(X=[1.0], Y=[1.0], win="absent", update="replace", env="said") == "win does not exist"


def test_a_token_is_the_password(tmp_path):
    board = Board(tmp_path, port=0, token="secret").start()
    try:
        with pytest.raises(RuntimeError, match="Authentication failed"):
            visdom.Visdom("http://127.0.0.1", port=board.port, username="any", password="wrong")
        known = visdom.Visdom("http://127.0.0.1", port=board.port, username="any", password="secret")
        assert known.check_connection(timeout_seconds=3)
        assert known.win_exists(known.text("in"))
        known.use_socket = False
        known.session.close()
        stranger = visdom.Visdom("http://127.0.0.1", port=board.port, use_incoming_socket=False)
        assert "asks for a token" in stranger.text("out")
        stranger.session.close()
    finally:
        board.close()
        collect()
