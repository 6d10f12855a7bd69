"""The view of profiles: timeline, flame graph, sums; live, hostile and large traces."""

import json

import rushlight as torch
from rushlight import profiler

from ..logs.test_traces import x

EVENTS = [
    x("ProfilerStep#0", 0, 1000),
    x("train", 0, 1000),
    x(
        "conv2d",
        0,
        600,
        args={"module": "Net.conv", "line": "net.py:5", "bytes": 6_000_000, "Input Dims": [[3, 4]]},
    ),
    x("relu", 600, 100, args={"module": "Net", "line": "net.py:6"}),
    x("ProfilerStep#1", 1000, 500),
    x("train", 1000, 500),
    x("conv2d", 1000, 400, args={"module": "Net.conv", "line": "net.py:5"}),
]


def write(path, events=EVENTS):
    path.parent.mkdir(parents=True, exist_ok=True)
    begun = path.with_name(".begun")
    begun.write_text(json.dumps({"traceEvents": events}))
    begun.replace(path)


def canvas(page):
    found = page.locator(".timeline canvas")
    found.wait_for()
    return found


def point(page, x, row):
    """A point of the timeline: a part of its width, in a row of the first lane."""
    box = canvas(page).bounding_box()
    return box["x"] + x * box["width"], box["y"] + 24 + 20 + 19 * row + 9


def keys(page):
    return page.locator(".sums td.key").all_inner_texts()


def test_timeline_hover_click_and_zoom(show, tmp_path):
    write(tmp_path / "run" / "a.pt.trace.json")
    page = show("#view=profile")
    canvas(page)
    page.mouse.move(*point(page, 0.2, 2))
    tip = page.locator(".tip")
    tip.wait_for()
    said = "conv2d took 600 µs at 0 µs line net.py:5 module Net.conv inputs [[3, 4]] moved 6 MB, 10 GB/s"
    assert tip.inner_text().split() == said.split()
    page.mouse.click(*point(page, 0.2, 2))
    page.locator(".picked").wait_for()
    page.mouse.dblclick(*point(page, 0.44, 2))  # relu fills the width
    page.wait_for_timeout(100)
    page.mouse.move(*point(page, 0.5, 2))
    page.locator(".tip b", has_text="relu").wait_for()
    canvas(page).focus()
    page.keyboard.press("0")
    page.keyboard.press("n")
    page.keyboard.press("Escape")
    page.locator(".picked").wait_for(state="detached")


def test_flame_graph(show, tmp_path):
    write(tmp_path / "a.trace.json")
    page = show("#view=profile")
    part = page.locator(".parts button[data-part='conv2d']")
    part.wait_for()
    wide = page.locator(".parts button[data-part='train']").bounding_box()["width"]
    assert abs(part.bounding_box()["width"] / wide - 1000 / 1500) < 0.01
    assert "(66.7 %)" in part.get_attribute("title")
    part.click()
    page.locator(".flame nav", has_text="conv2d").wait_for()
    page.locator(".flame nav button", has_text="all").click()
    page.locator("main").get_by_label("by").select_option("module")
    page.locator(".parts button[data-part='net.py:5']").wait_for()
    assert "flameby=module" in page.url


def test_tables_sort_and_filter(show, tmp_path):
    write(tmp_path / "a.trace.json")
    page = show("#view=profile&part=op")
    page.locator(".sums td.key").first.wait_for()
    assert keys(page) == ["conv2d", "train", "relu"]
    page.get_by_role("button", name="op", exact=True).click()
    assert keys(page) == ["conv2d", "relu", "train"] and "psort=key" in page.url
    page.get_by_role("tab", name="Lines").click()
    page.locator(".sums td.key", has_text="net.py:5").wait_for()
    page.get_by_role("tab", name="Modules").click()
    page.locator(".sums tbody tr", has_text="Net.conv").wait_for()
    page.get_by_label("Filter rows").fill("conv")
    page.locator(".sums td.key >> nth=1").wait_for(state="detached")
    row = page.locator(".sums tbody tr", has_text="Net.conv").inner_text().split()
    assert row[:2] == ["Net.conv", "90.9"] and "ms" in row


def test_a_step_alone(show, tmp_path):
    write(tmp_path / "a.trace.json")
    page = show("#view=profile&part=op")
    page.locator(".sums td.key", has_text="relu").wait_for()
    page.get_by_label("Step").select_option("1")
    page.locator(".sums td.key", has_text="relu").wait_for(state="detached")
    assert keys(page) == ["conv2d", "train"] and "pstep=1" in page.url


def test_a_new_trace_of_our_profiler_appears(show, tmp_path):
    write(tmp_path / "run" / "a.trace.json")
    page = show("#view=profile&part=module")
    page.locator(".sums td.key", has_text="Net.conv").wait_for()
    net = torch.nn.Sequential(torch.nn.Linear(8, 8), torch.nn.Tanh())
    with profiler.profile(on_trace_ready=profiler.tensorboard_trace_handler(tmp_path / "two")):
        net(torch.ones(4, 8))
    page.locator(".sums td.key", has_text="Sequential.1").wait_for()
    page.get_by_role("combobox", name="Trace").select_option("run/a.trace.json")
    page.locator(".sums td.key", has_text="Net.conv").wait_for()


def test_hostile_names_are_text(show, tmp_path):
    attack = "<img src=x onerror=\"document.title='owned'\">"
    said = {"module": attack, "line": attack, "node": attack, "Input Dims": attack}
    names = [{"ph": "M", "name": "thread_name", "pid": 1, "tid": 1, "args": {"name": attack}}]
    write(
        tmp_path / "run" / f"{attack.replace('/', '')}.trace.json",
        [*names, x(attack, 0, 10, args=said), x("__proto__", 10, 10, args=said)],
    )
    page = show("#view=profile")
    page.locator(".parts button[data-part='__proto__']").wait_for()
    page.mouse.move(*point(page, 0.2, 0))
    page.locator(".tip").wait_for()
    for part in ("Ops", "Modules", "Lines", "Nodes"):
        page.get_by_role("tab", name=part).click()
        page.locator(".sums td.key").first.wait_for()
    assert page.title() == "Rushlight board" and page.locator("main img").count() == 0


def test_damage_is_said(show, tmp_path):
    (tmp_path / "torn.trace.json").write_text(json.dumps({"traceEvents": EVENTS})[:-30])
    page = show("#view=profile")
    page.locator(".note", has_text="not complete").wait_for()
    (tmp_path / "torn.trace.json").write_text("nothing")
    page.get_by_text("no events in this file").wait_for()
    page.allowed = ["422"]


def test_many_events_are_drawn_and_found(show, tmp_path):
    write(tmp_path / "a.trace.json", [x(f"op{k % 7}", 10 * k, 9, tid=k % 4) for k in range(100_000)])
    page = show("#view=profile&part=op")
    page.get_by_text("100,000 events").wait_for()
    canvas(page)
    page.mouse.move(*point(page, 0.5, 0))
    for _ in range(60):
        page.mouse.wheel(0, -120)
    page.wait_for_timeout(200)
    page.mouse.move(*[v + 1 for v in point(page, 0.5, 0)])
    x0, y = point(page, 0.0, 0)
    for k in range(1, 30):  # at microseconds, an event is somewhere along the row
        page.mouse.move(x0 + 30 * k, y)
        if page.locator(".tip").count():
            break
    assert "took\n9 µs" in page.locator(".tip").inner_text()


def test_it_fits_a_phone(show, tmp_path):
    write(tmp_path / "a.trace.json")
    page = show("#view=profile&part=op", width=390)
    page.locator(".sums td.key").first.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
