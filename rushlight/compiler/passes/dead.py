"""Dead code: nodes whose writes nobody reads go."""

from __future__ import annotations

from ..graph import Graph, Storage


def without_dead_nodes(graph: Graph) -> Graph:
    """The nodes that something live depends on: what is read at the end, or memory from outside."""
    live: set[Storage] = set(graph.live)
    kept = []
    for node in reversed(graph.nodes):
        if any(s in live or s.kind in ("outside", "argument") for s in node.writes):
            live |= node.reads
            kept.append(node)
    return Graph(kept[::-1], graph.live)
