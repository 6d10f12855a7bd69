"""The view of hyperparameters: table, parallel coordinates, scatter matrix."""

import json
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from rushlight.board import Writer
from tests.board.hparams import write

ROWS_ARE = """names => {
  const found = [...document.querySelectorAll("table.hparams tbody th span")].map((span) => span.textContent);
  return JSON.stringify(found.filter((text) => text.trim())) === JSON.stringify(names)
}"""
COLOURS = """() => {
  const canvas = document.querySelector(".matrix canvas"), context = canvas.getContext("2d");
  return new Set(new Uint32Array(context.getImageData(0, 0, canvas.width, canvas.height).data.buffer)).size
}"""


@pytest.fixture
def runs(tmp_path):
    """Six runs of which each has the rates and accuracies named here."""
    for k in range(6):
        values = {"lr": 10.0 ** -(k + 1), "opt": ["adam", "sgd"][k % 2], "flag": k > 2, "n": 16.0 * (k + 1)}
        write(tmp_path / f"run{k}", values, ["acc"], {"acc": k / 10})


def rows(page):
    """The names of the rows, top to bottom."""
    return [text.strip() for text in page.locator("table.hparams tbody th").all_inner_texts()]


def wait_for_rows(page, expected):
    page.wait_for_function(ROWS_ARE, arg=expected)


def kept(page, name):
    """A value of the address, of a list the names together."""
    return unquote(parse_qs(urlsplit(page.url).fragment).get(name, [""])[0])


def test_the_table_sorts(show, runs):
    page = show("#view=hparams")
    wait_for_rows(page, [f"run{k}" for k in range(6)])
    heading = page.get_by_role("columnheader", name="acc")
    heading.get_by_role("button").click()
    heading.get_by_role("button").click()
    wait_for_rows(page, [f"run{k}" for k in reversed(range(6))])
    assert heading.get_attribute("aria-sort") == "descending" and kept(page, "hpsort") == "-m:acc"
    cells = page.locator("table.hparams tbody tr").first.locator("td").all_inner_texts()
    assert cells == ["✓ true", "1e-6", "96", "sgd", "0.5"]


def test_the_filter_row_filters(show, runs):
    page = show("#view=hparams&hprow=1")
    page.get_by_label("n, from").fill("40")
    page.get_by_label("n, from").press("Tab")
    wait_for_rows(page, ["run2", "run3", "run4", "run5"])
    page.get_by_label("Only opt").select_option(label="sgd")
    wait_for_rows(page, ["run3", "run5"])
    page.wait_for_function("() => location.hash.includes('sgd')")
    assert json.loads(kept(page, "hpfilter")) == {"h:n": [40, None], "h:opt": {"only": ["sgd"]}}
    again = show("#" + urlsplit(page.url).fragment)  # the address says it all
    wait_for_rows(again, ["run3", "run5"])
    page.get_by_text("clear filters").click()
    wait_for_rows(page, [f"run{k}" for k in range(6)])


def test_columns_are_chosen(show, runs):
    page = show("#view=hparams")
    page.get_by_role("button", name="Columns").click()
    page.get_by_role("group", name="Columns").get_by_label("opt").uncheck()
    page.get_by_role("columnheader", name="opt").wait_for(state="detached")
    assert "h:opt" not in kept(page, "hpcols") and "h:lr" in kept(page, "hpcols")
    page.keyboard.press("Escape")
    assert page.get_by_role("group", name="Columns").count() == 0


def test_a_range_is_brushed_with_the_pointer(show, runs):
    page = show("#view=hparams")
    axis = page.locator('[data-brush="m:acc"]')
    axis.wait_for()
    box = axis.bounding_box()
    page.mouse.move(box["x"] + 15, box["y"] + 5)
    page.mouse.down()
    page.mouse.move(box["x"] + 15, box["y"] + box["height"] * 0.45, steps=4)
    page.mouse.up()
    wait_for_rows(page, ["run3", "run4", "run5"])
    page.mouse.click(box["x"] + 15, box["y"] + 40)  # a click drops it
    wait_for_rows(page, [f"run{k}" for k in range(6)])


def test_a_range_is_brushed_with_the_keyboard(show, runs):
    page = show("#view=hparams")
    low = page.get_by_role("slider", name="acc, lowest")
    low.focus()
    for _ in range(5):
        page.keyboard.press("Shift+ArrowUp")
    wait_for_rows(page, ["run3", "run4", "run5"])
    assert low.get_attribute("aria-valuetext") == "0.25"
    page.keyboard.press("Delete")
    wait_for_rows(page, [f"run{k}" for k in range(6)])


def brush(page, key, top, bottom):
    """Drag over an axis, from one share of its height to another; leaves the button pressed."""
    box = page.locator(f'[data-brush="{key}"]').bounding_box()
    page.mouse.move(box["x"] + 15, box["y"] + box["height"] * top)
    page.mouse.down()
    page.mouse.move(box["x"] + 15, box["y"] + box["height"] * bottom, steps=6)


def test_many_runs_are_brushed(show, tmp_path):
    for k in range(1200):
        write(tmp_path / f"run{k:04}", {"x": float(k), "odd": k % 2 == 1}, ["acc"], {"acc": k / 1200})
    page = show("#view=hparams&hpcolour=run")
    page.get_by_text("1200 runs", exact=True).wait_for()
    table = page.locator("table.hparams")
    assert len(rows(page)) < 100 and table.get_attribute("aria-rowcount") == "1201"
    page.locator(".parallel canvas[data-ms]").wait_for()
    brush(page, "h:x", 0.0, 0.5)
    page.wait_for_function("() => / of 1200 runs/.test(document.querySelector('.bar .count').innerText)")
    page.mouse.up()
    page.wait_for_function("() => location.hash.includes('hpfilter')")
    [low, high] = json.loads(kept(page, "hpfilter"))["h:x"]
    chosen = [k for k in range(1200) if k >= low]
    assert high is None and 550 < low < 650
    page.get_by_text(f"{len(chosen)} of 1200 runs", exact=True).wait_for()
    assert rows(page)[0] == f"run{chosen[0]:04}" and table.get_attribute("aria-rowcount") == str(
        len(chosen) + 1
    )
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    page.get_by_role("rowheader", name="run1199").wait_for()
    assert len(rows(page)) < 100
    last = page.locator("table.hparams tbody tr[data-row]").last
    assert last.get_attribute("aria-rowindex") == str(len(chosen) + 1)


INKED = """() => {
  const canvas = document.querySelector(".parallel canvas"), context = canvas.getContext("2d");
  const x = Math.round(canvas.width / 2), high = canvas.height, found = [];
  const data = context.getImageData(x, 0, 1, high).data;
  for (let y = 0; y < high; y++) {
    const [r, g, b, a] = data.slice(4 * y, 4 * y + 4);
    if (a > 60 && Math.max(r, g, b) - Math.min(r, g, b) > 60) found.push(y / high);
  }
  return found;
}"""


def test_the_lines_follow_while_a_range_is_dragged(show, tmp_path):
    for k in range(300):
        write(tmp_path / f"run{k:03}", {"a": float(k), "b": float(k)})
    page = show("#view=hparams&hpcolour=run&hpcols=h%253Aa,h%253Ab&hplog=")
    page.get_by_text("300 runs", exact=True).wait_for()
    page.wait_for_function(
        f"() => ({INKED})().length > 60"
    )  # level lines everywhere, though some mix to grey
    brush(page, "h:a", 0.0, 0.25)
    page.wait_for_function(
        f"() => {{ const at = ({INKED})(); return at.length > 10 && Math.max(...at) < 0.3 }}"
    )
    box = page.locator('[data-brush="h:a"]').bounding_box()
    page.mouse.move(box["x"] + 15, box["y"] + box["height"] * 0.7, steps=6)
    page.wait_for_function(f"() => Math.max(...({INKED})()) > 0.6")
    page.mouse.up()
    page.wait_for_function("() => location.hash.includes('hpfilter')")


def axes(page):
    return [head.get_attribute("data-axis") for head in page.locator(".parallel .head").all()]


def test_axes_are_moved(show, runs):
    page = show("#view=hparams")
    page.locator(".parallel .head").nth(4).wait_for()
    assert axes(page) == ["h:flag", "h:lr", "h:n", "h:opt", "m:acc"]
    page.locator("[data-axis='h:opt'] .axis-name").focus()
    page.keyboard.press("ArrowLeft")
    page.wait_for_function("() => document.querySelectorAll('.head')[2].dataset.axis === 'h:opt'")
    start, end = (page.locator(f"[data-axis='{k}'] .axis-name").bounding_box() for k in ("m:acc", "h:flag"))
    page.mouse.move(start["x"] + 5, start["y"] + 5)
    page.mouse.down()
    page.mouse.move(end["x"] + 5, end["y"] + 5, steps=5)
    page.mouse.up()
    page.wait_for_function("() => document.querySelectorAll('.head')[0].dataset.axis === 'm:acc'")
    assert axes(page) == ["m:acc", "h:flag", "h:lr", "h:opt", "h:n"]


def test_axes_of_many_decades_are_logarithmic(show, runs):
    page = show("#view=hparams")
    log = page.get_by_label("Logarithmic axis of lr")
    assert log.get_attribute("aria-pressed") == "true"
    assert page.get_by_label("Logarithmic axis of n").get_attribute("aria-pressed") == "false"
    log.click()
    page.wait_for_function("() => location.hash.includes('hplog')")
    assert log.get_attribute("aria-pressed") == "false"
    assert kept(page, "hplog") == "h:lr"


def test_the_matrix_is_drawn(show, runs):
    page = show("#view=hparams&hpabove=matrix")
    page.wait_for_selector(".matrix canvas[data-ms]")
    assert page.evaluate(COLOURS) > 6


def test_it_is_live(show, runs, tmp_path):
    writer = Writer(tmp_path / "new")
    writer.add_scalar("acc", 0.75, 1)
    page = show("#view=hparams")
    page.get_by_role("cell", name="0.75").wait_for()
    writer.add_scalar("acc", 0.8125, 2)
    page.get_by_role("cell", name="0.8125").wait_for()
    write(tmp_path / "late", {"lr": 0.5}, ["acc"], {"acc": 0.99})
    page.get_by_role("rowheader", name="late").wait_for()
    writer.close()


def test_runs_without_hyperparameters(show, tmp_path):
    write(tmp_path / "one", scalars={"loss": 0.25})
    page = show("#view=hparams")
    page.get_by_text("No run has hyperparameters").wait_for()
    assert rows(page) == ["one"] and page.get_by_role("cell", name="0.25").count() == 1


def test_hostile_names_are_text(show, tmp_path):
    attack = "<img src=x onerror=\"document.title='owned'\">"
    first = {attack: attack, "__proto__": "x", "constructor": 1.0}
    second = {attack: "other", "__proto__": "y", "constructor": 2.0}
    write(tmp_path / "run", first, [attack], {attack: float("nan")})
    write(tmp_path / "two", second, raw={"_hparams_/other": b"\xff"})
    write(tmp_path / "bad", raw={"_hparams_/session_start_info": b"\x1a\xff"})
    page = show("#view=hparams&hprow=1&hpfilter={bad json")
    page.get_by_text("The hyperparameters of bad are damaged.").wait_for()
    page.get_by_role("cell", name="NaN").wait_for()
    page.wait_for_timeout(200)
    assert page.title() == "Rushlight board" and page.locator("main img").count() == 0


def test_on_a_phone_in_the_dark_the_page_does_not_overflow(show, runs):
    page = show("#view=hparams", width=390, scheme="dark")
    page.locator("table.hparams tbody tr").nth(5).wait_for()
    page.get_by_role("button", name="Columns").click()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
