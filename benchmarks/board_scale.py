"""How much the board takes: runs x tags x points, memory, and what it does when nothing happens.

python -m benchmarks.board_scale RUNS TAGS POINTS [--distinct N] [--memory 512M]

With --distinct, only so many files are written and the others are hard links to them: all bytes are read and
decoded as often as there are runs, but they come from the page cache, not from a disk.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from benchmarks.board_logs import tags_of, write_runs
from rushlight.cli.board import size


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser()
    for name in ("runs", "tags", "points"):
        parser.add_argument(name, type=int)
    parser.add_argument("--distinct", type=int)
    parser.add_argument("--memory", type=size, default=512 << 20)
    parser.add_argument("--patience", type=float, default=300, help="seconds to wait for all to be read")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        begun = time.perf_counter()
        total = write_runs(Path(folder), options.runs, options.tags, options.points, options.distinct)
        count = options.runs * options.tags * options.points
        took = time.perf_counter() - begun
        print(f"{count:,} points in {total / 1e9:.2f} GB of event files, written in {took:.1f} s", flush=True)
        measure(Path(folder), options, count)


def measure(root: Path, options: argparse.Namespace, count: int) -> None:
    """Start a board over the folder as a process of its own, and watch it."""
    begun = time.perf_counter()
    command = [sys.executable, "-m", "rushlight", "board", str(root), "--port", "0"]
    board = subprocess.Popen([*command, "--memory", str(options.memory)], stdout=subprocess.PIPE, text=True)
    try:
        assert board.stdout is not None
        url = board.stdout.readline().split(" at ")[1].split(" ")[0]
        seconds = lambda: f"{time.perf_counter() - begun:6.2f} s"  # noqa: E731
        print(f"{seconds()}  it listens", flush=True)
        names = listed_runs(url, options.runs)
        print(f"{seconds()}  all {options.runs} runs are listed", flush=True)
        first_points(url, names)
        print(f"{seconds()}  the newest run has points to draw", flush=True)
        slowest = read_all(url, names, options)
        print(f"{seconds()}  all is read; slowest answer meanwhile {slowest * 1e3:.0f} ms", flush=True)
        report(url, names, options, board.pid)
    finally:
        board.kill()
        board.wait()


def ask(url: str, path: str, question: object = None) -> bytes:
    """What the board answers."""
    data = None if question is None else json.dumps(question).encode()
    with urllib.request.urlopen(urllib.request.Request(url + path, data), timeout=120) as answer:
        return answer.read()


def listed_runs(url: str, runs: int) -> list[str]:
    """Wait until it lists all runs; their names in the order of their times."""
    while True:
        found = json.loads(ask(url, "api/changes"))["runs"]
        if len(found) == runs:
            return sorted(run["name"] for run in found)
        time.sleep(0.02)


def first_points(url: str, names: list[str]) -> None:
    """Wait until the first run, the newest, has points."""
    while len(json.loads(ask(url, "api/table", {"tags": tags_of(1), "runs": names}))["rows"]) < 1:
        time.sleep(0.02)


def read_all(url: str, names: list[str], options: argparse.Namespace) -> float:
    """Wait until all points are counted; the slowest of the answers that a page asks for meanwhile."""
    slowest, begun = 0.0, time.perf_counter()
    tag = tags_of(options.tags)[-1]
    while time.perf_counter() - begun < options.patience:
        asked = time.perf_counter()
        ask(url, "api/scalars", {"tag": tag, "runs": names[-40:], "points": 1200, "smoothing": True})
        slowest = max(slowest, time.perf_counter() - asked)
        rows = json.loads(ask(url, "api/table", {"tags": [tag], "runs": names}))["rows"]
        if sum(row[-1] for row in rows) == options.runs * options.points:
            return slowest
        time.sleep(0.2)
    rows = json.loads(ask(url, "api/table", {"tags": [tag], "runs": names}))["rows"]
    print(f"          gave up after {sum(row[-1] for row in rows) / options.runs / options.points:.0%}")
    return slowest


def report(url: str, names: list[str], options: argparse.Namespace, pid: int) -> None:
    """Memory, sizes and times of answers, CPU at rest."""
    status = Path(f"/proc/{pid}/status").read_text()
    now, most = (int(status.split(f"{key}:")[1].split()[0]) / 1024 for key in ("VmRSS", "VmHWM"))
    print(f"memory: {now:.0f} MB now, {most:.0f} MB at most; the setting is {options.memory >> 20} MB")
    for path, question in (
        ("api/changes", None),
        ("api/changes?since={version}&epoch={epoch}", None),
        ("api/runs", None),
        ("api/scalars", {"tag": tags_of(1)[0], "runs": names[-40:], "points": 1200, "smoothing": True}),
        ("api/table", {"tags": tags_of(1), "runs": names}),
    ):
        known = json.loads(ask(url, "api/changes"))
        path = path.format(**known) if "{" in path else path
        times = []
        for _ in range(5):
            begun = time.perf_counter()
            body = ask(url, path, question)
            times.append(time.perf_counter() - begun)
        print(f"{path.split('=')[0]:16} {len(body) / 1e3:8.1f} KB {sorted(times)[2] * 1e3:7.1f} ms")
    time.sleep(1)
    before = cpu(pid)
    time.sleep(10)
    print(f"at rest: {(cpu(pid) - before) * 10:.1f} % of one core")


def cpu(pid: int) -> float:
    """Seconds that a process has computed."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


if __name__ == "__main__":
    main()
