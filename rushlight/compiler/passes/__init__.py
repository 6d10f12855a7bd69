"""Passes over the graph, in the order they run. Each is a function from a graph to a graph."""

from ..graph import Graph
from .dead import without_dead_nodes
from .fuse import fused


def optimised(graph: Graph) -> Graph:
    """The graph after all passes."""
    return without_dead_nodes(fused(without_dead_nodes(graph)))
