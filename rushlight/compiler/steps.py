"""An optimiser's step as one node: all parameters of a group, with the numbers read anew at every run."""

from __future__ import annotations

from typing import Any

from ..arrays import tracing
from ..kernels.updates import Update
from .graph import Kernels, Launch, Node, Table
from .values import value_of


class Numbers:
    """What an optimiser's formula reads that is not an array: learning rates, corrections for the count.

    Called before a run: counts the step, and gives the numbers.
    """

    def __init__(self, optimizer: Any, group: dict[str, Any], formula: Update, steps: list[Any]) -> None:
        self.optimizer, self.group, self.formula, self.steps = optimizer, group, formula, steps

    def holds(self) -> bool:
        """Whether the settings still ask for the same formula."""
        return self.optimizer.formula(self.group) is self.formula

    def __call__(self) -> tuple[float, ...]:
        count = 0.0
        if self.steps:
            count = float(self.steps[0]._a) + 1.0
            for step in self.steps:
                step._a[...] = count
        return self.optimizer.numbers(self.group, count)


def step(tracer: Any, optimizer: Any, group: dict[str, Any], formula: Update) -> bool:
    """Step all parameters of a group that have a gradient; whether it could be said by the formula."""
    params = [p for p in group["params"] if p.grad is not None]
    with tracing.by(None):
        for p in params:
            if not optimizer.state.get(p) and not optimizer.start(p, optimizer.state[p], group):
                del optimizer.state[p]
                tracer.once = True
                return False
    states = [optimizer.state[p] for p in params]
    steps = [s["step"] for s in states] if optimizer.counts_steps else []
    names = formula.arrays[2:]
    tensors = [[p, p.grad, *(s[n] for n in names)] for p, s in zip(params, states, strict=True)]
    rows = [[value_of(t._a) for t in row] for row in tensors]
    for p in params:
        if p._n not in tracer.leaves and p._n not in tracer.cleared:
            tracer.entry.setdefault(p._n, p.grad)
    numbers = Numbers(optimizer, group, formula, steps)
    if not params or len({float(value_of(s._a)) for s in steps}) > 1:
        return not params
    count = float(steps[0]._a) + 1.0 if steps else 0.0
    lists, counts = [tuple(column) for column in zip(*rows, strict=True)], tuple(s._a for s in steps)
    with tracer.suspended():
        if not formula(lists, optimizer.numbers(group, count), counts or None, count):
            return False
    tracer.add(_node(tracer, optimizer, formula, rows, numbers))
    return True


def _node(tracer: Any, optimizer: Any, formula: Update, rows: Any, numbers: Numbers) -> Node:
    words: list[Any] = [0]
    total = 0
    places = [[tracer.place(a) for a in row] for row in rows]
    for row in places:
        total += row[0].size
        words += [*row, total]
    kind = rows[0][0].dtype
    slots = (Table(tuple(words)), len(rows), *([numbers] + [None] * (len(formula.numbers) - 1)))
    launch = Launch(formula.kernel(kind), total, formula.grain, slots)
    written = [p for row in places for k, p in enumerate(row) if formula.arrays[k] in formula.new]
    name = f"{type(optimizer).__name__.lower()}_step"
    node = Node(name, tuple(tuple(row) for row in places), {}, (), Kernels([launch]))
    node.writes |= {p.storage for p in written}
    return node


def numbers_in(nodes: list[Node]) -> list[Numbers]:
    """The sets of numbers that the nodes' launches read."""
    bodies = [n.body for n in nodes if isinstance(n.body, Kernels)]
    return [v for body in bodies for run in body.launches for v in run.slots if isinstance(v, Numbers)]
