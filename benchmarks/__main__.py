"""Rushlight beside PyTorch: one table, the ratio being torch's time over ours, the median of neighbours.

Every row is made for both, its results are compared (WRONG: they differ), and blocks of calls are timed in
turns. '<' marks a ratio below the wanted one. A row says so if other processes disturbed it.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from . import (
    board,
    compiled,
    compiled_fresh,
    fresh,
    kernels,
    linear,
    neighbours,
    ops,
    sequences,
    steps,
    table,
)
from .table import Cell, Row
from .timing import QUICK, USUAL, Case, Plan, difference, measure

SUITES: dict[str, Callable[[], list[Any]]] = {
    "ops": ops.forward,
    "backward": ops.backward,
    "kernels": kernels.rows,
    "optimizers": kernels.optimizers,
    "gemm": linear.gemm,
    "halves": linear.halves,
    "conv": linear.conv,
    "channels_last": linear.channels_last,
    "attention": sequences.attention,
    "lstm": sequences.lstm,
    "steps": steps.steps,
}
FRESH: dict[str, Callable[[int], Iterator[Row]]] = {
    "memory": fresh.memory,
    "startup": fresh.startup,
    "compiled_memory": compiled_fresh.memory,
    "first_call": compiled_fresh.first_call,
    "board": board.rows,
}
COMPILED = "compiled"  # the suite that has a table of its own
AGREE = 1e-3  # of the largest value; float32 sums in another order stay far below
STEP_BUDGET = 3.0  # times the usual: a step is what people wait for


class Bench(NamedTuple):
    """What all rows share."""

    torch: Any
    ours: Any
    threads: list[int]
    plan: Plan

    def row(self, case: Case | steps.Step) -> Row:
        """Compare and time one case at every number of threads."""
        row = Row(case.name, "" if case.wanted is None else f"{case.wanted:.2f}")
        before = neighbours.used()
        try:
            self.fill(row, case)
        except Exception as error:  # an op that is missing or broken today is a missed row, not the end
            row.wrong, row.remark = True, f"{type(error).__name__}: {error}".splitlines()[0][:120]
            if os.environ.get("BENCH_TRACE"):
                traceback.print_exc()
        row.others = neighbours.others(before)
        return row

    def fill(self, row: Row, case: Case | steps.Step) -> None:
        """The cells of a row."""
        self.use(self.threads[0])
        theirs, mine = case.sides(self.torch, self.ours)
        off = difference(theirs.check(), mine.check())
        row.wrong = not off <= AGREE
        row.remark = f"off by {off:.0e}" if row.wrong or isinstance(case, steps.Step) else ""
        budget = self.plan.budget * (STEP_BUDGET if isinstance(case, steps.Step) else 1)
        for threads in self.threads:
            self.use(threads)
            t, o, ratio = measure(theirs, mine, self.plan._replace(budget=budget, threads=threads))
            met = None if case.wanted is None else ratio >= case.wanted
            row.cells.append(Cell(table.duration(t / case.units), table.duration(o / case.units), ratio, met))

    def use(self, threads: int) -> None:
        """Let both sides have this many threads."""
        for m in (self.torch, self.ours):
            m.set_num_threads(threads)


def options() -> argparse.Namespace:
    """The command line."""
    names = [*SUITES, *FRESH, COMPILED]
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("suites", nargs="*", help="of " + ", ".join(names) + "; all of them unless named")
    parser.add_argument("--quick", action="store_true", help="few rounds: for a first look")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rows", default="", help="only rows whose name contains this")
    parser.add_argument("--peers", action="store_true", help="torch.compile and JAX too: takes long")
    found = parser.parse_args()
    found.suites = found.suites or names
    unknown = sorted(set(found.suites) - set(names))
    if unknown:
        parser.error(f"no suite {', '.join(unknown)}; there are {', '.join(names)}")
    return found


def rows(bench: Bench, suites: list[str], within: str) -> Iterator[Row]:
    """All rows of the chosen suites, each when it is known."""
    for suite in suites:
        if suite in FRESH:
            yield from fresh_rows(suite, max(bench.threads))
        else:
            yield from (bench.row(case) for case in SUITES[suite]() if within in case.name)


def fresh_rows(suite: str, threads: int) -> Iterator[Row]:
    """The rows of a suite that starts processes; one that fails ends it."""
    try:
        yield from FRESH[suite](threads)
    except Exception as error:
        yield Row(suite, "any", wrong=True, remark=f"{error}".strip().splitlines()[-1])


def shown(head: str, line: Callable[[Any], str], rows: Iterator[Row]) -> list[Row]:
    """The rows, each printed under the head when it is known."""
    print(head, flush=True)
    found = []
    for row in rows:
        found.append(row)
        print(line(row), flush=True)
    return found


def main() -> None:
    """Print the table."""
    chosen = options()
    try:
        import torch
    except ImportError:
        sys.exit("benchmarks compare with PyTorch, which is not here: pip install torch==2.13.0")
    import rushlight

    bench = Bench(torch, rushlight, chosen.threads, QUICK if chosen.quick else USUAL)
    print(f"torch {torch.__version__}, rushlight {rushlight.__version__}; ratio: torch / ours, medians")
    start, found = time.perf_counter(), []
    if usual := [suite for suite in chosen.suites if suite != COMPILED]:
        found += shown(table.head(chosen.threads), table.line, rows(bench, usual, chosen.rows))
    if COMPILED in chosen.suites:
        suite = compiled.Suite(*bench, peers=chosen.peers)
        found += shown(compiled.head(), compiled.line, suite.rows(chosen.rows))
    print(f"\n{table.summary(found)}\n{time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
