"""Cotangents of slices: a sum of arrays that are zero but for one slice each is written slice by slice.

The derivative of q, k, v = x.split(n) is dq, dk and dv in zeros of the shape of x, added up: thrice as much
memory as there are numbers. Where slices do not meet, their sum is the slices side by side.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

import rushlight.scalar as scalar

from ..graph import Elements, Graph, Node, Place, Storage
from .program import number_step


class Slice(NamedTuple):
    """Where the elements of `source` stand along a dimension of an array of zeros."""

    source: Place
    dim: int
    start: int

    @property
    def stop(self) -> int:
        """Behind its last element."""
        return self.start + self.source.shape[self.dim]


class Zeros(NamedTuple):
    """An array of zeros but for slices that do not meet, and the nodes that make it."""

    slices: tuple[Slice, ...]
    nodes: tuple[int, ...]


def with_slices_side_by_side(graph: Graph) -> Graph:
    """The graph with sums of slices in zeros written directly."""
    found = _sums(graph)
    replaced = {zeros.nodes[-1]: zeros for zeros in found if len(zeros.slices) > 1}
    gone = {k for zeros in replaced.values() for k in zeros.nodes}
    nodes: list[Node] = []
    for k, node in enumerate(graph.nodes):
        if k in replaced:
            nodes += _written(node, replaced[k].slices)
        elif k not in gone:
            nodes.append(node)
    return Graph(nodes, graph.live)


def _sums(graph: Graph) -> list[Zeros]:
    """The largest sums of slices."""
    readers = Counter(s for n in graph.nodes for s in n.reads)
    writers = Counter(s for n in graph.nodes for s in n.writes)

    def is_mine(s: Storage) -> bool:
        return s.kind == "temporary" and s.array is None and s not in graph.live and writers[s] == 1

    known: dict[Storage, Zeros] = {}
    for k, node in enumerate(graph.nodes):
        if node.op == "slice_zeros" and isinstance(node.args, tuple):
            source = node.args[0]
            if source.storage.kind == "temporary" and writers[source.storage] == 1:
                known[node.outputs[0].storage] = Zeros((_slice(*node.args),), (k,))
        terms = _terms(node)
        if len(terms) == 2 and all(is_mine(s) and readers[s] == 1 and s in known for s in terms):
            x, y = (known[s] for s in terms)
            if not _meet((*x.slices, *y.slices)):
                for s in terms:
                    del known[s]
                known[node.outputs[0].storage] = Zeros((*x.slices, *y.slices), (*x.nodes, *y.nodes, k))
    return list(known.values())


def _slice(source: Place, size: tuple[int, ...], dim: int, start: int) -> Slice:
    dim %= len(size)
    return Slice(source, dim, start + size[dim] if start < 0 else start)


def _terms(node: Node) -> list[Storage]:
    """The storages of two arrays of one shape that a node adds, and does nothing else."""
    body = node.body
    if not isinstance(body, Elements) or len(body.steps) != 1 or len(body.inputs) != 2 or body.reduces:
        return []
    step, inputs = body.steps[0], [*body.inputs.values()]
    if step[1:] != (scalar.add(*map(scalar.var, body.inputs)), step.computes, step.computes):
        return []
    alike = all(p.__class__ is Place and p.shape == body.shape for p in inputs)
    return [p.storage for p in inputs] if alike and inputs[0].dtype == inputs[1].dtype else []


def _meet(slices: tuple[Slice, ...]) -> bool:
    """Whether slices lie along different dimensions, or have elements in common."""
    ordered = sorted(slices, key=lambda s: s.start)
    across = len({s.dim for s in slices}) > 1
    return across or any(a.stop > b.start for a, b in zip(ordered, ordered[1:], strict=False))


def _written(total: Node, slices: tuple[Slice, ...]) -> list[Node]:
    """The nodes that fill what `total` made."""
    (target,) = total.outputs
    dim = slices[0].dim
    nodes = []
    if sum(s.source.shape[dim] for s in slices) != target.shape[dim]:
        nodes.append(_like(total, "zeros", 0.0, target))
    for s in slices:
        shift = s.start * target.strides[dim]
        place = target._replace(offset=target.offset + shift, shape=s.source.shape)
        nodes.append(_like(total, "copy_", s.source, place))
    return nodes


def _like(node: Node, op: str, source: Any, target: Place) -> Node:
    """A node that copies, with what another says about the user's line."""
    steps = () if source.__class__ is Place else (number_step("x", source, target.dtype),)
    inputs = {"x": source} if source.__class__ is Place else {}
    body = Elements(steps, inputs, {target: "x"}, target.shape)
    made = Node(op, (source,) if inputs else (), {}, (target,), body)
    made.line, made.module, made.name = node.line, node.module, f"{node.name}_{op}"
    return made
