"""Scans: a loop over slices that carries a state, as one node, and its backward as another.

Backward goes through the steps from the last to the first. Its region is traced at once with the step itself,
so that it is known what a step must keep for it; every step's is kept in stacks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..autograd.engine import Leaf, next_number, select_backward
from ..autograd.mode import grad_on, no_grad
from ..tensor import Tensor
from .branches import cotangents_of, sources_of, swept
from .graph import Storage
from .loops import Carried, Loop, Slot, check_carried, is_real, tensors_over
from .once import OUTSIDE, once
from .regions import Region, traced_results, whole_tracer
from .tracer import Tracer
from .tree import flattened, rebuilt
from .values import value_of

ndarray = np.ndarray
Nest = tuple[list[Any], Any]  # leaves, and how they are nested


def scan(tracer: Tracer, combine_fn: Callable[..., Any], init: Any, xs: Any, reverse: bool = False) -> Any:
    """(last state, stacked outputs) of a scan along the first dimension, as one node."""
    made = Scan(tracer, combine_fn, flattened(init), flattened(xs), reverse)
    made.backward = Reverse(made) if made.sources or made.is_tracked else None
    return made.results()


class Scan:
    """One step of a scan, traced, and the loop that makes all of them."""

    def __init__(
        self, tracer: Tracer, combine_fn: Callable[..., Any], init: Nest, xs: Nest, reverse: bool
    ) -> None:
        self.tracer, self.init, self.xs, self.start = tracer, init[0], xs[0], next_number()
        self.structure = init[1]
        self.count = len(self.xs[0]._a)
        self.order = (self.count - 1, -1) if reverse else (0, 1)  # the first slice, and from one to the next
        self.carried = Carried(tracer, self.init, self.count + 1 if grad_on() else 2)
        self.loop = Loop(tracer, "scan", self.count)
        self.carried.enter(self.loop)
        self.slices = [self._slice(x) for x in self.xs]
        states, slices = tensors_over(tracer, self.carried.state), tensors_over(tracer, self.slices)
        self.leaves = self._followed(states, slices)
        region = self.loop.region
        with region.tracing():
            found = combine_fn(rebuilt(init[1], states), rebuilt(xs[1], slices))
            self._step(found, init)
        region.close(self.carried.targets(tracer) + [tracer.place(a).storage for a in self.outs], "scan")
        roots = [n for n in self.roots if n is not None]
        mine = {id(leaf) for leaf in self.leaves if leaf is not None}
        self.sources = [n for n in sources_of(roots, self.start) if id(n) not in mine]
        self.backward: Reverse | None = None

    @property
    def is_tracked(self) -> bool:
        """Whether gradients of what is scanned, or of the first state, may be wanted."""
        return grad_on() and any(t._n is not None for t in (*self.init, *self.xs))

    def _slice(self, x: Any) -> ndarray:
        """Memory of one slice, an entry of what is scanned."""
        stack = value_of(x._a)
        made = np.array(stack[self.order[0]], order="C")
        self.tracer.temporary(made)
        self.loop.kept += (stack, made)
        self.loop.entry(self.tracer.place(made).storage, stack, *self.order)
        return made

    def _followed(self, states: list[Any], slices: list[Any]) -> list[Leaf | None]:
        """The leaves that a step's gradients are taken with respect to: all states, slices if tracked."""
        if grad_on():
            for t in states:
                t._n = Leaf() if is_real(t._a) else None
            for t, x in zip(slices, self.xs, strict=True):
                t._n = Leaf() if x._n is not None else None
        return [t._n for t in (*states, *slices)]

    def _step(self, found: Any, init: Nest) -> None:
        """Put what a step returned where the next one, and the outputs, are."""
        if not isinstance(found, tuple | list) or len(found) != 2:
            raise RuntimeError("scan: combine_fn must return a pair: the next state, and an output")
        following, (ys, self.shape) = traced_results(found[0]), traced_results(found[1])
        check_carried("scan", init, following)
        if not all(isinstance(y, Tensor) for y in ys):
            raise RuntimeError(f"scan: combine_fn must return tensors, got {ys!r} as its output")
        self.roots = [t._n for t in (*following[0], *ys)]
        self.outs = [np.empty(y._a.shape, y._a.dtype) for y in ys]
        self.stacks = [np.empty((self.count, *a.shape), a.dtype) for a in self.outs]
        for a in (*self.outs, *self.stacks):
            self.tracer.temporary(a)
        for a, t in zip((*self.carried.next, *self.outs), (*following[0], *ys), strict=True):
            self.tracer.copy_into(a, t._a)
        for a, stack in zip(self.outs, self.stacks, strict=True):
            self.loop.kept += (a, stack)
            self.loop.entry(self.tracer.place(a).storage, stack, *self.order, written=True)

    def results(self) -> Any:
        """Add the node to the graph; the last state and the outputs as tensors."""
        tracer, place = self.tracer, self.tracer.place
        args = tuple(place(value_of(t._a)) for t in (*self.init, *self.xs))
        self.loop.add(args, tuple(map(place, self.stacks)), {"region": self.loop.region})
        self.loop.compute()
        last = [tracer.clone(stack[self.count % len(stack), ...]).value for stack in self.carried.stacks]
        found = tensors_over(tracer, [*last, *self.stacks])
        if self.backward is not None:
            self._record(found)
        carried = len(self.init)
        return rebuilt(self.structure, found[:carried]), rebuilt(self.shape, found[carried:])

    def _record(self, found: list[Any]) -> None:
        assert self.backward is not None
        inputs = (*(t._n for t in self.init), *(x._n for x in self.xs), *self.sources)
        self.backward.layouts = [(t._a.shape, t._a.dtype) for t in found]
        node = [next_number(), scan_backward, inputs, self.backward]
        for k, t in enumerate(found):
            if is_real(t._a):
                t._n = [next_number(), select_backward, node, k]


class Reverse:
    """The region of a step's backward.

    From cotangents of the next state and of the output it computes those of the state and of the slice, and
    adds those of everything else to what has come together.
    """

    def __init__(self, scan: Scan) -> None:
        self.scan, self.tracer = scan, scan.tracer
        self.layouts: list[tuple[Any, Any]] = []  # of what the scan returned
        carried = len(scan.init)
        self.state, self.next = self._like(scan.carried.state), self._like(scan.carried.state)
        self.outs, self.slices = self._like(scan.outs), self._like(scan.slices)
        for k, leaf in enumerate(scan.leaves[carried:]):
            self.slices[k] = None if leaf is None else self.slices[k]
        self.region = Region(self.tracer)
        with self.region.tracing(), no_grad():
            cotangents = [None if a is None else self.tracer.wrap(a) for a in (*self.state, *self.outs)]
            found = swept(scan.roots, [*map(_leaf, scan.leaves), *scan.sources], cotangents)
            more = found[len(scan.leaves) :]
            self.sums = [None if g is None else np.ones(g.shape, g.dtype) for g in more]
            self.totals = [None if g is None else np.empty(g.shape, g.dtype) for g in more]
            for a in (*self.sums, *self.totals):
                if a is not None:
                    self.tracer.temporary(a)
            self._write(self.next, found[:carried])
            self._write(self.slices, found[carried : len(scan.leaves)])
            pairs = zip(self.sums, more, strict=True)
            self._write(self.totals, [None if a is None else self.tracer.wrap(a) + g for a, g in pairs])
        self.region.close(self._storages(self.next, self.slices, self.sums, self.totals), "scan")
        for s in list(self.region.given):
            if s in scan.loop.region.inner and s not in scan.loop.slots:
                scan.loop.export(scan.loop.region, s)

    def _like(self, arrays: Sequence[ndarray]) -> list[ndarray | None]:
        """Memory for cotangents; ones, for there must be numbers while it is traced."""
        made = [np.ones(a.shape, a.dtype) if is_real(a) else None for a in arrays]
        for a in made:
            if a is not None:
                self.tracer.temporary(a)
        return made

    def _write(self, targets: Sequence[ndarray | None], values: Sequence[Any]) -> None:
        for a, g in zip(targets, values, strict=True):
            if a is not None:
                self.tracer.copy_into(a, np.zeros(a.shape, a.dtype) if g is None else g)

    def _storages(self, *groups: Sequence[ndarray | None]) -> list[Storage]:
        return [self.tracer.place(a).storage for group in groups for a in group if a is not None]

    def __call__(self, g: Any) -> tuple[Any, ...]:
        """Add the node that goes back through all steps; gradients of states, slices and all else."""
        tracer, cotangents = self.tracer, cotangents_of(g, self.layouts)
        if whole_tracer() is not tracer:
            raise RuntimeError(
                "scan: backward through a tensor that a compiled function left behind. "
                "Return it from the function"
            )
        scan, count = self.scan, self.scan.count
        loop = Loop(tracer, "scan_backward", count, self.region)
        for s in self.region.given:
            if s in scan.loop.slots:
                loop.slots[s] = backwards(scan.loop.slots[s], count)
        carried = len(self.state)
        state = [self._carry(loop, *pair) for pair in zip(self.state, self.next, cotangents, strict=False)]
        sums = [self._carry(loop, a, b, None) for a, b in zip(self.sums, self.totals, strict=True)]
        order = scan.order[0] + (count - 1) * scan.order[1], -scan.order[1]
        for a, g in zip(self.outs, cotangents[carried:], strict=True):
            if a is not None:
                loop.entry(tracer.place(a).storage, self._stack(loop, a, count, g), *order)
        slices = [None if a is None else self._stack(loop, a, count) for a in self.slices]
        for a, stack in zip(self.slices, slices, strict=True):
            if a is not None and stack is not None:
                loop.entry(tracer.place(a).storage, stack, *order, written=True)
        args = tuple(tracer.place(value_of(g)) for g in cotangents)
        loop.add(args, tuple(tracer.place(a) for a in slices if a is not None), {"region": self.region})
        loop.compute()
        last = [None if stack is None else tracer.clone(stack[count % 2, ...]) for stack in (*state, *sums)]
        wrapped = [None if a is None else tracer.wrap(a) for a in slices]
        return (*last[:carried], *wrapped, *last[carried:])

    def _carry(self, loop: Loop, a: ndarray | None, following: ndarray | None, first: Any) -> ndarray | None:
        """A stack of two entries that cotangents go back and forth in."""
        if a is None or following is None:
            return None
        stack = self._stack(loop, a, 2)
        self.tracer.copy_into(stack[0, ...], np.zeros(a.shape, a.dtype) if first is None else first)
        loop.entry(self.tracer.place(a).storage, stack, 0, 1)
        loop.entry(self.tracer.place(following).storage, stack, 1, 1, written=True)
        return stack

    def _stack(self, loop: Loop, a: ndarray, count: int, filled: Any = None) -> Any:
        made = np.empty((count, *a.shape), a.dtype)
        loop.made(made)
        if filled is not None:
            self.tracer.copy_into(made, filled)
        return made


def backwards(slot: Slot, count: int) -> Slot:
    """The entries that a loop meets which goes the other way."""
    return slot._replace(first=slot.first + (count - 1) * slot.step, step=-slot.step)


def _leaf(leaf: Leaf | None) -> Leaf:
    """A leaf, or one that no gradient comes to."""
    return Leaf() if leaf is None else leaf


def scan_backward(n: list[Any], g: Any) -> tuple[Any, ...]:
    """The gradients of a scan's first state, of what it scanned, and of all else its steps read."""
    return n[3](g)


once(scan_backward, "ScanBackward0", OUTSIDE.format("scan"))
