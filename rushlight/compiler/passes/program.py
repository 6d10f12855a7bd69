"""Programs on elements put together: several that run one after the other as one that does the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import rushlight.dtypes as dtypes
import rushlight.scalar as scalar

from ...kernels.fused import Step
from ..elements import TYPE_OF
from ..graph import Elements, Node, Place, Reduced, Storage


def joined(members: Sequence[Node], is_needed: Callable[[Storage], bool]) -> Node:
    """One node of several programs over one shape, in order; only storages that are needed are written."""
    body = _Joining(members).body(is_needed)
    reads = {p.storage for p in body.inputs.values() if p.__class__ is Place}
    return standing_for(members, (*body.writes, *body.reduces), body, reads)


def standing_for(members: Sequence[Node], outputs: tuple[Place, ...], body: Any, reads: set[Storage]) -> Node:
    """One node for several that run one after the other; it belongs to the last one's line."""
    node = Node("+".join(dict.fromkeys(n.op for n in members)), (), {}, outputs, body)
    node.reads = reads
    node.line, node.module, node.name = members[-1].line, members[-1].module, members[-1].name
    node.members = tuple(m for n in members for m in (n.members or (n,)))
    return node


class _Joining:
    """What a program consists of while others are added to it.

    What one writes and another reads stays a name: `values` says which name is at a place by now. Equal steps
    are taken once.
    """

    def __init__(self, members: Sequence[Node]) -> None:
        self.shape = members[0].body.shape
        self.inputs: dict[str, Any] = {}
        self.loaded: dict[Place, str] = {}
        self.values: dict[Place, str] = {}
        self.reduces: dict[Place, Reduced] = {}
        self.steps: list[Any] = []
        self.known: dict[Any, str] = {}
        for k, node in enumerate(members):
            self._add(k, node.body)

    def _add(self, k: int, body: Elements) -> None:
        names = {name: self._input(f"{name}_{k}", v) for name, v in body.inputs.items()}
        for step in body.steps:
            step, name = step.renamed(names), step.name
            key = step._replace(name="")
            if key not in self.known:
                self.known[key] = f"{name}_{k}"
                self.steps.append(step._replace(name=self.known[key]))
            names[name] = self.known[key]
        self.values |= {place: names[name] for place, name in body.writes.items()}
        self.reduces |= {place: r._replace(name=names[r.name]) for place, r in body.reduces.items()}

    def _input(self, name: str, v: Any) -> str:
        """The name of a number, or of what is at a place when the program comes by."""
        if v.__class__ is Place:
            if v in self.values:
                return self.values[v]
            name = self.loaded.setdefault(v, f"i{len(self.loaded)}")
        self.inputs[name] = v
        return name

    def body(self, is_needed: Callable[[Storage], bool]) -> Elements:
        """The program."""
        writes = {place: name for place, name in self.values.items() if is_needed(place.storage)}
        return pruned(Elements(tuple(self.steps), self.inputs, writes, self.shape, self.reduces))


def pruned(body: Elements) -> Elements:
    """Only what the outputs need."""
    used = {*body.writes.values(), *(r.name for r in body.reduces.values())}
    kept = []
    for step in reversed(body.steps):
        if step.name in used:
            used |= step.reads
            kept.append(step)
    inputs = {n: v for n, v in body.inputs.items() if n in used}
    return body._replace(steps=tuple(kept[::-1]), inputs=inputs)


def number_step(name: str, value: Any, dtype: np.dtype) -> Step:
    """A step that gives one number for all elements."""
    return Step(name, scalar.lift(value), TYPE_OF[dtypes.compute_type(dtype)], TYPE_OF[dtype])
