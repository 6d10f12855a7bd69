"""Whether the launches an op made are all it did, found out by trial.

An op's Python code plans, allocates and launches kernels; some also computes with NumPy. To know, the op is
run once more, on other numbers in arrays of the same layout, and then its first launches are made again on
those: if every result and every input has the same bits, launches are the whole of it. The verdict is kept in
the disk cache, under what the op's code depends on: its name, the arrays' layouts, its options, its sources.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import rushlight.dtypes as dtypes
import rushlight.threads as threads

from ..arrays.generator import Generator, default_generator
from ..kernels import cache
from .structure import arrays_in, mapped, owner_of_memory

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
        verdict = _tried(tracer, run, leaves, other, found, launches, before)
    _book()[key] = verdict
    return found, launches, verdict


def _stream() -> bytes:
    """Where the stream of random numbers stands."""
    return Generator.get_state(default_generator).tobytes()


def _is_view(found: Any, leaves: list[ndarray]) -> bool:
    owners = {id(owner_of_memory(a)) for a in leaves}
    return all(id(owner_of_memory(a)) in owners for a in arrays_in(found))


class _Copies:
    """Arrays of the same layout as others, with other numbers."""

    def __init__(self, leaves: list[ndarray]) -> None:
        owners = {id(owner_of_memory(a)): owner_of_memory(a) for a in leaves}
        self.memory = {key: _other_numbers(a) for key, a in owners.items()}
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


def _other_numbers(a: ndarray) -> ndarray:
    """The bytes of an array of other numbers: they stand in another order, and are not the same ones."""
    made = np.empty(max(a.nbytes, 1), np.uint8)
    if a.size:
        flat = np.ascontiguousarray(a).reshape(-1)[::-1]
        np.ndarray(a.shape, a.dtype, made.data, 0, _compact(a))[...] = _others(flat).reshape(a.shape)
    return made


def _others(v: ndarray) -> ndarray:
    """Floats a little elsewhere; whole numbers within their range where they can be, as they may be
    positions, but with another greatest one, another sum and another count of zeros.
    """
    if dtypes.of_numpy(v.dtype).category >= dtypes.FLOAT:
        return (v * v.dtype.type(0.75) + v.dtype.type(0.0625)).astype(v.dtype)
    if v.dtype.kind == "b":
        return v ^ (np.arange(v.size) == 0)
    low, high = v.min(), v.max()
    if low < high:
        return np.where(v == high, low, v)
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
        if constants is not None and _same(
            launches, leaves, spare.again(), other, found, expected, constants
        ):
            return Verdict(True, wrote, constants)
    return Verdict(False, wrote)


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


def _same(
    launches: list[Any],
    leaves: list[ndarray],
    copies: _Copies,
    other: _Copies,
    found: Any,
    expected: Any,
    constants: frozenset[tuple[int, int]],
) -> bool:
    """Whether the launches, made again on `copies`, leave what the op left in `other` and `expected`."""
    results = arrays_in(found)
    put_out = {id(owner_of_memory(a)) for a in results}
    memory = dict(copies.memory)
    scratch: dict[int, bytes] = {}

    def moved(v: ndarray) -> ndarray:
        owner = owner_of_memory(v)
        if id(owner) not in memory:
            memory[id(owner)] = _poison(owner) if id(owner) in put_out else _scratch(owner)
            if id(owner) in put_out or owner.dtype.kind in "ib":  # a thread's scratch may not be needed
                scratch[id(owner)] = memory[id(owner)].tobytes() if owner.nbytes else b""
        start = v.__array_interface__["data"][0] - owner.__array_interface__["data"][0]
        return np.ndarray(v.shape, v.dtype, memory[id(owner)].data, start, v.strides)

    for k, (kernel, total, grain, slots) in enumerate(launches):
        given = [
            moved(v) if v.__class__ is ndarray and (k, i) not in constants else v for i, v in enumerate(slots)
        ]
        kernel.launch(total, grain, *given)
    if any(memory[key].tobytes() == untouched for key, untouched in scratch.items()):
        return False  # something else has filled it
    pairs = [(moved(a), b) for a, b in zip(results, arrays_in(expected), strict=True)]
    pairs += list(zip(copies.arrays, other.arrays, strict=True))
    return all(a.shape == b.shape and a.tobytes() == b.tobytes() for a, b in pairs)


def _scratch(owner: ndarray) -> ndarray:
    """Memory that launches must write before they read it: whole numbers of another run, as they may be
    positions; else all bits set.
    """
    if owner.dtype.kind in "ib" and owner.size:
        return np.frombuffer(owner.tobytes("A"), np.uint8).copy()
    return _poison(owner)


def _poison(owner: ndarray) -> ndarray:
    """All bits set: nan, or -1."""
    return np.full(max(owner.nbytes, 1), 0xFF, np.uint8)


# -- the book ------------------------------------------------------------------------------------------


def _key(name: str, leaves: list[ndarray], shown: Any) -> str:
    layouts = [(a.dtype.str, a.shape, a.strides, a.ctypes.data % 64 == 0) for a in leaves]
    owners = [id(owner_of_memory(a)) for a in leaves]
    shared = [
        (owners.index(o), a.ctypes.data - leaves[owners.index(o)].ctypes.data) for o, a in zip(owners, leaves)
    ]
    options = mapped(shown, lambda v: "array" if v.__class__ is ndarray else v)
    text = repr((name, layouts, shared, repr(options), threads.get()))
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
    """Write the book to the disk cache."""
    text = {k: (v.native, v.writes, sorted(v.constants)) for k, v in _book().items()}
    cache.write(f"verdicts-{generation()}", cache.Entry(json.dumps(text).encode(), [], []))


@functools.cache
def generation() -> str:
    """A digest of the sources that ops run through."""
    package = Path(__file__).parents[1]
    files = [f for d in ("arrays", "ops", "kernels", "compiler") for f in sorted((package / d).rglob("*.py"))]
    stats = [(f.name, os.stat(f).st_size, os.stat(f).st_mtime_ns) for f in files]
    return hashlib.sha1(repr((stats, np.__version__)).encode()).hexdigest()[:24]
