"""The recorder: ops of eager code come to it as they do to a tracer, and the nodes of plans as they run.

An op is timed around what it does on arrays; what autograd notes besides is not in it. Ops inside of an op
are part of it. While a recorder is on, eager code goes the general ways that tracers go, and plans run node
by node: both are slower by some microseconds for each op or node, which are not in the ops' own times.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from threading import get_native_id
from time import perf_counter_ns
from typing import Any

import numpy as np

import rushlight.optim.together as together

from ..arrays import tracing
from ..autograd.origins import Origin, Origins
from ..compiler.graph import Node, Place
from ..compiler.plan import Plan
from ..compiler.running import inputs_of
from ..errors import user_line
from ..nn.paths import ModulePaths
from .events import Event

ndarray = np.ndarray


class Recorder:
    """Notes events."""

    def __init__(self) -> None:
        self._events: list[Event] = []
        self._runs: list[tuple[list[Node], list[int], int]] = []  # of plans: nodes, times between, thread
        self.paths = ModulePaths()
        self._origins = Origins()
        self._origin: Origin | None = None  # of what is being differentiated
        self._open: dict[int, list[tuple[str, int]]] = {}  # by thread: names and times of their starts

    @property
    def events(self) -> list[Event]:
        """All that was seen, by the time at which it began."""
        for nodes, times, thread in self._runs:
            self._events += [_event(*one, thread) for one in zip(nodes, times, times[1:], strict=False)]
            self._events.append(Event("compiled plan", "plan", times[0], times[-1], thread=thread))
        self._runs.clear()
        return sorted(self._events, key=lambda e: (e.start, -e.end))

    def clear(self) -> None:
        """Begin anew."""
        self._events, self._runs, self._origins = [], [], Origins()

    # -- stretches of code ----------------------------------------------------------------------------------

    def enter(self, name: str) -> None:
        """A stretch of code begins."""
        self._open.setdefault(get_native_id(), []).append((name, perf_counter_ns()))

    def leave(self, name: str) -> None:
        """It ends."""
        thread = get_native_id()
        begun = self._open.get(thread)
        if begun and begun[-1][0] == name:
            _, start = begun.pop()
            self._events.append(Event(name, "range", start, perf_counter_ns(), thread=thread))

    def timed(
        self, name: str, run: Callable[..., Any], arrays: Iterable[Any], *args: Any, **kwargs: Any
    ) -> Any:
        """run(*args, **kwargs) as an event that reads `arrays`."""
        with tracing.by(None):
            start = perf_counter_ns()
            found = run(*args, **kwargs)
            end = perf_counter_ns()
        given = list(_arrays(arrays))
        moved = sum(a.nbytes for a in (*given, *_arrays(found)))
        shapes = tuple([list(a.shape) for a in given])
        where = self._origin or (user_line(), self.paths.current)
        if self._origin is None:
            self._origins.note(*where)
        self._events.append(Event(name, "op", start, end, moved, shapes, *where, thread=get_native_id()))
        return found

    # -- ops, which it runs at once --------------------------------------------------------------------------

    def __op__(self, op: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return self.timed(op.name, op.on_arrays, (args, kwargs), *args, **kwargs)

    def __saving__(self, op: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return self.timed(op.name, op.array, (args, kwargs), *args, **kwargs)

    def host(self, name: str, draw: Callable[[], Any]) -> Any:
        """Random numbers."""
        return self.timed(name, draw, ())

    def step(self, optimizer: Any, group: dict[str, Any], formula: Any) -> bool:
        """Step a group of parameters."""
        rows = [(p._a, p.grad._a) for p in group["params"] if p.grad is not None]
        self.timed(f"{type(optimizer).__name__}.step", _step, rows, optimizer, group)
        return True

    def backward(self, n: list[Any], g: Any) -> Any:
        """One step backward, which comes from the line of the op that is differentiated."""
        self._origin = self._origins.of(n)
        try:
            return self.timed(getattr(n[1], "__name__", "backward"), n[1], (g,), n, g)
        finally:
            self._origin = None

    # -- plans ----------------------------------------------------------------------------------------------

    def observe(self, plan: Plan, arrays: tuple[ndarray, ...]) -> None:
        """Run a plan node by node, and note when each was done."""
        times = [perf_counter_ns()]
        for _ in plan.node_by_node(arrays):
            times.append(perf_counter_ns())
        self._runs.append((plan.nodes, times, get_native_id()))


def _step(optimizer: Any, group: dict[str, Any]) -> None:
    for p in together.step(optimizer, group):
        optimizer._update_alone(p, group)


def _event(node: Node, start: int, end: int, thread: int) -> Event:
    given = inputs_of(node)
    moved = sum(map(_bytes, {*given, *node.outputs}))
    shapes = tuple([list(p.shape) for p in given])
    return Event(node.op, "node", start, end, moved, shapes, node.line, node.module, node.name, thread)


def _bytes(place: Place) -> int:
    """The bytes of a place that are different ones: repeated dimensions count once."""
    sizes = [n for n, step in zip(place.shape, place.strides, strict=True) if step]
    return int(np.prod(sizes, dtype=np.int64)) * place.dtype.itemsize


def _arrays(x: Any) -> Iterable[ndarray]:
    """The arrays in arguments: themselves, or inside lists, tuples and dictionaries."""
    if x.__class__ is ndarray:
        yield x
    elif isinstance(x, tuple | list):
        for v in x:
            yield from _arrays(v)
    elif x.__class__ is dict:
        yield from _arrays(list(x.values()))
