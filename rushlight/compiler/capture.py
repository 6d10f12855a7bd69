"""Capture: a function run once over traced arrays, and what it leaves behind brought back to plain arrays."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import rushlight.compiler.verdicts as verdicts

from ..arrays import tracing
from ..autograd import engine, switches
from ..autograd.autocast import autocast_state, own_casts
from ..autograd.engine import FreedError, Leaf
from ..autograd.mode import grad_on, no_grad
from ..nn.global_hooks import register_module_forward_hook, register_module_forward_pre_hook
from ..tensor import Parameter, Tensor, wrap
from .attributes import Change, tensors_in
from .remaining import Remaining
from .structure import mapped
from .symbols import argument, understood_by_math
from .tracer import Tracer, watching
from .tree import flattened, rebuilt
from .values import GraphArray


class Capture:
    """What a call left: nodes, its result, its backward as nodes too, and the tensors made in it that stay.

    `forward` is how many of the nodes belong to the call; the others compute the gradients of `roots`
    (results that are tracked) with respect to `sources` (leaves, or nodes of arguments), from `cotangents`.
    """

    def __init__(self, tracer: Tracer, leaves: list[Any]) -> None:
        self.tracer, self.leaves = tracer, leaves
        self.result: Any = None
        self.results: list[Any] = []
        self.strays: list[Any] = []
        self.changes: list[Change] = []  # of attributes
        self.everything: Any = None  # the result, and what attributes were set to
        self.forward = 0
        self.autocast = autocast_state()
        self.roots: list[Any] = []
        self.sources: list[Any] = []
        self.cotangents: list[Any] = []
        self.gradients: list[Any] = []

    @property
    def effects(self) -> str:
        """What the call did besides that no plan can do again, in words."""
        found = [f"the attribute {c.name}" for c in self.changes if not c.is_state]
        state = {id(t) for c in self.changes for t in tensors_in(c.new)}
        if any(id(t) not in state for t in self.tracer.kept):
            found.append("what a list or dictionary holds")
        if self.autocast != autocast_state():
            found.append("the autocast state")
        return ", ".join(found)


def capture(
    f: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    fullgraph: bool = False,
    varying: Collection[int] = (),
) -> Capture:
    """Call f(*args, **kwargs), every op traced. The call has its full effect.

    `varying` are positions among the flattened arguments of numbers that change from call to call.
    """
    leaves, structure = flattened((args, kwargs))
    leaves = [argument(k, v) if k in varying else v for k, v in enumerate(leaves)]
    given, stand_ins = _given(leaves)
    seen = Capture(Tracer(fullgraph), leaves)
    args, kwargs = rebuilt(structure, given)
    math = understood_by_math() if varying else nullcontext()
    seen.tracer.attributes.note_all(f, leaves)
    with math, tracing_with(seen.tracer) as seen.strays:
        seen.result = f(*args, **kwargs)
        seen.results = [t for t in flattened(seen.result)[0] if isinstance(t, Tensor)]
        seen.tracer.returned = seen.results
        seen.forward = len(seen.tracer.nodes)
        if grad_on():
            _backward(seen, stand_ins)
    seen.changes = seen.tracer.attributes.changes()
    seen.everything = seen.result, [c.new for c in seen.changes]
    verdicts.save()
    return seen


@contextmanager
def tracing_with(tracer: Tracer, copies: bool = False) -> Iterator[list[Any]]:
    """Trace what is done here; afterwards tensors hold plain arrays again (or copies), and are listed."""
    gc.freeze()  # what was there before is not looked through afterwards
    strays: list[Any] = []
    switches.pause(1)
    watching(tracer)
    before = register_module_forward_pre_hook(tracer.entered)
    after = register_module_forward_hook(tracer.left, always_call=True)
    try:
        with tracing.by(tracer), own_casts():
            yield strays
    finally:
        before.remove()
        after.remove()
        watching(None)
        switches.pause(-1)
        strays += landed(tracer, copies)
        remaining = Remaining([] if copies else [t for t in strays if _is_held_elsewhere(t, tracer)])
        gc.unfreeze()
        tracer.kept = remaining.kept_before()


def _given(leaves: list[Any]) -> tuple[list[Any], dict[Any, Any]]:
    """The arguments, with leaves in place of those that were computed, and whose nodes these are."""
    given, nodes = [], {}
    for v in leaves:
        if isinstance(v, Tensor) and v._n.__class__ is list and grad_on():
            node, v = v._n, wrap(v._a)
            v._n = Leaf()
            nodes[v._n] = node
        given.append(v)
    return given, nodes


def _backward(seen: Capture, stand_ins: dict[Any, Any]) -> None:
    """Trace the gradients of the results that are tracked, for whoever calls backward later."""
    tracked = [t for t in seen.results if t._n.__class__ is list]
    sources = list(dict.fromkeys(leaf for t in tracked for leaf in _leaves_of(t._n)))
    if not sources:
        return
    tracer = seen.tracer
    cotangents = [tracer.handed_in(t._a.value) for t in tracked]
    captures = {id(leaf): [k] for k, leaf in enumerate(sources)}
    try:
        with no_grad():
            found = _swept(tracked, cotangents, captures)
    except FreedError:
        del tracer.nodes[seen.forward :]
        return
    seen.roots, seen.cotangents = tracked, [c.value for c in cotangents]
    seen.gradients = [found.get(k) for k in range(len(sources))]
    seen.sources = [stand_ins.get(leaf, leaf) for leaf in sources]


def _swept(tracked: list[Any], cotangents: list[Any], captures: dict[int, list[int]]) -> dict[int, Any]:
    roots = [t._n for t in tracked]
    return engine.run_general(
        roots, cotangents, retain=True, captures=captures, into_leaves=False, through=False
    )


def _leaves_of(root: list[Any]) -> Iterator[Leaf]:
    """The leaves a node leads to."""
    seen = {id(root)}
    todo: list[Any] = [root]
    while todo:
        n = todo.pop()
        if n.__class__ is Leaf:
            yield n
            continue
        inputs = n if n.__class__ is tuple else n[2]
        for m in inputs if inputs.__class__ is tuple else (inputs,):
            if m is not None and id(m) not in seen:
                seen.add(id(m))
                todo.append(m)


def _is_held_elsewhere(t: Any, tracer: Tracer) -> bool:
    """Whether something else than the call's result and a leaf holds a tensor.

    Known are the result and the list of its tensors, `.grad`, the list of strays, and here two names.
    """
    returned = sum(r is t for r in tracer.returned)
    grads = sum(leaf.grad is t for leaf in tracer.leaves)
    return sys.getrefcount(t) > 2 * returned + grads + 4


def landed(tracer: Tracer, copies: bool) -> list[Any]:
    """Give the tensors that hold traced arrays the plain ones; returns them.

    With `copies`, arrays whose memory will be used again: gradients keep theirs all the same.
    """
    alive = [a for r in tracer.arrays if (a := r()) is not None]
    kept = {id(leaf.grad) for leaf in tracer.leaves if leaf.grad is not None}
    made: dict[int, Any] = {}

    def plain(v: Any) -> Any:
        if v.__class__ is not GraphArray:
            return v
        return made.setdefault(id(v), v.value.copy(order="K")) if copies else v.value

    found, others = [], []
    for holder in gc.get_referrers(*alive) if alive else ():
        if holder.__class__ is Tensor or holder.__class__ is Parameter:
            if holder._a.__class__ is GraphArray:
                holder._a = holder._a.value if id(holder) in kept else plain(holder._a)
                found.append(holder)
        elif holder.__class__ is list and holder is not alive:
            holder[:] = map(plain, holder)
        else:
            others.append(holder)
    for t in tracer.turned:
        t._a = plain(t._a)
    if others:  # records that nodes keep
        for n in _nodes_behind(found):
            n[3:] = mapped(n[3:], plain)
    return found


def _nodes_behind(tensors: list[Any]) -> Iterator[list[Any]]:
    """The nodes that tensors' gradients go through."""
    seen: set[int] = set()
    todo: list[Any] = [t._n for t in tensors]
    while todo:
        n = todo.pop()
        if n.__class__ is tuple:
            todo += n
        elif n.__class__ is list and id(n) not in seen:
            seen.add(id(n))
            todo.append(n[2])
            yield n
