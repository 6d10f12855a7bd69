"""Histograms over time: brought to common bins, and their percentiles."""

from __future__ import annotations

from typing import Any

import numpy as np
from starlette.responses import Response
from starlette.routing import Route

from ..events.histograms import QUANTILES, decode_histogram, quantiles, rebinned
from ..logs.entries import Entry
from .asking import number
from .entries import Cache, Unreadable, answers, decoded, kept
from .numbers import packed
from .shared import Shared

LONGEST = 64 << 20  # bytes of one: more than a million buckets
ROOM = 64 << 20  # bytes of decoded histograms that are kept
MOST_READ = 256 << 20  # bytes that one question may make us read; beyond, steps are left out evenly


def routes(shared: Shared) -> list[Route]:
    """{run, tag, bins} gives step, time, total, percentiles and counts of each step, as columns."""
    cache: Cache[np.ndarray] = Cache(ROOM)

    def read(entry: Entry, tag: str) -> np.ndarray:
        return cache.get(
            (entry, tag), lambda: decoded(entry, tag, decode_histogram, LONGEST), lambda a: a.nbytes + 200
        )

    def histograms(question: dict[str, Any]) -> Response:
        run, tag = str(question["run"]), str(question["tag"])
        bins = number(question, "bins", 60, 2, 400)
        entries = affordable(kept(shared, run, "histograms", tag))
        sound, rows, errors = [], [], []
        for entry in entries:
            try:
                rows.append(read(entry, tag))
                sound.append(entry)
            except Unreadable as error:
                errors.append(f"step {entry.step}: {error}")
        return _answer(sound, rows, bins, errors)

    return [answers("/api/histograms", histograms)]


def affordable(entries: list[Entry]) -> list[Entry]:
    """Every n-th entry, the last one among them, so that reading them all stays within MOST_READ."""
    step = -(-sum(entry.place.length for entry in entries) // MOST_READ)
    return entries[::-1][:: max(step, 1)][::-1]


def span(rows: list[np.ndarray]) -> tuple[float, float]:
    """The lowest and the highest edge; widened where they are the same, (0, 1) where there is none."""
    full = [one for one in rows if len(one)]
    if not full:
        return 0.0, 1.0
    low, high = min(float(one[0, 0]) for one in full), max(float(one[:, 1].max()) for one in full)
    limit = np.finfo(float).max / 4  # the width must be a number too
    low, high = max(low, -limit), min(high, limit)
    if high > low and np.nextafter(low, high) < high:
        return low, high
    room = max(abs(low) * 0.05, 0.5)
    return low - room, high + room


def _answer(entries: list[Entry], rows: list[np.ndarray], bins: int, errors: list[str]) -> Response:
    low, high = span(rows)
    edges = np.linspace(low, high, bins + 1)
    n = len(rows)
    counts = np.array([rebinned(one, edges) for one in rows]).reshape(n, bins)
    bands = np.array([quantiles(one) for one in rows]).reshape(n, len(QUANTILES))
    head = {"steps": n, "bins": bins, "low": low, "high": high, "bands": len(QUANTILES)}
    head |= {"failed": len(errors), "error": errors[0] if errors else ""}
    columns = [np.array([getattr(entry, name) for entry in entries], float) for name in ("step", "wall")]
    return packed(head, [*columns, counts.sum(1), bands.reshape(-1), counts.reshape(-1)])
