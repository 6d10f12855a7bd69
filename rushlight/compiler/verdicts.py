"""Whether the launches an op made are all it did, found out by trial.

An op's Python code plans, allocates and launches kernels; some also computes with NumPy. To know, the op is
run once more, on other numbers in arrays of the same layout, and then its first launches are made again on
those (trials.py): if every result and every input has the same bits, launches are the whole of it. Trials use
little memory, as they may come when most of it is in use. The verdict is kept in the disk cache, under what
the op's code depends on: its name, the arrays' layouts, its options, its sources.
"""

from __future__ import annotations

import atexit
import functools
import hashlib
import json
import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import rushlight.threads as threads

from ..arrays.generator import Generator, default_generator
from ..kernels import cache
from .structure import KEPT, arrays_in, mapped, owner_of_memory
from .trials import Run, Trial, Verdict, positions
from .twins import Twins, checksums, differing, memory_of

ndarray = np.ndarray
NOTHING = Verdict(True)
_LARGE = 1 << 20  # bytes of results that are rather made again than kept


def judged(
    tracer: Any, name: str, run: Callable[..., Any], leaves: list[ndarray], shown: Any
) -> tuple[Any, list[Any], Verdict]:
    """What run(*leaves) gives, the launches it made, and the verdict on it."""
    key = _key(name, leaves, shown)
    verdict = _book().get(key)
    if verdict is not None:
        found, launches = tracer.watched(run, leaves)
        return found, launches, verdict
    found, launches, verdict = _on_trial(tracer, run, leaves)
    _book()[key] = verdict
    return found, launches, verdict


def _on_trial(tracer: Any, run: Callable[..., Any], leaves: list[ndarray]) -> Any:
    """What `judged` gives, without the book. Large results are made again rather than kept meanwhile."""
    memory, chance, alarms = memory_of(leaves), _stream(), tracer.alarms.used
    before, twins = checksums(memory), Twins(leaves)
    found, launches = tracer.watched(run, leaves)
    wrote = differing(memory, before)
    results = memory_of(arrays_in(found))
    if _stream() != chance:
        return found, launches, Verdict(False, positions(leaves, wrote))
    if not launches and not wrote and results.keys() <= memory.keys():
        return found, launches, NOTHING
    trial = Trial(tracer, run, leaves, Run(found, launches, leaves), wrote)
    is_made_again = not wrote and sum(a.nbytes for a in results.values()) >= _LARGE
    if is_made_again:
        del found, launches
    del results
    with tracer.alarms.muted():
        verdict = trial.verdict(twins)
    if is_made_again:
        tracer.alarms.used = alarms
        found, launches = tracer.watched(run, leaves)
    return found, launches, verdict


def _stream() -> bytes:
    """Where the stream of random numbers stands."""
    return Generator.get_state(default_generator).tobytes()


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
