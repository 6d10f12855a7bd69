"""From traced nodes to a plan, and the memory that calls make for it."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np

from .graph import Graph, Node, Place, Storage
from .lower import lowered
from .passes import optimised
from .plan import Plan


def planned(nodes: list[Node], live: set[Storage], given: list[Place]) -> tuple[Graph, Plan]:
    """The optimised graph of nodes, and its plan."""
    traced = Graph(nodes, live)
    graph = optimised(traced)
    graph.traced = traced
    return graph, Plan([lowered(n) for n in graph.nodes], given, graph.nodes)


def maker(place: Place) -> Callable[[], np.ndarray]:
    """What makes new memory of a place's layout."""
    if place.contiguous:
        return functools.partial(np.empty, place.shape, place.dtype)
    return functools.partial(empty, place)


def empty(place: Place) -> np.ndarray:
    """New memory of a place's layout."""
    if place.contiguous:
        return np.empty(place.shape, place.dtype)
    order = np.argsort([-s for s in place.strides], kind="stable")
    made = np.empty([place.shape[k] for k in order], place.dtype)
    return made.transpose(np.argsort(order))
