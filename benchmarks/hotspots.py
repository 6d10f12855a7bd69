"""Where a training step spends its time: python -m benchmarks.hotspots MODEL ...

A timer interrupts the step; each interruption charges the time since the last one to the Python line that
runs. A call into machine code ends before its interruption is seen: its whole time is charged to its caller.
Torch's time of the same step is printed beside it.
"""

from __future__ import annotations

import argparse
import signal
import statistics
from collections import defaultdict
from time import perf_counter
from types import FrameType
from typing import Any

from .models import MODELS, Training, pair

INTERVAL = 0.0005
STEPS_AT_LEAST = 3


class Sampler:
    """Seconds by innermost line, and by every function on the stack."""

    def __init__(self) -> None:
        self.lines: defaultdict[str, float] = defaultdict(float)
        self.functions: defaultdict[str, float] = defaultdict(float)
        self.last = 0.0

    def __enter__(self) -> Sampler:
        signal.signal(signal.SIGALRM, self.sample)
        self.wait()
        return self

    def __exit__(self, *exc: object) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)

    def wait(self) -> None:
        """Ask for one interruption; what happens from now on is charged to it."""
        signal.setitimer(signal.ITIMER_REAL, INTERVAL)
        self.last = perf_counter()

    def sample(self, _number: int, frame: FrameType | None) -> None:
        """Charge the time since the last interruption."""
        spent = perf_counter() - self.last
        frames = stack(frame)
        if frames:
            self.lines[f"{place(frames[0])}:{frames[0].f_lineno}"] += spent
        for name in {place(f) for f in frames}:
            self.functions[name] += spent
        self.wait()


def stack(frame: FrameType | None) -> list[FrameType]:
    """The frames of the step, innermost first."""
    found = []
    while frame is not None and frame.f_code is not timed.__code__:
        found.append(frame)
        frame = frame.f_back
    return found


def place(frame: FrameType) -> str:
    """A function as folder/file.function."""
    code = frame.f_code
    return f"{'/'.join(code.co_filename.split('/')[-2:]).removesuffix('.py')}.{code.co_qualname}"


def timed(side: Training, seconds: float) -> float:
    """Median seconds of a step over about this many seconds."""
    times: list[float] = []
    while sum(times) < seconds or len(times) < STEPS_AT_LEAST:
        start = perf_counter()
        side.step()
        times.append(perf_counter() - start)
    return statistics.median(times)


def report(torch: Any, ours: Any, name: str, seconds: float, rows: int) -> None:
    """Print one model's hot lines and functions, in microseconds a step."""
    theirs, mine = pair(torch, ours, name)
    for side in (theirs, mine):
        timed(side, seconds / 10)
    a = timed(theirs, seconds / 4)
    b = timed(mine, seconds / 4)
    with Sampler() as sampler:
        timed(mine, seconds)
    share = sum(sampler.lines.values()) / (b * 1e6)  # the samples cover all of the time, but for their own
    print(f"\n{name}: torch {a * 1e6:.0f} us, rushlight {b * 1e6:.0f} us, ratio {a / b:.2f}")
    for title, table in (("line", sampler.lines), ("function, with what it calls", sampler.functions)):
        print(f"{'us a step':>12}  {title}")
        for name, spent in sorted(table.items(), key=lambda item: -item[1])[:rows]:
            print(f"{spent / share:12.1f}  {name}")


def main() -> None:
    """Report the chosen models."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.hotspots", description=__doc__)
    parser.add_argument("models", nargs="*", default=list(MODELS), help=", ".join(MODELS))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--rows", type=int, default=20)
    options = parser.parse_args()
    import torch

    import rushlight

    for m in (torch, rushlight):
        m.set_num_threads(options.threads)
    for name in options.models:
        report(torch, rushlight, name, options.seconds, options.rows)


if __name__ == "__main__":
    main()
