"""Interleaved timing of two contestants, and the table that shows it."""

from __future__ import annotations

import statistics
import timeit
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass
class Row:
    """One line of a table: median seconds of each side, and the median of the ratios measured in pairs."""

    name: str
    torch: float
    ours: float
    ratio: float
    wanted: float | None = None


def interleaved(
    theirs: Callable[[], Any], ours: Callable[[], Any], rounds: int, target: float = 0.02
) -> tuple[float, float, float]:
    """Median seconds per call of both, and the median ratio,
    over `rounds` pairs of about `target` seconds each.
    """
    number = _calls_for(theirs, target)
    pairs = []
    for i in range(rounds + 1):
        first, second = (theirs, ours) if i % 2 else (ours, theirs)
        a = timeit.timeit(first, number=number) / number
        b = timeit.timeit(second, number=number) / number
        pairs.append((a, b) if i % 2 else (b, a))
    pairs = pairs[1:]  # the first warms up
    ratio = statistics.median(t / o for t, o in pairs)
    return statistics.median(t for t, _ in pairs), statistics.median(o for _, o in pairs), ratio


def _calls_for(fn: Callable[[], Any], target: float) -> int:
    fn()
    once = max(min(timeit.repeat(fn, number=3, repeat=3)) / 3, 1e-8)
    return max(1, int(target / once))


def show(title: str, rows: list[Row]) -> None:
    """Print a table; rows whose ratio misses what is wanted are marked."""
    print(f"\n{title}\n{'':34}{'torch':>12}{'rushlight':>12}{'ratio':>8}{'wanted':>8}")
    for r in rows:
        wanted = "" if r.wanted is None else f"{r.wanted:8.2f}"
        missed = " <" if r.wanted is not None and r.ratio < r.wanted else ""
        print(f"{r.name:34}{_time(r.torch):>12}{_time(r.ours):>12}{r.ratio:8.2f}{wanted}{missed}")


def _time(seconds: float) -> str:
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= scale:
            return f"{seconds / scale:.2f} {unit}"
    return f"{seconds * 1e9:.0f} ns"
