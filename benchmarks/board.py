"""The board beside TensorBoard: a scalar logged, and logs loaded.

BENCH_EVENTS names how many scalars the loaded logs have ("100000 1000000"; 20000000 are 1 GB), BENCH_LOGS a
folder that keeps them. Beyond a million, the EventAccumulators' times and memory are those of a million,
multiplied: the remark says so.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from .table import Cell, Row, duration, megabytes

ROOT = Path(__file__).parents[1]
CALLS, ROUNDS = 5000, 15
MOST_US, FASTER, SMALLER = 6.0, 5.0, 10.0  # what is wanted
MEASURED = 1_000_000  # events that EventAccumulator is given at most
READERS = {
    "accumulator": "EventAccumulator",
    "everything": "EventAccumulator, all kept",
    "server": "tensorboard-data-server",
}


def rows(threads: int) -> Iterator[Row]:
    """All of it."""
    yield from scalar_rows()
    with tempfile.TemporaryDirectory() as folder:
        logs = Path(os.environ.get("BENCH_LOGS", folder))
        for count in map(int, os.environ.get("BENCH_EVENTS", "100000 1000000").split()):
            yield from load_rows(logs, count)


def writers() -> dict[str, Callable[[str], Any]]:
    """Ours and what peers there are."""
    from rushlight.board import Writer

    found: dict[str, Callable[[str], Any]] = {"rushlight": Writer}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from torch.utils.tensorboard import SummaryWriter

        found["torch"] = SummaryWriter
        try:
            from tensorboardX import SummaryWriter as Other

            found["tensorboardX"] = Other
        except ImportError:
            pass
    return found


def scalar_rows() -> Iterator[Row]:
    """Seconds of add_scalar, alone and until all is in the file, and of processors for that; in turns."""
    times: dict[str, list[tuple[float, ...]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        made = {name: make(f"{folder}/{name}") for name, make in writers().items()}
        for k in range(ROUNDS):
            for name, writer in made.items():
                times.setdefault(name, []).append(logged(writer, k * CALLS))
        for writer in made.values():
            writer.close()
    for at, what in enumerate(("the call", "until it is in the file", "processor time of that")):
        columns = {name: [each[at] for each in found] for name, found in times.items()}
        mine = columns.pop("rushlight")
        spent = statistics.median(mine)
        for name, theirs in columns.items():
            ratio = statistics.median(a / b for a, b in zip(theirs, mine, strict=True))
            cell = Cell(duration(statistics.median(theirs)), duration(spent), ratio, spent < MOST_US / 1e6)
            yield Row(f"add_scalar, {what}: {name}", f"< {MOST_US:.0f} us", [cell])


def logged(writer: Any, first: int) -> tuple[float, ...]:
    """Seconds of a call: alone, with the flush after all, and of all processors for that."""
    used, start = time.process_time(), time.perf_counter()
    for step in range(first, first + CALLS):
        writer.add_scalar("loss/train", 0.5, step)
    middle = time.perf_counter()
    writer.flush()
    found = (middle - start, time.perf_counter() - start, time.process_time() - used)
    return tuple(seconds / CALLS for seconds in found)


def load_rows(logs: Path, count: int) -> Iterator[Row]:
    """Seconds and memory until a log's scalars are there to be shown."""
    small = min(count, MEASURED)
    for size in {small, count}:
        if not (logs / str(size)).exists():
            child("write", logs / str(size), size)
    for reader, name in READERS.items():
        size = count if reader == "server" else small
        theirs, mine = [], []
        for _ in range(3 if count < MEASURED else 1):
            theirs.append(child(reader, logs / str(size), size))
            mine.append(child("store", logs / str(count), count))
        yield from compared(f"{count:,} events: {name}", theirs, mine, count // size)


def compared(
    name: str, theirs: list[dict[str, float]], mine: list[dict[str, float]], times: int
) -> Iterator[Row]:
    """A row of seconds and one of memory, theirs multiplied."""
    t, o = (
        {key: statistics.median(x[key] for x in found) for key in ("seconds", "growth", "peak")}
        for found in (theirs, mine)
    )
    scaled = f"theirs {times} times 1,000,000's" if times > 1 else ""
    ratio = times * t["seconds"] / o["seconds"]
    cell = Cell(duration(times * t["seconds"]), duration(o["seconds"]), ratio, ratio >= FASTER)
    yield Row(f"load {name}", f"{FASTER:.2f}", [cell], scaled)
    grown = times if name.endswith("kept") else 1  # the others keep a fixed number
    ratio = grown * t["growth"] / max(o["growth"], 0.1)
    cell = Cell(megabytes(grown * t["growth"]), megabytes(o["growth"]), ratio, ratio >= SMALLER)
    whole = f"peak in all {megabytes(t['peak'])}, {megabytes(o['peak'])}"
    yield Row(f"memory {name}", f"{SMALLER:.2f}", [cell], whole + (f", {scaled}" if grown > 1 else ""))


def child(what: str, path: Path, count: int) -> dict[str, float]:
    """What a fresh process finds."""
    command = [sys.executable, "-m", "benchmarks.board_child", what, str(path), str(count)]
    done = subprocess.run(command, capture_output=True, cwd=ROOT)
    if done.returncode:
        raise RuntimeError(done.stderr.decode()[-500:])
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found
