"""The view of windows: shown, live, after a killed server, moved, closed, edited, and hostile."""

import json
import re
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("uvicorn")

from rushlight.board import Panel
from rushlight.board.server.board import Board
from tests.board.asking import until

# What Chromium says of its own drawing without a GPU.
DRAWING = ("GL Driver", "willReadFrequently", "GPU stall", "WebGL")
# It mentions handlers that it sees while it parses HTML for sanitise.js, in a document where none can run.
PARSED = ("violates the following Content Security Policy",)
# The page reconnects: a browser reports each attempt that fails.
LOST = ("ERR_CONNECTION", "WebSocket", "Failed to fetch", "Failed to load resource")


@pytest.fixture
def panel(board):
    with Panel("main", board.url) as panel:
        yield panel


def window(page, win):
    return page.locator(f"article[data-win='{win}']")


def traces(page, win):
    """What Plotly has drawn."""
    found = f"document.querySelector(\"article[data-win='{win}'] .figure\")"
    return page.evaluate(
        f"(() => {{ const f = {found}; return f && f.data ? f.data.map(t => t.y) : null; }})()"
    )


def test_every_kind_is_shown(show, panel):
    rng = np.random.default_rng(0)
    panel.line(rng.random((10, 2)), win="line", opts={"title": "Two lines"})
    panel.surf(rng.random((5, 5)), win="surf")
    panel.heatmap(rng.random((5, 5)), win="heat")
    panel.image(rng.random((3, 8, 8)), win="image", opts={"caption": "noise"})
    panel.video(rng.random((3, 8, 8, 3)), win="video")
    panel.text("<b>bold</b> and <i>plain</i>", win="text")
    panel.svg("<svg width='20' height='20'><circle r='9' cx='10' cy='10'/></svg>", win="svg")
    panel.audio(rng.random(100), win="audio")
    panel.graph([(0, 1), (1, 2)], nodeLabels=["a", "b", "c"], win="graph")
    panel.embeddings(rng.random((9, 4)), list("abcabcabc"), win="points")
    panel.flush()
    page = show("#view=panels", height=3000, allowed=DRAWING)
    for win in ("line", "surf", "heat", "points"):
        window(page, win).locator(".main-svg").first.wait_for()
    page.get_by_text("Two lines").wait_for()
    window(page, "image").get_by_text("noise").wait_for()
    for win in ("image", "video", "svg"):
        image = window(page, win).locator("img")
        until(lambda image=image: image.evaluate("i => i.complete && i.naturalWidth > 0"))
    assert window(page, "text").locator("b").inner_text() == "bold"
    assert window(page, "audio").locator("audio source").get_attribute("src").startswith("data:audio/wav")
    assert window(page, "graph").locator("circle").count() == 3


def test_updates_arrive_and_many_of_them(show, panel):
    panel.line([0.0], [0.0], win="w", name="a")
    page = show("#view=panels", allowed=DRAWING)
    window(page, "w").locator(".main-svg").first.wait_for()
    for k in range(1, 3001):
        panel.line([float(k)], [k], win="w", name="a", update="append")
    until(lambda: len((traces(page, "w") or [[]])[0]) == 3001)
    assert traces(page, "w")[0] == [float(k) for k in range(3001)]
    panel.text("one", win="t")
    panel.text("two", win="t", append=True)
    window(page, "t").get_by_text("two").wait_for()


@pytest.mark.parametrize("kept", [True, False], ids=["log", "no log"])
def test_a_killed_server_loses_and_doubles_nothing(show, board, panel, tmp_path, kept):
    """The page, and a Panel that goes on sending, over a restart; once with the log gone as well."""
    panel.line([0.0], [0.0], win="w", name="a")
    page = show("#view=panels", allowed=DRAWING + LOST)
    window(page, "w").locator(".main-svg").first.wait_for()
    sent = 1
    for turn in range(3):
        for k in range(sent, sent + 100):
            panel.line([float(k)], [k], win="w", name="a", update="append")
            if k == sent + 50 and turn < 2:
                board.close()
                if not kept:
                    for path in (tmp_path / ".panels").glob("*.jsonl"):
                        path.unlink()
                board = Board(tmp_path, port=board.port).start()
        sent += 100
    panel.flush()
    data = json.loads(panel.get_window_data("w"))["content"]["data"][0]["y"]
    if kept:
        assert data == [float(k) for k in range(sent)]
    until(lambda: (traces(page, "w") or [[]])[0] == data)
    board.close()


def test_a_slider_sets_the_learning_rate_of_a_running_training(show, board, capsys):
    """The example: the slider is dragged in the page, the training's optimizer has what it says."""
    sys.path.insert(0, str(Path(__file__).parents[3] / "examples"))
    try:
        import board_slider
    finally:
        del sys.path[0]
    page = show("#view=panels&envs=slider", allowed=DRAWING)
    training = threading.Thread(target=board_slider.main, args=(400, 0.01, board.url))
    training.start()
    try:
        slider = window(page, "controls").locator("input[type=range]")
        slider.wait_for()
        slider.focus()
        slider.press("End")  # 1.0
        for _ in range(3):
            slider.press("ArrowLeft")
        shown = float(window(page, "controls").locator("output").inner_text())
        assert 0.9 < shown < 1
        until(lambda: abs((traces(page, "lr") or [[0]])[0][-1] - shown) < 1e-6)
    finally:
        training.join()
    assert f"at learning rate {shown:g}" in capsys.readouterr().out


def test_clicks_and_keys_reach_python(show, panel):
    got = []
    panel.image(np.zeros((3, 50, 100)), win="image", opts={"width": 300, "height": 150})
    panel.text("type here", win="text")
    for win in ("image", "text"):
        panel.register_event_handler(got.append, win)
    assert panel.check_connection(5)
    page = show("#view=panels", allowed=DRAWING)
    image = window(page, "image").locator("img")
    until(lambda: image.evaluate("i => i.naturalWidth") == 100)
    box = image.bounding_box()
    image.click(position={"x": box["width"] / 2, "y": box["height"] / 2})
    until(lambda: got)
    assert got[0]["event_type"] == "Click"
    assert abs(got[0]["image_coord"]["x"] - 50) < 2 and abs(got[0]["image_coord"]["y"] - 25) < 2
    window(page, "text").focus()
    page.keyboard.type("t1/")  # also the page's own keys
    until(lambda: len(got) == 4)
    assert [event["key"] for event in got[1:]] == list("t1/") and got[1]["pane_data"][
        "content"
    ] == "type here"
    assert "theme" not in page.url
    window(page, "text").hover()
    window(page, "text").get_by_label("Close").click()
    window(page, "text").wait_for(state="detached")
    until(lambda: len(got) == 5)
    assert got[4]["event_type"] == "close" and not panel.win_exists("text")


def test_windows_are_moved_resized_and_stay_so(show, panel):
    for k in range(3):
        panel.text("x" * 400, win=f"w{k}", opts={"title": f"Window {k}"})
    panel.flush()
    page = show("#view=panels")
    before = {k: window(page, f"w{k}").bounding_box() for k in range(3)}
    header = window(page, "w0").locator("header").bounding_box()
    page.mouse.move(header["x"] + 40, header["y"] + 10)
    page.mouse.down()
    page.mouse.move(before[2]["x"] + 60, header["y"] + 14, steps=8)
    page.mouse.up()
    until(lambda: abs(window(page, "w0").bounding_box()["x"] - before[2]["x"]) < 120)
    corner = window(page, "w1").locator(".corner").bounding_box()
    page.mouse.move(corner["x"] + 8, corner["y"] + 8)
    page.mouse.down()
    page.mouse.move(corner["x"] + 200, corner["y"] + 150, steps=8)
    page.mouse.up()
    until(lambda: window(page, "w1").bounding_box()["width"] > before[1]["width"] + 100)
    window(page, "w0").focus()
    page.keyboard.press("Alt+Shift+ArrowDown")
    until(lambda: window(page, "w0").bounding_box()["height"] > before[0]["height"] + 20)
    page.wait_for_timeout(300)
    after = [window(page, f"w{k}").bounding_box() for k in range(3)]
    again = show("#view=panels")
    window(again, "w0").wait_for()
    again.wait_for_timeout(300)
    assert [window(again, f"w{k}").bounding_box() for k in range(3)] == after
    again.get_by_text("Arrange").click()
    until(lambda: abs(window(again, "w0").bounding_box()["x"] - before[0]["x"]) < 2)


def test_environments_several_filtered_forked_compared_and_deleted(show, panel, tmp_path):
    for env in ("a", "b"):
        panel.line([1.0, 2.0], win="loss", env=env, opts={"title": "Loss"})
        panel.text("only", win=f"only-{env}", env=env, opts={"title": f"only {env}"})
    panel.flush()
    page = show("#view=panels&envs=a", allowed=DRAWING)
    window(page, "only-a").wait_for()
    assert window(page, "only-b").count() == 0
    page.get_by_label("Show also b").click()
    window(page, "only-b").wait_for()
    assert window(page, "loss").count() == 2 and "envs=a%2Cb" in page.url
    page.get_by_label("Filter windows").fill("^only")
    window(page, "loss").first.wait_for(state="detached")
    page.get_by_label("Filter windows").fill("")
    page.get_by_label("Compare").check()
    page.get_by_text("a + b").first.wait_for()
    until(lambda: len(traces(page, "Loss") or []) == 2)
    page.get_by_label("Compare").uncheck()
    page.get_by_label("Hide b").click()
    page.get_by_text("Fork", exact=True).click()
    page.get_by_label("Name of the copy").fill("c")
    page.keyboard.press("Enter")
    page.locator("article[data-env='c']").first.wait_for()
    assert set(panel.get_env_list()) >= {"a", "b", "c"} and (tmp_path / ".panels" / "c.json").exists()
    page.get_by_text("Delete", exact=True).click()
    page.get_by_text("Delete c?").click()
    page.locator("article[data-env='c']").first.wait_for(state="detached")
    until(lambda: "c" not in panel.get_env_list())


ATTACKS = [
    "<script>document.title='owned'</script>",
    "<img src=x onerror=\"document.title='owned'\">",
    "<svg onload=\"document.title='owned'\"><script>document.title='owned'</script></svg>",
    "<a href=\"javascript:document.title='owned'\">click</a>",
    "<iframe srcdoc=\"<script>parent.document.title='owned'</script>\"></iframe>",
    '<div style="position:fixed;inset:0;background:url(http://evil.example/x)">over all</div>',
    "<form action='/delete_env' method=post><button>press</button></form>",
    "<math><mtext><table><mglyph><style><!--</style>"
    "<img title=\"--&gt;&lt;img src=1 onerror=document.title='owned'&gt;\">",
    "<object data='data:text/html,<script></script>'></object><embed src=x><base href='http://evil.example'>",
    "<template><img src=x onerror=\"document.title='owned'\"></template>"
    "<meta http-equiv=refresh content='0;url=//evil'>",
    "<details open ontoggle=\"document.title='owned'\"><summary>more</summary></details>",
]


@pytest.mark.parametrize("attack", ATTACKS, ids=range(len(ATTACKS)))
def test_hostile_html_is_harmless(show, panel, attack):
    panel.text(attack + "<b>end</b>", win="text", opts={"title": attack})
    panel.line(
        [1.0, 2.0], win="plot", name=attack, opts={"title": attack, "xlabel": attack, "legend": [attack]}
    )
    data = [
        {"id": "x", "name": attack, "type": "text", "value": attack},
        {"type": "select", "values": [attack]},
    ]
    panel.properties(data, win="properties")
    panel.graph([(0, 1)], [attack], [attack, attack], win="graph", opts={"showEdgeLabels": True})
    panel.flush()
    page = show("#view=panels", height=1600, allowed=DRAWING + PARSED)
    wanted = []
    page.on("request", lambda request: wanted.append(request.url))
    window(page, "plot").locator(".main-svg").first.wait_for()
    window(page, "properties").locator("input").first.wait_for()
    link = window(page, "text").locator("a")
    if link.count():
        link.click()
    page.wait_for_timeout(300)
    assert page.title() == "Rushlight board"
    assert not [url for url in wanted if "evil" in url or url.endswith("/x")]
    inside = (
        window(page, "text")
        .locator(".html")
        .evaluate("""host => [...host.shadowRoot.querySelectorAll('*')]
        .map(e => [e.localName, [...e.attributes].map(a => a.name + '=' + a.value).join(' ')])""")
    )
    for tag, attributes in inside:
        assert tag not in (
            "script",
            "iframe",
            "form",
            "button",
            "object",
            "embed",
            "base",
            "meta",
            "style",
            "svg",
        )
        assert not re.search(r"\bon\w+=|javascript:|fixed|evil", attributes)


MALFORMED = [None, 3, [], {"data": 7}, {"data": [None, 1, {"type": 5, "x": {}}], "layout": []}]
KINDS = ["plot", "image", "image_history", "properties", "network", "embeddings", "other"]


def test_malformed_windows_do_not_end_the_page(show, panel):
    for kind in KINDS:
        for k, content in enumerate(MALFORMED):
            pane = {
                "id": f"{kind}{k}",
                "type": kind,
                "content": content,
                "title": {"no": 1},
                "width": "x",
                "i": [],
            }
            panel.set_window_data(json.dumps(pane), pane["id"])
    panel.text("fine", win="good")
    panel.flush()
    page = show("#view=panels", height=4000, allowed=DRAWING)
    window(page, "good").get_by_text("fine").wait_for()
    assert page.locator("article").count() == len(KINDS) * len(MALFORMED) + 1


def test_plotly_is_loaded_only_when_there_is_a_figure(show, panel):
    panel.text("no figure", win="text")
    panel.flush()
    page = show("#view=panels", allowed=DRAWING)
    window(page, "text").get_by_text("no figure").wait_for()
    assert page.evaluate("typeof window.Plotly") == "undefined"
    panel.line([1.0, 2.0], win="plot")
    window(page, "plot").locator(".main-svg").first.wait_for()


def test_the_empty_view_says_what_to_call(show):
    page = show("#view=panels", width=390)
    page.get_by_text("No windows yet").wait_for()
