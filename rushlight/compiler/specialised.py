"""One captured call as a plan for calls like it: what must hold, what is handed in, what comes out."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

import rushlight.threads as threads

from ..autograd.mode import grad_on
from ..tensor import Parameter, Tensor, wrap
from .capture import Capture
from .graph import Graph, Place
from .lower import lowered
from .passes import optimised
from .plan import Plan
from .tracer import address, owner_of_memory
from .tree import flattened, rebuilt


class Output(NamedTuple):
    """A result made anew at every call: the place of its numbers in memory that is handed to the plan."""

    place: Place
    position: int


class Specialised:
    """A plan, and the calls it serves. Called with arguments it does not serve, it returns itself."""

    def __init__(self, seen: Capture, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        tracer = seen.tracer
        leaves, self.structure = flattened((args, kwargs))
        self.constants = [(k, v) for k, v in enumerate(leaves) if not isinstance(v, Tensor)]
        tensors = [(k, v) for k, v in enumerate(leaves) if isinstance(v, Tensor)]
        self.tensors = [(k, v._n is not None) for k, v in tensors]
        self.grad = grad_on()
        self.threads = threads.get()
        given = [tracer.place(v._a) for _, v in tensors]
        self._results(tracer, seen.result, leaves)
        self.grads = [(leaf, leaf.grad) for leaf in tracer.leaves]
        held = [g for _, g in self.grads if g is not None] + [
            t for t in seen.strays if not self._is_result(t)
        ]
        for t in held:
            tracer.hold(t._a)
        live = {p.storage for p in given} | {o.place.storage for o in self.outputs}
        live |= {tracer.place(t._a).storage for t in held}
        for place in given:
            place.storage.array = None
            place.storage.kind = "argument"
        graph = optimised(Graph(tracer.nodes, live))
        self.graph = graph
        given += [o.place for o in self.outputs]
        self.plan = Plan([lowered(n) for n in graph.nodes], given)

    def _is_result(self, t: Any) -> bool:
        return any(t is r for r in self.result_tensors)

    def _results(self, tracer: Any, result: Any, leaves: list[Any]) -> None:
        """What is returned: tensors made anew, tensors that were there, and Python's values."""
        found, self.shape = flattened(result)
        self.result_tensors = [t for t in found if isinstance(t, Tensor)]
        self.outputs: list[Output] = []
        self.answers: list[tuple[str, Any]] = []
        whole: dict[Any, int] = {}
        for v in found:
            if not isinstance(v, Tensor):
                self.answers.append(("value", v))
                continue
            given = next((k for k, a in enumerate(leaves) if a is v), None)
            place = tracer.place(v._a)
            if given is not None:
                self.answers.append(("argument", given))
            elif place.storage.kind != "temporary":
                self.answers.append(("value", v))
            else:
                if place.storage not in whole:
                    whole[place.storage] = len(self.outputs)
                    owner = owner_of_memory(v._a)
                    flat = Place(place.storage, 0, owner.shape, owner.strides, owner.dtype)
                    self.outputs.append(Output(flat, len(self.outputs)))
                self.answers.append(("output", (whole[place.storage], place)))

    def __call__(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        leaves, structure = flattened((args, kwargs))
        if structure != self.structure or self.grad is not grad_on() or threads.get() != self.threads:
            return self
        for k, v in self.constants:
            if leaves[k] is not v and (leaves[k].__class__ is not v.__class__ or leaves[k] != v):
                return self
        arrays = []
        for k, tracked in self.tensors:
            t = leaves[k]
            if (
                t.__class__ is not Tensor
                and t.__class__ is not Parameter
                or (t._n is not None) is not tracked
            ):
                return self
            arrays.append(t._a)
        made = [_like(o.place) for o in self.outputs]
        if self.plan.run((*arrays, *made)) is not None:
            return self
        for leaf, grad in self.grads:
            leaf.grad = grad
        return rebuilt(self.shape, [self._answer(a, leaves, made) for a in self.answers])

    def _answer(self, answer: tuple[str, Any], leaves: list[Any], made: list[Any]) -> Any:
        kind, what = answer
        if kind == "value":
            return what
        if kind == "argument":
            return leaves[what]
        k, place = what
        owner = made[k]
        if (place.shape, place.strides, place.offset) == (owner.shape, owner.strides, 0):
            return wrap(owner)
        return wrap(np.ndarray(place.shape, place.dtype, owner.data, place.offset, place.strides))


def _like(place: Place) -> np.ndarray:
    """New memory of a place's layout."""
    if place.contiguous:
        return np.empty(place.shape, place.dtype)
    order = np.argsort([-s for s in place.strides], kind="stable")
    made = np.empty([place.shape[k] for k in order], place.dtype)
    return made.transpose(np.argsort(order))


_ = address
