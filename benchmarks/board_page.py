"""The board in a browser: from write to drawn, the first drawing of large charts, a server that comes back.

python -m benchmarks.board_page: headless Chromium over a board that is a process of its own.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
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
    plot.destroy();
  }
  box.remove();
  return [times, updates].map((all) => all.sort((a, b) => a - b)[3]);
}"""


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


if __name__ == "__main__":
    main()
