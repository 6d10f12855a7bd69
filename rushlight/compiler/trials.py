"""Trials: whether an op's launches, made again on twins of its arguments, leave what the op leaves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .structure import address, arrays_in, owner_of_memory
from .twins import Twins, checksum, memory_of

ndarray = np.ndarray
Constants = frozenset[tuple[int, int]]


class Verdict(NamedTuple):
    """`native`: the launches are the whole of it. `writes`: inputs that are written to, by position.

    `constants`: (launch, slot) of arrays that are tables, the same at every run.
    """

    native: bool
    writes: tuple[int, ...] = ()
    constants: Constants = frozenset()


class Memory(NamedTuple):
    """What is known of memory when it is gone; `key` was the id of the array that owned it."""

    key: int
    nbytes: int
    whole: bool  # whether it held whole numbers or truth values


class Part(NamedTuple):
    """Where an array lay in memory that is gone."""

    memory: Memory
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: np.dtype


def _memory(owner: ndarray) -> Memory:
    return Memory(id(owner), owner.nbytes, owner.dtype.kind in "ib")


def _part(a: ndarray, memory: Memory) -> Part:
    return Part(memory, address(a) - address(owner_of_memory(a)), a.shape, a.strides, a.dtype)


class Run:
    """The launches of an op's run, and where its results lay.

    The results themselves are not held: they can be most of the memory there is. `given` is the memory of the
    arguments.
    """

    def __init__(self, found: Any, launches: list[Any], leaves: list[ndarray]) -> None:
        self.given = memory_of(leaves)
        results = arrays_in(found)
        made = memory_of(results)
        self.put_out = set(made)
        self._made = {key: _memory(a) for key, a in made.items() if key not in self.given}
        self.results = [self._noted(a) for a in results]
        self.launches = [(*launch[:3], tuple(map(self._noted, launch[3]))) for launch in launches]
        self.has_truths = any(a.dtype.kind == "b" for a in results)

    def _noted(self, v: Any) -> Any:
        """A slot, or its place if it is an array among the results."""
        if v.__class__ is not ndarray or (memory := self._made.get(id(owner_of_memory(v)))) is None:
            return v
        return _part(v, memory)

    def constants(self, other: Run, floats: bool) -> Constants | None:
        """The slots that hold tables, the same in another run; None where the two do not correspond."""
        found: set[tuple[int, int]] = set()
        if len(self.launches) != len(other.launches):
            return None
        for k, (ours, theirs) in enumerate(zip(self.launches, other.launches, strict=True)):
            if ours[0] is not theirs[0] or len(ours[3]) != len(theirs[3]):
                return None
            for i, (v, w) in enumerate(zip(ours[3], theirs[3], strict=True)):
                if v.__class__ is Part:
                    continue
                if v.__class__ is not ndarray:
                    if w.__class__ is ndarray or v != w:
                        return None
                elif id(owner_of_memory(v)) not in self.given and (v.dtype.kind in "ib" or floats):
                    if w.__class__ is ndarray and checksum(v) == checksum(w):
                        found.add((k, i))
                    elif floats:
                        return None
        return frozenset(found)

    def holds_the_same(self, constants: Constants, other: Run) -> bool:
        """Whether what is the same in both runs is the very same memory, and not made anew in each."""
        pairs = [(self.launches[k][3][i], other.launches[k][3][i]) for k, i in constants]
        return all(owner_of_memory(v) is owner_of_memory(w) for v, w in pairs)


class Trial:
    """An op, its run on its arguments, and which of their memory it `wrote` to."""

    def __init__(
        self, tracer: Any, op: Callable[..., Any], leaves: list[ndarray], run: Run, wrote: set[int]
    ) -> None:
        self.tracer, self.op, self.leaves, self.run, self.wrote = tracer, op, leaves, run, wrote

    def verdict(self, twins: Twins) -> Verdict:
        """What shows on other numbers; two sets of them for truth values, which are soon right by chance."""
        found = self._on(twins)
        if found.native and self.run.has_truths and self._on(Twins(self.leaves, turn=1)) != found:
            return Verdict(False, found.writes)
        return found

    def _on(self, twins: Twins) -> Verdict:
        """What shows on the arguments' twins."""
        twins.keep(self.wrote)
        try:
            found, launches = self.tracer.watched(self.op, twins.arrays)
        except Exception:
            return Verdict(False, positions(self.leaves, self.wrote))
        writes = positions(self.leaves, self.wrote | twins.written())
        expected = left([*arrays_in(found), *twins.arrays])
        other = Run(found, launches, twins.arrays)
        del found, launches  # the results' memory goes to those of replays
        if not self.run.launches or len(other.launches) != len(self.run.launches):
            return Verdict(False, writes)
        for hold_floats in (False, True):
            constants = self.run.constants(other, hold_floats)
            if constants is not None and self._replayed(twins, expected, constants):
                same = self.run.holds_the_same(constants, other)
                held = same or constants == self._once_more(hold_floats)
                return Verdict(held, writes, constants if held else frozenset())
        return Verdict(False, writes)

    def _replayed(self, twins: Twins, expected: list[Any], constants: Constants) -> bool:
        """Whether replays leave what the op left. One is enough where all memory was written to."""
        for seed in range(_REPLAYS):
            twins.restore()
            replay = _Replay(self.run, twins, constants, seed)
            idle = replay.untouched()
            if any(replay.must_write(m) for m in idle) or replay.left() != expected:
                return False
            if not idle:
                return True
        return True

    def _once_more(self, hold_floats: bool) -> Constants | None:
        """The tables as a third run shows them, on other numbers again."""
        twins = Twins(self.leaves, turn=1)
        try:
            found, launches = self.tracer.watched(self.op, twins.arrays)
        except Exception:
            return None
        return self.run.constants(Run(found, launches, twins.arrays), hold_floats)


def positions(leaves: list[ndarray], written: set[int]) -> tuple[int, ...]:
    """The arguments that lie in memory which was written to."""
    return tuple(k for k, a in enumerate(leaves) if id(owner_of_memory(a)) in written)


def left(arrays: list[ndarray]) -> list[Any]:
    """What is compared of results and arguments."""
    return [(a.shape, a.nbytes, checksum(a)) for a in arrays]


_REPLAYS = 6


class _Replay:
    """A run's launches made again on twins of the arguments, the rest of the memory holding nonsense."""

    def __init__(self, run: Run, twins: Twins, constants: Constants, seed: int) -> None:
        self.run, self.twins, self.seed = run, twins, seed
        self.memory = dict(twins.memory)
        self.nonsense: list[tuple[Memory, int]] = []  # and its checksum
        for k, (kernel, total, grain, slots) in enumerate(run.launches):
            noted = [v if (k, i) in constants else self.at(v) for i, v in enumerate(slots)]
            kernel.launch(total, grain, *noted)

    def at(self, v: Any) -> Any:
        """An array of the first run in the memory of this one; numbers are left alone."""
        if v.__class__ is Part:
            return self._placed(v, None)
        if v.__class__ is not ndarray:
            return v
        owner = owner_of_memory(v)
        return self._placed(_part(v, _memory(owner)), owner)

    def _placed(self, part: Part, owner: ndarray | None) -> ndarray:
        memory = part.memory
        if memory.key not in self.memory:
            made = self.memory[memory.key] = self._filled(memory, owner)
            self.nonsense.append((memory, checksum(made)))
        return np.ndarray(part.shape, part.dtype, self.memory[memory.key].data, part.offset, part.strides)

    def _filled(self, memory: Memory, owner: ndarray | None) -> ndarray:
        """Memory that launches must write before they read it: whole numbers of the first run, as they may
        be positions; else all bits set (nan, or -1), or bits by chance.
        """
        size = max(memory.nbytes, 1)
        if owner is not None and memory.whole and memory.nbytes:
            return np.frombuffer(owner.tobytes("A"), np.uint8).copy()
        if self.seed:
            return np.random.default_rng(self.seed).integers(0, 256, size, np.uint8)
        return np.full(size, 0xFF, np.uint8)

    def untouched(self) -> list[Memory]:
        """The memory that holds nonsense still."""
        return [m for m, before in self.nonsense if m.nbytes and checksum(self.memory[m.key]) == before]

    def must_write(self, memory: Memory) -> bool:
        """Whether untouched memory was filled by something else; a thread's scratch may be idle."""
        return memory.whole or memory.key in self.run.put_out

    def left(self) -> list[Any]:
        """What stands in results and arguments now."""
        return left([*map(self.at, self.run.results), *self.twins.arrays])
