"""Regions: parts of a function traced apart, branches and bodies of loops, which one node runs as plans.

A region's storages are of three kinds. `given` come from outside: they are handed to its plan at every run.
`inner` are its own. Those of them that a backward needs later are `exported`: handed in too, so that somebody
else's memory keeps what was written to them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..arrays import tracing
from ..tensor import Tensor
from .graph import Graph, Host, Node, Place, Storage
from .lower import lowered
from .passes import optimised
from .plan import Plan, array_at
from .signature import signature
from .structure import address
from .tracer import Tracer
from .tree import flattened
from .values import GraphArray

ndarray = np.ndarray
_BYTE = np.dtype(np.uint8)


class Region:
    """Nodes that belong together: traced with `tracing`, finished by `close`, run by `plan`."""

    def __init__(self, tracer: Tracer) -> None:
        self.tracer = tracer
        self.nodes: list[Node] = []
        self.outside: Region | None = tracer.regions[-1] if tracer.regions else None
        self.depth = len(tracer.regions)
        self.owner: Any = None  # the Branches or Loop whose node runs it
        self.given: list[Storage] = []
        self.inner: set[Storage] = set()
        self.exported: list[Storage] = []
        self._known: set[Storage] | None = None  # what was there before it
        self._plan: Plan | None = None

    @contextmanager
    def tracing(self) -> Iterator[None]:
        """Nodes made here are the region's."""
        tracer = self.tracer
        if self._known is None:
            self._known = {*tracer.storages.values()}
        outer, tracer.nodes = tracer.nodes, self.nodes
        tracer.regions.append(self)
        try:
            yield
        finally:
            tracer.nodes = outer
            tracer.regions.pop()

    def close(self, targets: Iterable[Storage], what: str) -> None:
        """Nothing follows any more; `targets` are the storages from outside that it may write to."""
        touched = list(dict.fromkeys(s for n in self.nodes for s in (*n.reads, *n.writes)))
        mine = {*touched} - (self._known or set()) - {*targets}
        self.inner = {s for s in mine if s.kind == "temporary"}
        self.given = [s for s in touched if s not in self.inner and (s not in mine or s.kind != "constant")]
        written = {s for n in self.nodes for s in n.writes} - self.inner - {*targets}
        if written:
            line = next(n.line for n in self.nodes if n.writes & written)
            raise RuntimeError(
                f"{what}: {line[0]}:{line[1]} writes in place to a tensor that was made outside of the "
                f"functions given to {what}. Return the new value instead"
            )
        self._known = None
        self.tracer.closed.append(self)

    @property
    def plan(self) -> Plan:
        """The plan of the nodes, on `given` and `exported` memory, which it takes as bytes."""
        if self._plan is None:
            handed = [whole(s) for s in (*self.given, *self.exported)]
            graph = optimised(Graph(self.nodes, {p.storage for p in handed}))
            self._plan = Plan([lowered(n) for n in graph.nodes], handed, graph.nodes)
        return self._plan

    def changed(self) -> None:
        """Plans of it, and of the regions around it, are not as they should be."""
        region: Region | None = self
        while region is not None:
            region._plan = None
            region = region.outside

    def __repr__(self) -> str:
        return f"<{len(self.nodes)} nodes, {hash(repr(signature(Graph(self.nodes, set())))):x}>"


class Owner:
    """What runs regions as one node. `places` are handed to it, all of them bytes."""

    def __init__(self, tracer: Tracer, name: str) -> None:
        self.tracer, self.name = tracer, name
        self.outside: Region | None = tracer.regions[-1] if tracer.regions else None
        self.writes: set[Storage] = set()
        self.node: Node | None = None
        self.kept: list[Any] = []  # arrays whose memory must be there as long as this may be traced

    def places(self) -> list[Place]:
        """What is handed to `run`, in order."""
        raise NotImplementedError

    def run(self, *arrays: ndarray) -> list[ndarray]:
        """Do it, at every run of the plan around it."""
        raise NotImplementedError

    def add(self, args: Any, outputs: tuple[Place, ...], options: dict[str, Any]) -> None:
        """Become a node of the graph."""
        self.node = Node(self.name, args, options, outputs, None)
        self.refresh()
        self.tracer.add(self.node)

    def refresh(self) -> None:
        """Have the node say what it touches now."""
        if self.node is None:
            return
        takes = tuple(self.places())
        self.node.body = Host(self.run, takes, ())
        self.node.inputs = tuple(p for p in takes if p.storage not in self.writes)
        self.node.reads = {p.storage for p in takes}
        self.node.writes = {*self.writes}
        if self.outside is not None:
            self.outside.changed()

    def made(self, a: ndarray) -> Place:
        """New memory that this node fills; it stays as long as the node."""
        self.kept.append(a)
        return self.tracer.temporary(a)

    def published(self, s: Storage) -> None:
        """A storage becomes one of those that the node writes."""
        self.writes.add(s)
        if self.outside is not None and self.outside in self.tracer.closed:
            self.outside.inner.add(s)

    def compute(self) -> None:
        """Run now, on the numbers of the call that is captured."""
        self.run(*[array_of(self.tracer, p) for p in self.places()])


class Batched(Exception):
    """A function given to a control operation computes with arrays of a vmap: it cannot be a region."""


def whole_tracer() -> Tracer | None:
    """The tracer of a function that becomes one graph, while there is one."""
    found = None if tracing.EAGER else tracing.tracer()
    return found if found.__class__ is Tracer else None


def traced_results(result: Any) -> tuple[list[Any], Any]:
    """The leaves of what a function returned, and the structure. Raises Batched."""
    leaves, structure = flattened(result)
    for t in leaves:
        if isinstance(t, Tensor) and not isinstance(t._a, ndarray | GraphArray):
            raise Batched
    return leaves, structure


def home(region: Region, s: Storage) -> Region | None:
    """The finished region, as deep as this one, that a storage belongs to."""
    return next((r for r in region.tracer.closed if r.depth == region.depth and s in r.inner), None)


def array_of(tracer: Tracer, place: Place) -> ndarray:
    """The array at a place, in the call that is captured."""
    owner = tracer.owner(place.storage)
    return array_at(address(owner) + place.offset, place, owner)


def whole(s: Storage) -> Place:
    """All bytes of a storage."""
    return Place(s, 0, (s.nbytes,), (1,), _BYTE)


def bytes_of(place: Place) -> Place:
    """The bytes of a contiguous place."""
    return Place(place.storage, place.offset, (place.size * place.dtype.itemsize,), (1,), _BYTE)
