"""The gradients of a compiled function's results: a plan too, run when somebody calls backward."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd.engine import Outputs, next_number, select_backward
from ..tensor import Tensor
from .capture import Capture
from .graph import Node, Place
from .once import once
from .planning import empty, maker, planned
from .tree import flattened
from .values import GraphArray


class Backward:
    """The plan of the gradients of a compiled function's results."""

    def __init__(self, owner: Any, seen: Capture) -> None:
        tracer = seen.tracer
        forward, nodes = seen.tracer.nodes[: seen.forward], tracer.nodes[seen.forward :]
        written = {s for n in forward for s in n.writes if s.kind == "temporary"}
        for s in sorted({s for n in nodes for s in n.reads} & written, key=lambda s: s.number):
            owner.made(s, tracer)
        results = flattened(seen.everything)[0]
        self.roots = [k for k, v in enumerate(results) if any(v is r for r in seen.roots)]
        self.sources = [(leaf, self._argument(leaf, seen)) for leaf in seen.sources]
        self.cotangents = [tracer.place(c) for c in seen.cotangents]
        for p in self.cotangents:
            p.storage.array = None
        self.gradients: list[Any] = []
        self._made: list[Place] = []
        for g in seen.gradients:
            self.gradients.append(self._gradient(tracer, owner, nodes, g))
        given = [*owner._given, *owner._made, *self.cotangents, *self._made]
        self._new = [maker(p) for p in self._made]
        live = {p.storage for p in given}  # also what the call gave, and keeps for a second backward
        self.graph, self.plan = planned(nodes, live, given)

    @property
    def results(self) -> list[Place]:
        """Where the gradients come to lie."""
        return self._made

    @staticmethod
    def _argument(source: Any, seen: Capture) -> int | None:
        """Which argument's node a source is; None for leaves that came from elsewhere."""
        return next((k for k, v in enumerate(seen.leaves) if isinstance(v, Tensor) and v._n is source), None)

    def _gradient(self, tracer: Any, owner: Any, nodes: list[Node], g: Any) -> Any:
        """A gradient, copied to memory of its own: where it is a view, or is another's too."""
        if g is None:
            return None
        if g.__class__ is GraphArray and g.value.base is None and self._is_own(tracer.place(g.value), nodes):
            self._made.append(tracer.place(g.value))
            return len(self._made) - 1
        start = len(tracer.nodes)
        value = tracer.clone(g).value
        nodes += tracer.nodes[start:]
        place = tracer.place(value)
        self._made.append(Place(place.storage, 0, value.shape, value.strides, value.dtype))
        place.storage.array = None
        return len(self._made) - 1

    def _is_own(self, place: Place, nodes: list[Node]) -> bool:
        """Whether an array is made by these nodes, and is no other gradient."""
        made = any(place.storage in n.writes for n in nodes) and place.storage.array is None
        return made and all(p.storage is not place.storage for p in (*self._made, *self.cotangents))

    def link(self, answers: list[Any], leaves: list[Any], arrays: tuple[Any, ...]) -> None:
        """Make the results children of a node that runs this plan."""
        inputs = tuple(leaf if k is None else leaves[k]._n for leaf, k in self.sources)
        numbers = leaves if self.plan.varying else ()
        node = [next_number(), compiled_backward, inputs, self, arrays, numbers]
        for k, at in enumerate(self.roots):
            answers[at]._n = node if len(self.roots) == 1 else [next_number(), select_backward, node, k]

    def run(self, arrays: tuple[Any, ...], numbers: Any, g: Any) -> tuple[Any, ...]:
        """The gradients of all sources; `numbers` are the arguments, where some numbers come from these."""
        parts = g.parts if isinstance(g, Outputs) else {0: g}
        given = [_like(parts.get(k), p) for k, p in enumerate(self.cotangents)]
        made = [new() for new in self._new]
        bad = self.plan.run((*arrays, *given, *made), numbers)
        assert bad is None, bad
        return tuple(None if k is None else made[k] for k in self.gradients)


def compiled_backward(n: list[Any], g: Any) -> tuple[Any, ...]:
    """Backward of a compiled call: one cotangent for each source."""
    _, _, _, plan, arrays, numbers = n
    return plan.run(arrays, numbers, g)


once(
    compiled_backward,
    "CompiledBackward0",
    "compile: the backward of a compiled function cannot be differentiated again (create_graph=True). "
    "Compile the function that takes the gradient, or call the function uncompiled",
)


def _like(g: Any, place: Place) -> np.ndarray:
    """A cotangent in the layout of a place; zeros where there is none."""
    made = empty(place)
    if g is None:
        made[...] = 0
    elif g.dtype == made.dtype and g.strides == made.strides:
        return g
    else:
        made[...] = g
    return made
