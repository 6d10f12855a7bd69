"""The plan: launches with their slots filled in, run by one native loop, Python between if need be."""

from __future__ import annotations

import struct
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from ..arrays import tracing
from ..kernels.launch import Kernel
from ..kernels.plans import Input, Runner
from .alarms import Alarms
from .chance import KEY, Key
from .graph import Host, Launch, Node, Place, Storage, Table, places
from .memory import ALIGNMENT, arranged
from .steps import Numbers
from .symbols import Varying

ndarray = np.ndarray

#: not empty while a profiler is on: the last runs a plan's steps in its own way, node by node
OBSERVERS: list[Callable[[Plan, tuple[ndarray, ...]], None]] = []


class Plan:
    """Launches and pieces of Python in order, on an arena of its own.

    `given` are storages whose memory is handed in at every run, as arrays of the layout of their places.
    `nodes` are what the parts of `code` were made of, for those who ask.
    """

    def __init__(
        self, code: list[list[Launch] | Host], given: list[Place], nodes: Iterable[Node] = ()
    ) -> None:
        self.given, self.nodes = given, list(nodes)
        self.kernels: list[Kernel] = []
        self.numbers: list[tuple[Numbers, int]] = []  # and the first word they fill
        self.varying: list[tuple[Varying, int]] = []
        self.alarms = Alarms()
        self.keys: list[int] = []  # the words of the key of random numbers
        self.kept: list[Any] = []
        self._lock = threading.Lock()  # of the arena
        self.steps: list[Any] = []  # ranges of launches, and Hosts
        self.parts: list[tuple[int, int] | Host] = []  # of each node: its launches, or Python
        launches = self._ordered(code)
        self._addresses = self._arena(code, launches)
        self._fill(launches)

    def _ordered(self, code: list[list[Launch] | Host]) -> list[Launch]:
        """All launches; `steps` are ranges of them, and Python between."""
        launches: list[Launch] = []
        for part in code:
            if isinstance(part, Host):
                self.steps.append(part)
                self.parts.append(part)
                continue
            start = len(launches)
            launches += part
            self.parts.append((start, len(launches)))
            if self.steps and self.steps[-1].__class__ is tuple:
                start = self.steps.pop()[0]
            self.steps.append((start, len(launches)))
        return launches

    # -- memory -------------------------------------------------------------------------------------------

    def _arena(self, code: list[list[Launch] | Host], launches: list[Launch]) -> dict[Storage, int]:
        """The address of every storage that is not handed in."""
        lives: dict[Storage, tuple[int, int, int]] = {}
        handed = {p.storage for p in self.given}
        addresses: dict[Storage, int] = {}
        time = 0
        for part in code:
            for unit in [part] if isinstance(part, Host) else part:
                for s in _storages(unit):
                    if s in handed:
                        continue
                    if s.array is not None:
                        addresses[s] = s.array.__array_interface__["data"][0]
                        self.kept.append(s.array)
                    else:
                        first = lives[s][0] if s in lives else time
                        lives[s] = (first, time, s.nbytes)
                time += 1
        offsets, size = arranged(lives)
        self.arena_bytes = size
        self._arena_memory = np.empty(size + ALIGNMENT, np.uint8)
        start = self._arena_memory.__array_interface__["data"][0]
        start += -start % ALIGNMENT
        return addresses | {s: start + offset for s, offset in offsets.items()}

    # -- slots --------------------------------------------------------------------------------------------

    def _fill(self, launches: list[Launch]) -> None:
        """Write all slots into one array of words, and note the cells of what is handed in."""
        self.words = np.zeros(sum(_width(v) for run in launches for v in run.slots) or 1, np.int64)
        self._base = self.words.__array_interface__["data"][0]
        self._cells: dict[Storage, list[tuple[int, int]]] = {}
        self._tables: list[tuple[int, Table]] = []
        self._next = 0
        rows = []
        for run in launches:
            self.kernels.append(run.kernel.ready())
            rows.append((run.kernel.address, self._base + 8 * self._next, run.total, run.grain))
            for v in run.slots:
                self._slot(v)
        for at, table in self._tables:
            self.words[at] = self._base + 8 * self._next
            for v in table.words:
                self._slot(v)
        inputs = [Input(_like(p), self._cells.pop(p.storage, [])) for p in self.given]  # the first fills them
        self.runner = Runner(np.array(rows or np.empty((0, 4)), np.int64), inputs)
        self._doubles = memoryview(self.words.data).cast("B").cast("d")

    def _slot(self, v: Any) -> None:
        at = self._next
        if isinstance(v, Place):
            self._address(at, v)
        elif isinstance(v, Table):
            self._tables.append((at, v))
        elif isinstance(v, Numbers):
            self.numbers.append((v, at))
        elif isinstance(v, Key):
            self.keys.append(at)
        elif isinstance(v, Varying):
            self.varying.append((v, at))
        elif isinstance(v, ndarray):
            self.kept.append(v)
            self.words[at] = v.__array_interface__["data"][0]
        elif v is not None:
            self.words[at] = word(v)
        self._next += 1

    def _address(self, at: int, place: Place) -> None:
        """A cell with the address of a place."""
        found = self._addresses.get(place.storage)
        if found is not None:
            self.words[at] = found + place.offset
            return
        anchor = next(p for p in self.given if p.storage is place.storage)
        cell = (self._base + 8 * at, place.offset - anchor.offset)
        self._cells.setdefault(place.storage, []).append(cell)

    # -- running ------------------------------------------------------------------------------------------

    def run(self, arrays: tuple[ndarray, ...], leaves: Any = ()) -> int | None:
        """Run on the arrays handed in; the position of one that does not fit, before anything is done.

        `leaves` are the arguments that numbers which vary are found from.
        """
        with self._lock:
            return self._run(arrays, leaves)

    def _run(self, arrays: tuple[ndarray, ...], leaves: Any) -> int | None:
        bad = self.runner.bind(arrays)
        if bad is not None:
            return bad
        for numbers, at in self.numbers:
            for k, v in enumerate(numbers()):
                self._doubles[at + k] = v
        if self.keys:
            self.words[self.keys] = KEY.drawn()
        for varying, at in self.varying:
            self._doubles[at] = varying.formula(leaves)
        if OBSERVERS:
            OBSERVERS[-1](self, arrays)
        else:
            self.advance(arrays)
        self.alarms.check()
        return None

    def advance(self, arrays: tuple[ndarray, ...]) -> None:
        """Make all steps."""
        for step in self.steps:
            if step.__class__ is tuple:
                self.runner.run(*step)
            else:
                self._call(step, arrays)

    def node_by_node(self, arrays: tuple[ndarray, ...]) -> Iterator[Node]:
        """Make all steps; each node is given when it has run."""
        for node, part in zip(self.nodes, self.parts, strict=True):
            if isinstance(part, Host):
                self._call(part, arrays)
            else:
                self.runner.run(*part)
            yield node

    def read(self, v: Numbers | Varying | Key) -> Any:
        """What stood for numbers that every run fills in, in the last one."""
        if isinstance(v, Key):
            return int(self.words[self.keys[0]])
        at = next((at for n, at in (*self.numbers, *self.varying) if n is v), None)
        if isinstance(v, Varying):
            return v.value if at is None else self._doubles[at]
        assert at is not None
        return self._doubles[at : at + len(v.formula.numbers)].tolist()

    def _call(self, step: Any, arrays: tuple[ndarray, ...]) -> None:
        """Run a piece of Python, and write what it gives to its places."""
        try:
            with tracing.watched(self):  # as it was captured: what it gives is built the same way
                found = step.run(*[self.array(p, arrays) for p in step.takes])
            for p, a in zip(step.gives, found, strict=True):
                np.copyto(self.array(p, arrays), a, casting="unsafe")
        except Exception as error:
            for node, part in zip(self.nodes, self.parts, strict=False):
                if part is step:
                    error.add_note(f"in a compiled function, at {node.whereabouts}")
            raise

    def array(self, place: Place, arrays: tuple[ndarray, ...]) -> ndarray:
        """The array at a place, now."""
        for given, a in zip(self.given, arrays, strict=False):
            if given.storage is place.storage:
                return array_at(a.__array_interface__["data"][0] + place.offset - given.offset, place, a)
        return array_at(self._addresses[place.storage] + place.offset, place, self)


class _Memory:
    """Memory at an address, as NumPy takes it; its `base` is kept alive."""

    def __init__(self, interface: dict[str, Any], base: Any) -> None:
        self.__array_interface__, self.base = interface, base


def array_at(start: int, place: Place, owner: Any) -> ndarray:
    """The array of a place whose first element is at an address."""
    kind = place.dtype if place.dtype.isbuiltin == 1 else np.dtype(f"V{place.dtype.itemsize}")
    facts = {"shape": place.shape, "strides": place.strides, "typestr": kind.str, "data": (start, False)}
    found = np.asarray(_Memory({**facts, "version": 3}, owner))
    return found if kind is place.dtype else found.view(place.dtype)


def _storages(unit: Launch | Host) -> Iterable[Storage]:
    if isinstance(unit, Host):
        return [p.storage for p in (*unit.takes, *unit.gives)]
    return [p.storage for v in unit.slots for p in (places(v.words) if isinstance(v, Table) else places(v))]


def _width(v: Any) -> int:
    return 1 + len(v.words) if isinstance(v, Table) else 1


def word(v: float | int) -> int:
    """A number as the 8 bytes of a slot."""
    return struct.unpack("q", struct.pack("d", v))[0] if isinstance(v, float) else int(v)


def _like(place: Place) -> ndarray:
    """An array of a place's layout."""
    room = np.empty(1, place.dtype)
    return array_at(room.__array_interface__["data"][0], place, room)
