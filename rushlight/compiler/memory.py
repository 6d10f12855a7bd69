"""The memory plan: temporaries share one arena, each placed where nothing is that lives at the same time."""

from __future__ import annotations

from bisect import insort
from collections import Counter
from collections.abc import Mapping
from itertools import accumulate
from operator import itemgetter
from typing import Any

ALIGNMENT = 64


Lives = Mapping[Any, tuple[int, int, int]]


def arranged(lives: Lives) -> tuple[dict[Any, int], int]:
    """Offsets of pieces of memory in an arena, and its size, from (first use, last use, bytes) of each.

    Placed as they come, or the largest first: whichever takes less.
    """
    found = _as_they_come(lives)
    return found if found[1] <= _GOOD * least(lives) else min(found, _largest_first(lives), key=itemgetter(1))


_GOOD = 1.02  # times the least that is possible: not worth another try


def _largest_first(lives: Lives) -> tuple[dict[Any, int], int]:
    """Each piece at the lowest offset where no larger one lies that lives at the same time."""
    placed: list[tuple[int, int, int, int]] = []  # (offset, end, first, last)
    offsets: dict[Any, int] = {}
    for key, (first, last, nbytes) in sorted(lives.items(), key=lambda item: -item[1][2]):
        start, needed = 0, _rounded(nbytes)
        for offset, end, begin, until in placed:
            if begin <= last and first <= until:
                if offset - start >= needed:
                    break
                start = max(start, end)
        offsets[key] = start
        insort(placed, (start, start + needed, first, last))
    return offsets, max((end for _, end, *_ in placed), default=0)


def _as_they_come(lives: Lives) -> tuple[dict[Any, int], int]:
    """Each piece in the smallest gap that holds it, at the time of its first use; gaps that touch are one."""
    offsets: dict[Any, int] = {}
    ends: dict[int, list[Any]] = {}
    gaps: list[tuple[int, int]] = []  # (start, end), by start
    size = 0
    time = -1
    for key, (first, last, nbytes) in sorted(lives.items(), key=lambda item: item[1][0]):
        for t in sorted(t for t in ends if t < first):
            for ended in ends.pop(t):
                _give_back(gaps, offsets[ended], offsets[ended] + _rounded(lives[ended][2]))
        time = first
        needed = _rounded(nbytes)
        found = min((g for g in gaps if g[1] - g[0] >= needed), key=lambda g: g[1] - g[0], default=None)
        if found is None:
            start, size = _at_the_end(gaps, size, needed)
        else:
            start = found[0]
            gaps.remove(found)
            if found[1] - start > needed:
                _give_back(gaps, start + needed, found[1])
        offsets[key] = start
        ends.setdefault(max(last, time), []).append(key)
    return offsets, size


def least(lives: Lives) -> int:
    """The most bytes that live at one time: no arena is smaller."""
    changes: Counter[int] = Counter()
    for first, last, nbytes in lives.values():
        changes[first] += _rounded(nbytes)
        changes[last + 1] -= _rounded(nbytes)
    return max(accumulate(changes[time] for time in sorted(changes)), default=0)


def _rounded(nbytes: int) -> int:
    return max(nbytes + -nbytes % ALIGNMENT, ALIGNMENT)


def _at_the_end(gaps: list[tuple[int, int]], size: int, needed: int) -> tuple[int, int]:
    """Where a piece starts that no gap holds, and the arena's new size: a gap at the end is used."""
    if gaps and gaps[-1][1] == size:
        start, _ = gaps.pop()
        return start, start + needed
    return size, size + needed


def _give_back(gaps: list[tuple[int, int]], start: int, end: int) -> None:
    """Add a gap, joined with those it touches; the list stays in order."""
    at = 0
    while at < len(gaps) and gaps[at][0] < start:
        at += 1
    if at < len(gaps) and gaps[at][0] == end:
        end = gaps.pop(at)[1]
    if at and gaps[at - 1][1] == start:
        at -= 1
        start = gaps.pop(at)[0]
    gaps.insert(at, (start, end))
