"""What the pool asks of the operating system: threads, signals, processors. Sleeping is in park.py.

Linux is what runs in our tests. What macOS and Windows are asked is written as their documentation has it,
and compiled in our tests, but has not been run.
"""

from __future__ import annotations

import ctypes
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from . import layout
from .ir import Function
from .targets import Target
from .types import i32, i64, ptr
from .values import Value

CPU_SET = 16  # words of a cpu_set_t
_PTHREADS = ("pthread_self", "pthread_create", "pthread_join", "pthread_sigmask")
_INFINITE = -1  # of a Windows timeout

#: what generated code calls of the system's libraries
LIBRARY = {
    "linux": (*_PTHREADS, "syscall", "sched_getcpu", "sched_getaffinity", "sched_setaffinity"),
    "macos": (
        *_PTHREADS,
        *("os_sync_wait_on_address", "os_sync_wake_by_address_any", "os_sync_wake_by_address_all"),
    ),
    "windows": (
        *("CreateThread", "WaitForSingleObject", "CloseHandle", "GetCurrentThreadId"),
        *("WaitOnAddress", "WakeByAddressSingle", "WakeByAddressAll", "__chkstk"),
    ),
}
#: the libraries of Windows that have them; the last one what frames of more than a page call
_WINDOWS = ("kernel32", "api-ms-win-core-synch-l1-2-0", "ntdll")


def system(target: Target) -> str:
    """The operating system of a target as a key of `LIBRARY`; "" where the pool has one thread."""
    parts = target.triple.split("-")
    if "linux" in parts:
        return "linux" if parts[0] in ("x86_64", "aarch64", "riscv64") else ""
    if any(p.startswith(("darwin", "macos")) for p in parts):
        return "macos"
    return "windows" if "windows" in parts else ""


def addresses(target: Target) -> dict[str, int] | None:
    """Where this process has the library's functions; None where one is missing (macOS before 14.4)."""
    name = system(target)
    if not name:
        return None
    try:
        return {f: layout.address(_found(name, f)) for f in LIBRARY[name]}
    except (AttributeError, OSError):
        return None


def _found(name: str, function: str) -> Any:
    if name != "windows":
        return getattr(ctypes.CDLL(None), function)
    for library in _WINDOWS:
        loaded = ctypes.CDLL(f"{library}.dll")
        if hasattr(loaded, function):
            return getattr(loaded, function)
    raise AttributeError(function)


# -- in generated code ---------------------------------------------------------------------------------


def me(f: Function, target: Target) -> Value:
    """What this thread is called, as i64; never 0."""
    if system(target) == "windows":
        return f.call("GetCurrentThreadId", i32).to(i64) & 0xFFFFFFFF
    return f.call("pthread_self", i64)


def start(f: Function, target: Target, handle: Value, code: Value, number: Value) -> Value:
    """Start a thread that runs code(number), and store its handle; whether the system did."""
    null = f.const(ptr, 0)
    if system(target) != "windows":
        return f.call("pthread_create", i32, handle, null, code, number.to(ptr)) == 0
    zero = f.const(i32, 0)
    made = f.call("CreateThread", i64, null, f.const(i64, 0), code, number.to(ptr), zero, null)
    handle.store(made)
    return made != 0


def join(f: Function, target: Target, handle: Value) -> None:
    """Wait until a thread has ended."""
    if system(target) != "windows":
        f.call("pthread_join", i32, handle, f.const(ptr, 0))
        return
    f.call("WaitForSingleObject", i32, handle, f.const(i32, _INFINITE))
    f.call("CloseHandle", i32, handle)


@contextmanager
def without_signals(f: Function, target: Target) -> Iterator[None]:
    """Threads started inside get no signals."""
    if system(target) == "windows":  # has none
        yield
        return
    null = f.const(ptr, 0)
    every, before = f.stack(i64, 16), f.stack(i64, 16)  # a sigset_t has 128 bytes on Linux, 4 on macOS
    for i in range(16):
        every.store(-1, i)
    set_mask = f.const(i32, int(getattr(signal, "SIG_SETMASK", 2)))
    f.call("pthread_sigmask", i32, set_mask, every, before)
    yield
    f.call("pthread_sigmask", i32, set_mask, before, null)


def processor(f: Function, target: Target) -> Value:
    """The number of the processor that this thread is on, or -1."""
    return f.call("sched_getcpu", i32) if system(target) == "linux" else f.const(i32, -1)


def allowed(f: Function, target: Target) -> Value:
    """The set of processors that this thread may be on, as far as the system tells."""
    words = f.stack(i64, CPU_SET)
    for i in range(CPU_SET):
        words[i] = 0
    if system(target) == "linux":
        f.call("sched_getaffinity", i32, f.const(i32, 0), CPU_SET * 8, words)
    return words


def move_off(f: Function, target: Target, allowed: Value, cpu: Value) -> None:
    """Keep this thread off a processor; nothing where none is left, or where the system has no such call."""
    if system(target) != "linux":
        return
    others = f.stack(i64, CPU_SET)
    for i in range(CPU_SET):
        others[i] = allowed[i]
    k = cpu.to(i64)
    others[k >> 6] = others[k >> 6] & ~(f.const(i64, 1) << (k & 63))
    f.call("sched_setaffinity", i32, f.const(i32, 0), CPU_SET * 8, others)
