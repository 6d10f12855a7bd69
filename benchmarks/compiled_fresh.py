"""What only a fresh process shows of compiled programs: the first call, peak memory, and peers' times.

A peer is torch.compile, which needs a C++ compiler, and JAX's jit where compiled_jax.py has the program. JAX
has an environment of its own, whose interpreter the variable JAX_PYTHON names:

    python -m venv /tmp/jax && /tmp/jax/bin/pip install jax && export JAX_PYTHON=/tmp/jax/bin/python
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from .compiled_workloads import TRAINED
from .table import Cell, Row, duration, megabytes

FIRST = {"seed": (0.3, 0.05), "resnet18": (5.0, 0.5), "gpt": (5.0, 0.5)}
"""Most seconds of capturing and compiling: with an empty cache, and from it."""

NOISE = 1.0  # megabytes by which the growth of equal runs differs


def first_call(threads: int) -> Iterator[Row]:
    """How much longer the first call takes than a later one."""
    for name, (cold, cached) in FIRST.items():
        with tempfile.TemporaryDirectory() as folder:
            runs = [_child("first", name, threads, RUSHLIGHT_CACHE=folder) for _ in range(4)]
        yield _first(f"first call: {TRAINED[name].title}", runs[:1], cold)
        yield _first("  from the cache", runs[1:], cached)


def _first(name: str, runs: list[dict[str, float]], most: float) -> Row:
    spent = statistics.median(r["first"] - r["later"] for r in runs)
    later = statistics.median(r["later"] for r in runs)
    cell = Cell("", duration(spent), None, spent < most)
    return Row(name, f"< {most:g} s", [cell], f"a later call {duration(later)}")


def memory(threads: int) -> Iterator[Row]:
    """Growth of the resident peak over three steps: ours eager over ours compiled."""
    for name, workload in TRAINED.items():
        eager, ours = (_child("peak", name, threads, compiled)["growth"] for compiled in (0, 1))
        ratio = max(eager, NOISE) / max(ours, NOISE)
        cell = Cell("", megabytes(ours), ratio, ratio >= 1)
        yield Row(f"peak memory: {workload.title}", "1.00", [cell], f"eager {megabytes(eager)}")


def peer(name: str, threads: int) -> tuple[str, str]:
    """The time of the fastest peer, and which it is; of none where none runs."""
    found: dict[str, float] = {}
    pythons = {"torch": sys.executable, "jax": os.environ.get("JAX_PYTHON", "")}
    for kind in (kind for kind, python in pythons.items() if python):
        try:
            found[kind] = _child(kind, name, threads, python=pythons[kind])["seconds"]
        except RuntimeError:  # it cannot compile the program, or has none
            continue
    best = min(found, key=found.__getitem__, default="")
    return (duration(found[best]), f"peer: {best}") if best else ("none", "")


def _child(what: str, *args: object, python: str = sys.executable, **env: str) -> dict[str, float]:
    """What a fresh process finds (with .pyc files, as an installed program has them)."""
    inherited = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    command = [python, "-m", "benchmarks.compiled_child", what, *map(str, args)]
    done = subprocess.run(command, capture_output=True, env=inherited | env, cwd=Path(__file__).parents[1])
    if done.returncode:
        raise RuntimeError(done.stderr.decode()[-500:])
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found
