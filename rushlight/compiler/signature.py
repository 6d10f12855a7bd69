"""What a graph computes, apart from numbers that vary: two captures of one function are compared by it."""

from __future__ import annotations

from typing import Any

import rushlight.scalar as scalar

from ..kernels.fused import Step
from .graph import Elements, Graph, Kernels, Node, Place, Storage
from .symbols import Varying


def signature(graph: Graph) -> list[Any]:
    """A list that is equal for graphs that do the same to memory laid out the same."""
    numbers: dict[Storage, int] = {}
    return [_of_node(node, numbers) for node in graph.nodes]


def _of_node(node: Node, numbers: dict[Storage, int]) -> Any:
    body = node.body
    if isinstance(body, Elements):
        steps = [(s.name, _text(s), str(s.computes), str(s.result)) for s in body.steps]
        inputs = [(name, _shown(v, numbers)) for name, v in body.inputs.items()]
        writes = [(_shown(p, numbers), name) for p, name in body.writes.items()]
        return node.op, steps, inputs, writes, [(_shown(p, numbers), r) for p, r in body.reduces.items()]
    if isinstance(body, Kernels):
        return node.op, [
            (id(run.kernel), run.total, run.grain, [_shown(v, numbers) for v in run.slots])
            for run in body.launches
        ]
    return node.op, [_shown(p, numbers) for p in (*body.takes, *body.gives)], repr(node.options)


def _text(step: Any) -> str:
    """What a step computes."""
    return repr(scalar.program(step.expr)) if isinstance(step, Step) else "uniform"


def _shown(v: Any, numbers: dict[Storage, int]) -> Any:
    """A slot or an input: storages by the order in which they come up, what varies as such."""
    if v.__class__ is Place:
        number = numbers.setdefault(v.storage, len(numbers))
        return number, v.offset, v.shape, v.strides, v.dtype.str
    if isinstance(v, Varying):
        return "varying"
    return v if isinstance(v, int | float | None) else type(v).__name__
