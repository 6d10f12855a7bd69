"""What it costs to have: import time, memory after import, installed size; each beside torch's."""

from __future__ import annotations

import importlib.metadata
import statistics
import subprocess
import sys

_IMPORT = (
    "import time, resource; t = time.perf_counter(); import {name}; "
    "print(time.perf_counter() - t, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)"
)


def imported(name: str, times: int = 11) -> tuple[float, float]:
    """Median seconds of `import name` in fresh processes, and resident megabytes after it."""
    runs = [
        tuple(map(float, subprocess.run([sys.executable, "-c", _IMPORT.format(name=name)], capture_output=True, check=True).stdout.split()))
        for _ in range(times)
    ]
    return statistics.median(r[0] for r in runs[1:]), statistics.median(r[1] for r in runs[1:])


def installed(distribution: str) -> float:
    """Megabytes of a distribution's files."""
    files = importlib.metadata.files(distribution) or []
    return sum(path.stat().st_size for f in files if (path := f.locate()).is_file()) / 1e6  # type: ignore[attr-defined]


def show_footprint() -> None:
    """Print import time, memory and size."""
    from pathlib import Path

    import rushlight

    root = Path(rushlight.__file__).parent
    own = sum(p.stat().st_size for p in root.rglob("*") if p.is_file() and p.suffix != ".pyc") / 1e6
    core = {name: installed(name) for name in ("numpy", "llvmlite", "ml_dtypes")}
    parts = ", ".join(f"{n} {size:.0f}" for n, size in core.items())
    print("\nFootprint")
    for name in ("rushlight", "torch"):
        seconds, megabytes = imported(name)
        print(f"import {name:12} {seconds * 1000:7.0f} ms {megabytes:7.0f} MB resident")
    print(f"installed: rushlight {own:.1f} MB + core dependencies {sum(core.values()):.0f} MB ({parts}); torch {installed('torch'):.0f} MB")
