"""Compiled programs beside torch's eager ones: training steps and inference, each with its floor.

A line says, for a number of threads: torch eager, the best peer where `--peers` asks for it, ours eager and
compiled, torch's time over ours compiled and the ratio wanted, the floor (floors.py) and how much of our time
it is. Before they are timed, five results of ours are compared with torch's, from equal weights and data.
"""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from . import neighbours, table
from .compiled_fresh import peer
from .compiled_workloads import WORKLOADS, Workload, alike
from .floors import Machine
from .table import Cell, duration
from .timing import Call, Plan, Times, difference, measure

WIDTH = 46
AGREE = 1e-3  # of the largest value, for our eager results
RESULTS = 5
BUDGET = 3.0  # times the usual: a step is what people wait for


@dataclass
class Timed(table.Row):
    """A workload at a number of threads; its one cell holds torch eager and ours compiled."""

    threads: int = 1
    eager: str = ""
    peer: str = ""
    floor: str = ""
    reached: str = ""


class Side:
    """A call of ours, once its results were compared; or why there is none."""

    def __init__(self, make: Callable[[], Call], expected: Any, agree: float) -> None:
        self.call: Call | None = None
        self.wrong = ""
        try:
            call = make()
            off = difference(expected, call.check())
            self.wrong = "" if off <= agree else f"off by {off:.0e}"
            self.call = call
        except Exception as error:  # what is missing or broken today is a missed row, not the end
            self.wrong = f"{type(error).__name__}: {error}".splitlines()[0][:50]
            if os.environ.get("BENCH_TRACE"):
                traceback.print_exc()


class Sides:
    """Torch's call, and ours eager and compiled."""

    def __init__(self, workload: Workload, torch: Any, ours: Any) -> None:
        theirs, eager, compiled = alike(workload, torch, ours, ours)
        self.torch = timed_call(torch, theirs.call(theirs.step))
        expected = self.torch.check()
        self.eager = Side(lambda: timed_call(ours, eager.call(eager.step)), expected, AGREE)
        made = lambda: timed_call(ours, compiled.call(ours.compile(compiled.step)))  # noqa: E731
        self.compiled = Side(made, expected, workload.agree)

    @property
    def wrong(self) -> str:
        """What is wrong with either of ours."""
        names = ("eager", "compiled")
        return ", ".join(f"{name} {side.wrong}" for name in names if (side := getattr(self, name)).wrong)


def timed_call(m: Any, call: Callable[[], Any]) -> Call:
    """A call that is timed, and whose check gives copies of the next five results."""

    def check() -> list[Any]:
        m.manual_seed(1)
        return [call().detach().clone() for _ in range(RESULTS)]

    return Call("call()", {"call": call}, check)


class Suite(NamedTuple):
    """What all rows share."""

    torch: Any
    ours: Any
    threads: list[int]
    plan: Plan
    peers: bool = False

    def rows(self, within: str) -> Iterator[Timed]:
        """The rows of every workload whose title contains this."""
        machine = Machine(self.ours)
        for name, workload in WORKLOADS.items():
            if within in workload.title:
                yield from self.timed(name, workload, machine)

    def timed(self, name: str, workload: Workload, machine: Machine) -> Iterator[Timed]:
        """A workload at every number of threads."""
        self.use(self.threads[0])
        sides = Sides(workload, self.torch, self.ours)
        for threads in self.threads:
            self.use(threads)
            title = f"{workload.title}, {threads} thread{'s' * (threads > 1)}"
            row = Timed(title, f"{workload.wanted:g}", threads=threads, wrong=bool(sides.wrong))
            floor = machine.floor(workload.parts(), threads)
            before = neighbours.used()
            self.fill(row, sides, workload.wanted, floor)
            row.others = neighbours.others(before)
            row.peer, by = peer(name, threads) if self.peers else ("", "")
            row.remark = ", ".join(filter(None, [sides.wrong, by]))
            yield row

    def fill(self, row: Timed, sides: Sides, wanted: float, floor: float) -> None:
        """The times, as far as there are any."""
        eager = self.beside(sides.torch, sides.eager.call, row.threads)
        compiled = self.beside(sides.torch, sides.compiled.call, row.threads)
        row.eager, row.floor = duration(eager.ours) if eager else "", duration(floor)
        torch = duration(known.torch) if (known := compiled or eager) else ""
        if compiled:
            cell = Cell(torch, duration(compiled.ours), compiled.ratio, compiled.ratio >= wanted)
            row.reached = f"{floor / compiled.ours:.0%}"
        else:
            cell = Cell(torch, "", None, None)
        row.cells.append(cell)

    def beside(self, theirs: Call, ours: Call | None, threads: int) -> Times | None:
        """Both in turns."""
        plan = self.plan._replace(budget=self.plan.budget * BUDGET, threads=threads)
        return measure(theirs, ours, plan) if ours else None

    def use(self, threads: int) -> None:
        """Let both frameworks have this many threads."""
        for m in (self.torch, self.ours):
            m.set_num_threads(threads)


def head() -> str:
    """The line above the rows."""
    names = f"{'torch':>10}{'peer':>10}{'eager':>10}{'compiled':>10}{'ratio':>7}{'wanted':>8}"
    return f"{'compiled':{WIDTH}}{names}{'floor':>10}{'reached':>9}"


def line(row: Timed) -> str:
    """One row."""
    (cell,) = row.cells
    ratio = "" if cell.ratio is None else f"{cell.ratio:.2f}"
    mark = table.MISSED if cell.met is False else ""
    busy = f"others used {row.others:.1f} CPU" if table.busy(row) else ""
    remarks = ", ".join(filter(None, [table.WRONG if row.wrong else "", row.remark, busy]))
    times = f"{cell.torch:>10}{row.peer:>10}{row.eager:>10}{cell.ours:>10}{ratio:>7}{mark:2}{row.wanted:>6}"
    return f"{row.name:{WIDTH}}{times}{row.floor:>10}{row.reached:>9}  {remarks}".rstrip()
