"""What compiled_fresh.py asks of a fresh process: python -m benchmarks.compiled_child WHAT PROGRAM ..."""

from __future__ import annotations

import json
import os
import statistics
import sys
from collections.abc import Callable
from time import perf_counter
from typing import Any

SETTLE, LEAST, LONG = 3, 9, 1.0  # calls before timing, calls timed at least, seconds of them at least
SMALL = "deep"  # run before memory is counted, so that the engine's code is loaded


def first(name: str, threads: str) -> dict[str, float]:
    """Seconds of the first compiled call, and of a later one."""
    call = _ours(name, threads, compiled=True)
    times = [_seconds(call) for _ in range(6)]
    return {"first": times[0], "later": statistics.median(times[1:])}


def peak(name: str, threads: str, compiled: str) -> dict[str, float]:
    """Growth of the resident peak over three steps, in megabytes."""
    from .child import status

    _ours(SMALL, threads, bool(int(compiled)))()
    call = _ours(name, threads, bool(int(compiled)))
    with open("/proc/self/clear_refs", "w") as f:
        f.write("5")  # the peak begins anew
    before = status("VmRSS")
    for _ in range(3):
        call()
    return {"growth": status("VmHWM") - before}


def torch(name: str, threads: str) -> dict[str, float]:
    """Seconds of a call of what torch.compile makes."""
    import torch

    from .compiled_workloads import WORKLOADS

    torch.set_num_threads(int(threads))
    program = WORKLOADS[name].make(torch)
    return {"seconds": _steady(program.call(torch.compile(program.step)))}


def jax(name: str, threads: str) -> dict[str, float]:
    """Seconds of a call of what JAX's jit makes."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: int(threads)])  # before it counts processors
    from .compiled_jax import PROGRAMS

    return {"seconds": _steady(PROGRAMS[name]())}


def _ours(name: str, threads: str, compiled: bool) -> Callable[[], Any]:
    """A call of ours."""
    import rushlight

    from .compiled_workloads import WORKLOADS

    rushlight.set_num_threads(int(threads))
    program = WORKLOADS[name].make(rushlight)
    return program.call(rushlight.compile(program.step) if compiled else program.step)


def _steady(call: Callable[[], Any]) -> float:
    """The median of calls, after those that compile."""
    for _ in range(SETTLE):
        call()
    times: list[float] = []
    while len(times) < LEAST or sum(times) < LONG:
        times.append(_seconds(call))
    return statistics.median(times)


def _seconds(call: Callable[[], Any]) -> float:
    start = perf_counter()
    call()
    return perf_counter() - start


if __name__ == "__main__":
    jobs = {"first": first, "peak": peak, "torch": torch, "jax": jax}
    print(json.dumps(jobs[sys.argv[1]](*sys.argv[2:])))
