"""Two sides of a comparison, their results compared, and their times taken in turns."""

from __future__ import annotations

import statistics
import time
import timeit
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from .models import classes, normal


class Call:
    """A Python statement that is timed as it stands, in a namespace that `setup` fills.

    `check` gives what is compared with the other side's.
    """

    def __init__(self, statement: str, names: dict[str, Any], check: Callable[[], Any]) -> None:
        # timeit switches garbage collection off, but our garbage is our cost
        self.timer = timeit.Timer(statement, "import gc; gc.enable()", globals=names)
        self.check = check

    def seconds(self, number: int) -> float:
        """Mean seconds of a call, over this many."""
        return self.timer.timeit(number) / number


@dataclass(frozen=True)
class Case:
    """A row to be: what is timed, after which setup, and the least ratio that will do (None: any).

    Both are Python text in which `m` is torch or rushlight. A call does `units` of what the row is about.
    """

    name: str
    wanted: float | None
    statement: str
    setup: str = ""
    units: int = 1
    result: str = ""  # what is compared, after one statement; else its value

    def sides(self, torch: Any, ours: Any) -> tuple[Call, Call]:
        """Torch's call and ours."""
        theirs, mine = (self.side(m, m is torch) for m in (torch, ours))
        return theirs, mine

    def side(self, m: Any, is_torch: bool) -> Call:
        """One of them."""
        names = self.names(m, is_torch)

        def check() -> Any:
            value = eval(self.statement, names)
            return eval(self.result, names) if self.result else value

        return Call(self.statement, names, check)

    def names(self, m: Any, is_torch: bool) -> dict[str, Any]:
        """What the statement sees."""
        found = {
            "m": m,
            "nn": m.nn,
            "F": m.nn.functional,
            "grad": m.autograd.grad,
            "normal": lambda *shape, **how: normal(m, *shape, **how),
            "leaf": lambda *shape: normal(m, *shape, grad=True),
            "classes": lambda *shape, below: classes(m, *shape, below=below),
            "fused": {"fused": True} if is_torch else {},
        }
        exec(self.setup, found)
        return found


class Plan(NamedTuple):
    """How long to measure: at most `rounds` pairs of blocks of `block` seconds, within `budget` seconds."""

    rounds: int
    least: int
    block: float
    budget: float
    threads: int = 1


USUAL = Plan(rounds=41, least=3, block=0.002, budget=1.2)
QUICK = Plan(rounds=9, least=1, block=0.001, budget=0.1)
PARKED = 0.008  # seconds after which the threads of either side sleep


class Times(NamedTuple):
    """Median seconds of each side, and the median of the ratios of neighbours."""

    torch: float
    ours: float
    ratio: float


def measure(theirs: Call, ours: Call, plan: Plan) -> Times:
    """Times of blocks in turns, each side first in half of them.

    Blocks are shorter than a scheduler's slice, so that most pairs know nothing of a busy neighbour.
    """
    sides = [(theirs, _calls(theirs, plan.block)), (ours, _calls(ours, plan.block))]
    pairs: list[list[float]] = []
    start = timeit.default_timer()
    while len(pairs) < plan.rounds:
        turn = sides if len(pairs) % 2 else sides[::-1]
        seconds = [_settled(side, number, plan) for side, number in turn]
        pairs.append(seconds if len(pairs) % 2 else seconds[::-1])
        if len(pairs) >= plan.least and timeit.default_timer() - start > plan.budget:
            break
    t, o = zip(*pairs)
    return Times(statistics.median(t), statistics.median(o), statistics.median(a / b for a, b in pairs))


def _settled(side: Call, number: int, plan: Plan) -> float:
    """Mean seconds of a call, once the other side's threads sleep and this side's are awake.

    A thread of libgomp spins for milliseconds after a parallel region of torch, on a core then ours.
    """
    if plan.threads > 1:
        time.sleep(PARKED)
        side.seconds(max(1, number // 4))
    return side.seconds(number)


def _calls(side: Call, block: float) -> int:
    """Calls that last about this long. Making sure of it warms up."""
    side.seconds(1)  # the first may compile
    number = 1
    while (once := side.seconds(number)) * number < block / 4:
        number = max(2 * number, int(block / 4 / max(once, 1e-9)))
    return max(1, round(block / once))


def difference(theirs: Any, ours: Any) -> float:
    """The largest |difference| of results over the largest |value|; nan where kinds or shapes differ."""
    if isinstance(theirs, tuple | list):
        same = isinstance(ours, tuple | list) and len(theirs) == len(ours)
        return max((difference(a, b) for a, b in zip(theirs, ours)), default=0.0) if same else float("nan")
    if not hasattr(theirs, "detach"):
        return 0.0 if type(theirs) is type(ours) else float("nan")
    a, b = (np.asarray(x.detach().numpy(), dtype=np.float64) for x in (theirs, ours))
    if a.shape != b.shape:
        return float("nan")
    return float(np.max(np.abs(a - b), initial=0.0) / max(np.max(np.abs(a), initial=0.0), 1e-30))
