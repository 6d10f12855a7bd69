"""Common subexpressions: of nodes that do the same with the same numbers, the first is enough."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..graph import Elements, Graph, Kernels, Node, Place, Storage, Table
from .renaming import Home, renamed

_SMALL = 4096  # bytes of a table of numbers that are worth comparing


def without_repeats(graph: Graph) -> Graph:
    """The graph in which equal nodes on equal versions of storages run once.

    Python code is left alone: it may draw random numbers.
    """
    writers = Counter(s for n in graph.nodes for s in n.writes)
    versions: Counter[Storage] = Counter()
    first: dict[Any, Node] = {}
    homes: dict[Storage, Home] = {}
    kept: list[Node] = []
    for traced in graph.nodes:
        node = renamed(traced, homes)
        if _is_pure(node, writers, graph.live):
            twin = first.setdefault(_Key(node, versions).of(node.body), node)
            if twin is not node:
                pairs = zip(node.outputs, twin.outputs, strict=True)
                homes |= {mine.storage: Home(theirs.storage) for mine, theirs in pairs}
                continue
        kept.append(node)
        versions.update(node.writes)
    return Graph(kept, graph.live)


def _is_pure(node: Node, writers: Mapping[Storage, int], live: set[Storage]) -> bool:
    """Whether a node makes memory that it alone writes, and does nothing else."""
    if not isinstance(node.body, Elements | Kernels) or {p.storage for p in node.outputs} != node.writes:
        return False
    return all(
        s.kind == "temporary" and s.array is None and s not in live and writers[s] == 1 for s in node.writes
    )


class _Key:
    """What a node does, as something to compare: storages it makes by number, others by what they hold."""

    def __init__(self, node: Node, versions: Mapping[Storage, int]) -> None:
        self.versions = versions
        self.made = {p.storage: k for k, p in enumerate(node.outputs)}
        given = node.body.inputs.values() if isinstance(node.body, Elements) else node.inputs
        self.given = {p.storage for p in given if p.__class__ is Place}  # perhaps filled by another plan

    def of(self, x: Any) -> Any:
        """Part of the key."""
        kind = x.__class__
        if kind is Place:
            return self._storage(x.storage), x.offset, x.shape, x.strides, x.dtype
        if kind is tuple or kind is list:
            return tuple(self.of(v) for v in x)
        if kind is Elements:
            return x.shape, x.steps, *(self._pairs(d) for d in (x.inputs, x.writes, x.reduces))
        if kind is Kernels:
            return tuple((self.of(launch[:3]), self.of(launch.slots)) for launch in x.launches)
        if kind is Table:
            return "table", self.of(x.words)
        if kind is np.ndarray:
            return (x.dtype, x.shape, x.tobytes()) if x.nbytes <= _SMALL else id(x)
        return (kind, repr(x)) if kind is float else x

    def _pairs(self, d: Mapping[Any, Any]) -> Any:
        return tuple((self.of(k), self.of(v)) for k, v in d.items())

    def _storage(self, s: Storage) -> Any:
        """What is made, or scratch that nobody has filled yet, by its order; else storage and version."""
        empty = s.kind == "temporary" and s.array is None and not self.versions[s]
        if s in self.made or (empty and s not in self.given):
            return "made", self.made.setdefault(s, len(self.made)), s.nbytes
        return s, self.versions[s]
