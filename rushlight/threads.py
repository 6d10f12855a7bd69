"""How many threads NumPy's products use: the one knob there is until kernels are our own."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np

_chosen: int | None = None

#: what is called with every number that is chosen: the pool of the kernels, once there is one
followers: list[Callable[[int], object]] = []


def available() -> int:
    """Processors this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)  # not on macOS and Windows
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def get() -> int:
    """Threads that kernels may use."""
    return _chosen or available()


def choose(n: int) -> None:
    """Set the number of threads, in NumPy's OpenBLAS too where its wheel brings one."""
    import ctypes

    global _chosen
    _chosen = n
    for follow in followers:
        follow(n)
    for library in _openblas():
        for name in (
            "scipy_openblas_set_num_threads64_",
            "openblas_set_num_threads64_",
            "openblas_set_num_threads",
        ):
            setter = getattr(library, name, None)
            if setter is not None:
                setter(ctypes.c_int(n))
                break


def _openblas() -> list[Any]:
    """The OpenBLAS that NumPy's wheel carries; it is loaded already, this finds the same handle."""
    import ctypes
    from pathlib import Path

    folder = Path(np.__file__).parents[1]
    files = [*(folder / "numpy.libs").glob("*openblas*"), *(folder / "numpy" / ".dylibs").glob("*openblas*")]
    return [ctypes.CDLL(str(f)) for f in files]
