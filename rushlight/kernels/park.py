"""Putting a thread to sleep until a word of memory changes, and waking it.

Linux has futex, macOS os_sync_wait_on_address (14.4 and later), Windows WaitOnAddress. All three compare the
word once more before they sleep, and may wake for no reason. Only Linux's has been run.
"""

from __future__ import annotations

from typing import Any

from .ir import Function
from .system import system
from .targets import Target
from .types import i32, i64, ptr, void
from .values import Value

WAIT, WAKE = 128, 129  # FUTEX_WAIT and FUTEX_WAKE, both private to the process (linux/futex.h)
ALL = 0x7FFFFFFF
_FUTEX = {"x86_64": 202, "aarch64": 98, "riscv64": 98}  # the number of the system call


def supported(target: Target) -> bool:
    """Whether threads of a target can sleep here; elsewhere the pool has one thread."""
    return system(target) != ""


def park(word: Any, seen: Any, target: Target) -> None:
    """Sleep until woken through `word` (i32), unless it no longer is `seen`; may wake for no reason."""
    word = word.now
    f: Function = word.f
    if system(target) == "linux":
        _futex(word, WAIT, seen, target)
    elif system(target) == "macos":
        value = f.lift(seen, i32).to(i64) & 0xFFFFFFFF
        f.call("os_sync_wait_on_address", i32, word, value, f.const(i64, 4), f.const(i32, 0))
    else:
        held = f.stack(i32, 1)
        held.store(f.lift(seen, i32))
        f.call("WaitOnAddress", i32, word, held, f.const(i64, 4), f.const(i32, -1))


def unpark(word: Any, count: Any, target: Target) -> None:
    """Wake at most `count` (i32) of the threads that sleep on `word`; macOS and Windows one, or all."""
    word = word.now
    f: Function = word.f
    if system(target) == "linux":
        _futex(word, WAKE, count, target)
        return
    one, every, more = _WAKE[system(target)]
    arguments = [word, *(f.const(t, v) for t, v in more)]
    with f.when(f.lift(count, i32) == 1):
        f.call(one, void if not more else i32, *arguments)
    with f.otherwise():
        f.call(every, void if not more else i32, *arguments)


#: what wakes one thread, what wakes all, and what they take behind the address (macOS: the size, flags)
_WAKE: dict[str, tuple[str, str, tuple[Any, ...]]] = {
    "macos": (
        "os_sync_wake_by_address_any",
        "os_sync_wake_by_address_all",
        ((i64, 4), (i32, 0)),
    ),
    "windows": ("WakeByAddressSingle", "WakeByAddressAll", ()),
}


def _futex(word: Value, operation: int, value: Any, target: Target) -> None:
    # `syscall` takes any arguments in C, but its machine code only moves registers: a plain call is right.
    f: Function = word.f
    number, null, zero = _FUTEX[target.triple.partition("-")[0]], f.const(ptr, 0), f.const(i32, 0)
    code = f.const(i32, operation)
    f.call("syscall", i64, f.const(i64, number), word, code, f.lift(value, i32), null, null, zero)
