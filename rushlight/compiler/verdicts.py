"""Whether the launches an op made are all it did, found out by trial.

An op's Python code plans, allocates and launches kernels; some also computes with NumPy. To know, the op is
run once more, on other numbers in arrays of the same layout, and then its first launches are made again on
those: if every result and every input has the same bits, launches are the whole of it. The verdict is kept in
the disk cache, under what the op's code depends on: its name, the arrays' layouts, its options, its sources.
"""

from __future__ import annotations

import atexit
import functools
import hashlib
import json
import os
import re
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import rushlight.dtypes as dtypes
import rushlight.threads as threads

from ..arrays.generator import Generator, default_generator
from ..kernels import cache
from .structure import KEPT, arrays_in, mapped, owner_of_memory

ndarray = np.ndarray


class Verdict(NamedTuple):
    """`native`: the launches are the whole of it. `writes`: inputs that are written to, by position.

    `constants`: (launch, slot) of arrays that are tables, the same at every run.
    """

    native: bool
    writes: tuple[int, ...] = ()
    constants: frozenset[tuple[int, int]] = frozenset()


NOTHING = Verdict(True)


def judged(
    tracer: Any, name: str, run: Callable[..., Any], leaves: list[ndarray], shown: Any
) -> tuple[Any, list[Any], Verdict]:
    """What run(*leaves) gives, the launches it made, and the verdict on it."""
    key = _key(name, leaves, shown)
    verdict = _book().get(key)
    if verdict is not None:
        found, launches = tracer.watched(run, leaves)
        return found, launches, verdict
    other = _Copies(leaves)
    before = _checksums(leaves)
    chance = _stream()
    found, launches = tracer.watched(run, leaves)
    if _stream() != chance:
        verdict = Verdict(False, _changed(leaves, before))
    elif _is_view(found, leaves) and not launches and not _changed(leaves, before):
        verdict = NOTHING
    else:
        with tracer.alarms.muted():
            verdict = _tried(tracer, run, leaves, other, found, launches, before)
            if verdict.native and any(a.dtype.kind == "b" for a in arrays_in(found)):
                other = _Copies(leaves, turn=1)  # few truth values are soon right by chance
                again = _tried(tracer, run, leaves, other, found, launches, before)
                verdict = verdict if again == verdict else Verdict(False, verdict.writes)
    _book()[key] = verdict
    return found, launches, verdict


def _stream() -> bytes:
    """Where the stream of random numbers stands."""
    return Generator.get_state(default_generator).tobytes()


def _is_view(found: Any, leaves: list[ndarray]) -> bool:
    owners = {id(owner_of_memory(a)) for a in leaves}
    return all(id(owner_of_memory(a)) in owners for a in arrays_in(found))


class _Copies:
    """Arrays of the same layout as others, with other numbers; `turn` says with which."""

    def __init__(self, leaves: list[ndarray], turn: int = 0) -> None:
        owners = {id(owner_of_memory(a)): owner_of_memory(a) for a in leaves}
        self.memory = {key: _other_numbers(a, turn) for key, a in owners.items()}
        self.leaves = leaves
        self.arrays = [self.like(a) for a in leaves]

    def like(self, a: ndarray) -> ndarray:
        """The array at the place of `a` in the copy of its memory."""
        owner = owner_of_memory(a)
        start = a.__array_interface__["data"][0] - owner.__array_interface__["data"][0]
        return np.ndarray(a.shape, a.dtype, self.memory[id(owner)].data, start, a.strides)

    def again(self) -> _Copies:
        """The same numbers once more."""
        made = object.__new__(_Copies)
        made.memory = {key: m.copy() for key, m in self.memory.items()}
        made.leaves = self.leaves
        made.arrays = [made.like(a) for a in self.leaves]
        return made


def _other_numbers(a: ndarray, turn: int) -> ndarray:
    """The bytes of an array of other numbers: they stand in another order, and are not the same ones."""
    made = np.empty(max(a.nbytes, 1), np.uint8)
    if a.size:
        flat = np.ascontiguousarray(a).reshape(-1)
        flat = np.roll(flat, 1) if turn else flat[::-1]
        np.ndarray(a.shape, a.dtype, made.data, 0, _compact(a))[...] = _others(flat, turn).reshape(a.shape)
    return made


def _others(v: ndarray, turn: int) -> ndarray:
    """Floats elsewhere; whole numbers within their range where they can be, as they may be positions, but
    with another greatest (or least) one, another sum and another count of zeros.
    """
    if dtypes.of_numpy(v.dtype).category >= dtypes.FLOAT:
        one = v.dtype.type
        return (v * one(-0.5) if turn else v * one(0.75) + one(0.0625)).astype(v.dtype)
    if v.dtype.kind == "b":
        return ~v if turn else v ^ (np.arange(v.size) == 0)
    low, high = v.min(), v.max()
    if low < high:
        return np.where(v == low, high, v) if turn else np.where(v == high, low, v)
    return v - np.sign(v) if low else v + v.dtype.type(1)


def _compact(a: ndarray) -> tuple[int, ...]:
    """Strides of an owner of memory: they are never negative."""
    return a.strides


def _tried(
    tracer: Any,
    run: Callable[..., Any],
    leaves: list[ndarray],
    other: _Copies,
    found: Any,
    launches: list[Any],
    before: list[int],
) -> Verdict:
    spare = other.again()
    wrote = _changed(leaves, before)
    try:
        expected, twins = tracer.watched(run, other.arrays)
    except Exception:
        return Verdict(False, wrote)
    wrote = tuple(sorted({*wrote, *_changed(other.arrays, _checksums(spare.arrays))}))
    if not launches or len(twins) != len(launches):
        return Verdict(False, wrote)
    for hold_floats in (False, True):
        constants = _constants(launches, twins, leaves, found, hold_floats)
        if constants is None:
            continue
        replays = (_Replay(launches, spare.again(), found, constants, seed) for seed in range(_REPLAYS))
        if _all_agree(replays, other, expected):
            held = _are_tables(constants, launches, twins) or constants == _constants(
                launches, _once_more(tracer, run, leaves), leaves, found, hold_floats
            )
            return Verdict(held, wrote, constants if held else frozenset())
    return Verdict(False, wrote)


def _are_tables(constants: frozenset[tuple[int, int]], launches: list[Any], twins: list[Any]) -> bool:
    """Whether what is the same in both runs is the very same memory, and not made anew in each."""
    return all(owner_of_memory(launches[k][3][i]) is owner_of_memory(twins[k][3][i]) for k, i in constants)


def _once_more(tracer: Any, run: Callable[..., Any], leaves: list[ndarray]) -> list[Any]:
    """The launches of a third run, on other numbers again."""
    try:
        return tracer.watched(run, _Copies(leaves, turn=1).arrays)[1]
    except Exception:
        return []


def _checksums(arrays: list[ndarray]) -> list[int]:
    return [zlib.crc32(a.tobytes()) for a in arrays]


def _changed(arrays: list[ndarray], before: list[int]) -> tuple[int, ...]:
    """Which arrays hold other bytes than they did."""
    return tuple(k for k, now in enumerate(_checksums(arrays)) if now != before[k])


def _constants(
    launches: list[Any], twins: list[Any], leaves: list[ndarray], found: Any, floats: bool
) -> frozenset[tuple[int, int]] | None:
    """The slots that hold tables; None where the two runs do not correspond."""
    ours = {id(owner_of_memory(a)) for a in (*leaves, *arrays_in(found))}
    constants: set[tuple[int, int]] = set()
    if len(launches) != len(twins):
        return None
    for k, ((kernel, *_, slots), (twin, *_, others)) in enumerate(zip(launches, twins, strict=True)):
        if kernel is not twin or len(slots) != len(others):
            return None
        for i, (v, w) in enumerate(zip(slots, others, strict=True)):
            if v.__class__ is not ndarray:
                if v != w or w.__class__ is ndarray:
                    return None
            elif id(owner_of_memory(v)) not in ours and (v.dtype.kind in "ib" or floats):
                if v.tobytes() == w.tobytes():
                    constants.add((k, i))
                elif floats:
                    return None
    return frozenset(constants)


_REPLAYS = 6


def _all_agree(replays: Iterator[_Replay], other: _Copies, expected: Any) -> bool:
    """Whether replays leave what the op left. One is enough where launches wrote to all memory they used."""
    for replay in replays:
        left = replay.untouched()
        if any(replay.must_write(owner) for owner in left) or not replay.agrees(other, expected):
            return False
        if not left:
            return True
    return True


class _Replay:
    """An op's launches made again on copies of its arguments, the rest of the memory holding nonsense."""

    def __init__(
        self,
        launches: list[Any],
        copies: _Copies,
        found: Any,
        constants: frozenset[tuple[int, int]],
        seed: int,
    ) -> None:
        self.copies, self.memory, self.seed = copies, dict(copies.memory), seed
        self.results = arrays_in(found)
        self.put_out = {id(owner_of_memory(a)) for a in self.results}
        self.nonsense: list[tuple[ndarray, bytes]] = []
        for k, (kernel, total, grain, slots) in enumerate(launches):
            noted = ((i, v) for i, v in enumerate(slots))
            held = [v.__class__ is not ndarray or (k, i) in constants for i, v in noted]
            kernel.launch(total, grain, *[v if h else self.at(v) for v, h in zip(slots, held, strict=True)])

    def at(self, v: ndarray) -> ndarray:
        """An array of the first run in the memory of this one."""
        owner = owner_of_memory(v)
        if id(owner) not in self.memory:
            made = self.memory[id(owner)] = self._filled(owner)
            self.nonsense.append((owner, made.tobytes()))
        start = v.__array_interface__["data"][0] - owner.__array_interface__["data"][0]
        return np.ndarray(v.shape, v.dtype, self.memory[id(owner)].data, start, v.strides)

    def _filled(self, owner: ndarray) -> ndarray:
        """Memory that launches must write before they read it: whole numbers of the first run, as they may
        be positions; else all bits set (nan, or -1), or bits by chance.
        """
        size = max(owner.nbytes, 1)
        if owner.dtype.kind in "ib" and owner.size and id(owner) not in self.put_out:
            return np.frombuffer(owner.tobytes("A"), np.uint8).copy()
        return (
            np.random.default_rng(self.seed).integers(0, 256, size, np.uint8)
            if self.seed
            else np.full(size, 0xFF, np.uint8)
        )

    def untouched(self) -> list[ndarray]:
        """The owners of memory that holds nonsense still."""
        return [o for o, before in self.nonsense if o.size and self.memory[id(o)].tobytes() == before]

    def must_write(self, owner: ndarray) -> bool:
        """Whether untouched memory was filled by something else; a thread's scratch may be idle."""
        return owner.dtype.kind in "ib" or id(owner) in self.put_out

    def agrees(self, other: _Copies, expected: Any) -> bool:
        """Whether every result and argument has the bits that the op gave."""
        pairs = [(self.at(a), b) for a, b in zip(self.results, arrays_in(expected), strict=True)]
        pairs += list(zip(self.copies.arrays, other.arrays, strict=True))
        return all(a.shape == b.shape and a.tobytes() == b.tobytes() for a, b in pairs)


# -- the book ------------------------------------------------------------------------------------------


_ADDRESS = re.compile(" at 0x[0-9a-f]+")


def _said(v: Any) -> Any:
    """What a key says of a value: of arrays that there is one, of kept Tensors no versions."""
    if v.__class__ is tuple and len(v) == 3 and v[0] is KEPT:
        return KEPT, "array"
    return "array" if v.__class__ is ndarray else v


def _key(name: str, leaves: list[ndarray], shown: Any) -> str:
    layouts = [(a.dtype.str, a.shape, a.strides, a.ctypes.data % 64 == 0) for a in leaves]
    owners = [id(owner_of_memory(a)) for a in leaves]
    shared = [
        (owners.index(o), a.ctypes.data - leaves[owners.index(o)].ctypes.data) for o, a in zip(owners, leaves)
    ]
    options = mapped(shown, _said)
    told = _ADDRESS.sub("", repr(options))  # those of weak references and code change from run to run
    text = repr((name, layouts, shared, told, threads.get()))
    return hashlib.sha1(text.encode()).hexdigest()


@functools.cache
def _book() -> dict[str, Verdict]:
    """All verdicts known, from the disk and of this process."""
    entry = cache.read(f"verdicts-{generation()}")
    book: dict[str, Verdict] = {}
    if entry is not None:
        for key, (native, writes, constants) in json.loads(entry.code).items():
            book[key] = Verdict(native, tuple(writes), frozenset((k, i) for k, i in constants))
    return book


def save() -> None:
    """Write the book to the disk cache: soon after it has grown, but not each time, and when Python ends."""
    global _saved
    if _saved is None:
        atexit.register(_write)
    now = time.monotonic()
    if _saved is None or (len(_book()) > _saved[0] and now > _saved[1] + len(_book()) * _PAUSE):
        _write()


_PAUSE = 0.01  # seconds for each verdict in the book between two times that it is written
_saved: tuple[int, float] | None = None  # how many there were when it was last written, and when


def _write() -> None:
    global _saved
    if _saved is not None and _saved[0] == len(_book()):
        return
    _saved = len(_book()), time.monotonic()
    text = {k: (v.native, v.writes, sorted(v.constants)) for k, v in _book().items()}
    cache.write(f"verdicts-{generation()}", cache.Entry(json.dumps(text).encode(), [], []))


@functools.cache
def generation() -> str:
    """A digest of the sources that ops run through."""
    package = Path(__file__).parents[1]
    files = [f for d in ("arrays", "ops", "kernels", "compiler") for f in sorted((package / d).rglob("*.py"))]
    stats = [(f.name, os.stat(f).st_size, os.stat(f).st_mtime_ns) for f in files]
    return hashlib.sha1(repr((stats, np.__version__)).encode()).hexdigest()[:24]
