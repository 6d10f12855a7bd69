"""Memory that several threads read and write at once: LLVM's atomic instructions, named as C++ names them."""

from __future__ import annotations

from typing import Any

from .ir import Function
from .targets import Target
from .types import Type, i1, i32, void
from .values import Value


def load(p: Any, order: str = "acquire") -> Value:
    """What stands at `p`, and what was written before it was stored there."""
    at, t = p.now, p.now.type.target
    return at.f.emit(f"load atomic {t}, {at} {order}, align {t.size}", t)


def store(p: Any, value: Any, order: str = "release") -> None:
    """Write to `p`; who reads it there also sees what was written before."""
    at, t = p.now, p.now.type.target
    at.f.do(f"store atomic {at.f.lift(value, t)}, {at} {order}, align {t.size}")


def add(p: Any, value: Any, order: str = "acq_rel") -> Value:
    """Add to what stands at `p`; what stood there before."""
    at, t = p.now, p.now.type.target
    return at.f.emit(f"atomicrmw add {at}, {at.f.lift(value, t)} {order}", t)


def replace(p: Any, old: Any, new: Any) -> Value:
    """Put `new` in the place of `old`; whether `old` stood there."""
    f, at, t = p.now.f, p.now, p.now.type.target
    found = Type(f"{{ {t}, i1 }}", t.bits + 1)
    pair = f.emit(f"cmpxchg {at}, {f.lift(old, t)}, {f.lift(new, t)} acq_rel acquire", found)
    return f.emit(f"extractvalue {pair}, 1", i1)


def pause(f: Function, target: Target) -> None:
    """Tell the processor that this thread waits for another."""
    if target.triple.startswith("x86_64"):
        f.call("llvm.x86.sse2.pause", void)
    elif target.triple.startswith("aarch64"):
        f.call("llvm.aarch64.hint", void, f.const(i32, 1))  # yield
