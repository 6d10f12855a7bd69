"""Constants: arrays of one repeated number become that number, and what is made of constants only is computed
once.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

import rushlight.scalar as scalar

from ...kernels.fused import Step
from ...scalar import Expr
from ..graph import Elements, Graph, Node, Place, Storage
from ..plan import array_at
from ..reference import results
from .program import number_step
from .renaming import Home, renamed, with_body

_MOST = 1 << 24  # whole numbers below are floats of every type that programs compute in
_LARGEST = 1 << 22  # bytes that are worth keeping, and looking through


def with_constants_folded(graph: Graph) -> Graph:
    """The graph with constants that nobody writes taken for what they hold."""
    known = _Constants(graph)
    homes: dict[Storage, Home] = {}
    kept: list[Node] = []
    for node in graph.nodes:
        node = renamed(node, homes)
        if isinstance(node.body, Elements):
            folded = known.folded(node)
            if folded is not None:
                homes[folded[0]] = Home(folded[1])
                continue
            node = known.with_numbers(node)
        kept.append(node)
    return Graph(kept, graph.live)


class _Constants:
    """What is known of the storages of a graph."""

    def __init__(self, graph: Graph) -> None:
        self.live, self.writers = graph.live, Counter(s for n in graph.nodes for s in n.writes)
        self._numbers: dict[Place, Any] = {}

    def is_constant(self, s: Storage) -> bool:
        """Whether a storage holds the same at every run: nobody writes to it, or can from outside."""
        return s.kind == "constant" and not self.writers[s] and s not in self.live and s.nbytes <= _LARGEST

    def array(self, p: Place) -> np.ndarray:
        """The constant at a place."""
        held = p.storage.array
        assert held is not None
        return array_at(held.__array_interface__["data"][0] + p.offset, p, held)

    def number(self, p: Place) -> Any:
        """The one number of all elements at a place, as Python's; None where there are several, or none."""
        if p not in self._numbers:
            usable = self.is_constant(p.storage) and p.dtype.kind in "fiu" and p.size
            self._numbers[p] = _repeated(self.array(p)) if usable else None
        return self._numbers[p]

    def with_numbers(self, node: Node) -> Node:
        """A program's node with numbers in place of the constants it reads."""
        body = node.body
        numbers = {n: self.number(p) for n, p in body.inputs.items() if p.__class__ is Place}
        numbers = {n: v for n, v in numbers.items() if v is not None and not (v == 0 and _adds(body, n))}
        if not numbers:
            return node
        constant = {scalar.var(n): scalar.lift(v) for n, v in numbers.items()}
        steps = [_with(constant, s) for s in body.steps]
        bare = {*body.writes.values(), *(r.name for r in body.reduces.values())} & {*numbers}
        steps += [number_step(n, numbers[n], body.inputs[n].dtype) for n in sorted(bare)]
        inputs = {n: v for n, v in body.inputs.items() if n not in numbers}
        return with_body(node, body._replace(steps=tuple(steps), inputs=inputs))

    def folded(self, node: Node) -> tuple[Storage, Storage] | None:
        """The storage that a program fills with the same at every run, and a constant in its place."""
        body = node.body
        places = [p for p in body.inputs.values() if p.__class__ is Place]
        if len(body.writes) != 1 or body.reduces or len(places) != len(body.inputs):
            return None
        ((target, _),) = body.writes.items()
        made = target.storage
        if made.kind != "temporary" or made.array is not None or made in self.live or self.writers[made] != 1:
            return None
        if made.nbytes > _LARGEST or not all(self.is_constant(p.storage) for p in places):
            return None
        memory = np.zeros(made.nbytes, np.uint8)
        value = np.ndarray(target.shape, target.dtype, memory, target.offset, target.strides)
        value[...] = results(body, [self.array(p) for p in places])[0]
        return made, Storage(made.number, made.nbytes, "constant", memory)


def _with(constant: dict[Expr, Expr], step: Any) -> Any:
    """A step with numbers for names; one that draws random numbers reads no arrays."""
    return step._replace(expr=scalar.replace(step.expr, constant)) if isinstance(step, Step) else step


def _adds(body: Elements, name: str) -> bool:
    """Whether a program adds an input to something: x + 0 is not x where that is -0."""
    inner = [e for s in body.steps if isinstance(s, Step) for e in scalar.nodes(s.expr)]
    return any(e.fn is scalar.add and scalar.var(name) in e.args for e in inner)


def _repeated(a: np.ndarray) -> Any:
    """The number that an array consists of; None where there are several, or it is too large to be exact."""
    value: Any = a.item((0,) * a.ndim)
    if not (a == value).all() or (value == 0 and np.signbit(a).any()):
        return None
    return value if isinstance(value, float) or abs(value) < _MOST else None
