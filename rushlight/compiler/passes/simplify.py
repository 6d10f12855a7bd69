"""Algebra on programs: steps that change nothing, or undo each other, go; squares are products.

`x * 1`, `x / 1`, `x ** 1`, `-(-x)` and `float(double(x))` are x; `x ** 2` is x * x; what a step makes of
numbers alone is a number of its users. (`scalar` has the rules for what stands in one expression.)
"""

from __future__ import annotations

from typing import Any

import numpy as np

import rushlight.scalar as scalar

from ...kernels.fused import Step
from ...kernels.types import Type, f64
from ...scalar import CONST, VAR, Expr
from ..elements import TYPE_OF
from ..graph import Elements, Graph, Node, Place
from ..reference import DTYPE_OF
from .program import pruned
from .renaming import with_body

#: Numbers that rules ask for; others stay inputs, so that programs which differ in them share a kernel.
_TOLD = (1.0, -1.0)


def simplified(graph: Graph) -> Graph:
    """The graph with simpler programs."""
    return Graph([_simplified(n) if isinstance(n.body, Elements) else n for n in graph.nodes], graph.live)


def _simplified(node: Node) -> Node:
    if not node.body.steps:
        return node
    body = _Rewriting(node.body).body()
    return node if body == node.body else with_body(node, body)


class _Rewriting:
    """A program's steps, one after the other: `known` says what stands for the name of one that is gone."""

    def __init__(self, body: Elements) -> None:
        self.old = body
        self.known: dict[str, Expr] = {}
        self.types: dict[str, Type] = {}
        self.steps: dict[str, Any] = {}
        for n, v in body.inputs.items():
            self.types[n] = TYPE_OF[v.dtype] if v.__class__ is Place else f64
            if v.__class__ is float and v in _TOLD:
                self.known[n] = scalar.lift(v)

    def body(self) -> Elements:
        """The program that is left."""
        kept = {*self.old.writes.values(), *(r.name for r in self.old.reduces.values())}
        for step in self.old.steps:
            self._add(step, step.name in kept)
        writes = {p: self._name(n) for p, n in self.old.writes.items()}
        reduces = {p: r._replace(name=self._name(r.name)) for p, r in self.old.reduces.items()}
        steps = tuple(self.steps.values())
        return pruned(self.old._replace(steps=steps, writes=writes, reduces=reduces))

    def _name(self, name: str) -> str:
        """The name that stands for one; a number stands for none that is written."""
        e = self.known.get(name)
        return e.name if e is not None and e.fn is VAR else name

    def _add(self, step: Any, is_kept: bool) -> None:
        if not isinstance(step, Step):  # random numbers
            self.types[step.name], self.steps[step.name] = step.result, step
            return
        expr = rewritten(scalar.replace(step.expr, {scalar.var(n): e for n, e in self.known.items()}))
        step = step._replace(expr=expr)
        same = self._same(step)
        if same is not None:
            self.known[step.name] = scalar.var(same)
            return
        self.types[step.name] = step.result
        self.steps[step.name] = step
        if expr.fn is CONST and not is_kept and _is_exact(expr.args[0], step):
            self.known[step.name] = expr

    def _same(self, step: Step) -> str | None:
        """The name of the value, of the same type, that a step gives again."""
        found = self._uncast(step) if step.expr.fn is VAR else self._twice_negated(step)
        return found if found is not None and self.types[found] == step.result else None

    def _uncast(self, step: Step) -> str | None:
        """Of a cast its operand, or what that was cast from: where no type on the way has fewer numbers."""
        name, types = step.expr.name, [step.computes]
        before = self.steps.get(name)
        if self.types[name] != step.result and isinstance(before, Step) and before.expr.fn is VAR:
            name, types = before.expr.name, [step.computes, before.result, before.computes]
        return name if all(_holds(t, step.result) for t in types) else None

    def _twice_negated(self, step: Step) -> str | None:
        """Of -(-x), each in one type, x."""
        inner = _negated(step)
        before = self.steps.get(inner) if inner is not None else None
        if not isinstance(before, Step) or before[2:] != step[2:] or step.computes != step.result:
            return None
        return _negated(before)


def _negated(step: Step) -> str | None:
    """The name that a step negates, if that is all it does."""
    e = step.expr
    return e.args[0].name if e.fn is scalar.neg and e.args[0].fn is VAR else None


def rewritten(root: Expr) -> Expr:
    """An expression after the rules, arguments first."""
    done: dict[Expr, Expr] = {}
    for e in scalar.nodes(root):
        if e.fn in (VAR, CONST):
            done[e] = e
            continue
        args = [done[a] for a in e.args]
        rule = _RULES.get(e.fn)
        done[e] = (rule(*args) if rule else None) or e.fn(*args)
    return done[root]


def _power(x: Expr, y: Expr) -> Expr | None:
    """Powers that are exact another way."""
    return x if scalar.is_const(y, 1) else scalar.square(x) if scalar.is_const(y, 2) else None


def _quotient(x: Expr, y: Expr) -> Expr | None:
    """Quotients are computed in floats, whatever the operands were."""
    return x if scalar.is_const(y, 1) else None


_RULES = {scalar.pow_: _power, scalar.div: _quotient}


def _holds(wide: Type, narrow: Type) -> bool:
    """Whether every number of one type is one of another."""
    a, b = DTYPE_OF[wide], DTYPE_OF[narrow]
    return wide == narrow or (a.kind == b.kind == "f" and bool(np.can_cast(b, a)))


def _is_exact(value: Any, step: Step) -> bool:
    """Whether a step's number stays what it is in the step's type."""
    with np.errstate(all="ignore"):
        kept = DTYPE_OF[step.result].type(value) if step.result.is_float else None
    return isinstance(value, float) and kept is not None and float(kept) == value
