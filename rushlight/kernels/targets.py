"""The machines that code is written for: this one, or one that is named."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any, NamedTuple

from .types import Type


class Target(NamedTuple):
    """A processor: LLVM's triple, name and features, and the width of its vectors in bits."""

    triple: str
    cpu: str
    features: str
    bits: int

    def lanes(self, type: Type) -> int:
        """How many numbers of a type one vector register holds."""
        return max(self.bits // type.bits, 1)

    @property
    def registers(self) -> int:
        """How many vector registers there are."""
        return 32 if self.bits == 512 or self.triple.startswith("aarch64") else 16

    @property
    def masks(self) -> bool:
        """Whether loads and stores of some lanes are single instructions."""
        return self.bits == 512

    @property
    def fuses(self) -> bool:
        """Whether x·y + z is one instruction."""
        return self.bits >= 256 or self.triple.startswith("aarch64")

    @property
    def attributes(self) -> str:
        """What LLVM is told of every function: older AVX-512 processors else get half vectors."""
        wide = ' "prefer-vector-width"="512" "min-legal-vector-width"="512"' if self.bits == 512 else ""
        return f"attributes #0 = {{ nounwind{wide} }}"


_now: ContextVar[Target | None] = ContextVar("target", default=None)


@contextmanager
def writing(target: Target) -> Iterator[None]:
    """The code written inside is for this machine."""
    token = _now.set(target)
    try:
        yield
    finally:
        _now.reset(token)


def now() -> Target | None:
    """The machine that code is being written for, where that is known."""
    return _now.get()


#: processors by name, for `RUSHLIGHT_CPU` and for tests of the code that others run
NAMED = {
    "avx512": Target("x86_64-unknown-linux-gnu", "skylake-avx512", "", 512),
    "avx2": Target("x86_64-unknown-linux-gnu", "haswell", "", 256),
    "baseline": Target("x86_64-unknown-linux-gnu", "x86-64", "", 128),
    "aarch64": Target("aarch64-unknown-linux-gnu", "cortex-a72", "", 128),
}


@cache
def host() -> Target:
    """This machine, or the one that the variable RUSHLIGHT_CPU names ("avx2", "baseline")."""
    named = os.environ.get("RUSHLIGHT_CPU")
    if named:
        if named not in NAMED:
            raise ValueError(f"RUSHLIGHT_CPU={named}: known are {', '.join(NAMED)}")
        return NAMED[named]
    llvm: Any = binding()
    features = llvm.get_host_cpu_features()
    wide = features.get("avx512vl") and features.get("avx512dq")
    bits = 512 if wide else 256 if features.get("avx2") else 128
    return Target(llvm.get_process_triple(), llvm.get_host_cpu_name(), features.flatten(), bits)


@cache
def binding() -> Any:
    """LLVM, imported and made ready when it is first needed."""
    import llvmlite.binding as llvm

    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    return llvm
