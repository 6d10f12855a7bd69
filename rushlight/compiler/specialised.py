"""One captured call as a plan for calls like it: what must hold, what is handed in, what comes out."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

import rushlight.threads as threads

from ..autograd.engine import Outputs, next_number, select_backward
from ..autograd.mode import grad_on
from ..tensor import Parameter, Tensor, wrap
from .attributes import State
from .capture import Capture
from .graph import Graph, Node, Place, Storage
from .guards import Guards, of_functions, of_gradients, of_modules, of_objects
from .lower import lowered
from .passes import optimised
from .plan import Plan, array_at
from .steps import numbers_in
from .symbols import Symbol, plain
from .tracer import address
from .tree import builder, flattened, rebuilt
from .values import GraphArray


class Specialised:
    """A plan, and the calls it serves. Called with arguments it does not serve, it returns itself."""

    def __init__(self, f: Any, seen: Capture, structure: Any) -> None:
        self.structure, self.state = structure, State(seen.changes)
        seen.leaves += self.state.before
        leaves, tracer = seen.leaves, seen.tracer
        self.varying = {k: v for k, v in enumerate(leaves) if isinstance(v, Symbol)}
        self.trusted = not self.varying
        self.conditions = tracer.conditions
        fixed = [(k, v) for k, v in enumerate(leaves) if k not in self.varying]
        self.constants = [(k, v) for k, v in fixed if not isinstance(v, Tensor)]
        self.tensors = [(k, v._n is not None) for k, v in enumerate(leaves) if isinstance(v, Tensor)]
        self.grad, self.threads, self.effects = grad_on(), threads.get(), tracer.effects
        forwards = [type(m).forward for m in tracer.called]
        conditions = [*of_functions([f, *forwards]), *of_modules(tracer.called)]
        conditions += of_objects(v for _, v in self.constants)
        conditions = [c for c in conditions if not self.state.touches(c)] + self.state.conditions
        self.guards = Guards([*conditions, *of_gradients(tracer.entry)])
        self.numbers = numbers_in(tracer.nodes)
        self.reason = ""
        self.sizes: Any = None  # of the tensors among the arguments
        self._given = [tracer.place(leaves[k]._a) for k, _ in self.tensors]
        self.apart = _distances(self._given)
        for place in self._given:
            place.storage.kind, place.storage.array = "argument", None
        self._made: list[Place] = []  # whole storages that every call makes anew
        self._captured: list[np.ndarray] = []  # those of the captured call
        self._results(seen)
        self._built = builder(self.shape)
        self.backward = Backward(self, seen) if seen.roots else None
        self._new = [maker(p) for p in self._made]
        self._plan(seen)

    # -- preparing ----------------------------------------------------------------------------------------

    def made(self, storage: Storage, tracer: Any) -> int:
        """Have a storage made anew by every call; its position among those."""
        for k, place in enumerate(self._made):
            if place.storage is storage:
                return k
        owner = tracer.owner(storage)
        storage.array = None
        self._captured.append(owner)
        self._made.append(Place(storage, 0, owner.shape, owner.strides, owner.dtype))
        return len(self._made) - 1

    def _results(self, seen: Capture) -> None:
        """What is returned: tensors made anew, tensors that were there, and Python's values."""
        tracer = seen.tracer
        found, self.shape = flattened(seen.everything)
        self.answers: list[Any] = []
        self.repeated: list[tuple[int, int]] = []  # answers that are earlier ones again
        for v in found:
            given = next((k for k, a in enumerate(seen.leaves) if a is v), None)
            if isinstance(v, Symbol):
                self.answers.append(_Number(v.varying.formula))
            elif not isinstance(v, Tensor):
                self.answers.append(_Constant(v))
            elif given is not None:
                self.answers.append(_Argument(given))
            else:
                self.answers.append(self._tensor(v, seen, tracer.place(v._a)))

    def _tensor(self, v: Any, seen: Capture, place: Place) -> Any:
        """How a result that is no argument is had in later calls."""
        twin = next((k for k, t in enumerate(flattened(seen.everything)[0]) if t is v), len(self.answers))
        if twin < len(self.answers):
            self.repeated.append((len(self.answers), twin))
            return _Constant(None)
        if place.storage.kind == "constant":  # the caller may write to it
            before = len(seen.tracer.nodes)
            seen.tracer.filled(place.storage)
            seen.forward += len(seen.tracer.nodes) - before
        if place.storage.kind == "temporary":
            k = self.made(place.storage, seen.tracer)
            return _Made(k, self._made[k], place)
        if place.storage.kind == "argument":
            at = next(k for k, p in enumerate(self._given) if p.storage is place.storage)
            return _View(self.tensors[at][0], self._given[at], place)
        return _Outside(v._a) if any(v is t for t in seen.strays) else _Constant(v)

    def _plan(self, seen: Capture) -> None:
        tracer = seen.tracer
        self.grads = [(leaf, leaf.grad) for leaf in {**dict.fromkeys(tracer.leaves), **dict.fromkeys(tracer.cleared)}]
        held = [g for _, g in self.grads if g is not None]
        held += [t for t in seen.strays if not any(t is r for r in seen.results)]
        for t in held:
            if tracer.place(t._a).storage not in {p.storage for p in self._made}:
                tracer.hold(t._a)
        live = {p.storage for p in (*self._given, *self._made)} | {tracer.place(t._a).storage for t in held}
        self.graph, self.plan = planned(tracer.nodes[: seen.forward], live, [*self._given, *self._made])
        self.plan.alarms = tracer.alarms

    def first(self, seen: Capture) -> Any:
        """The result of the captured call, its tracked tensors made children of this plan's backward."""
        if self.backward is not None:
            arrays = [seen.leaves[k]._a for k, _ in self.tensors]
            answers = flattened(seen.everything)[0]
            self.backward.link(answers, seen.leaves, (*arrays, *self._captured))
        del self._captured
        return rebuilt(self.shape, map(plain, flattened(seen.everything)[0]))[0]

    # -- running ------------------------------------------------------------------------------------------

    def __call__(self, leaves: list[Any], structure: Any) -> Any:
        """The result for arguments that it serves, else itself."""
        if self.state.entries:
            held = self.state.now()
            if held is None:
                self._refuse("attributes that the function sets held other kinds of values")
                return self
            leaves = [*leaves, *held]
        arrays = self._arrays(leaves, structure)
        if arrays is None:
            return self
        made = [new() for new in self._new]
        bad = self.plan.run((*arrays, *made), leaves)
        if bad is not None:
            self._refuse(f"tensor {bad} of the arguments has another shape, dtype or layout")
            return self
        for leaf, grad in self.grads:
            leaf.grad = grad
        for again in self.effects:
            again()
        answers = [a.of(leaves, made) for a in self.answers]
        for k, twin in self.repeated:
            answers[k] = answers[twin]
        if self.backward is not None:
            self.backward.link(answers, leaves, (*arrays, *made))
        result, left = self._built(answers)
        if left:
            self.state.set(left)
        return result

    def fix(self) -> None:
        """Serve the numbers of the captured call only."""
        self.constants += [(k, plain(v)) for k, v in self.varying.items()]
        self.varying, self.trusted = {}, True

    def _refuse(self, why: str) -> None:
        self.reason = why

    def _arrays(self, leaves: list[Any], structure: Any) -> list[Any] | None:
        """The arguments' arrays, if everything is as it was."""
        if structure is not self.structure and structure != self.structure:
            return self._refuse("the arguments are built another way")
        if self.grad is not grad_on() or threads.get() != self.threads:
            return self._refuse("grad mode or the number of threads changed")
        if len(self.tensors) < len(leaves) and (why := self._other_than_tensors(leaves)):
            return self._refuse(why)
        arrays = []
        for k, tracked in self.tensors:
            t = leaves[k]
            if t.__class__ is not Tensor and t.__class__ is not Parameter:
                return self._refuse(f"argument {k} is no tensor")
            if (t._n is not None) is not tracked:
                return self._refuse(f"argument {k} requires grad now, or no longer")
            arrays.append(t._a)
        for i, j, distance in self.apart:
            if address(arrays[j]) - address(arrays[i]) != distance:
                return self._refuse("arguments that shared memory do so no longer, or another way")
        if not self.guards.hold():
            return self._refuse(self.guards.broken())
        if self.numbers and not all(n.holds() for n in self.numbers):
            return self._refuse("an optimizer's settings changed")
        return arrays

    def _other_than_tensors(self, leaves: list[Any]) -> str:
        """What is new about the arguments that are no tensors; "" if nothing is."""
        for k, v in self.constants:
            if leaves[k] is not v and (leaves[k].__class__ is not v.__class__ or leaves[k] != v):
                return f"argument {k} was {v!r}, and is {leaves[k]!r}"
        for k, v in self.varying.items():
            if leaves[k].__class__ is not plain(v).__class__:
                return f"argument {k} is no {plain(v).__class__.__name__}"
        if not all(holds(leaves) for holds in self.conditions):
            return "numbers among the arguments lead another way"
        if not self.trusted and any(leaves[k] != plain(v) for k, v in self.varying.items()):
            return "numbers among the arguments changed for the first time"
        return ""


class Backward:
    """The plan of the gradients of a compiled function's results."""

    def __init__(self, owner: Specialised, seen: Capture) -> None:
        tracer = seen.tracer
        forward, nodes = seen.tracer.nodes[: seen.forward], tracer.nodes[seen.forward :]
        written = {s for n in forward for s in n.writes if s.kind == "temporary"}
        for s in sorted({s for n in nodes for s in n.reads} & written, key=lambda s: s.number):
            owner.made(s, tracer)
        results = flattened(seen.everything)[0]
        self.roots = [k for k, v in enumerate(results) if any(v is r for r in seen.roots)]
        self.sources = [(leaf, self._argument(leaf, seen)) for leaf in seen.sources]
        self.cotangents = [tracer.place(c) for c in seen.cotangents]
        for p in self.cotangents:
            p.storage.array = None
        self.gradients: list[Any] = []
        self._made: list[Place] = []
        for g in seen.gradients:
            self.gradients.append(self._gradient(tracer, owner, nodes, g))
        given = [*owner._given, *owner._made, *self.cotangents, *self._made]
        self._new = [maker(p) for p in self._made]
        live = {p.storage for p in given}  # also what the call gave, and keeps for a second backward
        self.graph, self.plan = planned(nodes, live, given)

    @property
    def results(self) -> list[Place]:
        """Where the gradients come to lie."""
        return self._made

    @staticmethod
    def _argument(source: Any, seen: Capture) -> int | None:
        """Which argument's node a source is; None for leaves that came from elsewhere."""
        return next((k for k, v in enumerate(seen.leaves) if isinstance(v, Tensor) and v._n is source), None)

    def _gradient(self, tracer: Any, owner: Specialised, nodes: list[Node], g: Any) -> Any:
        """A gradient, copied to memory of its own: where it is a view, or is another's too."""
        if g is None:
            return None
        if g.__class__ is GraphArray and g.value.base is None and self._is_own(tracer.place(g.value), nodes):
            self._made.append(tracer.place(g.value))
            return len(self._made) - 1
        start = len(tracer.nodes)
        value = tracer.clone(g).value
        nodes += tracer.nodes[start:]
        place = tracer.place(value)
        self._made.append(Place(place.storage, 0, value.shape, value.strides, value.dtype))
        place.storage.array = None
        return len(self._made) - 1

    def _is_own(self, place: Place, nodes: list[Node]) -> bool:
        """Whether an array is made by these nodes, and is no other gradient."""
        made = any(place.storage in n.writes for n in nodes) and place.storage.array is None
        return made and all(p.storage is not place.storage for p in (*self._made, *self.cotangents))

    def link(self, answers: list[Any], leaves: list[Any], arrays: tuple[Any, ...]) -> None:
        """Make the results children of a node that runs this plan."""
        inputs = tuple(leaf if k is None else leaves[k]._n for leaf, k in self.sources)
        numbers = leaves if self.plan.varying else ()
        node = [next_number(), compiled_backward, inputs, self, arrays, numbers]
        for k, at in enumerate(self.roots):
            answers[at]._n = node if len(self.roots) == 1 else [next_number(), select_backward, node, k]

    def run(self, arrays: tuple[Any, ...], numbers: Any, g: Any) -> tuple[Any, ...]:
        """The gradients of all sources; `numbers` are the arguments, where some of them are found from these."""
        parts = g.parts if isinstance(g, Outputs) else {0: g}
        given = [_like(parts.get(k), p) for k, p in enumerate(self.cotangents)]
        made = [new() for new in self._new]
        bad = self.plan.run((*arrays, *given, *made), numbers)
        assert bad is None, bad
        return tuple(None if k is None else made[k] for k in self.gradients)


def compiled_backward(n: list[Any], g: Any) -> tuple[Any, ...]:
    """Backward of a compiled call: one cotangent for each source."""
    _, _, _, plan, arrays, numbers = n
    return plan.run(arrays, numbers, g)


def _no_second(n: list[Any], g: Any) -> Any:
    raise RuntimeError(
        "compile: the backward of a compiled function cannot be differentiated again (create_graph=True). "
        "Compile the function that takes the gradient, or call the function uncompiled"
    )


compiled_backward.on_tensors = _no_second  # type: ignore[attr-defined]
compiled_backward.__name__ = "CompiledBackward0"


# -- results -------------------------------------------------------------------------------------------


class _Constant:
    """A value that every call returns as it is."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def of(self, leaves: list[Any], made: list[Any]) -> Any:
        return self.value


class _Number:
    """A number that is found from the arguments' numbers."""

    def __init__(self, formula: Any) -> None:
        self.formula = formula

    def of(self, leaves: list[Any], made: list[Any]) -> Any:
        return self.formula(leaves)


class _Outside:
    """A new tensor over memory that was there before."""

    def __init__(self, array: np.ndarray) -> None:
        self.array = array

    def of(self, leaves: list[Any], made: list[Any]) -> Any:
        return wrap(self.array)


class _Argument:
    """One of the arguments."""

    def __init__(self, k: int) -> None:
        self.k = k

    def of(self, leaves: list[Any], made: list[Any]) -> Any:
        return leaves[self.k]


class _View:
    """A view of an argument."""

    def __init__(self, k: int, given: Place, place: Place) -> None:
        self.k, self.given, self.place = k, given, place

    def of(self, leaves: list[Any], made: list[Any]) -> Any:
        a = leaves[self.k]._a
        start = a.__array_interface__["data"][0] + self.place.offset - self.given.offset
        return wrap(array_at(start, self.place, a))


class _Made:
    """An array in memory that the call made."""

    def __init__(self, k: int, whole: Place, place: Place) -> None:
        self.k, self.place = k, place
        self.is_whole = whole[1:] == place[1:]
        dense = whole.contiguous and place.contiguous
        self.is_reshaped = dense and whole.dtype == place.dtype and whole.size == place.size

    def of(self, leaves: list[Any], made: list[Any]) -> Any:
        a, place = made[self.k], self.place
        if self.is_whole:
            return wrap(a)
        if self.is_reshaped:
            return wrap(a.reshape(place.shape))
        return wrap(array_at(a.__array_interface__["data"][0] + place.offset, place, a))


def _distances(given: list[Place]) -> list[tuple[int, int, int]]:
    """Pairs of arguments that share memory, and how far apart they begin."""
    pairs = [(i, j) for j in range(len(given)) for i in range(j) if given[i].storage is given[j].storage]
    return [(i, j, given[j].offset - given[i].offset) for i, j in pairs]


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


def _like(g: Any, place: Place) -> np.ndarray:
    """A cotangent in the layout of a place; zeros where there is none."""
    made = empty(place)
    if g is None:
        made[...] = 0
    elif g.dtype == made.dtype and g.strides == made.strides:
        return g
    else:
        made[...] = g
    return made
