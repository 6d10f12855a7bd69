"""Loops: a node that runs a region many times, with other memory at every step.

What differs from step to step are entries of stacks: slices of what is scanned over, the carried state, which
moves from one entry to the next, what a step puts out, and what its backward needs of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

import rushlight.dtypes as dtypes

from ..autograd.engine import next_number
from ..autograd.mode import grad_on
from ..tensor import Tensor, wrap
from .graph import Place, Storage
from .regions import Owner, Region, bytes_of, traced_results, whole
from .tracer import Tracer
from .tree import rebuilt
from .values import value_of

ndarray = np.ndarray
_LINE = 64  # bytes: entries of stacks of bytes begin at cache lines


class Slot(NamedTuple):
    """A storage that is entry (first + i * step) % count of a stack at step i; `pitch` bytes an entry."""

    stack: Place
    pitch: int
    first: int
    step: int
    count: int


class Steps:
    """A region's memory at every step, once the stacks and all else are there."""

    def __init__(self, region: Region, slots: dict[Storage, Slot], arrays: dict[Place, ndarray]) -> None:
        self.plan = region.plan
        self.rows: list[tuple[list[ndarray], int, int]] = []
        for s in (*region.given, *region.exported):
            slot = slots.get(s)
            if slot is None:
                self.rows.append(([arrays[whole(s)]], 0, 0))
            else:
                memory, starts = arrays[slot.stack], range(0, slot.count * slot.pitch, slot.pitch)
                entries = [memory[k : k + s.nbytes] for k in starts]
                self.rows.append((entries, slot.first, slot.step))

    def run(self, i: int) -> None:
        """Make step i."""
        self.plan.run(tuple([e[(first + i * step) % len(e)] for e, first, step in self.rows]))


class Loop(Owner):
    """Runs one region `count` times."""

    def __init__(self, tracer: Tracer, name: str, count: int, region: Region | None = None) -> None:
        super().__init__(tracer, name)
        self.count = count
        self.region = region if region is not None else Region(tracer)
        self.slots: dict[Storage, Slot] = {}

    @property
    def regions(self) -> tuple[Region, ...]:
        """All that run."""
        return (self.region,)

    def places(self) -> list[Place]:
        """All stacks, and what is the same at every step."""
        found: dict[Place, None] = {}
        for region in self.regions:
            for s in (*region.given, *region.exported):
                found[self.slots[s].stack if s in self.slots else whole(s)] = None
        return list(found)

    def run(self, *arrays: ndarray) -> list[ndarray]:
        """All steps."""
        steps = Steps(self.region, self.slots, dict(zip(self.places(), arrays, strict=True)))
        for i in range(self.count):
            steps.run(i)
        return []

    def entry(self, s: Storage, stack: ndarray, first: int, step: int, written: bool = False) -> None:
        """Have a storage be an entry of a stack, whose first dimension counts them."""
        place = self.tracer.place(stack)
        pitch = stack.nbytes // len(stack)
        self.slots[s] = Slot(bytes_of(place), pitch, first, step, len(stack))
        if written:
            self.published(place.storage)

    def export(self, region: Region, s: Storage) -> None:
        """Let others read what the region computes on its way, of every step."""
        pitch = -(-s.nbytes // _LINE) * _LINE
        stack = np.empty((self.count, pitch), np.uint8)
        self.made(stack)
        self.entry(s, stack, 0, 1, written=True)
        region.exported.append(s)
        region.changed()
        self.refresh()


class While(Loop):
    """Runs a region as long as another leaves a flag that holds; then the state is copied to `outputs`."""

    def __init__(self, tracer: Tracer, flag: ndarray, outputs: Sequence[ndarray]) -> None:
        super().__init__(tracer, "while_loop", 0)
        self.test = Region(tracer)
        self.flag = bytes_of(tracer.place(flag))
        self.states: list[Slot] = []
        self.outputs = [bytes_of(tracer.place(a)) for a in outputs]

    @property
    def regions(self) -> tuple[Region, ...]:
        return self.test, self.region

    def places(self) -> list[Place]:
        """What the regions take, the flag, the state's stacks and the outputs."""
        mine = (self.flag, *(slot.stack for slot in self.states), *self.outputs)
        return list(dict.fromkeys((*super().places(), *mine)))

    def run(self, *arrays: ndarray) -> list[ndarray]:
        """Run until the flag is down."""
        at = dict(zip(self.places(), arrays, strict=True))
        test, body = (Steps(r, self.slots, at) for r in self.regions)
        flag, i = at[self.flag], 0
        test.run(i)
        while flag.any():
            body.run(i)
            i += 1
            test.run(i)
        for slot, out in zip(self.states, self.outputs, strict=True):
            start = i % slot.count * slot.pitch
            at[out][...] = at[slot.stack][start : start + slot.pitch]
        return []


# -- capture -------------------------------------------------------------------------------------------


class Carried:
    """State that goes from step to step: memory of a step's `state`, and of the `next` one."""

    def __init__(self, tracer: Tracer, initial: Sequence[Any], entries: int) -> None:
        """`initial` are Tensors; each gets a stack of entries, of which the first holds it."""
        self.stacks = [np.empty((entries, *t._a.shape), t._a.dtype) for t in initial]
        self.state = [np.empty(t._a.shape, t._a.dtype) for t in initial]
        self.next = [np.empty(t._a.shape, t._a.dtype) for t in initial]
        for t, stack, state, following in zip(initial, self.stacks, self.state, self.next, strict=True):
            for a in (stack, state, following):
                tracer.temporary(a)
            tracer.copy_into(stack[0, ...], t._a)
            state[...] = value_of(t._a)

    def enter(self, loop: Loop) -> None:
        """Have a loop step through the stacks."""
        place = loop.tracer.place
        for stack, state, following in zip(self.stacks, self.state, self.next, strict=True):
            loop.kept += (stack, state, following)
            loop.entry(place(state).storage, stack, 0, 1)
            loop.entry(place(following).storage, stack, 1, 1, written=True)

    def targets(self, tracer: Tracer) -> list[Storage]:
        """What a step writes."""
        return [tracer.place(a).storage for a in self.next]


def check_carried(name: str, initial: tuple[list[Any], Any], returned: tuple[list[Any], Any]) -> None:
    """Raise RuntimeError where the state that a step returns is of another kind than what it was given."""
    if initial[1] != returned[1]:
        raise RuntimeError(
            f"{name}: the carried values are nested as {initial[1]}, and those returned as {returned[1]}"
        )
    for k, (old, new) in enumerate(zip(initial[0], returned[0], strict=True)):
        if _kind(old) != _kind(new):
            raise RuntimeError(
                f"{name}: carried value {k} was {_kind(old)} and is {_kind(new)} after a step; "
                "shapes and dtypes must stay the same"
            )


def _kind(t: Any) -> str:
    if not isinstance(t, Tensor):
        return repr(t)
    return f"{dtypes.of_numpy(t._a.dtype)} of shape {tuple(t._a.shape)}"


def tensors_over(tracer: Tracer, arrays: Sequence[ndarray]) -> list[Any]:
    """Traced tensors over arrays."""
    return [wrap(tracer.wrap(a)) for a in arrays]


def while_loop(
    tracer: Tracer, cond_fn: Callable[..., Any], body_fn: Callable[..., Any], carried: tuple[Any, ...]
) -> Any:
    """The while loop as one node. A gradient through its results is an error."""
    leaves, structure = traced_results(carried)
    flag = np.empty((), np.bool_)
    outputs = [np.empty(t._a.shape, t._a.dtype) for t in leaves]
    for a in (flag, *outputs):
        tracer.temporary(a)
    state = Carried(tracer, leaves, 2)
    loop = While(tracer, flag, outputs)
    state.enter(loop)
    loop.states = [loop.slots[tracer.place(a).storage] for a in state.state]
    with loop.test.tracing():
        inside = rebuilt(structure, tensors_over(tracer, state.state))
        tracer.copy_into(flag, condition(cond_fn(*inside))._a)
    loop.test.close([tracer.place(flag).storage], "while_loop")
    with loop.region.tracing():
        inside = rebuilt(structure, tensors_over(tracer, state.state))
        found = traced_results(as_tuple(body_fn(*inside)))
        check_carried("while_loop", (leaves, structure), found)
        for a, t in zip(state.next, found[0], strict=True):
            tracer.copy_into(a, t._a)
    loop.region.close(state.targets(tracer), "while_loop")
    for a in (flag, *outputs):
        loop.published(tracer.place(a).storage)
    places = tuple(tracer.place(a) for a in outputs)
    loop.add(tuple(tracer.place(value_of(t._a)) for t in leaves), places, {"regions": loop.regions})
    loop.compute()
    results = tensors_over(tracer, outputs)
    tracked = [t._n for t in (*leaves, *found[0]) if t._n is not None]
    if grad_on() and tracked:
        for t in filter(is_real, results):
            t._n = [next_number(), _no_gradient, tuple(tracked)]
    return rebuilt(structure, results)


def _no_gradient(n: list[Any], g: Any) -> Any:
    raise RuntimeError(
        "while_loop: its results have no gradients in a compiled function. Use scan where the number of "
        "steps is known, detach() the results, or call the function under torch.no_grad()"
    )


_no_gradient.on_tensors = _no_gradient  # type: ignore[attr-defined]
_no_gradient.__name__ = "WhileLoopBackward0"


def is_real(x: Any) -> bool:
    """Whether there are gradients of the type of a tensor or an array."""
    return dtypes.of_numpy(getattr(x, "_a", x).dtype).category > dtypes.INT


def condition(t: Any) -> Any:
    """What a loop's condition gave, checked. Raises RuntimeError for what is no boolean scalar tensor."""
    if not isinstance(t, Tensor) or t._a.size != 1 or t._a.dtype != np.bool_:
        raise RuntimeError(f"while_loop: cond_fn must return a boolean scalar tensor, got {_kind(t)}")
    return t.reshape(())


def as_tuple(x: Any) -> tuple[Any, ...]:
    """What body_fn returned: a tuple, or a list, or one tensor."""
    return tuple(x) if isinstance(x, tuple | list) else (x,)
