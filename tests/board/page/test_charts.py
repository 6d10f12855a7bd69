"""What a card does: zoom, crosshair, tooltip, marks, smoothing, restarts, pins, the table, files."""

import csv
import io
import json
import math

import pytest

from rushlight.board import Writer


def write(folder, values, tag="loss", steps=None, walls=None):
    with Writer(folder) as writer:
        for k, x in enumerate(values):
            wall = walls[k] if walls else 1e9 + k * 60
            writer.add_scalar(tag, x, k if steps is None else steps[k], walltime=wall)


def lines_js(page, script):
    return page.evaluate(f"import('/page/lines.js').then((lines) => {{ {script} }})")


def test_smoothing_counts_the_points_that_a_point_stands_for(show, tmp_path):
    write(tmp_path, [1.0])
    page = show()
    rng = [((k * 7919) % 1000) / 1000 + k / 40 for k in range(400)]
    each = lines_js(page, f"return [...lines.smoothed({rng}, 0.99)]")
    fours = [sum(rng[k : k + 4]) / 4 for k in range(0, 400, 4)]
    means = [x for x in fours for _ in range(2)]
    thin = lines_js(page, f"return [...lines.smoothed({means}, 0.99, Array({len(means)}).fill(2), {means})]")
    assert thin[-1] == pytest.approx(each[-1], rel=0.01)
    wrong = lines_js(page, f"return [...lines.smoothed({means[::2]}, 0.99)]")
    assert wrong[-1] != pytest.approx(each[-1], rel=0.01)  # what it would be if each counted once


def test_a_restart_takes_the_place_of_what_was_before(show, tmp_path):
    write(tmp_path, [1.0])
    page = show()
    columns = "[0, 1, 2, 3, 4, 2, 3], [0, 1, 2, 3, 4, 5, 6], [0, 0, 0, 0, 0, 1, 1]"
    assert lines_js(page, f"return new lines.Line('a', {columns}).superseded()") == [2, 3, 4]


def test_a_band_over_lines_of_different_length(show, tmp_path):
    write(tmp_path, [1.0])
    page = show()
    found = lines_js(page, "return lines.band([[[0, 1, 2], [0, 1, 2]], [[0, 2], [4, 4]]])")
    assert found == {"x": [0, 1, 2], "mean": [2, 2.5, 3], "low": [0, 1, 2], "high": [4, 4, 4]}


@pytest.mark.parametrize(
    "axis, low, high",
    [
        ("step", 2000, 3000),
        ("relative", 2000 * 60 / 3600, 3000 * 60 / 3600),
        ("wall", 1e9 + 2000 * 60, 1e9 + 3000 * 60),
    ],
)
def test_zooming_asks_for_that_part_in_detail(show, tmp_path, axis, low, high):
    write(tmp_path, [math.sin(k) for k in range(6000)])
    page = show(f"#x={axis}")
    over = page.locator("article .u-over")
    over.wait_for()
    page.wait_for_function("() => document.querySelector('article .legend .n')")
    box = over.bounding_box()
    questions = []
    page.on("request", lambda r: "api/scalars" in r.url and questions.append(json.loads(r.post_data)))
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] / 3, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, y + 2, steps=5)
    with page.expect_response("**/api/scalars") as answer:
        page.mouse.up()
    body = answer.value.body()
    head = json.loads(body[4 : 4 + int.from_bytes(body[:4], "little")])
    assert 900 < head["lines"][0]["points"] < 1100  # all of them: the whole would be thinned
    assert questions[-1]["axis"] == axis
    scale = 3600 if axis == "relative" else 1
    assert questions[-1]["range"][0] == pytest.approx(low * scale, rel=0.02)
    assert questions[-1]["range"][1] == pytest.approx(high * scale, rel=0.02)
    page.get_by_label("Show all").click()
    page.get_by_label("Show all").wait_for(state="detached")


def span_of(request):
    """The range that a request for points is about; None of the whole, and of other requests."""
    return json.loads(request.post_data).get("range") if request.url.endswith("/api/scalars") else None


def test_the_keyboard_zooms_and_moves(show, tmp_path):
    write(tmp_path, [float(k) for k in range(100)])
    page = show()
    page.locator("article canvas").wait_for()
    page.locator("article .plot").focus()
    with page.expect_request(lambda request: span_of(request)) as first:
        page.keyboard.press("+")
    low, high = span_of(first.value)
    assert 20 < low < 30 and 70 < high < 80
    with page.expect_request(lambda request: span_of(request) and span_of(request)[0] > low):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("0")
    page.get_by_label("Show all").wait_for(state="detached")


def test_the_crosshair_is_shared_and_the_tooltip_sorted(show, tmp_path):
    for k, name in enumerate(["low", "high", "middle"]):
        for tag in ("a", "b"):
            write(tmp_path / name, [[1.0, 9.0, 5.0][k]] * 50, tag)
    page = show()
    for tag in ("a", "b"):
        page.locator(f"article[data-tag='{tag}'] .legend tr").nth(2).wait_for()
    over = page.locator("article[data-tag='a'] .u-over")
    box = over.bounding_box()
    over.hover(position={"x": box["width"] * 0.4, "y": box["height"] * 0.9})
    rows = page.locator("article[data-tag='a'] .tooltip tr")
    rows.nth(2).wait_for()
    assert [text.split()[0] for text in rows.all_inner_texts()] == ["high", "middle", "low"]
    assert page.locator("article[data-tag='a'] .tooltip .closest").inner_text().split()[0] == "low"
    other = page.locator("article[data-tag='b'] .legend tr").first
    assert int(other.inner_text().split()[-1]) < 30  # the other card's legend is at the cursor too
    assert page.locator("article[data-tag='b'] .tooltip").count() == 0


def test_what_is_no_number_is_marked(show, tmp_path):
    write(tmp_path, [1.0, math.nan, math.inf, -math.inf, 2.0, math.nan])
    page = show()
    page.locator("article .legend .n").first.wait_for()
    assert page.locator("article .legend .n").first.inner_text() == "NaN"
    found = page.evaluate("""import('/page/board.js').then(({ askPacked }) => askPacked('/api/scalars',
        { tag: 'loss', runs: ['.'], smoothing: true }, (head) => head.lines.map((line) => line.points)))
        .then(({ head }) => head.lines[0].odd)""")
    assert found[0] == [1, 2, 3, 5] and found[2] == [None, "Infinity", "-Infinity", None]
    red = page.evaluate("""() => {
        const c = document.querySelector('article canvas'), ctx = c.getContext('2d');
        const data = ctx.getImageData(0, 0, c.width, 24).data; let n = 0;
        for (let i = 3; i < data.length; i += 4) n += data[i] > 128; return n; }""")
    assert red > 10  # the triangle of the infinity at the upper edge


def test_log_axes_and_outliers_stay_in_the_address(show, tmp_path):
    write(tmp_path, [10.0**-k for k in range(8)] + [0.0, -1.0])
    page = show()
    page.get_by_label("Log", exact=True).click()
    page.get_by_label("Log x").click()
    page.get_by_label("Outliers").click()
    page.locator("article canvas").wait_for()
    assert {"log=1", "logx=1", "outliers=0"} <= set(page.url.split("#")[1].split("&"))


def test_pins(show, tmp_path):
    for tag in ("a/x", "b/y"):
        write(tmp_path, [1.0, 2.0], tag)
    page = show()
    page.locator("article[data-tag='b/y']").get_by_label("Pin").click()
    page.locator("section.pinned article[data-tag='b/y'] canvas").wait_for()
    assert page.locator("article").count() == 2
    page.reload()
    page.locator("section.pinned article[data-tag='b/y']").wait_for()


def test_the_table_sorts(show, tmp_path):
    for name, values in (("a", [5.0, 1.0]), ("b", [0.0, 3.0]), ("c", [2.0, 2.0])):
        write(tmp_path / name, values)
    page = show("#table=1")
    page.locator(".compare tbody td").first.wait_for()
    page.wait_for_function("() => document.querySelector('.compare tbody td').innerText")

    def first():
        return [row.split()[0] for row in page.locator(".compare tbody tr").all_inner_texts()]

    assert page.locator(".compare tbody tr").first.inner_text().split() == ["a", "1", "1", "5", "3", "2"]
    page.get_by_role("button", name="last").click()
    page.wait_for_function("() => document.querySelector('th[aria-sort=ascending]')")
    assert first() == ["a", "c", "b"]
    page.get_by_role("button", name="max").click()
    page.get_by_role("button", name="max").click()
    page.wait_for_function("() => document.querySelector('th[aria-sort=descending]')")
    assert first() == ["a", "b", "c"]


def saved(page, kind):
    page.get_by_label("Save as a file").first.click()
    with page.expect_download() as download:
        page.get_by_role("button", name=kind).click()
    return download.value


def test_files(show, tmp_path):
    write(tmp_path / 'one,"x"', [float(k) for k in range(5000)])
    page = show()
    page.locator("article .legend tr").wait_for()
    rows = list(csv.reader(io.StringIO(saved(page, "CSV").path().read_text())))
    assert rows[0] == ["run", "step", "wall_time", "value"] and len(rows) == 5001  # all, not those drawn
    assert rows[17][0] == 'one,"x"' and float(rows[17][3]) == 16
    points = json.loads(saved(page, "JSON").path().read_text())["points"]
    assert len(points) == 5000 and points[16][1:] == [16, 1e9 + 960, 16]
    svg = saved(page, "SVG").path().read_text()
    assert "polyline" in svg and ">loss</text>" in svg and "one,&quot;x&quot;</text>" in svg
    assert saved(page, "PNG").path().read_bytes()[:4] == b"\x89PNG"


def test_points_come_back_after_the_server_did(show, board, tmp_path):
    write(tmp_path, [1.0])
    page = show(allowed=("ERR_CONNECTION", "WebSocket", "Failed to fetch"))
    page.locator("article canvas").wait_for()
    board.close()
    page.get_by_text("reconnecting").wait_for()
    with Writer(tmp_path) as writer:
        writer.add_scalar("loss", 321.0, 1)
    board.start()
    page.get_by_text("321", exact=True).wait_for()
