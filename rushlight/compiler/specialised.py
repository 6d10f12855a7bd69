"""One captured call as a plan for calls like it: what must hold, what is handed in, what comes out."""

from __future__ import annotations

from typing import Any

import numpy as np

import rushlight.threads as threads

from ..autograd.autocast import autocast_state
from ..autograd.mode import grad_on
from ..tensor import Parameter, Tensor
from .attributes import State
from .capture import Capture
from .gradients import Backward
from .graph import Place, Storage
from .guards import Guards, of_functions, of_gradients, of_modules, of_objects
from .planning import maker, planned
from .results import Argument, Constant, Made, Number, Outside, View
from .steps import numbers_in
from .structure import address
from .symbols import Symbol, plain
from .tree import builder, flattened, rebuilt


class Specialised:
    """A plan, and the calls it serves. Called with arguments it does not serve, it returns itself."""

    def __init__(self, f: Any, seen: Capture, structure: Any) -> None:
        self.structure, self.state = structure, State(seen.changes)
        leaves, tracer = seen.leaves, seen.tracer
        #: leaves whose gradients come from outside, and are handed in
        self.incoming = [leaf for leaf, held in tracer.entry.items() if held is not None]
        leaves += [*self.state.before, *(tracer.entry[leaf] for leaf in self.incoming)]
        self.varying = {k: v for k, v in enumerate(leaves) if isinstance(v, Symbol)}
        self.trusted = not self.varying
        self.conditions = tracer.conditions
        fixed = [(k, v) for k, v in enumerate(leaves) if k not in self.varying]
        self.constants = [(k, v) for k, v in fixed if not isinstance(v, Tensor)]
        self.tensors = [(k, v._n is not None) for k, v in enumerate(leaves) if isinstance(v, Tensor)]
        self.grad, self.threads, self.effects = grad_on(), threads.get(), tracer.effects
        self.autocast = autocast_state()
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
                self.answers.append(Number(v.varying.formula))
            elif not isinstance(v, Tensor):
                self.answers.append(Constant(v))
            elif given is not None:
                self.answers.append(Argument(given))
            else:
                self.answers.append(self._tensor(v, seen, tracer.place(v._a)))

    def _tensor(self, v: Any, seen: Capture, place: Place) -> Any:
        """How a result that is no argument is had in later calls."""
        twin = next((k for k, t in enumerate(flattened(seen.everything)[0]) if t is v), len(self.answers))
        if twin < len(self.answers):
            self.repeated.append((len(self.answers), twin))
            return Constant(None)
        if place.storage.kind == "constant":  # the caller may write to it
            before = len(seen.tracer.nodes)
            seen.tracer.filled(place.storage)
            seen.forward += len(seen.tracer.nodes) - before
        if place.storage.kind == "temporary":
            k = self.made(place.storage, seen.tracer)
            return Made(k, self._made[k], place)
        if place.storage.kind == "argument":
            at = next(k for k, p in enumerate(self._given) if p.storage is place.storage)
            return View(self.tensors[at][0], self._given[at], place)
        return Outside(v._a) if any(v is t for t in seen.strays) else Constant(v)

    def _plan(self, seen: Capture) -> None:
        tracer = seen.tracer
        touched = dict.fromkeys((*tracer.leaves, *tracer.cleared))
        kept = [leaf for leaf in self.incoming if leaf.grad is tracer.entry[leaf]]
        self.grads = [(leaf, leaf.grad) for leaf in touched if leaf not in kept]
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
        given = self._with_state(leaves) if self.state.entries or self.incoming else leaves
        arrays = None if given is None else self._arrays(given, structure)
        if given is None or arrays is None:
            return self
        leaves = given
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

    def _with_state(self, leaves: list[Any]) -> list[Any] | None:
        """The arguments, and the tensors behind them that attributes and leaves hold now."""
        held = self.state.now()
        if held is None:
            return self._refuse("attributes that the function sets held other kinds of values")
        grads = [leaf.grad for leaf in self.incoming]
        if any(g is None for g in grads):
            return self._refuse("a parameter had a gradient")
        return [*leaves, *held, *grads]

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
        if self.autocast != autocast_state():
            return self._refuse(f"autocast was {self.autocast}, and is {autocast_state()}")
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


def _distances(given: list[Place]) -> list[tuple[int, int, int]]:
    """Pairs of arguments that share memory, and how far apart they begin."""
    pairs = [(i, j) for j in range(len(given)) for i in range(j) if given[i].storage is given[j].storage]
    return [(i, j, given[j].offset - given[i].offset) for i, j in pairs]
