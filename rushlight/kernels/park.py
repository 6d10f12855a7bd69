"""Putting a thread to sleep until a word of memory changes, and waking it: Linux's futex."""

from __future__ import annotations

from typing import Any

from .ir import Function
from .targets import Target
from .types import i32, i64, ptr
from .values import Value

WAIT, WAKE = 128, 129  # FUTEX_WAIT and FUTEX_WAKE, both private to the process (linux/futex.h)
ALL = 0x7FFFFFFF
_FUTEX = {"x86_64": 202, "aarch64": 98, "riscv64": 98}  # the number of the system call


def supported(target: Target) -> bool:
    """Whether threads of a target can sleep here: not on macOS and Windows, whose pool has one thread."""
    return "linux" in target.triple and target.triple.partition("-")[0] in _FUTEX


def park(word: Any, seen: Any, target: Target) -> None:
    """Sleep until woken through `word` (i32), unless it no longer is `seen`; may wake for no reason."""
    _futex(word.now, WAIT, seen, target)


def unpark(word: Any, count: Any, target: Target) -> None:
    """Wake at most `count` (i32) of the threads that sleep on `word`."""
    _futex(word.now, WAKE, count, target)


def _futex(word: Value, operation: int, value: Any, target: Target) -> None:
    # `syscall` takes any arguments in C, but its machine code only moves registers: a plain call is right.
    f: Function = word.f
    number, null, zero = _FUTEX[target.triple.partition("-")[0]], f.const(ptr, 0), f.const(i32, 0)
    code = f.const(i32, operation)
    f.call("syscall", i64, f.const(i64, number), word, code, f.lift(value, i32), null, null, zero)
