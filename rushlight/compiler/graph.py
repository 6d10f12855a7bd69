"""The graph: nodes in the order they ran, each reading and writing places in storages.

A storage is a piece of memory; a `Place` is an array in it. Views are places, not nodes, and what is written
in place is a node that writes a storage that is there. So the order of the nodes, and which storages they
read and write, is all that a pass has to respect.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from ..kernels.fused import Step
from ..kernels.fused_steps import Uniform


class Storage:
    """A piece of memory.

    `array` is held where the memory outlives the call: what came from outside, constants, and what Python
    code in the plan works on. `kind` is "temporary", "outside", "constant" or "argument".
    """

    __slots__ = ("number", "nbytes", "kind", "array", "name")

    def __init__(self, number: int, nbytes: int, kind: str, array: np.ndarray | None = None) -> None:
        self.number, self.nbytes, self.kind, self.array = number, nbytes, kind, array
        self.name = ""

    def __repr__(self) -> str:
        return self.name or f"s{self.number}"


class Place(NamedTuple):
    """An array in a storage: strides and the offset of its first element are in bytes."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: np.dtype

    @property
    def size(self) -> int:
        """How many elements."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def contiguous(self) -> bool:
        """Whether the elements lie in row-major order without gaps."""
        step = self.dtype.itemsize
        for n, stride in zip(reversed(self.shape), reversed(self.strides), strict=True):
            if n != 1 and stride != step:
                return False
            step *= n
        return True


class Home(NamedTuple):
    """Where a storage's memory lies now: so many bytes after the start of another."""

    storage: Storage
    shift: int = 0

    def place(self, p: Place) -> Place:
        """A place in the storage that moved, as it is now."""
        return p._replace(storage=self.storage, offset=p.offset + self.shift)


class Table(NamedTuple):
    """A table of words that a kernel reads: numbers, or the addresses of places."""

    words: tuple[Any, ...]


class Launch(NamedTuple):
    """One call of a kernel; its slots are numbers, places, tables, or `Numbers` that fill several slots."""

    kernel: Any
    total: int
    grain: int
    slots: tuple[Any, ...]


class Reduced(NamedTuple):
    """A value of a program reduced ("sum", "max", "min") along some dimensions of its shape."""

    name: str
    kind: str
    axes: tuple[int, ...]


class Elements(NamedTuple):
    """A straight-line program on elements.

    `inputs` are places or numbers by name; `writes` says which value goes to a place, `reduces` which value
    is reduced to a place. `alone` are launches that do the same, and do it faster.
    """

    steps: tuple[Step | Uniform, ...]
    inputs: dict[str, Any]
    writes: dict[Place, str]
    shape: tuple[int, ...]
    reduces: Mapping[Place, Reduced] = MappingProxyType({})
    alone: Kernels | None = None


class Kernels(NamedTuple):
    """Launches, one after the other."""

    launches: list[Launch]


class Host(NamedTuple):
    """Python code: run(*arrays at the places `takes`) returns those that go to the places `gives`."""

    run: Any
    takes: tuple[Place, ...]
    gives: tuple[Place, ...]


class Node:
    """What one op did: its `body` says how, `reads` and `writes` where."""

    __slots__ = (
        *("op", "args", "options", "inputs", "outputs", "body", "reads", "writes"),
        *("line", "module", "name", "members", "homes"),
    )

    def __init__(self, op: str, args: Any, options: Any, outputs: tuple[Place, ...], body: Any) -> None:
        self.op, self.args, self.options, self.outputs, self.body = op, args, options, outputs, body
        self.inputs = tuple(places(args))
        self.reads = {p.storage for p in self.inputs}
        self.writes = {p.storage for p in outputs}
        self.line: tuple[str, int] = ("", 0)
        self.module = self.name = ""
        self.members: tuple[Node, ...] = ()  # the nodes that were fused into this one
        self.homes: dict[Storage, Home] = {}  # of storages that moved since: `members` say where they were

    @property
    def ops(self) -> list[Node]:
        """The nodes of single ops that it does: those fused into it, however often; else itself."""
        return [op for m in self.members for op in m.ops] if self.members else [self]

    def now(self, p: Place) -> Place:
        """A place that a member touches, where it is now."""
        return self.homes[p.storage].place(p) if p.storage in self.homes else p

    @property
    def whereabouts(self) -> str:
        """The node, and where in the user's program it comes from: "linear_2 (net.py:12, in Net.fc1)"."""
        within = f", in {self.module}" if self.module else ""
        return f"{self.name} ({Path(self.line[0]).name}:{self.line[1]}{within})"

    def __repr__(self) -> str:
        return f"<node {self.op} {[*self.reads]} -> {[*self.writes]}>"


class Graph:
    """Nodes, and what is there when they begin and must be there when they end.

    A graph that passes have finished keeps the one they began with, `traced`; others are that. `inputs` by
    name and `outputs` are the places that a caller sees.
    """

    def __init__(self, nodes: list[Node], live: set[Storage]) -> None:
        self.nodes, self.live = nodes, live
        self._traced: Graph | None = None  # not itself, or the collector would have to take it away
        self.inputs: dict[str, Place] = {}
        self.outputs: list[Place] = []

    @property
    def traced(self) -> Graph:
        """The graph that passes began with."""
        return self if self._traced is None else self._traced

    @traced.setter
    def traced(self, graph: Graph) -> None:
        self._traced = graph

    @property
    def storages(self) -> set[Storage]:
        """All that any node touches."""
        return {s for n in self.nodes for s in (*n.reads, *n.writes)}


def places(x: Any) -> Iterator[Place]:
    """The places in an argument: itself, or inside lists, tuples and dictionaries."""
    if x.__class__ is Place:
        yield x
    elif x.__class__ is tuple or x.__class__ is list:
        for v in x:
            yield from places(v)
    elif x.__class__ is dict:
        for v in x.values():
            yield from places(v)
