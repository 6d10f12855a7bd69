"""What it costs to have: import time, memory after import, installed size; each beside torch's."""

from __future__ import annotations

import importlib.metadata
import statistics
import subprocess
import sys
from pathlib import Path

_IMPORT = (
    "import time, resource; t = time.perf_counter(); import {name}; "
    "print(time.perf_counter() - t, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)"
)


def imported(name: str, times: int = 11) -> tuple[float, float]:
    """Median seconds of `import name` in fresh processes, and resident megabytes after it."""
    command = [sys.executable, "-c", _IMPORT.format(name=name)]
    texts = [subprocess.run(command, capture_output=True, check=True).stdout for _ in range(times)]
    runs = [tuple(map(float, text.split())) for text in texts]
    return statistics.median(r[0] for r in runs[1:]), statistics.median(r[1] for r in runs[1:])


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
