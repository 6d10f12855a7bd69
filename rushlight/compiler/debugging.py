"""`compile(f, debug=True)`: every call is checked, node by node, against the captured graph run op by op.

The plan runs one node at a time, and what each writes is noted. Then the graph as it was captured, before
any pass, runs on memory of its own: pointwise ops and sums by NumPy, other ops by their own kernels, each op
alone, on memory that is all nan where nothing was written. The first node that differs is an error.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from .graph import Elements, Graph, Host, Node, Place
from .naming import before
from .plan import Plan
from .printing import typed
from .running import Memory, execute, inputs_of

ndarray = np.ndarray

#: largest differences that rounding is taken to explain, as parts of the largest number in the array
TOLERANCES = {2: 2e-2, 4: 1e-4, 8: 1e-9}


class PlanError(RuntimeError):
    """A plan computed something else than its ops, one by one."""


class Written(NamedTuple):
    """What a node of the plan left at a place, the last of its members that writes there, and as what."""

    node: Node
    member: Node
    position: int
    place: Place
    value: ndarray


class Checker:
    """Takes the place of a plan's `advance`: the same, and then the check."""

    def __init__(self, plan: Plan, graph: Graph) -> None:
        self.plan, self.graph = plan, graph
        # what nobody reads may be overwritten before its node is done
        self.used = {s for n in graph.nodes for s in n.reads} | graph.live

    def __call__(self, arrays: tuple[ndarray, ...]) -> None:
        """Make all steps of the plan. Raises PlanError for the first node that is wrong."""
        memory = Memory()
        there = before(self.graph.traced)  # which the call may change
        for place in self.plan.given:
            if place.storage in there:
                memory.array(place)[...] = self.plan.array(place, arrays)
        for storage in there:
            memory.bytes(storage)
        written = [w for node in self.plan.node_by_node(arrays) for w in self._written(node, arrays)]
        self._compare(written, memory)

    def _written(self, node: Node, arrays: tuple[ndarray, ...]) -> Iterator[Written]:
        found = {node.now(p): (m, k) for m in node.ops for k, p in enumerate(places_written(m))}
        for place in places_written(node):
            if place in found and (place.storage in self.used or place.storage.kind != "temporary"):
                yield Written(node, *found[place], place, np.array(self.plan.array(place, arrays)))

    def _compare(self, written: list[Written], memory: Memory) -> None:
        """Run the captured graph, and go on from the plan's numbers where they are right: so that a node
        differs by what it does itself, not by what came before.
        """
        by_member: dict[str, list[Written]] = {}
        for w in written:
            by_member.setdefault(w.member.name, []).append(w)
        for node in self.graph.traced.nodes:
            found = by_member.get(node.name, ())
            drawn = isinstance(node.body, Host) and found  # perhaps by chance: the plan's draw counts
            scale = _largest(node, memory)
            if not drawn:
                execute(node, memory, self.plan.read)
            for w in found:
                expected = memory.array(places_written(node)[w.position])
                if not drawn:
                    compare(w, expected, scale)
                expected[...] = w.value


def places_written(node: Node) -> tuple[Place, ...]:
    """Where a node writes that can be named: its outputs, and the arrays it changes in place."""
    if isinstance(node.body, Elements):
        return (*node.body.writes, *node.body.reduces)
    outputs = {p.storage for p in node.outputs}
    changed = [p for p in node.inputs if p.storage in node.writes and p.storage not in outputs]
    return (*node.outputs, *dict.fromkeys(changed))


def _largest(node: Node, memory: Memory) -> float:
    """The largest of the numbers that a node adds up, which its rounding errors are parts of; else 0."""
    if not isinstance(node.body, Elements) or not node.body.reduces:
        return 0.0
    arrays = [memory.array(p) for p in inputs_of(node) if p.dtype.kind in "fc" and p.size]
    return max((float(np.max(np.abs(a), where=np.isfinite(a), initial=0.0)) for a in arrays), default=0.0)


def compare(w: Written, expected: ndarray, scale: float = 0.0) -> None:
    """Raise PlanError if what the plan wrote is not what was expected, to rounding in numbers of a scale."""
    found = w.value
    differ = ~_close(found, expected, scale) if found.dtype.kind in "fcV" else found != expected
    if not differ.any():
        return
    where = tuple(int(k) for k in np.argwhere(differ)[0])
    with np.errstate(all="ignore"):
        apart = np.abs(found.astype(np.float64) - expected.astype(np.float64))
    most = np.unravel_index(int(np.argmax(np.where(differ, apart, -1))), apart.shape)
    raise PlanError(_said(w, expected, int(differ.sum()), tuple(int(k) for k in most), where))


def _close(found: ndarray, expected: ndarray, scale: float) -> ndarray:
    """Where two arrays are equal to rounding; nan is equal to nan, infinities to themselves."""
    kind = np.complex128 if found.dtype.kind == "c" else np.float64
    bound = TOLERANCES.get(found.dtype.itemsize // (2 if found.dtype.kind == "c" else 1), 1e-9)
    a, b = found.astype(kind), expected.astype(kind)
    size = max(float(np.max(np.abs(b), where=np.isfinite(b), initial=0.0)), scale, 1e-30)
    with np.errstate(all="ignore"):
        return (np.abs(a - b) <= bound * size) | (a == b) | (np.isnan(a) & np.isnan(b))


def _said(w: Written, expected: ndarray, count: int, most: tuple[int, ...], first: tuple[int, ...]) -> str:
    within = "" if w.node is w.member else f", fused into {w.node.name} ({w.node.op})"
    return (
        f"compile(debug=True): the first node that differs is {w.member.whereabouts}, "
        f"op {w.member.op}{within}: {count} of {expected.size} numbers of {typed(w.place)}. "
        f"Most at {list(most)}: the plan has {w.value[most]}, the op alone {expected[most]}. "
        f"The first at {list(first)}"
    )


def check(plan: Plan, graph: Graph) -> None:
    """Have all runs of a plan checked against the graph it was made from."""
    plan.advance = Checker(plan, graph)  # type: ignore[method-assign]
