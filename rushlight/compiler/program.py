"""The graph of a compiled function as its user sees it: printed as a program, and run in parts."""

from __future__ import annotations

import linecache
import sys
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import Any, TextIO

from ..tensor import Tensor
from .graph import Graph, Node, Place
from .printing import text_of
from .running import Memory, call, run

_numbers = count(1)


class Program:
    """A graph with its nodes by name. `str()` of it is a Python program that computes the same.

    `backward` is the graph of the gradients, where eager code may ask for them.
    """

    def __init__(self, graph: Graph, backward: Graph | None = None) -> None:
        self.graph = graph
        self.backward = Program(backward) if backward is not None else None

    @property
    def nodes(self) -> list[Node]:
        """The nodes, in the order in which they run."""
        return self.graph.nodes

    @property
    def traced(self) -> Program:
        """The graph as it was captured, before passes."""
        return Program(self.graph.traced)

    @property
    def inputs(self) -> dict[str, Place]:
        """What is there before the first node runs: arguments, parameters, optimisers' state."""
        return self.graph.inputs

    def node(self, name: str) -> Node:
        """The node with a name, be it fused into another, or gone. Raises KeyError where there is none."""
        there = [op for n in self.nodes for op in (n, *n.ops)]
        for node in (*there, *self.graph.traced.nodes):
            if node.name == name:
                return node
        raise KeyError(f"the graph has no node {name!r}")

    # -- printed ------------------------------------------------------------------------------------------

    def __str__(self) -> str:
        return text_of(self.graph)

    def __repr__(self) -> str:
        return f"<graph of {len(self.nodes)} nodes and {len(self.inputs)} inputs>"

    def print(self, file: TextIO | None = None) -> None:
        """Print the program."""
        print(self, file=file or sys.stdout)

    def function(self) -> Callable[..., Any]:
        """The program as a function of the inputs, which it writes to where the graph does."""
        text, name = str(self), f"<rushlight graph {next(_numbers)}>"
        linecache.cache[name] = (len(text), None, text.splitlines(True), name)
        scope: dict[str, Any] = {"call": self.call}
        exec(compile(text, name, "exec"), scope)
        return scope["graph"]

    # -- run ----------------------------------------------------------------------------------------------

    def values(self) -> dict[str, Tensor]:
        """Copies of what the inputs hold now, but for arguments, which each call brings with it."""
        memory = Memory()
        return {n: memory.copy(p) for n, p in self.inputs.items() if p.storage.array is not None}

    def run(self, feeds: Mapping[str, Any], fetches: str | Sequence[str]) -> Any:
        """What the nodes and inputs named in `fetches` hold, when those named in `feeds` hold what is given.

        Only what the fetches need is run, on memory of its own: nothing outside changes.

            graph.run({"x": x, "relu_1": activations}, ["linear_2", "fc1_weight_grad"])
        """
        return run(self.graph, feeds, fetches)

    def call(self, name: str, *given: Any) -> Any:
        """Run one node on tensors in the place of its inputs, which it may write to."""
        return call(self.node(name), given)
