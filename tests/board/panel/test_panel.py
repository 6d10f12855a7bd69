"""Panel: what its calls post, compared with Visdom's client; delivery; handlers; its own board."""

import gc
import json
import subprocess
import sys
import time
import warnings

import numpy as np
import pytest

import rushlight as torch
from rushlight.board import Panel, png
from rushlight.board.panel import connection
from rushlight.board.panes import calls
from rushlight.board.panes.environments import Environments
from tests.board.asking import until


@pytest.fixture
def here(monkeypatch):
    """A Panel without a board: `here.wins()` is what one would show."""
    envs = Environments(None)
    monkeypatch.setattr(connection.Connection, "put", lambda self, call, message: calls.call(
        envs, call, json.loads(json.dumps(message, allow_nan=False))))  # fmt: skip
    panel = Panel("main", "http://127.0.0.1:9")
    panel.wins = lambda env="main": json.loads(calls.call(envs, "win_data", {"eid": env}))
    return panel


def data(panel, win):
    return panel.wins()[win]["content"]["data"]


RNG = np.random.default_rng(0)
SAME = {
    "line": dict(
        Y=RNG.random((10, 2)), X=np.arange(10.0), opts=dict(legend=["a", "b"], title="t", xlabel="x")
    ),
    "scatter": dict(
        X=RNG.random((9, 2)), Y=np.arange(9) % 2 + 1, opts=dict(markersize=3, xtickmin=1, xtickmax=2)
    ),
    "bar": dict(X=RNG.random((5, 3)), opts=dict(stacked=True, legend=list("abc"), rownames=list("vwxyz"))),
    "boxplot": dict(X=RNG.random((20, 2)), opts=dict(legend=["a", "b"])),
    "pie": dict(X=np.array([1, 2, 3]), opts=dict(legend=list("abc"))),
    "stem": dict(X=RNG.random((6, 2)), Y=np.arange(6.0), opts=dict(legend=["a", "b"])),
    "heatmap": dict(
        X=RNG.random((3, 4)), opts=dict(columnnames=list("abcd"), rownames=list("xyz"), nancolor="red")
    ),
    "surf": dict(X=RNG.random((4, 5)), opts=dict(colormap="Hot")),
    "mesh": dict(X=RNG.random((4, 3)), Y=np.array([[0, 1, 2], [1, 2, 3]]), opts=dict(opacity=0.5)),
    "sunburst": dict(labels=np.array(["a", "b"]), parents=np.array(["", "a"]), values=np.array([2, 1])),
    "properties": dict(data=[{"type": "text", "name": "a", "value": "b"}]),
    "text": dict(text="<b>x</b>", opts=dict(title="t")),
}


def rounded(value):
    if isinstance(value, dict):
        return {key: rounded(each) for key, each in value.items() if each is not None and key != "colorscale"}
    if isinstance(value, list):
        return [rounded(each) for each in value]
    return round(value, 9) if isinstance(value, float) else value


@pytest.mark.parametrize("call", SAME)
def test_a_call_shows_what_visdoms_client_shows(here, call):
    visdom = pytest.importorskip("visdom")
    client = visdom.Visdom(send=False, use_incoming_socket=False)
    theirs = Environments(None)
    message, endpoint = getattr(client, call)(**json_safe(SAME[call]), win="w")
    calls.call(theirs, endpoint, json.loads(json.dumps(message), parse_constant=lambda _: None))
    getattr(here, call)(**SAME[call], win="w")
    ours, theirs = here.wins()["w"], json.loads(calls.call(theirs, "win_data", {"win": "w"}))
    for pane in (ours, theirs):
        for trace in pane["content"].get("data", []) if pane["type"] == "plot" else []:
            trace.pop("textposition", None)
        if pane["type"] == "plot":
            if call == "mesh":  # to which the client gives the layout of a flat plot
                pane["content"].pop("layout")
    assert rounded(ours) == rounded(theirs)


def json_safe(arguments):
    """The client changes the opts that it is given."""
    return {key: dict(value) if isinstance(value, dict) else value for key, value in arguments.items()}


def test_tensors_lists_and_arrays(here):
    x = torch.tensor([1.0, float("nan"), float("inf")], requires_grad=True)
    for values in (x, x.detach().numpy(), [1.0, float("nan"), float("inf")]):
        assert data(here, here.line(values))[0]["y"] == [1.0, None, None]
    assert data(here, here.line(torch.ones(2, dtype=torch.bfloat16)))[0]["y"] == [1.0, 1.0]


def test_appending_makes_and_lengthens(here):
    for k in range(3):
        here.line([[k, k]], [k], win="w", update="append", opts=dict(title="t", legend=["a", "b"]))
    assert [(t["name"], t["y"]) for t in data(here, "w")] == [("a", [0, 1, 2]), ("b", [0, 1, 2])]
    here.line([[3, 3]], [3], win="w", update="append")
    assert here.wins()["w"]["content"]["layout"]["showlegend"] and here.wins()["w"]["title"] == "t"
    here.line([9], [9], win="w", name="b", update="replace")
    here.line([7], [7], win="w", name="new", update="insert")
    here.line(None, win="w", name="a", update="remove")
    assert [(t["name"], t["y"]) for t in data(here, "w")] == [("b", [9]), ("new", [7])]
    here.update_window_opts("w", dict(title="other"))
    assert here.wins()["w"]["title"] == "other" and here.wins()["w"]["content"]["layout"]["showlegend"]


def test_pictures_are_read_by_others(here):
    image = pytest.importorskip("PIL.Image")
    import base64
    import io

    pixels = RNG.integers(0, 256, (3, 7, 5), dtype=np.uint8)
    for content, channels in (
        (pixels, "RGB"),
        (pixels[:1], "L"),
        (np.concatenate([pixels, pixels[:1]]), "RGBA"),
    ):
        made = image.open(io.BytesIO(png.encode(np.ascontiguousarray(content.transpose(1, 2, 0)))))
        assert made.mode == channels
        np.testing.assert_array_equal(np.asarray(made).reshape(7, 5, -1), content.transpose(1, 2, 0))
    here.video(pixels[None].repeat(3, 0), "LxCxHxW", win="v", opts=dict(fps=10, loop=False))
    film = image.open(io.BytesIO(base64.b64decode(here.wins()["v"]["content"]["src"].split(",")[1])))
    assert (film.n_frames, film.info["duration"], film.info["loop"]) == (3, 100, 1)
    with film:
        film.seek(2)
        np.testing.assert_array_equal(np.asarray(film.convert("RGB")), pixels.transpose(1, 2, 0))


WRONG = [
    ("line", ([[1, 2]], [1, 2, 3]), "does not fit"),
    ("line", ([1, 2], None, "w", None, None, "append"), "needs X"),
    ("scatter", ([[1, 2, 3, 4]],), "N x 2 or N x 3"),
    ("scatter", ([[1, 2]], [0]), "from 1 on"),
    ("scatter", ([1], [1], "w", None, None, "sideways"), "update is"),
    ("bar", ([1, 2], [1]), "as many places"),
    ("pie", ([-1, 2],), "negative"),
    ("histogram", ([],), "at least one"),
    ("heatmap", ([1, 2],), "a matrix"),
    ("heatmap", ([[1]], None, None, "appendRow"), "pass win="),
    ("mesh", ([[0, 0, 0]], [[0.5, 1, 2]]), "numbers of points"),
    ("image", (np.zeros((2, 3, 3)),), "C of 1, 3 or 4"),
    ("video", (np.zeros((2, 3, 3)),), "LxHxWxC"),
    ("audio", (np.zeros((2, 3)),), "N x 2 samples"),
    ("audio", (None, "sound.xyz"), "end in wav"),
    ("svg", ("no picture",), "no SVG"),
    ("graph", ([(0, 2)],), "without gaps"),
    ("embeddings", ([[1, 2]], []), "N labels"),
    ("text", ("x", None, None, {"width": -1}), "opts\\['width'\\]"),
]


@pytest.mark.parametrize("call, arguments, why", WRONG, ids=[f"{k}-{w[0]}" for k, w in enumerate(WRONG)])
def test_what_can_not_be_drawn_is_said_at_the_call(here, call, arguments, why):
    with pytest.raises(ValueError, match=why):
        getattr(here, call)(*arguments)
    assert not here.wins()


# -- with a board -----------------------------------------------------------------------------------------


SERVER = """
import sys
from pathlib import Path
from rushlight.board.server.board import Board
board = Board(Path(sys.argv[1]), port=int(sys.argv[2]))
bound = board.bind()
print(board.port, flush=True)
board.serve(bound)
"""


def serve(folder, port=0):
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER, str(folder), str(port)], stdout=subprocess.PIPE, text=True
    )
    return process, int(process.stdout.readline())


def test_kill_9_of_the_server_loses_and_doubles_nothing(tmp_path):
    """A Panel goes on sending while its server is killed three times, in the midst of taking it."""
    pytest.importorskip("uvicorn")
    process, port = serve(tmp_path)
    sent = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with Panel("main", f"http://127.0.0.1:{port}") as panel:
            for turn in range(4):
                for _ in range(500):
                    panel.line([float(sent)], [sent], win="w", name="a", update="append")
                    sent += 1
                    if turn < 3 and sent % 500 == 300:
                        time.sleep(0.03 * turn)
                        process.kill()
                        process.communicate()
                        process, _ = serve(tmp_path, port)
            assert panel.flush(20)
            found = json.loads(panel.get_window_data("w"))["content"]["data"][0]["y"]
    process.kill()
    process.communicate()
    assert found == [float(k) for k in range(sent)]


def test_no_board_costs_no_time_and_no_error(monkeypatch):
    monkeypatch.setattr(connection, "MOST_WAITING", 100)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        panel = Panel("main", "http://127.0.0.1:9", timeout=0.5)
        for k in range(1000):
            panel.line([k], [k], win="w", update="append")
        assert len(panel.connection._queue) <= 100
        assert panel.win_exists("w") is None and not panel.check_connection()
        with pytest.raises(ConnectionError, match="does not answer"):
            panel.get_window_data("w")
        panel.end()
    assert any("oldest windows are lost" in str(each.message) for each in caught)


def test_a_window_made_anew_goes_before_others_are_lost(monkeypatch):
    monkeypatch.setattr(connection, "MOST_WAITING", 100)
    monkeypatch.setattr(connection.Connection, "_run", lambda self: None)
    panel = Panel("main", "http://127.0.0.1:9")
    panel.text("kept", win="first")
    for k in range(1000):
        panel.text(str(k), win="again")
    texts = [each.text for each in panel.connection._queue]
    assert any('"kept"' in text for text in texts) and '"999"' in texts[-1]


def test_handlers_hear_what_happens_also_after_a_restart(tmp_path):
    pytest.importorskip("uvicorn")
    import urllib.request

    process, port = serve(tmp_path)

    def happen(key):
        event = {"event_type": "KeyPress", "key": key, "target": "t", "eid": "main"}
        urllib.request.urlopen(f"http://127.0.0.1:{port}/api/panes/event", json.dumps(event).encode()).close()

    got, failed = [], []

    def fails(event):
        failed.append(event)
        raise RuntimeError("a handler of the user's")

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with Panel("main", f"http://127.0.0.1:{port}") as panel:
            panel.text("x", win="t")
            panel.register_event_handler(fails, "t")
            panel.register_event_handler(lambda event: got.append(event["key"]), "t")
            assert panel.check_connection(10)
            happen("a")
            until(lambda: got == ["a"])
            process.kill()
            process.communicate()
            process, _ = serve(tmp_path, port)
            panel.listener.alive.clear()
            assert panel.listener.alive.wait(15)
            happen("b")
            until(lambda: got == ["a", "b"])
    process.kill()
    process.communicate()
    assert len(failed) == 2
    gc.collect()


def test_events_missed_while_away_are_sent_on(board):
    connect = pytest.importorskip("websockets.sync.client").connect
    import urllib.request

    with Panel("main", board.url) as panel:
        panel.text("x", win="t")
        panel.flush()
    address = board.url.replace("http", "ws") + "vis_socket"

    def happen(key):
        event = {"event_type": "KeyPress", "key": key, "target": "t", "eid": "main"}
        urllib.request.urlopen(f"{board.url}api/panes/event", json.dumps(event).encode()).close()

    with connect(address) as socket:
        assert json.loads(socket.recv(5))["data"] == "vis_alive"
        happen("a")
        event = json.loads(socket.recv(5))
    happen("b")
    with connect(f"{address}?life={event['life']}&after={event['number']}") as socket:
        assert json.loads(socket.recv(5))["data"] == "vis_alive"
        assert json.loads(socket.recv(5))["key"] == "b"


def test_environments(board):
    with Panel("main", board.url) as panel:
        panel.text("one", win="w")
        assert panel.fork_env("main", "copy") == "copy" and panel.save(["copy"]) == ["copy"]
        panel.text("two", win="w")
        assert json.loads(panel.get_window_data("w", "copy"))["content"] == "one"
        assert len(panel.win_hash("w")) == 32 and panel.win_hash("absent") is None
        panel.close("w")
        assert panel.win_exists("w") is False
        panel.delete_env("copy")
        assert "copy" not in panel.get_env_list()
        with pytest.raises(ValueError, match="doesn't exist"):
            panel.fork_env("absent", "x")


def test_what_was_logged_is_replayed(board, tmp_path):
    with Panel("main", board.url, log_to_filename=str(tmp_path / "log")) as panel:
        panel.line([1.0], [1.0], win="w", update="append")
        panel.close("w")
        panel.replay_log(tmp_path / "log")
        assert json.loads(panel.get_window_data("w"))["content"]["data"][0]["y"] == [1.0]


def test_a_token(tmp_path):
    pytest.importorskip("uvicorn")
    from rushlight.board.server.board import Board

    board = Board(tmp_path, port=0, token="secret").start()
    try:
        for panel in (
            Panel("main", board.url),
            Panel("main", f"http://127.0.0.1:{board.port}", token="secret"),
        ):
            with panel:
                assert panel.win_exists(panel.text("x"))
        with pytest.raises(ValueError, match="token"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Panel("main", f"http://127.0.0.1:{board.port}", timeout=0.3) as panel:
                panel.get_env_list()
    finally:
        board.close()


def test_a_board_is_found_only_for_its_folder(board, tmp_path):
    from rushlight.board.panel.panel import _found

    assert _found(board.url, tmp_path) == board.url
    assert _found(board.url, tmp_path / "other") is None and _found("http://127.0.0.1:9/", tmp_path) is None


def test_a_board_of_its_own(tmp_path, monkeypatch):
    pytest.importorskip("uvicorn")
    code = """
from rushlight.board import Panel
from rushlight.board.panel import panel
panel.USUAL = "http://127.0.0.1:9/"
one, two = Panel("a", logdir="logs"), Panel("b", logdir="logs")
assert one.url == two.url and one.win_exists(one.line([1, 2, 3]))
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "board shows" in done.stdout and (tmp_path / "logs" / ".panels" / "a.jsonl").stat().st_size > 100
