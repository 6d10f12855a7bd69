"""The tracer: runs every op that comes by on the numbers at hand, and notes what it did as a node."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary, WeakSet

import numpy as np

import rushlight.compiler.steps as steps
import rushlight.compiler.verdicts as verdicts

from ..arrays import tracing
from ..arrays.numpy import as_array
from ..arrays.tracing import Law
from ..autograd.engine import Outputs, binding
from ..autograd.inplace import check_writable
from ..autograd.origins import Origins
from ..errors import user_line
from ..kernels import launch
from ..nn.paths import ModulePaths
from ..ops.declare import registry
from .alarms import Alarms
from .attributes import Attributes
from .chance import mask_of, samples_of
from .duplicates import copy_of
from .elements import copying, elements_of
from .graph import Elements, Host, Kernels, Launch, Node, Place
from .reductions import reduction_of
from .storages import Storages
from .structure import KEPT, arrays_in, mapped, owner_of_memory
from .symbols import pinned
from .values import GraphArray, value_of

ndarray = np.ndarray


class GraphBreak(RuntimeError):
    """A function that must be one graph asked for a tensor's numbers."""


class Tracer(Storages):
    """What a function's run leaves behind: nodes and storages.

    `fullgraph` makes an error of every look at a tensor's numbers; else they are noted in `reads`.
    """

    def __init__(self, fullgraph: bool = False) -> None:
        super().__init__()
        self.fullgraph = fullgraph
        self.reads: list[tuple[str, int]] = []
        # leaves, which may be gone after the call: those whose gradients arrived
        self.leaves: WeakKeyDictionary[Any, None] = WeakKeyDictionary()
        self.effects: list[Callable[[], Any]] = []  # what Python does after each run of the plan
        self.called: list[Any] = []  # modules
        self.attributes = Attributes()
        self.kept: list[Any] = []  # tensors that were made, and are held by what was there before
        self.returned: list[Any] = []  # the tensors in the function's result
        self.turned: list[Any] = []  # tensors from outside that have got other arrays
        self.cleared: WeakSet[Any] = WeakSet()  # leaves whose gradients were taken away
        # the gradients that leaves had before, where it matters
        self.entry: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()
        self.alarms = Alarms()
        self.storages[id(self.alarms.cells)] = self._new("constant", self.alarms.cells)
        self.once = False  # whether no other call will be like this one
        self.conditions: list[Callable[[list[Any]], bool]] = []  # on the arguments' numbers
        self.arrays: list[weakref.ref[GraphArray]] = []
        self.paths = ModulePaths()
        self._words: dict[str, int] = {}  # how often each op's name was given
        self._origins = Origins()
        self._origin: tuple[Any, str] | None = None  # line and module of what is being differentiated
        self._launches: list[tuple[Any, int, int, tuple[Any, ...]]] = []
        self.regions: list[Any] = []  # those that are being traced, the innermost last
        self.closed: list[Any] = []  # those that are finished
        self._thread = threading.get_ident()

    def wrap(self, a: ndarray) -> GraphArray:
        """A traced array over `a`."""
        made = GraphArray(a, self)
        self.arrays.append(weakref.ref(made))
        return made

    # -- nodes ------------------------------------------------------------------------------------------

    def add(self, node: Node) -> Node:
        """Note a node, and the user's line that made it."""
        node.line, node.module = self._origin or (user_line(), self.paths.current)
        word = node.op.strip("_")
        self._words[word] = k = self._words.get(word, 0) + 1
        node.name = f"{word}_{k}"
        if self._origin is None:
            self._origins.note(node.line, node.module)
        self.nodes.append(node)
        return node

    @contextmanager
    def suspended(self) -> Iterator[None]:
        """Ops run here are part of the op that is being traced."""
        self._launches = []
        with tracing.by(None):
            yield

    def launched(self, kernel: Any, total: int, grain: int, *slots: Any) -> None:
        """Launch a kernel, and note it."""
        kernel.launch(total, grain, *slots)
        if threading.get_ident() == self._thread:
            self._launches.append((kernel, total, grain, slots))

    def watched(self, fn: Callable[..., Any], arrays: Any) -> tuple[Any, list[Any]]:
        """fn(*arrays), and the launches it made."""
        with self.suspended():
            found = fn(*arrays)
        launches, self._launches = self._launches, []
        return found, launches

    def __op__(self, op: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run an op and note it."""
        if op.traced is not None:
            return self.composed(op.traced, args, kwargs)
        if op.is_sized_by_numbers(*args, **kwargs):
            return self.looked_through(op, args, kwargs)
        if op.kind == "composite" and op.array is op.body:
            return self.composed(op.body, args, kwargs)
        if op.kind == "pointwise":
            return elements_of(self, op, args, kwargs)
        for special in (mask_of, reduction_of, copy_of):
            found = special(self, op, args, kwargs)
            if found is not None:
                return found
        run = op.array if not op.saves else lambda *a, **k: op.array(*a, **k)[0]
        return self.call(op.name, run, args, kwargs)

    def composed(self, body: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """body(*args, **kwargs), made of ops: Python's operators on plain arrays would not be seen."""
        args, kwargs = mapped((args, kwargs), self._seen)
        return body(*args, **kwargs)

    def _seen(self, v: Any) -> Any:
        """A plain array as a traced one, as whose memory it counts as from outside."""
        if v.__class__ is not ndarray:
            return v
        self.place(v)
        return self.wrap(v)

    def looked_through(self, op: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run an op that gives arrays of other sizes for other numbers: the graph breaks here."""
        given, options = mapped((args, kwargs), self.read)
        with self.suspended():
            found = op.on_arrays(*given, **options)
        return mapped(found, lambda v: self.created(v) if v.__class__ is ndarray else v)

    def __saving__(self, op: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any]:
        """An op that also hands on what its backward needs: that stays as it is, plain arrays."""
        if op.traced is not None:
            return self.composed(op.traced, args, kwargs), None
        return self.call(op.name, op.array, args, kwargs, saves=True)

    def call(
        self,
        name: str,
        fn: Any,
        args: Any,
        kwargs: Any = None,
        saves: bool = False,
        writes: Sequence[int] = (),
    ) -> Any:
        """fn(*args, **kwargs) on arrays, as one node; what it `saves` is handed back unwrapped.

        `writes`: arrays among the arguments that it is known to write to, by position.
        """
        given = mapped((tuple(args), kwargs or {}), _unwrapped)
        leaves = arrays_in(given)
        form = mapped(given, lambda v: _hole if v.__class__ is ndarray else v)

        def run(*arrays: ndarray) -> Any:
            left = iter(arrays)
            args, kwargs = mapped(form, lambda v: next(left) if v is _hole else v)
            return finished(fn(*args, **kwargs))

        found = self.run(name, run, leaves, given, writes)
        if saves:
            return mapped(found[0], self._wrapped), found[1]
        return mapped(found, self._wrapped)

    def _wrapped(self, v: Any) -> Any:
        return self.wrap(v) if v.__class__ is ndarray else v

    def run(
        self,
        name: str,
        run: Callable[..., Any],
        leaves: list[ndarray],
        shown: Any,
        writes: Sequence[int] = (),
    ) -> Any:
        """run(*leaves), noted as a node unless it but looks at its arguments another way."""
        places, alarms = [self.place(a) for a in leaves], self.alarms.used
        for k in writes:
            self.filled(places[k].storage)
        found, launches, verdict = verdicts.judged(self, name, run, leaves, shown)
        if not {*writes} <= {*verdict.writes}:  # zeros were written over zeros, and nobody could see how
            verdict = verdict._replace(native=False)
        results = arrays_in(found)
        fresh = [a for a in results if not self.known(a)]
        written = [places[k] for k in sorted({*verdict.writes, *writes})]
        if not fresh and not written:
            return found
        for place in written:
            self.filled(place.storage)
        outputs = tuple(self.temporary(a) for a in fresh)
        shown = mapped(shown, lambda v: self.place(v) if v.__class__ is ndarray else v)
        if verdict.native:
            body: Any = Kernels([self._noted(verdict, k, *made) for k, made in enumerate(launches)])
        else:
            at = [k for k, a in enumerate(results) if any(a is f for f in fresh)]
            body = Host(picking(run, at), tuple(places), outputs)
            for a in (*leaves, *fresh):
                self.hold(a)
        node = Node(name, shown[0] if isinstance(shown, tuple) else shown, shown[-1], outputs, body)
        self.alarms.belong_to(node, alarms)
        node.inputs = tuple(places)
        node.reads |= {p.storage for p in places}
        node.writes |= {p.storage for p in written}
        if verdict.native:
            node.reads |= {p.storage for run in body.launches for p in run.slots if p.__class__ is Place}
            node.reads -= {p.storage for p in outputs}
        self.add(node)
        return found

    def _noted(self, verdict: Any, k: int, kernel: Any, total: int, grain: int, slots: Any) -> Launch:
        """A launch with places for arrays; those the verdict calls constant are kept as they are."""
        found = []
        for i, v in enumerate(slots):
            if v.__class__ is ndarray and not self.known(v):
                if (k, i) in verdict.constants:
                    owner = owner_of_memory(v)
                    self.storages[id(owner)] = self._new("constant", owner)
                else:
                    self.temporary(v)
            found.append(self.place(v) if v.__class__ is ndarray else v)
        return Launch(kernel, total, grain, tuple(found))

    def host(self, name: str, run: Callable[..., Any], *arrays: Any) -> Any:
        """run(*arrays) by Python at every run of the plan: random numbers, for one."""
        leaves = [value_of(a) for a in arrays]
        with self.suspended():
            found = finished(run(*leaves))
        outputs = tuple(self.temporary(a) for a in arrays_in(found))
        for a in (*leaves, *arrays_in(found)):
            self.hold(a)
        places = tuple(self.place(a) for a in leaves)
        self.add(Node(name, places, {}, outputs, Host(picking(run, range(len(outputs))), places, outputs)))
        return mapped(found, self._wrapped)

    def drawn(self, name: str, draw: Callable[[], Any], law: Law) -> Any:
        """Samples of a law, as a node that draws them."""
        return samples_of(self, name, draw, law)

    # -- in place -----------------------------------------------------------------------------------------

    def written(self, op: Any, target: Any, arrays: dict[str, Any], options: dict[str, Any]) -> None:
        """Have an op write into an array directly, as one node."""
        value = value_of(target)
        check_writable(value, value, op.name)
        self.call(op.name + "_", op.writer, (target,), {**arrays, **options}, writes=(0,))

    def write(self, t: Any, result: Any, name: str) -> None:
        """Write a result into a tensor's memory."""
        check_writable(value_of(t._a), value_of(result), name)
        self.copy_into(value_of(t._a), result)

    def copy_into(self, target: ndarray, result: Any) -> None:
        """target[...] = result, with a conversion where the types differ."""
        source = as_array(value_of(result))
        at, given = self.place(target), self.place(source)
        self.filled(at.storage)
        np.copyto(target, source, casting="unsafe")
        steps = copying(source.dtype, target.dtype)
        if steps is None:
            self.hold(source)
            self.hold(target)
            body: Any = Host(lambda a: [a], (given,), (at,))
        else:
            body = Elements(steps, {"x": given}, {at: "out" if steps else "x"}, target.shape)
        self.add(Node("copy_", (given,), {}, (at,), body))

    def clone(self, x: Any) -> GraphArray:
        """A copy in memory of its own."""
        made = np.empty_like(value_of(x))
        self.temporary(made)
        self.copy_into(made, x)
        return self.wrap(made)

    def step(self, optimizer: Any, group: dict[str, Any], formula: Any) -> bool:
        """Step a group of parameters as one node; whether that could be done."""
        return steps.step(self, optimizer, group, formula)

    def turned_in_place(self, t: Any) -> None:
        """A tensor is about to take another array: Python has to see to that in every call."""
        if t._a.__class__ is ndarray:
            self.turned.append(t)

    def effect(self, again: Callable[[], Any]) -> Any:
        """Do what changes Python's values only, and have it done again after every run."""
        self.effects.append(again)
        with tracing.by(None):
            return again()

    def entered(self, module: Any, args: Any) -> None:
        """A module is called."""
        self.called.append(module)
        self.attributes.note(module)
        self.paths.enter(module)

    def left(self, module: Any, args: Any, result: Any) -> None:
        """Its call is over."""
        self.paths.leave()

    # -- backward -----------------------------------------------------------------------------------------

    def backward(self, n: list[Any], g: Any) -> Any:
        """One step backward, whose nodes have the line of the op that is differentiated."""
        self._origin = self._origins.of(n)
        try:
            return self._backward(n, g)
        finally:
            self._origin = None

    def _backward(self, n: list[Any], g: Any) -> Any:
        """One step backward: through ops where its formulas are ops, else as one node."""
        op = getattr(n[1], "op", None)
        if op is None or not _is_whole(op) or n[1].__class__ is not _function:
            return n[1]([*n[:3], *mapped(n[3:], self._followed)], g)
        head, kept = n[:3], mapped(n[3:], _bare)
        parts = g.parts if isinstance(g, Outputs) else g

        def run(kept: Any, parts: Any) -> Any:
            made = Outputs(parts) if isinstance(g, Outputs) else parts
            return n[1]([*head, *mapped(kept, _dressed)], made)

        return self.call(f"{op.name}_backward", run, (kept, parts))

    def _followed(self, v: Any) -> Any:
        """What a node keeps, as something whose every use is seen: arguments and parameters are plain."""
        if isinstance(v, binding.tensor):
            made = binding.wrap(self._followed(v._a))
            made._b = v._b
            return made
        return self.wrap(v) if v.__class__ is ndarray and self.known(v) else v

    def arrive(self, leaf: Any, arriving: Any, incoming: Any) -> None:
        """A gradient comes to a leaf: it becomes `.grad`, or is added to it."""
        held = leaf.grad
        if leaf not in self.leaves and leaf not in self.cleared:
            self.entry[leaf] = held
        self.leaves[leaf] = None
        if held is None:
            value = value_of(arriving)
            fresh = arriving.__class__ is GraphArray and arriving is not incoming and value.base is None
            leaf.grad = binding.wrap(arriving if fresh else self.clone(arriving))
        elif held._n is not None:
            leaf.grad = held + binding.wrap(arriving)
        else:
            self.write(held, registry["add"](held._a, arriving), "add_")
            held._b = held._b or [0, None, None]
            held._b[0] += 1

    # -- where Python looks at numbers ----------------------------------------------------------------------

    def read(self, x: Any) -> Any:
        """The numbers of an array, for Python: the graph breaks here."""
        value = value_of(x)
        if x.__class__ is not GraphArray and x.__class__ is not ndarray:
            return x
        if x.__class__ is ndarray and not any(self.place(x).storage in n.writes for n in self.nodes):
            if self.place(x).storage.kind == "constant":
                return value
        where = user_line()
        if self.fullgraph:
            raise GraphBreak(
                f"compile(fullgraph=True): {where[0]}:{where[1]} asks for the numbers of a tensor of shape "
                f"{value.shape} (.item(), if, print, .numpy()), which are not known while the function is "
                "captured. Use torch.where, torch.cond or torch.while_loop instead, return the tensor and "
                "look at it outside, or leave fullgraph out: the function is then split there"
            )
        self.reads.append(where)
        return value

    def left_for_python(self, name: str) -> None:
        """A function that is not to be captured is called: the graph breaks here."""
        where = user_line()
        if self.fullgraph:
            raise GraphBreak(
                f"compile(fullgraph=True): {where[0]}:{where[1]} calls {name}, which torch.compiler.disable "
                "keeps out of graphs. Leave fullgraph out: the function is then split there"
            )
        self.reads.append(where)


_function = type(lambda: None)
#: primitives whose backward is code of its own; those of others are ops
_WHOLE = frozenset({"attention", "rnn_layer", "gru_layer", "lstm_layer", "likelihood"})


def _is_whole(op: Any) -> bool:
    """Whether an op's backward is best run as it is on arrays, not through ops."""
    if op.traced is not None:
        return False
    return op.saves or op.name in _WHOLE or (op.kind == "composite" and op.array is not op.body)


_hole = object()  # where an array goes


def _bare(v: Any) -> Any:
    """What a node keeps, Tensors taken apart."""
    if isinstance(v, binding.tensor):
        return KEPT, value_of(v._a), v._b
    return _unwrapped(v)


def _unwrapped(v: Any) -> Any:
    """The numbers of a traced array; other things are left alone, but for numbers that vary: these stay."""
    return v.value if v.__class__ is GraphArray else pinned(v)


def _dressed(v: Any) -> Any:
    """The other way."""
    if v.__class__ is tuple and len(v) == 3 and v[0] is KEPT:
        t = binding.wrap(v[1])
        t._b = v[2]
        return t
    return v


def picking(run: Callable[..., Any], at: Any) -> Callable[..., list[ndarray]]:
    """`run`, giving those arrays of its result that are at these positions."""

    def picked(*arrays: ndarray) -> list[ndarray]:
        found = arrays_in(finished(run(*arrays)))
        return [found[k] for k in at]

    return picked


def finished(found: Any) -> Any:
    """NumPy's scalars as arrays."""
    return mapped(found, lambda v: np.asarray(v) if isinstance(v, np.generic) else v)


def watching(tracer: Tracer | None) -> None:
    """Let a tracer see all launches; None ends it."""
    launch.watch(None if tracer is None else tracer.launched)
    tracing.WATCHED[:] = [] if tracer is None else [tracer]
