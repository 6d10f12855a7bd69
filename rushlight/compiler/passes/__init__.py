"""Passes over the graph, in the order they run. Each is a function from a graph to a graph."""

from ..graph import Graph
from .constants import with_constants_folded
from .copies import without_copies
from .dead import without_dead_nodes
from .fuse import fused
from .inplace import with_memory_reused
from .messages import with_messages_at_once
from .remat import with_programs_run_again
from .repeats import without_repeats
from .simplify import simplified
from .slices import with_slices_side_by_side

PASSES = (
    without_dead_nodes,
    without_repeats,
    with_constants_folded,
    simplified,
    with_slices_side_by_side,
    without_copies,
    fused,
    simplified,
    without_dead_nodes,
    with_messages_at_once,
    with_programs_run_again,
    with_memory_reused,
)


def optimised(graph: Graph) -> Graph:
    """The graph after all passes."""
    for run in PASSES:
        graph = run(graph)
    return graph
