"""Fingers on a phone: they scroll, show values, zoom and move; nothing is wider than the page."""

import json
import math
import re
import time
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest

import rushlight as torch
from rushlight import nn
from rushlight.board import Panel, Writer

from ..embedding import clusters
from ..embedding import write as write_points
from ..hparams import write as write_hparams
from ..logs.test_traces import x
from .conftest import PHONE

PAGE = Path(torch.__file__).parent / "board" / "page"
VIEWS = re.findall(r'name: "(\w+)"', (PAGE / "views.js").read_text())
TRACE = json.dumps({"traceEvents": [x("train", 0, 1000), x("conv2d", 0, 600), x("relu", 600, 400)]})
CORNERS = np.array([[[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]]], np.float32)


class Fingers:
    """Touches of a page: places are in CSS pixels of the window."""

    def __init__(self, page):
        self.send = page.context.new_cdp_session(page).send

    def touch(self, kind, *places, when=None):
        points = [{"x": x, "y": y, "id": k} for k, (x, y) in enumerate(places)]
        said = {"type": kind, "touchPoints": points}
        self.send("Input.dispatchTouchEvent", said if when is None else said | {"timestamp": when})

    def move(self, *paths, steps=8):
        """Each finger from its first place to its second, all at once."""
        self.touch("touchStart", paths[0][0])
        if len(paths) > 1:
            self.touch("touchStart", *(path[0] for path in paths))
        for k in range(1, steps + 1):
            self.touch("touchMove", *(between(start, end, k / steps) for start, end in paths))
        self.touch("touchEnd")

    def tap(self, place, times=1):
        begun = time.time()  # taps are 100 ms apart, however slow the machine is
        for k in range(times):
            self.touch("touchStart", place, when=begun + 0.1 * k)
            self.touch("touchEnd", when=begun + 0.1 * k + 0.05)


def between(a, b, share):
    return tuple(p + (q - p) * share for p, q in zip(a, b, strict=True))


@pytest.fixture
def phone(show):
    """phone("#view=scalars"): a page and its fingers."""

    def open_page(hash="", **options):
        page = show(hash, phone=True, **options)
        return page, Fingers(page)

    return open_page


def place(locator, x, y):
    """A point of an element in parts of its size, once it stands still."""
    locator.element_handle().wait_for_element_state("stable")
    box = locator.bounding_box()
    return box["x"] + x * box["width"], box["y"] + y * box["height"]


def two(fingers, locator, before, after):
    """Two fingers level with each other, from two parts of an element's width to two others."""
    fingers.move(
        *((place(locator, a, 0.5), place(locator, b, 0.5)) for a, b in zip(before, after, strict=True))
    )


def write(folder, count=1000, tags=("loss",)):
    with Writer(folder) as writer:
        for step in range(count):
            for tag in tags:
                writer.add_scalar(tag, math.sin(step / 50), step)


def chart(page, tag="loss"):
    page.locator(f"article[data-tag='{tag}'] .legend .n").first.wait_for()
    return page.locator(f"article[data-tag='{tag}'] .u-over")


def until(page, condition, seconds=15):
    """Wait for what Python sees, while the page goes on."""
    for _ in range(seconds * 20):
        if condition():
            return
        page.wait_for_timeout(50)
    assert condition()


def at_rest(page):
    """How far the page is scrolled, once what a finger gave it has died away."""
    found = [-1, page.evaluate("scrollY")]
    while found[-1] != found[-2]:
        page.wait_for_timeout(200)
        found.append(page.evaluate("scrollY"))
    return found[-1]


def hinted(page):
    """The step that the tooltip tells."""
    return int(page.locator(".tooltip").inner_text().split("step ")[1].split()[0])


def about_a_part(request):
    """Whether it asks for points of a part; the page may ask for the whole again meanwhile."""
    return request.url.endswith("/api/scalars") and "range" in json.loads(request.post_data)


def asked(request):
    """The range that a request for points is about."""
    return json.loads(request.value.post_data)["range"]


# -- charts of scalars ---------------------------------------------------------------------------------


def test_a_pinch_zooms_about_its_centre_and_asks_for_points(phone, tmp_path):
    write(tmp_path)
    page, fingers = phone()
    over = chart(page)
    with page.expect_request(about_a_part) as request:
        two(fingers, over, (0.35, 0.65), (0.2, 0.8))
    low, high = asked(request)  # twice as large about the middle
    assert low == pytest.approx(250, abs=25) and high == pytest.approx(750, abs=25)
    page.get_by_label("Show all").wait_for()


def test_two_fingers_move_what_is_zoomed(phone, tmp_path):
    write(tmp_path)
    page, fingers = phone()
    over = chart(page)
    page.locator("article .plot").focus()
    with page.expect_request(about_a_part) as request:
        page.keyboard.press("+")  # 250 to 750
    before = asked(request)
    with page.expect_request(
        lambda r: about_a_part(r) and json.loads(r.post_data)["range"] != before
    ) as request:
        two(fingers, over, (0.4, 0.8), (0.2, 0.6))
    low, high = asked(request)
    assert low - before[0] == pytest.approx(100, abs=12)
    assert high - low == pytest.approx(before[1] - before[0], rel=0.03)


def zoomed(phone, tmp_path):
    """A page whose chart shows a part: (page, fingers, the chart)."""
    write(tmp_path)
    page, fingers = phone()
    over = chart(page)
    page.locator("article .plot").focus()
    page.keyboard.press("+")
    page.get_by_label("Show all").wait_for()
    return page, fingers, over


def test_a_pinch_that_holds_the_whole_shows_all(phone, tmp_path):
    page, fingers, over = zoomed(phone, tmp_path)
    two(fingers, over, (0.05, 0.95), (0.4, 0.6))
    page.get_by_label("Show all").wait_for(state="detached")


def test_a_double_tap_shows_all_and_one_tap_does_not(phone, tmp_path):
    page, fingers, over = zoomed(phone, tmp_path)
    fingers.tap(place(over, 0.5, 0.5))
    page.locator(".tooltip").wait_for()
    assert page.get_by_label("Show all").count() == 1
    page.wait_for_timeout(400)  # longer than between the taps of a double one
    fingers.tap(place(over, 0.3, 0.5), times=2)
    page.get_by_label("Show all").wait_for(state="detached")


def test_a_finger_up_or_down_scrolls_the_page(phone, tmp_path):
    write(tmp_path, tags=[f"tag{k}" for k in range(8)])
    page, fingers = phone()
    over = chart(page, "tag1")
    fingers.move((place(over, 0.5, 0.9), place(over, 0.52, -1.5)), steps=20)
    page.wait_for_function("() => scrollY > 100")
    assert page.get_by_label("Show all").count() == 0 and page.locator(".tooltip").count() == 0


def test_a_tap_and_a_drag_across_show_values_until_another_place_is_touched(phone, tmp_path):
    write(tmp_path, tags=["loss", "other"])
    page, fingers = phone()
    over = chart(page)
    fingers.tap(place(over, 0.25, 0.5))
    page.locator(".tooltip").wait_for()
    assert hinted(page) == pytest.approx(250, abs=15)
    fingers.move((place(over, 0.3, 0.5), place(over, 0.75, 0.55)))
    page.wait_for_function("() => document.querySelector('.tooltip').innerText.match(/step (\\d+)/)[1] > 700")
    assert hinted(page) == pytest.approx(750, abs=15)
    assert page.evaluate("scrollY") == 0
    assert page.locator("article[data-tag=other] .legend .faint").inner_text() == str(hinted(page))
    fingers.tap(place(page.locator(".status"), 0.5, 0.5))
    page.locator(".tooltip").wait_for(state="detached")


HAND = """([steps, log, yZoom]) => import('/page/zooming.js').then(async ({ Hand }) => {
  const { pair } = await import('/page/gestures.js');
  const told = [], over = { clientWidth: 400, clientHeight: 200 };
  const scale = (min, max) => ({ min, max, distr: log ? 3 : 1 });
  const u = { over, scales: { x: scale(1, 10000), y: scale(1, 100) }, setData() {}, setScale() {} };
  const onZoom = (...all) => told.push(all), onReset = () => told.push("reset");
  const hand = new Hand(() => ({ onZoom, onReset, yZoom: () => yZoom }));
  hand.scaled(u);
  const first = pair(...steps[0]);
  hand.begin(u, Boolean(yZoom));
  steps.slice(1).forEach((step) => hand.pinch(u, first, pair(...step)));
  hand.end(u);
  return told;
})"""


@pytest.mark.parametrize(
    "steps, log, y, expected",
    [
        # Level fingers: x alone. 100 px become 200, about the middle.
        ([[[150, 100], [250, 100]], [[100, 100], [300, 110]]], False, None, [[2500.75, 7500.25, None]]),
        # A pinch that is 12 px higher at its end than at its beginning leaves y alone.
        ([[[150, 60], [250, 120]], [[100, 54], [300, 126]]], False, None, [[2500.75, 7500.25, None]]),
        # The same on logarithmic axes: the middle half of four decades.
        ([[[150, 100], [250, 100]], [[100, 100], [300, 100]]], True, None, [[10, 1000, None]]),
        # Upright fingers: y alone, once it is clear (at 124 px) that it is meant.
        ([[[200, 50], [200, 150]], [[200, 38], [200, 162]], [[200, -24], [200, 224]]], False, None,
         [[None, None, [25.75, 75.25]]]),
        # Once y is chosen both move with the fingers: here 40 px to the right and 20 px up.
        ([[[150, 100], [250, 100]], [[190, 80], [290, 80]]], False, [1, 100],
         [[-998.9, 9000.1, [-8.9, 90.1]]]),
        # Fingers that come together beyond the whole show all.
        ([[[100, 100], [300, 100]], [[150, 100], [250, 100]]], False, None, ["reset"]),
        ([[[100, 100], [300, 100]], [[100, 100], [300, 100]]], False, None, []),
    ],
)  # fmt: skip
def test_what_two_fingers_mean(show, steps, log, y, expected):
    told = show().evaluate(HAND, [steps, log, y])
    assert len(told) == len(expected)
    for found, wanted in zip(told, expected, strict=True):
        if wanted == "reset":
            assert found == "reset"
            continue
        assert found[:2] == (pytest.approx(wanted[:2]) if wanted[0] is not None else [None, None])
        assert found[2] == (pytest.approx(wanted[2]) if wanted[2] else None)


# -- the other views -----------------------------------------------------------------------------------


def test_the_timeline_zooms_moves_and_picks(phone, tmp_path):
    (tmp_path / "a.trace.json").write_text(TRACE)
    page, fingers = phone("#view=profile&pview=1")
    canvas = page.locator(".timeline canvas")
    canvas.wait_for()
    page.locator(".parts button").first.wait_for()

    spans = [[0, 1000]]
    page.on("request", lambda r: "trace/flame" in r.url and spans.append(json.loads(r.post_data)["span"]))

    def settles(low, high):
        """The sums are those of what the timeline shows."""
        until(page, lambda: spans[-1] == pytest.approx([low, high], abs=30))

    two(fingers, canvas, (0.35, 0.65), (0.2, 0.8))
    settles(250, 750)
    two(fingers, canvas, (0.3, 0.7), (0.1, 0.5))
    settles(350, 850)
    fingers.move((place(canvas, 0.4, 0.5), place(canvas, 0.8, 0.5)))
    settles(150, 650)
    box = canvas.bounding_box()
    middle, row = box["x"] + box["width"] / 2, box["y"] + 24 + 20 + 9
    fingers.tap((middle, row))
    page.locator(".picked b", has_text="train").wait_for()
    page.wait_for_timeout(400)  # longer than between the taps of a double one
    fingers.tap((middle, row + 19), times=2)  # fills the width with it
    settles(-60, 660)


class Net(nn.Module):
    """A module within a module."""

    def __init__(self):
        super().__init__()
        self.h, self.head = nn.Sequential(nn.Linear(8, 8), nn.ReLU()), nn.Linear(8, 3)

    def forward(self, x):
        return torch.tanh(self.head(self.h(x)))


def scale_of(page):
    """How large the graph is drawn: 1 as it was laid out."""
    return page.evaluate("document.querySelector('.diagram > g').transform.baseVal[1].matrix.a")


def test_the_graph_zooms_moves_and_opens(phone, tmp_path):
    with Writer(tmp_path) as writer:
        writer.add_graph(Net(), torch.ones(2, 8))
    page, fingers = phone("#view=graphs")
    box = page.locator(".box[data-name='Net/h']")
    box.wait_for()
    fitted = scale_of(page)
    y = place(page.locator(".diagram"), 0.5, 0.95)[1]
    fingers.move(((170, y), (120, y)), ((220, y), (270, y)))
    until(page, lambda: scale_of(page) == pytest.approx(3 * fitted, rel=0.1))
    fingers.tap((200, y), times=2)  # beside all boxes
    until(page, lambda: scale_of(page) == pytest.approx(fitted))
    before = box.bounding_box()
    fingers.move(((170, y), (210, y - 60)))
    until(page, lambda: box.bounding_box()["x"] > before["x"] + 30)
    assert box.bounding_box()["y"] < before["y"] - 45
    assert page.locator(".box.selected").count() == 0  # a drag chooses nothing
    inner = page.locator(".box[data-name^='Net/h/']")
    assert inner.count() == 0
    fingers.tap(place(box, 0.3, 0.5), times=2)
    inner.first.wait_for()
    fingers.tap(place(box, 0.3, 0.02), times=2)  # on its upper edge
    inner.first.wait_for(state="detached")


def test_a_mesh_lets_the_page_scroll_until_it_is_tapped(phone, tmp_path):
    with Writer(tmp_path) as writer:
        for k in range(4):
            writer.add_mesh(f"mesh{k}", CORNERS)
    page, fingers = phone("#view=meshes")
    canvas = page.locator("article[data-tag=mesh0] canvas")
    canvas.wait_for()
    back = page.get_by_title("As at first (0)")
    fingers.move((place(canvas, 0.5, 0.9), place(canvas, 0.5, 0.1)), steps=20)
    page.wait_for_function("() => scrollY > 100")
    assert back.count() == 0
    canvas = page.locator("article[data-tag=mesh1] canvas")
    canvas.scroll_into_view_if_needed()
    before = at_rest(page)
    fingers.tap(place(canvas, 0.5, 0.5))
    page.wait_for_function("() => document.activeElement.matches('canvas.mesh')")
    fingers.move((place(canvas, 0.5, 0.9), place(canvas, 0.5, 0.1)))
    back.wait_for()
    assert page.evaluate("scrollY") == before
    back.click()
    back.wait_for(state="detached")
    two(fingers, canvas, (0.4, 0.6), (0.2, 0.8))
    back.wait_for()
    fingers.tap(place(canvas, 0.5, 0.5), times=2)
    back.wait_for(state="detached")


def test_a_cloud_zooms_and_a_tap_chooses(phone, tmp_path):
    write_points(tmp_path, [[0, 0], [10, 0], [-10, 0], [0, 1]], ["middle", "right", "left", "above"])
    page, fingers = phone("#view=embeddings")
    canvas = page.locator(".cloud canvas[data-ms]")
    canvas.wait_for()
    box = canvas.bounding_box()
    x, y = place(canvas, 0.5, 0.5)
    away = 0.46 * min(box["width"], box["height"])
    fingers.move(((x - 30, y), (x - 60, y)), ((x + 30, y), (x + 60, y)))  # "right" leaves the canvas
    fingers.move(((x - 60, y), (x - 60 - away, y)), ((x + 60, y), (x + 60 - away, y)))
    fingers.tap((x + away, y + 18))  # and comes back; a finger need not hit it
    page.locator(".chosen h3", has_text="right").wait_for()
    page.wait_for_timeout(400)
    fingers.tap((x - away, y + 100), times=2)  # beside all points: as at first
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    fingers.tap((x + 6, y - 6))
    page.locator(".chosen h3", has_text=re.compile("middle|above")).wait_for()


def test_a_range_is_brushed_by_finger(phone, tmp_path):
    for k in range(6):
        write_hparams(tmp_path / f"run{k}", {"lr": 10.0 ** -(k + 1)}, ["acc"], {"acc": k / 10})
    page, fingers = phone("#view=hparams")
    axis = page.locator("[data-brush='m:acc']")
    axis.wait_for()
    page.locator("table.hparams tbody tr").nth(5).wait_for()
    fingers.move((place(axis, 0.5, 0.02), place(axis, 0.5, 0.5)))
    page.wait_for_function("() => document.querySelectorAll('table.hparams tbody tr').length === 3")
    until(page, lambda: "m:acc" in unquote(page.url))
    assert page.evaluate("scrollY") == 0
    fingers.tap(place(axis, 0.5, 0.2))
    page.wait_for_function("() => document.querySelectorAll('table.hparams tbody tr').length === 6")


def test_the_values_of_a_histogram_stay_when_the_finger_leaves(phone, tmp_path):
    with Writer(tmp_path) as writer:
        for step in range(5):
            writer.add_histogram("weights", np.arange(100.0), step)
    page, fingers = phone("#view=histograms")
    canvas = page.locator("article canvas")
    canvas.wait_for()
    page.wait_for_function("() => document.querySelector('article canvas').width > 300")
    fingers.tap(place(canvas, 0.4, 0.6))
    page.locator(".tip").wait_for()
    page.wait_for_timeout(100)
    assert page.locator(".tip").count() == 1
    fingers.tap(place(page.locator(".status"), 0.5, 0.5))
    page.locator(".tip").wait_for(state="detached")


def test_a_plot_lets_the_page_scroll_until_a_button_says_otherwise(phone, board):
    with Panel("main", board.url) as panel:
        for _ in range(4):
            panel.line(list(range(20)))
    page, fingers = phone("#view=panels")
    plot = page.locator(".figure .nsewdrag").first
    plot.wait_for()
    span = "() => JSON.stringify(document.querySelector('.figure').layout.yaxis.range)"
    before = page.evaluate(span)
    fingers.move((place(plot, 0.5, 0.9), place(plot, 0.5, 0.1)), steps=20)
    page.wait_for_function("() => scrollY > 50")
    assert page.evaluate(span) == before
    page.locator(".figure [data-title=Pan]").first.click()
    at = at_rest(page)
    fingers.move((place(plot, 0.5, 0.3), place(plot, 0.5, 0.8)), steps=20)
    until(page, lambda: page.evaluate(span) != before)
    assert page.evaluate("scrollY") == at


# -- what fits -----------------------------------------------------------------------------------------

LONG = "a-rather-long-name-of-an-experiment/learning-rate=0.001,batch=128"


@pytest.fixture(scope="module")
def everything(tmp_path_factory):
    """A board over a log with something for every view."""
    pytest.importorskip("uvicorn")
    from rushlight.board.server.board import Board

    root, rng = tmp_path_factory.mktemp("all"), np.random.default_rng(0)
    tag = "loss/" + "long_name_" * 8
    with Writer(root / LONG) as writer:
        for step in range(20):
            writer.add_scalar(tag, 1 / (step + 1), step)
        writer.add_custom_scalars({"Losses": {"both": ["Multiline", [tag]]}})
        writer.add_histogram(tag, rng.normal(size=100), 1)
        writer.add_image(tag, rng.random((3, 16, 700)), 1)
        writer.add_video(tag, rng.integers(0, 255, (1, 3, 3, 16, 16)).astype(np.uint8), 1)
        writer.add_audio(tag, rng.random((1, 800)), 1, sample_rate=8000)
        writer.add_text(tag, "|column" * 12 + "|\n" + "|---" * 12 + "|\n\n" + "word" * 60, 1)
        writer.add_pr_curve(tag, rng.integers(0, 2, 50), rng.random(50), 1)
        writer.add_mesh(tag, CORNERS)
        writer.add_graph(Net(), torch.ones(2, 8))
    parameters = {f"parameter_{k}": float(k) for k in range(8)}
    write_hparams(root / "tuned", parameters, [tag], {tag: 1.0})
    points, _ = clusters()
    write_points(root / LONG / "points", points, [f"label {k}" for k in range(len(points))])
    (root / "a.trace.json").write_text(TRACE)
    board = Board(root, port=0).start()
    with Panel("main", board.url) as panel:
        panel.text("word" * 60)
        yield board
    board.close()


READY = {
    "scalars": ".legend .n", "custom": ".legend .n", "histograms": "article canvas", "images": "article img",
    "video": ".player", "audio": "article .wave", "text": ".markdown", "curves": "article canvas",
    "meshes": "canvas.mesh", "graphs": ".box", "profile": ".parts button", "hparams": "[data-brush]",
    "embeddings": ".cloud canvas", "panels": ".window .html", "system": ".meter",
}  # fmt: skip
PARTS = {"scalars&table=1": ".compare td", "hparams&hprow=1": ".filters input", "profile&part=op": ".sums td"}
WIDTHS = "() => [document.documentElement.scrollWidth, innerWidth]"
WIDER = """() => [...document.querySelectorAll("main *")]
  .map((e) => [e, Math.round(e.getBoundingClientRect().right)])
  .filter(([, right]) => right > 390).slice(0, 20)
  .map(([e, right]) => `${e.tagName}.${e.getAttribute("class")} to ${right}`)"""


@pytest.mark.parametrize("view", [*VIEWS, *PARTS])
def test_no_view_is_wider_than_the_page(browser, everything, view):
    page = browser.new_page(**PHONE)
    page.goto(f"{everything.url}#view={view}")
    page.locator((READY | PARTS)[view]).first.wait_for(timeout=30_000)
    assert page.evaluate(WIDTHS) == [390, 390], page.evaluate(WIDER)
    page.close()


SMALL = """() => [...document.querySelectorAll(
    ".top button, .top a, .bar button, .bar select, .bar input[type=search], .card header button")]
  .map((e) => [e, e.getBoundingClientRect()])
  .filter(([, r]) => r.width && (r.width < 39.5 || r.height < 39.5))
  .map(([e, r]) => `${e.title || e.textContent} ${r.width} x ${r.height}`)"""


@pytest.mark.parametrize("view", ["scalars", "graphs", "embeddings", "panels", "hparams", "profile"])
def test_buttons_are_as_large_as_a_finger(browser, everything, view):
    page = browser.new_page(**PHONE)
    page.goto(f"{everything.url}#view={view}")
    page.locator(READY[view]).first.wait_for(timeout=30_000)
    assert page.evaluate(SMALL) == []
    page.close()
