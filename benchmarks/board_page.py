"""The board in a browser: from write to drawn, the first drawing of large charts, a server that comes back,
what 1,000 runs make the page wait for.

python -m benchmarks.board_page: headless Chromium over a board that is a process of its own.
"""

from __future__ import annotations

import contextlib
import json
import math
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.board_logs import write_run, write_runs
from rushlight.board import Writer

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
POINTS = 60  # of which the latency is taken
# when a chart has been drawn with a value, by its legend, which is made with it: after the next two frames
DRAWN = """() => {
  window.drawn = {};
  const seen = new Set(), cells = "article[data-tag=live] .legend td.n";
  const look = () => document.querySelectorAll(cells).forEach(({ innerText }) => {
    if (seen.has(innerText)) return;
    seen.add(innerText);
    requestAnimationFrame(() => requestAnimationFrame(() => (window.drawn[innerText] = Date.now())));
  });
  new MutationObserver(look).observe(document.body, { subtree: true, childList: true, characterData: true });
}"""
# the time uPlot takes for 5 lines of 100,000 points, and for the same with new data
CHART = """async () => {
  const uPlot = (await import("uplot")).default, { options } = await import("/page/chart.js");
  const n = 100000, x = Float64Array.from({ length: n }, (_, i) => i), times = [], updates = [];
  const wave = (k) => Float64Array.from(x, (i) => Math.sin(i / 5000 + k) + Math.random() * 0.2);
  const make = () => [x, ...[0, 1, 2, 3, 4].map(wave)];
  const colours = ["#0077bb", "#ee7733", "#009988", "#cc3311", "#8c6bb1"];
  const lines = colours.map((colour, k) => ({ label: `run ${k}`, colour }));
  const box = document.body.appendChild(document.createElement("div"));
  const frame = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  const how = options({ lines, xKind: "step", width: 1000, height: 400 });
  for (let k = 0; k < 7; k++) {
    const data = make(), more = make();
    await frame();
    let t = performance.now();
    const plot = new uPlot(how, data, box);
    await frame();
    times.push(performance.now() - t);
    t = performance.now();
    plot.setData(more);
    await frame();
    updates.push(performance.now() - t);
    const { width, height } = plot.ctx.canvas, pixels = plot.ctx.getImageData(0, 0, width, height).data;
    if (!pixels.some((byte, k) => k % 4 === 3 && byte)) throw new Error("nothing was drawn");
    plot.destroy();
  }
  box.remove();
  return [times, updates].map((all) => all.sort((a, b) => a - b)[3]);
}"""

# until the page has done nothing for longer than 80 ms at a stretch for a second
QUIET = """() => new Promise((done) => {
  const begin = performance.now();
  let busy = begin, before = begin;
  const look = () => {
    const now = performance.now();
    if (now - before > 80) busy = now;
    before = now;
    now - busy > 1000 || now - begin > 60000 ? done() : setTimeout(look, 20);
  };
  look();
})"""
# the times at which the lines of parallel coordinates are drawn
PAINTS = """() => {
  window.paints = [];
  const canvas = document.querySelector(".parallel canvas"), how = { attributeFilter: ["data-ms"] };
  new MutationObserver(() => window.paints.push(performance.now())).observe(canvas, how);
}"""
SECONDS = 3  # that a range is dragged


@contextlib.contextmanager
def served(root: Path, port: int = 0) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """A board as a process; its address."""
    command = [sys.executable, "-m", "rushlight", "board", str(root), "--port", str(port)]
    board = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert board.stdout is not None
        yield board.stdout.readline().split(" at ")[1].split(" ")[0], board
    finally:
        board.kill()
        board.wait()


def main() -> None:
    """Prints the figures."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        with tempfile.TemporaryDirectory() as folder:
            live(browser, Path(folder))
        with tempfile.TemporaryDirectory() as folder:
            large(browser, Path(folder))
        with tempfile.TemporaryDirectory() as folder:
            many(browser, Path(folder))
        with tempfile.TemporaryDirectory() as folder:
            blocked(browser, Path(folder))
        with tempfile.TemporaryDirectory() as folder:
            brushed(browser, Path(folder))
        browser.close()


def live(browser: Any, root: Path) -> None:
    """From add_scalar to drawn; then the server is killed and started again."""
    writer = Writer(root)
    writer.add_scalar("live", 0.5, 0)
    with served(root) as (url, _):
        page = browser.new_page()
        page.goto(url)
        page.wait_for_selector("article[data-tag=live] canvas")
        page.evaluate(DRAWN)
        begun = {}
        for k in range(1, POINTS + 1):
            begun[str(1000 + k)] = time.time() * 1000
            writer.add_scalar("live", 1000.0 + k, k)
            time.sleep(0.35 + (k * 37 % 100) / 1000)
        drawn = page.evaluate("window.drawn")
        times = sorted(drawn[key] - at for key, at in begun.items() if key in drawn)
        middle, late = times[len(times) // 2], times[int(len(times) * 0.95)]
        print(f"add_scalar to drawn: median {middle:.0f} ms, 95 % {late:.0f} ms, slowest {times[-1]:.0f} ms")
        print(f"   of {len(times)} points drawn of {POINTS} written")
        port = int(url.rstrip("/").rsplit(":", 1)[1])
    page.wait_for_selector(".status.off")
    writer.add_scalar("live", 7777.0, POINTS + 1)
    writer.close()
    begin = time.perf_counter()
    with served(root, port) as (again, _):
        page.get_by_text("7777", exact=True).wait_for(timeout=30_000)
        print(
            f"killed and started again: drawn {time.perf_counter() - begin:.2f} s after the start ({again})"
        )
    page.close()


def large(browser: Any, root: Path) -> None:
    """5 runs of 100,000 points: from opening the page to drawn, and what the chart alone takes."""
    for k in range(5):
        write_run(root / f"run{k}" / "events.out.tfevents.1", ["loss"], 100_000, k)
    with served(root) as (url, _):
        time.sleep(2)
        page = browser.new_page()
        times = []
        for _ in range(5):
            page.goto("about:blank")
            begin = time.perf_counter()
            page.goto(url)
            page.locator("article[data-tag=loss] .legend tr").nth(4).wait_for()
            times.append(time.perf_counter() - begin)
        print(
            f"a page with 5 runs x 100,000 points: {sorted(times)[2] * 1e3:.0f} ms from opening it to drawn"
        )
        first, update = page.evaluate(CHART)
        print(f"5 lines of 100,000 points in one chart: first {first:.0f} ms, update {update:.0f} ms")
        page.close()


def many(browser: Any, root: Path) -> None:
    """1,000 runs x 20 scalars x 1,000 points, opened while they are being read."""
    write_runs(root, 1000, 20, 1000, 20)
    begin = time.perf_counter()
    with served(root) as (url, _):
        page = browser.new_page()
        page.goto(url)
        page.locator("article .legend tr").first.wait_for(timeout=60_000)
        print(
            f"1,000 runs x 20 x 1,000 points: first chart {time.perf_counter() - begin:.2f} s after the start"
        )
        page.get_by_text("of 1000 shown").wait_for(timeout=60_000)
        print(f"all runs listed {time.perf_counter() - begin:.2f} s after the start")
        page.close()


def longest_task(browser: Any, page: Any, act: Callable[[], object]) -> float:
    """Milliseconds of processor time of the longest task of the page's main thread that `act` makes."""
    browser.start_tracing(page=page, categories=["toplevel", "disabled-by-default-devtools.timeline"])
    act()
    page.evaluate(QUIET)
    events = json.loads(browser.stop_tracing())["traceEvents"]
    names = [event for event in events if event["name"] == "thread_name"]
    main = {(e["pid"], e["tid"]) for e in names if e["args"]["name"] == "CrRendererMain"}
    tasks = [event for event in events if event["name"] == "RunTask" and (event["pid"], event["tid"]) in main]
    return max((event.get("tdur", event.get("dur", 0)) for event in tasks), default=0) / 1e3


def blocked(browser: Any, root: Path) -> None:
    """The longest task, with 1,000 runs x 20 scalars, of what a user does."""
    write_runs(root, 1000, 20, 1000, 20)
    writer = Writer(root / "live")
    writer.add_scalar("train/metric01", 0.5, 0)
    with served(root) as (url, _):
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(url)
        page.get_by_text("of 1001 shown").wait_for(timeout=60_000)
        page.evaluate(QUIET)
        button = lambda name: page.get_by_role("button", name=name, exact=True).click  # noqa: E731
        tab = lambda name: page.get_by_role("tab", name=name, exact=True).click  # noqa: E731
        runs = page.get_by_label("Filter runs")

        def news() -> None:
            for step in range(1, 11):
                writer.add_scalar("train/metric01", 0.5, step)
                time.sleep(0.2)

        actions: dict[str, Callable[[], object]] = {
            "opening the page": page.reload,
            "typing a filter": lambda: runs.press_sequentially("run00[0-4]", delay=80),
            "clearing it": lambda: runs.fill(""),
            "a live run": news,
            "the theme": page.locator("button[title^=Theme]").click,
            "the view of hyperparameters": tab("HParams"),
            "back to scalars": tab("Scalars"),
            "ticking all runs": button("all"),
            "a live run, all drawn": news,
            "the theme, all drawn": page.locator("button[title^=Theme]").click,
            "the usual runs": button("usual"),
        }
        for what, act in actions.items():
            print(f"1,001 runs x 20: longest task {longest_task(browser, page, act):4.0f} ms: {what}")
        page.close()
    writer.close()


def brushed(browser: Any, root: Path) -> None:
    """Frames in which the lines of 1,000 runs x 10 columns follow a range that is dragged."""
    for k in range(1000):
        with Writer(root / f"run{k:04d}") as writer:
            values = {f"h{c}": (k * (c + 3) * 7919 % 1000) / 1000 for c in range(8)}
            writer.add_hparams(values, {"accuracy": k * 31 % 1000 / 1000, "loss": k * 17 % 1000 / 1000})
    with served(root) as (url, _):
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(url + "#view=hparams")
        page.get_by_text("1000 runs", exact=True).wait_for(timeout=60_000)
        page.evaluate(QUIET)
        axis = page.locator(".axis").nth(1).bounding_box()
        x, y = axis["x"] + 15, axis["y"]
        page.mouse.move(x, y + 20)
        page.mouse.down()
        page.evaluate(PAINTS)
        begin = time.perf_counter()
        while (now := time.perf_counter() - begin) < SECONDS:
            page.mouse.move(x, y + 150 + 100 * math.sin(4 * now))
        paints = page.evaluate("window.paints")
        page.mouse.up()
        frames = sorted(b - a for a, b in zip(paints, paints[1:], strict=False))
        middle, late = frames[len(frames) // 2], frames[int(len(frames) * 0.95)]
        print(f"a range dragged over 1,000 runs x {page.locator('.axis').count()} columns:")
        print(f"   {1000 / middle:.0f} frames a second (median), 95 % of frames within {late:.0f} ms")
        page.close()


if __name__ == "__main__":
    main()
