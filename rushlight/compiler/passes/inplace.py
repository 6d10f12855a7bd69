"""Reuse in place: what a program writes may take the memory of what it reads for the last time."""

from __future__ import annotations

from collections import Counter

from ...kernels.fused_space import collapse
from ..graph import Elements, Graph, Node, Place, Storage
from ..lower import strides_in, supported
from .copies import is_whole, same_layout
from .renaming import Home, renamed


def with_memory_reused(graph: Graph) -> Graph:
    """The graph in which outputs of programs are inputs' memory, where elements are the same and nobody else
    sees it. Kernels read an element before they write it.
    """
    last = {s: k for k, n in enumerate(graph.nodes) for s in n.reads | n.writes}
    first = {s: k for k, n in reversed([*enumerate(graph.nodes)]) for s in n.reads | n.writes}
    homes: dict[Storage, Home] = {}
    nodes: list[Node] = []
    for k, traced in enumerate(graph.nodes):
        node = renamed(traced, homes)
        fits = isinstance(node.body, Elements) and _keeps_pace(node.body)
        pairs = _pairs(node, graph.live) if fits else []
        pairs = [p for p in pairs if last[p[0].storage] == k and first[p[1].storage] == k]
        if pairs and supported(node.body):
            for source, target in pairs:
                homes[target.storage] = Home(source.storage)
                last[source.storage] = last[target.storage]
            node = renamed(node, homes)
        nodes.append(node)
    return Graph(nodes, graph.live)


_LANES = 16  # of the widest vectors
_LONG = 256  # elements of a row, whose end is waited for once


def _keeps_pace(body: Elements) -> bool:
    """Whether rows are whole vectors, or long: a masked vector is read behind the last masked one that was
    written, which must have reached the cache if it covers the same bytes (5.7 ns a row of 7, and 1.2 with
    memory of its own).
    """
    operands = [p for p in (*body.inputs.values(), *body.writes) if p.__class__ is Place]
    space = collapse(body.shape, [strides_in(p, body.shape) for p in operands])
    return space.outer == 0 or space.length % _LANES == 0 or space.length >= _LONG


def _pairs(node: Node, live: set[Storage]) -> list[tuple[Place, Place]]:
    """Inputs and outputs that may be one memory, each once: nobody outside sees it, elements lie alike."""
    body = node.body

    def is_free(p: Place) -> bool:
        s = p.storage
        return s.kind == "temporary" and s.array is None and s not in live and is_whole(p)

    read = [p for p in body.inputs.values() if p.__class__ is Place]
    touched = Counter(p.storage for p in (*read, *body.writes, *body.reduces))
    left = [p for p in read if touched[p.storage] == 1 and is_free(p) and p.shape == body.shape]
    found = []
    for target in body.writes:
        same = [p for p in left if same_layout(p, target)] if is_free(target) else []
        if same:
            left.remove(same[0])
            found.append((same[0], target))
    return found
