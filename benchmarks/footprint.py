"""What it costs to have: import time, memory after import, installed size; each beside torch's."""

from __future__ import annotations

import importlib.metadata
import os
import statistics
import subprocess
import sys
from pathlib import Path

_IMPORT = """
import time
t = time.perf_counter()
import {name}
t = time.perf_counter() - t
try:
    kilobytes = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmRSS"))
except OSError:  # no /proc: the peak, which may be the parent's
    import resource
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(t, kilobytes / 1024)
"""


def imported(name: str, times: int = 11) -> tuple[float, float]:
    """Median seconds of `import name` in fresh processes, and resident megabytes after it."""
    compiled = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}  # with .pyc files
    command = [sys.executable, "-c", _IMPORT.format(name=name)]
    once = lambda: subprocess.run(command, capture_output=True, check=True, env=compiled).stdout  # noqa: E731
    runs = [tuple(map(float, once().split())) for _ in range(times)][1:]
    return statistics.median(r[0] for r in runs), statistics.median(r[1] for r in runs)


def installed(distribution: str) -> float:
    """Megabytes of a distribution's files."""
    paths = [Path(str(f.locate())) for f in importlib.metadata.files(distribution) or []]
    return sum(path.stat().st_size for path in paths if path.is_file()) / 1e6


def show_footprint() -> None:
    """Print import time, memory and size."""
    import rushlight

    root = Path(rushlight.__file__).parent
    own = sum(p.stat().st_size for p in root.rglob("*") if p.is_file() and p.suffix != ".pyc") / 1e6
    core = {name: installed(name) for name in ("numpy", "llvmlite", "ml_dtypes")}
    parts = ", ".join(f"{n} {size:.0f}" for n, size in core.items())
    print("\nFootprint")
    for name in ("rushlight", "torch"):
        seconds, megabytes = imported(name)
        print(f"import {name:12} {seconds * 1000:7.0f} ms {megabytes:7.0f} MB resident")
    print(
        f"installed: rushlight {own:.1f} MB + core dependencies "
        f"{sum(core.values()):.0f} MB ({parts}); torch {installed('torch'):.0f} MB"
    )
