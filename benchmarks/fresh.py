"""What only a fresh process shows: the peak memory of a training step, compile time, import time, size."""

from __future__ import annotations

import importlib.metadata
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .steps import STEPS
from .table import Cell, Row, duration, megabytes

SMALL = "mlp"  # run before memory is counted, so that each side's code is loaded


def memory(threads: int) -> Iterator[Row]:
    """Growth of the resident peak over three steps."""
    for step in STEPS:
        t, o = (_child("peak", name, step.model, threads) for name in ("torch", "rushlight"))
        ratio = t["growth"] / max(o["growth"], 0.1)
        cell = Cell(megabytes(t["growth"]), megabytes(o["growth"]), ratio, ratio >= 1)
        whole = f"in all {megabytes(t['peak'])}, {megabytes(o['peak'])}"
        yield Row(step.name.replace("step:", "peak memory:"), "1.00", [cell], whole)


def startup(threads: int, model: str = "resnet18") -> Iterator[Row]:
    """Time to compile what a step needs, to load it from the disk cache, and to import."""
    with tempfile.TemporaryDirectory() as folder:
        first = lambda: _child("first", "rushlight", model, threads, RUSHLIGHT_CACHE=folder)  # noqa: E731
        cold, warm = first(), [first() for _ in range(3)]
    for name, runs, most in (("cold compile", [cold], 3.0), ("from the cache", warm, 0.2)):
        inside = statistics.median(r["building"] for r in runs)
        spent = max(inside, statistics.median(r["first"] - r["steady"] for r in runs))
        cell = Cell("", duration(spent), None, spent < most)
        remark = f"of it in llvm.build {duration(inside)}"
        yield Row(f"ResNet-18 step: {name}", f"< {most} s", [cell], remark)
    t, o = (imported(name) for name in ("torch", "rushlight"))
    cell = Cell(duration(t[0]), duration(o[0]), t[0] / o[0], o[0] < 0.15)
    yield Row("import", "< 0.15 s", [cell], f"resident {megabytes(t[1])}, {megabytes(o[1])}")
    yield _size()


def _size() -> Row:
    root = Path(__file__).parents[1] / "rushlight"
    own = sum(p.stat().st_size for p in root.rglob("*") if p.is_file() and p.suffix != ".pyc") / 1e6
    size = own + sum(installed(name) for name in ("numpy", "llvmlite", "ml_dtypes"))
    theirs = installed("torch")
    cell = Cell(megabytes(theirs), megabytes(size), theirs / size, None)
    return Row("installed", "", [cell], f"own {own:.1f} MB")


def installed(distribution: str) -> float:
    """Megabytes of a distribution's files."""
    paths = [Path(str(f.locate())) for f in importlib.metadata.files(distribution) or []]
    return sum(path.stat().st_size for path in paths if path.is_file()) / 1e6


def imported(name: str, times: int = 7) -> tuple[float, float]:
    """Median seconds of `import name` in fresh processes, and resident megabytes after it."""
    runs = [_child("imported", name) for _ in range(times + 1)][1:]
    return statistics.median(r["seconds"] for r in runs), statistics.median(r["resident"] for r in runs)


def _child(what: str, *args: object, **env: str) -> dict[str, float]:
    """What a fresh process finds (with .pyc files, as an installed program has them)."""
    inherited = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    command = [sys.executable, "-m", "benchmarks.child", what, *map(str, args)]
    done = subprocess.run(command, capture_output=True, env=inherited | env, cwd=Path(__file__).parents[1])
    if done.returncode:
        raise RuntimeError(done.stderr.decode()[-500:])
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found
