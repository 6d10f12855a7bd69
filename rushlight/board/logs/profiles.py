"""What a trace adds up to: time by op, module, line and node, and the same as a tree, a flame graph."""

from __future__ import annotations

from typing import Any

import numpy as np

from .traces import Trace

KEYS = {"op": "name", "module": "module", "line": "line", "node": "node"}
MOST_ROWS = 2000
SMALLEST = 1 / 4000  # of all time: less is no part of a flame graph
MOST_PARTS = 5000  # of a flame graph
Span = tuple[float, float] | None


def chosen(trace: Trace, span: Span) -> np.ndarray:
    """The events that begin within a span of time, steps of the profiler left out: they hold all others."""
    marks = [k for k, text in enumerate(trace.names.texts) if text.startswith("ProfilerStep#")]
    found = ~np.isin(trace.column["name"], marks)
    if span is not None:
        found &= (trace.start >= span[0]) & (trace.start < span[1])
    return np.flatnonzero(found)


def table(trace: Trace, by: str, span: Span = None) -> list[dict[str, Any]]:
    """Rows {key, calls, own, total, bytes}, the longest first; times in microseconds.

    `total` has what lies within, too: of a module that of its submodules, of an op all that it calls.
    """
    events = chosen(trace, span)
    keys = trace.column[KEYS[by]][events]
    if by != "op":
        events, keys = events[keys > 0], keys[keys > 0]
    size = len(trace.names.texts)
    parents = trace.parent[events]
    repeated = (parents >= 0) & (trace.column[KEYS[by]][parents] == keys)
    sums = {
        "calls": np.bincount(keys, minlength=size),
        "own": np.bincount(keys, trace.own[events], size),
        "total": np.bincount(keys, np.where(repeated, 0, trace.duration[events]), size),
        "bytes": np.bincount(keys, trace.bytes[events], size),
    }
    rows: list[dict[str, Any]] = [
        {"key": trace.names.texts[k]} | {name: column[k].item() for name, column in sums.items()}
        for k in np.flatnonzero(sums["calls"]).tolist()
    ]
    rows = _rolled_up(rows) if by == "module" else rows
    return sorted(rows, key=lambda row: -row["own"] or -row["total"])[:MOST_ROWS]


def _rolled_up(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Modules with those that they lie in: the total of each is that of all that begin with its path."""
    found = {row["key"]: row | {"total": 0.0} for row in rows}
    for row in rows:
        parts = row["key"].split(".")[:64]
        for k in range(1, len(parts) + 1):
            path = ".".join(parts[:k]) if k < len(parts) else row["key"]
            outer = found.setdefault(path, {"key": path, "calls": 0, "own": 0.0, "total": 0.0, "bytes": 0.0})
            outer["total"] += row["own"]
    return list(found.values())


class Part:
    """A part of a flame graph."""

    __slots__ = ("name", "total", "own", "count", "parts")

    def __init__(self, name: str) -> None:
        self.name, self.total, self.own, self.count = name, 0.0, 0.0, 0
        self.parts: dict[str, Part] = {}

    def part(self, name: str) -> Part:
        """The part of this name within it."""
        found = self.parts.get(name)
        if found is None:
            found = self.parts[name] = Part(name)
        return found


def flame(trace: Trace, by: str = "call", span: Span = None) -> list[Any]:
    """The tree [name, total, own, calls, [parts]]: `by` "call", events within events; "module"; or "line"."""
    root = Part("all")
    if by == "call":
        _by_call(trace, chosen(trace, span), root)
    else:
        _by_place(trace, chosen(trace, span), root, by)
    _add_up(root)
    left = [MOST_PARTS]
    return _listed(root, root.total * SMALLEST, left)


def _by_call(trace: Trace, events: np.ndarray, root: Part) -> None:
    """Events of one name within the same one are one part."""
    texts, names, parents = trace.names.texts, trace.column["name"].tolist(), trace.parent.tolist()
    own, at = trace.own.tolist(), {}
    for k in events.tolist():
        part = at[k] = at.get(parents[k], root).part(texts[names[k]])
        part.own += own[k]
        part.count += 1


def _by_place(trace: Trace, events: np.ndarray, root: Part, by: str) -> None:
    """Modules within modules, then lines and ops; or files, lines and ops."""
    texts, column = trace.names.texts, {name: values.tolist() for name, values in trace.column.items()}
    own = trace.own.tolist()
    for k in events.tolist():
        line = texts[column["line"][k]]
        if by == "module":
            path = texts[column["module"][k]].split(".")[:64] + ([line] if line else [])
        else:
            path = [line.rpartition(":")[0], line] if line else []
        part = root
        for name in filter(None, path):
            part = part.part(name)
        if part is root:
            part = root.part("(elsewhere)")
        part = part.part(texts[column["name"][k]])
        part.own += own[k]
        part.count += 1


def _add_up(root: Part) -> None:
    """Give each part its total, inner ones first."""
    order, waiting = [], [root]
    while waiting:
        part = waiting.pop()
        order.append(part)
        waiting += part.parts.values()
    for part in reversed(order):
        part.total = part.own + sum(inner.total for inner in part.parts.values())


def _listed(part: Part, least: float, left: list[int]) -> list[Any]:
    """A part and those within it that are long enough to be seen, the longest first."""
    inner = sorted((p for p in part.parts.values() if p.total >= least), key=lambda p: -p.total)
    left[0] -= len(inner)
    parts = [_listed(p, least, left) for p in inner] if left[0] > 0 else []
    return [part.name, part.total, part.own, part.count, parts]
