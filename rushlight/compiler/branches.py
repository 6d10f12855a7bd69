"""Branches: a node that runs one of several regions, as a boolean tensor says."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

import rushlight.dtypes as dtypes

from ..autograd import engine
from ..autograd.engine import Leaf, Outputs, next_number, select_backward
from ..autograd.mode import grad_on, no_grad
from ..tensor import Tensor, wrap
from .graph import Place, Storage
from .once import OUTSIDE, once
from .regions import Owner, Region, bytes_of, home, traced_results, whole, whole_tracer
from .tracer import Tracer
from .tree import flattened, rebuilt
from .values import value_of

ndarray = np.ndarray


class Branches(Owner):
    """Runs the first of two regions where a predicate holds, else the second."""

    def __init__(self, tracer: Tracer, name: str, pred: ndarray) -> None:
        super().__init__(tracer, name)
        self.pred = bytes_of(tracer.place(pred))
        self.regions = [Region(tracer) for _ in range(2)]
        for region in self.regions:
            region.owner = self

    def places(self) -> list[Place]:
        """The predicate, and what each region is given and exports."""
        return [self.pred, *(whole(s) for r in self.regions for s in (*r.given, *r.exported))]

    def run(self, *arrays: ndarray) -> list[ndarray]:
        """Run the branch that is taken."""
        first, second = self.regions
        middle = 1 + len(first.given) + len(first.exported)
        if arrays[0].any():
            first.plan.run(arrays[1:middle])
        else:
            second.plan.run(arrays[middle:])
        return []

    def export(self, region: Region, s: Storage) -> None:
        """Let others read what a region computes on its way."""
        region.exported.append(s)
        region.changed()
        self.published(s)
        self.refresh()


def branch(
    tracer: Tracer, pred: Any, functions: Sequence[Callable[..., Any]], operands: Any, zeros: bool = False
) -> Any:
    """functions[0](*operands) where pred, else functions[1](*operands), as one node.

    Raises RuntimeError where the results differ in more than their numbers.
    """
    start, name = next_number(), "cond_backward" if zeros else "cond"
    owner = Branches(tracer, name, value_of(pred._a))
    found = []
    for region, fn in zip(owner.regions, functions, strict=True):
        with region.tracing():
            found.append(traced_results(fn(*operands)))
    (first, structure), (second, other) = found
    if structure != other:
        raise RuntimeError(f"{name}: the branches return different structures: {structure} and {other}")
    pairs = [_Pair(name, k, a, b, zeros) for k, (a, b) in enumerate(zip(first, second, strict=True))]
    joined = [p for p in pairs if p.like is not None]
    for k, region in enumerate(owner.regions):
        with region.tracing():
            for p in joined:
                tracer.temporary(p.out)
                tracer.copy_into(p.out, p.array(k))
        region.close([tracer.place(p.out).storage for p in joined], name)
        _reach(region)
    owner.writes |= {tracer.place(p.out).storage for p in joined}
    args = (tracer.place(value_of(pred._a)), *_places(tracer, operands))
    owner.add(args, tuple(tracer.place(p.out) for p in joined), {"branches": tuple(owner.regions)})
    taken = 0 if value_of(pred._a).any() else 1
    for p in joined:
        p.out[...] = value_of(p.array(taken))
    results = [wrap(tracer.wrap(p.out)) if p.like is not None else p.first for p in pairs]
    _record(pred, pairs, results, start)
    return rebuilt(structure, results)


class _Pair:
    """What the two branches return at one place of their results; `out` is where either comes to lie.

    With `zeros`, None stands for zeros.
    """

    def __init__(self, name: str, k: int, first: Any, second: Any, zeros: bool) -> None:
        self.first, self.second = first, second
        tensors = [t for t in (first, second) if isinstance(t, Tensor)]
        self.like = tensors[0] if tensors else None
        if self.like is None:
            if first is not second and first != second:
                raise RuntimeError(
                    f"{name}: result {k} is {first!r} in one branch and {second!r} in the other"
                )
            return
        kinds = [_kind(t) for t in (first, second)]
        if kinds[0] != kinds[1] and not (zeros and (first is None or second is None)):
            raise RuntimeError(
                f"{name}: the branches must return the same shapes and dtypes, but result {k} is "
                f"{kinds[0]} in true_fn and {kinds[1]} in false_fn"
            )
        self.out = np.empty(self.like._a.shape, self.like._a.dtype)

    def array(self, k: int) -> Any:
        """The array of one branch; zeros where it has none."""
        t = (self.first, self.second)[k]
        return np.zeros_like(self.out) if t is None else t._a


def _kind(t: Any) -> str:
    if not isinstance(t, Tensor):
        return repr(t)
    return f"{dtypes.of_numpy(t._a.dtype)} of shape {tuple(t._a.shape)}"


def _places(tracer: Tracer, operands: Any) -> Iterator[Place]:
    for t in flattened(operands)[0]:
        if isinstance(t, Tensor):
            yield tracer.place(value_of(t._a))


def _reach(region: Region) -> None:
    """Have what the region reads of finished ones exported by them."""
    for s in region.given:
        made_by = home(region, s)
        if made_by is not None:
            made_by.owner.export(made_by, s)


# -- backward ------------------------------------------------------------------------------------------


def _record(pred: Any, pairs: list[_Pair], results: list[Any], start: int) -> None:
    """Make the results children of one node, whose backward branches as forward did."""
    tracked = [k for k, p in enumerate(pairs) if _is_tracked(p.first) or _is_tracked(p.second)]
    if not tracked or not grad_on():
        return
    roots = [[p[k]._n if _is_tracked(p[k]) else None for k in tracked] for p in _columns(pairs)]
    sources = sources_of([n for side in roots for n in side if n is not None], start)
    outputs = [results[k]._a for k in tracked]
    node = [next_number(), _branch_backward, tuple(sources), Pull(pred, roots, sources, outputs)]
    for i, k in enumerate(tracked):
        results[k]._n = [next_number(), select_backward, node, i]


def _is_tracked(t: Any) -> bool:
    return isinstance(t, Tensor) and t._n is not None


def _columns(pairs: list[_Pair]) -> list[list[Any]]:
    return [[p.first for p in pairs], [p.second for p in pairs]]


def sources_of(roots: Sequence[Any], start: int) -> list[Any]:
    """The nodes and leaves that nodes recorded since `start` lead to; nodes count downwards."""
    seen: dict[int, Any] = {}
    found: list[Any] = []
    todo = list(roots)
    while todo:
        n = todo.pop()
        if id(n) in seen:
            continue
        seen[id(n)] = n
        if n.__class__ is Leaf or n[0] > start:
            found.append(n)
        else:
            todo += [m for m in (n[2] if n[2].__class__ is tuple else (n[2],)) if m is not None]
    return found


def swept(roots: Sequence[Any], sources: Sequence[Any], cotangents: Sequence[Any]) -> list[Any]:
    """The gradients of `sources`, arrays or None, from cotangents of `roots` (None: not tracked)."""
    pairs = [(n, g) for n, g in zip(roots, cotangents, strict=True) if n is not None and g is not None]
    captures = {id(n) if n.__class__ is Leaf else n[0]: [k] for k, n in enumerate(sources)}
    found = engine.run_general(
        [n for n, _ in pairs],
        [g for _, g in pairs],
        retain=True,
        captures=captures,
        into_leaves=False,
        through=False,
    )
    return [found.get(k) for k in range(len(sources))]


def cotangents_of(g: Any, layouts: Sequence[tuple[Any, Any]]) -> list[Any]:
    """A cotangent for each of a node's outputs, of these shapes and dtypes: zeros where none came."""
    parts = g.parts if isinstance(g, Outputs) else {0: g}
    return [parts[k] if k in parts else np.zeros(*layout) for k, layout in enumerate(layouts)]


class Pull:
    """The gradients of `sources` by the branch that was taken, from cotangents of what it returned."""

    def __init__(self, pred: Any, roots: list[list[Any]], sources: list[Any], outputs: Sequence[Any]) -> None:
        self.pred, self.layouts = pred, [(a.shape, a.dtype) for a in outputs]
        self.functions = [partial(_gradients, side, sources) for side in roots]

    def __call__(self, g: Any) -> tuple[Any, ...]:
        given = [wrap(a) for a in cotangents_of(g, self.layouts)]
        with no_grad():
            found = by_branch(self.pred, self.functions, given, zeros=True)
        return tuple(None if t is None else t._a for t in found)


def _branch_backward(n: list[Any], g: Any) -> tuple[Any, ...]:
    """The gradients by the branch that was taken."""
    return n[3](g)


def _gradients(roots: list[Any], sources: list[Any], *cotangents: Any) -> list[Any]:
    found = swept(roots, sources, [t._a for t in cotangents])
    return [None if a is None else wrap(a) for a in found]


def by_branch(pred: Any, functions: Sequence[Callable[..., Any]], operands: Any, zeros: bool = False) -> Any:
    """What the function gives that `pred` chooses: one node where a whole graph is traced, else a call.

    Raises Batched where the functions compute with arrays of a vmap.
    """
    found = whole_tracer()
    if found is not None:
        return branch(found, pred, functions, operands, zeros)
    return functions[0 if pred else 1](*operands)


once(_branch_backward, "CondBackward0", OUTSIDE.format("cond"))
