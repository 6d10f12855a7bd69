"""The one table: a line per row as it is known, misses marked, and the count at the end."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from .neighbours import MUCH

WIDTH = 50
MISSED, WRONG = "<", "WRONG"


class Cell(NamedTuple):
    """What one measurement says: both sides, the ratio, and whether it will do (None: nothing was asked)."""

    torch: str
    ours: str
    ratio: float | None
    met: bool | None


@dataclass
class Row:
    """A line: cells by number of threads in order, and what is wrong, if anything is."""

    name: str
    wanted: str
    cells: list[Cell] = field(default_factory=list)
    remark: str = ""
    wrong: bool = False
    others: float = 0.0  # processors that other processes used meanwhile

    @property
    def judged(self) -> bool:
        return bool(self.wanted)

    @property
    def met(self) -> bool:
        return bool(self.cells) and not self.wrong and all(c.met for c in self.cells)


def head(threads: list[int]) -> str:
    """The two lines above the table."""
    groups = "".join(f"|{f'{n} thread' + 's' * (n > 1):^34}" for n in threads)
    columns = f"|{'torch':>11}{'rushlight':>12}{'ratio':>8}   " * len(threads)
    return f"{'':{WIDTH}}{'':>8} {groups}\n{'':{WIDTH}}{'wanted':>8} {columns}"


def line(row: Row) -> str:
    """One row."""
    cells = "".join(_cell(c) for c in row.cells)
    remarks = [
        WRONG if row.wrong else "",
        row.remark,
        f"others used {row.others:.1f} CPU" if busy(row) else "",
    ]
    return f"{row.name:{WIDTH}}{row.wanted:>8} {cells}  {', '.join(filter(None, remarks))}".rstrip()


def busy(row: Row) -> bool:
    """Whether others disturbed the measurement."""
    return row.others > MUCH


def _cell(cell: Cell) -> str:
    ratio = "" if cell.ratio is None else f"{cell.ratio:.2f}"
    return f"|{cell.torch:>11}{cell.ours:>12}{ratio:>8} {'' if cell.met in (True, None) else MISSED:2}"


def summary(rows: Iterable[Row]) -> str:
    """How many rows are met, those that are not, and how many were measured on a busy machine."""
    rows = list(rows)
    judged, disturbed = [r for r in rows if r.judged], sum(map(busy, rows))
    missed = [r.name for r in judged if not r.met]
    names = "".join(f"\n  {name}" for name in missed)
    warning = f"\n{disturbed} rows were measured on a busy machine: they prove nothing" if disturbed else ""
    met = f"{len(judged) - len(missed)} of {len(judged)} rows met"
    return met + (f"; not met:{names}" if missed else "") + warning


def duration(seconds: float) -> str:
    """Seconds as a person says it."""
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= scale:
            return f"{seconds / scale:.2f} {unit}"
    return f"{seconds * 1e9:.0f} ns"


def megabytes(size: float) -> str:
    """A size in MB."""
    return f"{size:.0f} MB" if size >= 10 else f"{size:.1f} MB"
