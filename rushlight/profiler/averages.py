"""Events added up: by op, by node, by the user's line or by module, and printed as a table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from .events import Event, self_times

#: what events may be added up by
KEYS: dict[str, Callable[[Event], str]] = {
    "op": lambda e: e.name,
    "node": lambda e: e.node or e.name,
    "line": lambda e: e.where,
    "module": lambda e: e.module,
}


@dataclass
class Average:
    """All events with one key. Times are in microseconds, under the names that torch gives them."""

    key: str
    count: int = 0
    cpu_time_total: float = 0.0
    self_cpu_time_total: float = 0.0
    bytes: int = 0
    input_shapes: Any = ()

    @property
    def cpu_time(self) -> float:
        """Microseconds per call."""
        return self.cpu_time_total / self.count

    @property
    def rate(self) -> float:
        """Gigabytes per second."""
        return self.bytes / self.self_cpu_time_total / 1000 if self.self_cpu_time_total > 0 else 0.0

    def add(self, e: Event, alone: int) -> None:
        """Count an event, of which so many nanoseconds are its own."""
        self.count += 1
        self.cpu_time_total += e.duration / 1000
        self.self_cpu_time_total += alone / 1000
        self.bytes += e.bytes


class Averages(Sequence[Average]):
    """Rows of a table, those that took most time first."""

    def __init__(self, events: Sequence[Event], by: str = "op", shapes: bool = False) -> None:
        if by not in KEYS:
            raise ValueError(f"key_averages: by={by!r} is none of {', '.join(map(repr, KEYS))}")
        self.by, rows = by, {}
        for e, alone in zip(events, self_times(events), strict=True):
            named = by in ("op", "node") or (e.kind not in ("plan", "range") and KEYS[by](e))
            if named:
                key, given = KEYS[by](e), e.shapes if shapes else ()
                rows.setdefault((key, str(given)), Average(key, input_shapes=given)).add(e, alone)
        self.rows = sorted(rows.values(), key=lambda r: -r.self_cpu_time_total)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, k: Any) -> Any:
        return self.rows[k]

    def __iter__(self) -> Iterator[Average]:
        return iter(self.rows)

    @property
    def self_cpu_time_total(self) -> float:
        """Microseconds of all rows together."""
        return sum(r.self_cpu_time_total for r in self.rows)

    def __str__(self) -> str:
        return self.table()

    def table(
        self,
        sort_by: str | None = None,
        row_limit: int = 100,
        max_src_column_width: int = 75,
        max_name_column_width: int = 55,
        header: str | None = None,
    ) -> str:
        """The rows as text, at most `row_limit` of them; `sort_by` is the name of one of their numbers."""
        rows = self.rows
        if sort_by is not None:
            number = sort_by.replace("cuda", "cpu").replace("device", "cpu")
            if number not in ("key", *vars(Average("")), "cpu_time", "rate"):
                raise ValueError(f"table: rows have no {sort_by!r} to be sorted by")
            rows = sorted(rows, key=lambda r: getattr(r, number), reverse=number != "key")
        rows = rows if row_limit < 0 else rows[:row_limit]
        lines = [self._cells(r, max_name_column_width) for r in rows]
        head = [self.by, "self %", "self ms", "total ms", "us per call", "calls", "MB", "GB/s"]
        return _aligned([head, *lines], header, f"together {self.self_cpu_time_total / 1000:.3f} ms")

    def _cells(self, r: Average, width: int) -> list[str]:
        name = r.key if len(r.key) <= width else r.key[: width - 3] + "..."
        share = 100 * r.self_cpu_time_total / (self.self_cpu_time_total or 1.0)
        numbers = [f"{share:.1f}", f"{r.self_cpu_time_total / 1000:.3f}", f"{r.cpu_time_total / 1000:.3f}"]
        moved = [f"{r.bytes / 1e6:.2f}", f"{r.rate:.1f}"] if r.bytes else ["", ""]
        return [name, *numbers, f"{r.cpu_time:.1f}", str(r.count), *moved]


def _aligned(rows: list[list[str]], header: str | None, footer: str) -> str:
    """A table whose first column is text, and the others numbers."""
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    ruler = "  ".join("-" * w for w in widths)
    lines = []
    for row in rows:
        cells = [c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True)]
        lines.append("  ".join([row[0].ljust(widths[0]), *cells]).rstrip())
    above = [header] if header else []
    return "\n".join([*above, ruler, lines[0], ruler, *lines[1:], ruler, footer])
