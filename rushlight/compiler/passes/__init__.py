"""Passes over the graph, in the order they run. Each is a function from a graph to a graph."""

from ..graph import Graph
from .copies import without_copies
from .dead import without_dead_nodes
from .fuse import fused
from .repeats import without_repeats

PASSES = (
    without_dead_nodes,
    without_repeats,
    without_copies,
    fused,
    without_dead_nodes,
)


def optimised(graph: Graph) -> Graph:
    """The graph after all passes."""
    for run in PASSES:
        graph = run(graph)
    return graph
