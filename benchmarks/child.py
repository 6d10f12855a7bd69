"""What fresh.py asks of a fresh process: python -m benchmarks.child peak|first|imported FRAMEWORK ..."""

import importlib
import json
import statistics
import sys
from time import perf_counter
from typing import Any


def status(name: str, pid: int | str = "self") -> float:
    """Megabytes of a field of a process' /proc/PID/status."""
    with open(f"/proc/{pid}/status") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith(name + ":")) / 1024


def imported(name: str) -> dict[str, float]:
    """Seconds of the import, and megabytes after it."""
    start = perf_counter()
    importlib.import_module(name)
    seconds = perf_counter() - start
    return {"seconds": seconds, "resident": status("VmRSS")}


def framework(name: str, threads: str) -> Any:
    """Torch or rushlight."""
    m = importlib.import_module(name)
    m.set_num_threads(int(threads))
    return m


def peak(name: str, model: str, threads: str) -> dict[str, float]:
    """Growth of the resident peak over three steps, and the peak; the engine's code is loaded before."""
    from .fresh import SMALL
    from .models import MODELS

    m = framework(name, threads)
    small = MODELS[SMALL](m)
    small.step()
    side = MODELS[model](m)
    with open("/proc/self/clear_refs", "w") as f:
        f.write("5")  # the peak begins anew
    before = status("VmRSS")
    for _ in range(3):
        side.step()
    return {"growth": status("VmHWM") - before, "peak": status("VmHWM")}


def first(name: str, model: str, threads: str) -> dict[str, float]:
    """Seconds of the first step and of a later one, and of the first those spent in llvm.build."""
    from .models import MODELS

    m = framework(name, threads)
    building = _watch_builds()
    side = MODELS[model](m)
    times = []
    for _ in range(4):
        start = perf_counter()
        side.step()
        times.append(perf_counter() - start)
    return {"first": times[0], "steady": statistics.median(times[1:]), "building": sum(building)}


def _watch_builds() -> list[float]:
    """The seconds of every call of llvm.build from now on."""
    from rushlight.kernels import llvm

    spent, build, depth = [], llvm.build, [0]

    def watched(*args: Any, **options: Any) -> Any:
        start = perf_counter()
        depth[0] += 1
        try:
            return build(*args, **options)
        finally:
            depth[0] -= 1
            if not depth[0]:  # what it builds on the way is counted already
                spent.append(perf_counter() - start)

    llvm.build = watched  # type: ignore[assignment]
    return spent


if __name__ == "__main__":
    jobs = {"imported": imported, "peak": peak, "first": first}
    print(json.dumps(jobs[sys.argv[1]](*sys.argv[2:])))
