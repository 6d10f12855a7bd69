"""The threads that share a kernel's chunks: one pool a process, itself generated code (`forkjoin.py`).

    void rushlight_parallel(ptr fn, ptr slots, i64 total, i64 grain)

calls fn(slots, lo, hi, tid) once for every chunk [k·grain, min((k+1)·grain, total)), and returns when all are
done. `grain` is at least 1; where `total` is 0 nothing is called. The cut depends on nothing but these two.

Who runs what: the caller takes chunk 0 and goes on with whatever is left; workers 1, 2 ... help. Where there
is one chunk or one thread, or the pool is taken (by another Python thread, or because a kernel calls this),
the caller does the same chunks by itself and at once: nobody ever waits for the pool.

`tid` is 0 for the caller, and below the pool's size; within one call no two threads have the same at a time.
A call from within a worker's chunk keeps that worker's. Two Python threads' calls both have 0, however, so
**scratch memory belongs to the call** (its address stands in the slots), never to the process.

Workers start when they are first needed, block all signals, and never touch Python. A forked child has
the forking thread only: its pool is reset, and starts workers of its own when used. At exit they are joined,
before the interpreter takes anything down.
"""

from __future__ import annotations

import atexit
import ctypes
import os
import threading
import time
from typing import Any

import numpy as np

import rushlight.threads as threads

from . import llvm
from .forkjoin import BYTES, FIELDS, MOST, make
from .system import addresses as found
from .targets import host

SPIN = 30e-6  # seconds that a thread waits awake before it sleeps
GRACE = 0.02  # seconds between telling of more threads and having them, where several Python threads run

#: the pool's functions, once it is there
addresses: dict[str, int] = {}

_memory = np.zeros(BYTES + 128, np.uint8)
_start = -_memory.ctypes.data % 128
_block = _memory[_start : _start + BYTES].view(np.int64)
_announced = 1
_lock = threading.RLock()


def field(name: str) -> int:
    """What stands in a field of 8 bytes."""
    return int(_block[FIELDS[name][0] // 8])


def _set(**fields: int) -> None:
    for name, value in fields.items():
        _block[FIELDS[name][0] // 8] = value


def ensure() -> None:
    """Make `rushlight_parallel` known to code that is linked from now on; no thread starts yet."""
    if "rushlight_parallel" not in llvm.symbols:
        with _lock:
            _begin()


def _begin() -> None:
    if addresses:  # by another thread, meanwhile
        return
    threaded = _make_symbols()
    addresses.update(llvm.build(("pool", threaded), lambda: make(host(), threaded)))
    if "resize" in addresses:
        _set(started=1, size=1, spins=_spins())
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_forget)
        atexit.register(_end)
        threads.follow(_announce)
    llvm.symbols["rushlight_parallel"] = addresses["rushlight_parallel"]


def _make_symbols() -> bool:
    """Give the pool's code what it calls; whether the system has it all."""
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(_memory))  # workers may outlive this module's dictionary
    llvm.symbols["rushlight_pool"] = _block.ctypes.data
    library = found(host())
    llvm.symbols.update(library or {})
    return library is not None


def _spins() -> int:
    """How many turns of a waiting loop take `SPIN`."""
    spin = ctypes.CFUNCTYPE(None, ctypes.c_int64)(addresses["spin"])
    count, taken = 500, []
    for _ in range(3):
        start = time.perf_counter()
        spin(count)
        taken.append(time.perf_counter() - start)
    return max(int(SPIN * count / min(taken)), 1)


def size() -> int:
    """Threads that share a kernel, the caller included: every `tid` is below. It sizes scratch memory."""
    ensure()
    return _announced


def resize(n: int) -> None:
    """Have `n` threads, as soon as no kernel runs (one, on systems where threads cannot sleep)."""
    ensure()
    if "resize" in addresses:
        _announce(n)


def _announce(n: int) -> None:
    """Tell of more threads before they come in, of fewer when they have gone: scratch memory always suffices.

    Another Python thread may just have made its own, and be about to launch: more come a little later.
    """
    global _announced
    n = min(n, MOST)
    if n > _announced:
        _announced = n
        if "rushlight_parallel" in llvm.symbols and threading.active_count() > 1:
            time.sleep(GRACE)
    _enact(n)
    _announced = n


def _enact(n: int, seconds: float | None = None) -> None:
    """Start or end workers once no kernel runs; give up after so many seconds."""
    function: Any = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)(addresses["resize"])
    deadline = None if seconds is None else time.monotonic() + seconds
    while not function(n) and (deadline is None or time.monotonic() < deadline):
        time.sleep(50e-6)


def _forget() -> None:
    """In a forked child: the workers are not there, nor is whoever used the pool."""
    size, spins = field("size"), field("spins")
    _block[:] = 0
    _set(started=1, size=size, spins=spins)
    _lock.release()


def _end() -> None:
    """At exit: join the workers; a kernel that a daemon thread still runs goes down with the process."""
    _enact(1, seconds=1.0)
