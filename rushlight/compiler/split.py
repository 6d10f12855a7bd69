"""Functions that Python must see numbers of: followed by Python at every call, computed by plans in between.

Every op is an event. The events of earlier calls form a tree; as long as a call goes along a path in it,
nothing is computed: an event hands out the arrays it made the first time, whose memory is kept. Where numbers
are asked for, the nodes since the last such place run as one plan, and Python sees the real values. A call
that leaves the tree (an `if` went the other way) computes what is pending, goes on op by op, and adds a
branch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import rushlight.threads as threads

from ..arrays import tracing
from ..arrays.tracing import Law
from ..autograd.autocast import autocast_state
from ..autograd.engine import Leaf
from ..autograd.mode import grad_on
from ..tensor import Tensor, wrap
from .capture import tracing_with
from .debugging import check
from .graph import Graph, Node, Storage
from .lower import lowered
from .naming import name_piece
from .passes import optimised
from .plan import Plan
from .structure import address, mapped
from .tracer import Tracer
from .tree import flattened, rebuilt
from .values import GraphArray, value_of

ndarray = np.ndarray
MOST_EVENTS = 20000


class Event:
    """One op of a call: what it gave, the nodes it made, and the events that have followed it.

    `plans` are those of the nodes between an earlier event and this one, with what was alive then.
    """

    __slots__ = ("results", "nodes", "following", "plans")

    def __init__(self, results: Any = None, nodes: tuple[Node, ...] = ()) -> None:
        self.results, self.nodes = results, nodes
        self.following: dict[Any, Event] = {}
        self.plans: dict[Event, tuple[set[Storage], Plan]] = {}


class Split:
    """A function's trees of events, one for each kind of arguments."""

    def __init__(self, f: Callable[..., Any], debug: bool = False) -> None:
        self.f, self.debug = f, debug
        self.trees: dict[Any, Tree] = {}

    def __call__(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        leaves, structure = flattened((args, kwargs))
        key = (_hashable(structure), *map(_kind, leaves), grad_on(), threads.get(), autocast_state())
        tree = self.trees.get(key)
        if tree is None:
            tree = self.trees[key] = Tree(leaves, self.debug)
        if tree.tracer.count_of_events > MOST_EVENTS:
            return self.f(*args, **kwargs)  # every call went its own way
        return tree.call(self.f, leaves, structure)

    def graphs(self) -> list[Graph]:
        """The graphs of the plans between places where Python looks at numbers, the latest first."""
        found = []
        for tree in self.trees.values():
            for graph in tree.tracer.graphs:
                name_piece(graph, tree.tracer, self.f, tree.memory)
                found.append(graph)
        return found[::-1]


class Tree:
    """Events, and memory for the arguments, to which every call's are copied."""

    def __init__(self, leaves: list[Any], debug: bool) -> None:
        self.tracer = Follower(debug)
        self.memory = [_room(v._a) if isinstance(v, Tensor) else None for v in leaves]
        for a in self.memory:
            if a is not None:
                self.tracer.place(a)

    def call(self, f: Callable[..., Any], leaves: list[Any], structure: Any) -> Any:
        """f on the arguments."""
        given = [v if a is None else _filled(a, v) for v, a in zip(leaves, self.memory, strict=True)]
        args, kwargs = rebuilt(structure, given)
        tracer = self.tracer
        tracer.begin()
        with tracing_with(tracer, copies=True):
            result = f(*args, **kwargs)
            tracer.settle()
        back = {id(g): v for g, v in zip(given, leaves, strict=True)}
        for g, v in zip(given, leaves, strict=True):
            if g is not v:
                _written_back(g, v)
        found, shape = flattened(result)
        return rebuilt(shape, [back.get(id(v), v) for v in found])


class Follower(Tracer):
    """A tracer that goes along a tree of events."""

    def __init__(self, debug: bool = False) -> None:
        super().__init__()
        self.debug = debug  # whether plans are checked
        self.root = Event()
        self.graphs: list[Graph] = []  # of all plans
        self.count_of_events = 0
        self.busy = False
        self.begin()

    def begin(self) -> None:
        """Start a call."""
        self.at = self.since = self.root
        self.pending: list[Node] = []
        self.new = False
        self.arrays.clear()
        self.nodes.clear()
        self.turned.clear()
        self.called.clear()

    def event(self, key: Any, run: Callable[[], Any]) -> Any:
        """What an op gives: what it gave before, its nodes pending; or computed now, if it is new here."""
        if self.busy:
            return run()
        found = None if self.new else self.at.following.get(key)
        if found is None:
            found = self._first_time(key, run)
        else:
            self.pending += found.nodes
        self.at = found
        return mapped(found.results, self._wrapped)

    def _first_time(self, key: Any, run: Callable[[], Any]) -> Event:
        if not self.new:
            self.settle()
        self.new = self.busy = True
        self.count_of_events += 1
        start = len(self.nodes)
        try:
            results = mapped(run(), lambda v: v.value if v.__class__ is GraphArray else v)
        finally:
            self.busy = False
        made = self.at.following[key] = Event(results, tuple(self.nodes[start:]))
        for storage in {s for n in made.nodes for s in (*n.reads, *n.writes)}:
            self.keep(storage)
        return made

    def keep(self, storage: Storage) -> None:
        """Let a storage's memory stay, unless it was scratch."""
        if storage.array is None and any(s is storage for s in self.storages.values()):
            storage.array = self.owner(storage)

    def settle(self) -> None:
        """Compute what is pending."""
        if not self.pending:
            self.since = self.at
            return
        alive = {self.place(a.value).storage for r in self.arrays if (a := r()) is not None}
        known = self.at.plans.get(self.since)
        if known is None or not alive <= known[0]:
            live = alive | (known[0] if known is not None else set())
            traced = Graph(list(self.pending), live)
            graph = optimised(traced)
            graph.traced = traced
            self.graphs.append(graph)
            plan = Plan([lowered(n) for n in graph.nodes], [], graph.nodes)
            plan.alarms = self.alarms
            if self.debug:
                check(plan, graph)
            known = self.at.plans[self.since] = live, plan
        with tracing.by(None):
            known[1].run(())
        self.pending.clear()
        self.since = self.at

    # -- the entrances of ops -----------------------------------------------------------------------------

    def __op__(self, op: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        as_others = op.traced is not None or (op.kind == "composite" and op.array is op.body)
        if as_others or op.is_sized_by_numbers(*args, **kwargs):
            return super().__op__(op, args, kwargs)
        return self.event((op.name, self.key(args, kwargs)), lambda: Tracer.__op__(self, op, args, kwargs))

    def __saving__(self, op: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any]:
        if op.traced is not None:
            return super().__saving__(op, args, kwargs)
        key = (op.name, "saving", self.key(args, kwargs))
        return self.event(key, lambda: Tracer.__saving__(self, op, args, kwargs))

    def call(self, name: str, fn: Any, args: Any, kwargs: Any = None, saves: bool = False) -> Any:
        run = lambda: Tracer.call(self, name, fn, args, kwargs, saves)  # noqa: E731
        return self.event((name, self.key(args, kwargs)), run)

    def host(self, name: str, run: Callable[..., Any], *arrays: Any) -> Any:
        return self.event((name, "host", self.key(arrays)), lambda: Tracer.host(self, name, run, *arrays))

    def drawn(self, name: str, draw: Callable[[], Any], law: Law) -> Any:
        return self.event((name, "drawn", law), lambda: Tracer.drawn(self, name, draw, law))

    def clone(self, x: Any) -> Any:
        return self.event(("clone", self.key(x)), lambda: Tracer.clone(self, x))

    def created(self, a: ndarray) -> Any:
        made = self.event(("created", a.shape, a.strides, a.dtype.str), lambda: Tracer.created(self, a))
        if made.value is not a:
            np.copyto(made.value, a)
        return made

    def filled(self, storage: Storage) -> None:
        """Constants are filled anew when they are made."""

    def copy_into(self, target: ndarray, result: Any) -> None:
        key = ("copy", self.key(target), self.key(result))
        self.event(key, lambda: Tracer.copy_into(self, target, result))

    def step(self, optimizer: Any, group: dict[str, Any], formula: Any) -> bool:
        grads = [self.key(p.grad._a) for p in group["params"] if p.grad is not None]
        key = ("step", id(optimizer), id(formula), *grads)
        return self.event(key, lambda: Tracer.step(self, optimizer, group, formula))

    def effect(self, again: Callable[[], Any]) -> Any:
        with tracing.by(None):
            return again()

    def read(self, x: Any) -> Any:
        """The numbers of an array, for Python, once what is pending has been computed."""
        self.settle()
        value = value_of(x)
        return value.copy() if isinstance(value, ndarray) else value

    def left_for_python(self, name: str) -> None:
        """Compute what is pending, for a function that is not to be captured."""
        self.settle()

    def key(self, *values: Any) -> Any:
        """What must be the same for an event to be the same: places of arrays, and values of Python's."""
        found: list[Any] = []

        def note(v: Any) -> Any:
            if v.__class__ is GraphArray:
                v = v.value
            if v.__class__ is ndarray:
                found.append((address(v), v.shape, v.strides, v.dtype.str))
            elif v.__class__ in _PLAIN:
                found.append((v.__class__, v))
            return v

        mapped(values, note)
        return tuple(found)


_PLAIN = (int, float, bool, str, type(None), complex)


def _hashable(structure: Any) -> Any:
    return repr(structure)


def _kind(v: Any) -> Any:
    """What distinguishes kinds of an argument."""
    if isinstance(v, Tensor):
        return (type(v), v._a.shape, v._a.strides, v._a.dtype.str, v._n.__class__)
    return (type(v), v) if type(v) in _PLAIN else id(v)


def _written_back(g: Any, t: Any) -> None:
    """Bring what was done in place to the stand-in of an argument to the argument."""
    if g._b is None or not g._b[0]:
        return
    if g._a.shape == t._a.shape and g._a.strides == t._a.strides:
        np.copyto(t._a, g._a)
    else:
        t._a = g._a.copy(order="K")
    t._n = g._n
    t._b = t._b or [0, None, None]
    t._b[0] += g._b[0]


def _room(a: ndarray) -> ndarray:
    return np.empty_like(a)


def _filled(memory: ndarray, t: Any) -> Any:
    """A tensor over the memory of an argument, holding its numbers; a leaf stays itself."""
    if t._n.__class__ is Leaf:
        return t
    np.copyto(memory, t._a)
    made = wrap(memory)
    if t._n is not None:
        made._n = t._n
    return made
