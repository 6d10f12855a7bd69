"""How many threads kernels use: as many as the process may have processors, unless it is told otherwise.

NumPy's OpenBLAS has threads of its own, which go on turning for milliseconds after each product. Where the
kernels have a pool, OpenBLAS gets one thread: on two busy processors its two were four times slower than one
(`np.linalg.svd` of 300x300: 427 ms and 116; products of 512x512 in float32: 62 ms and 16).
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

_chosen: int | None = None

#: what is called with every number that is chosen: the pool of the kernels, once there is one
followers: list[Callable[[int], object]] = []


def get() -> int:
    """Threads that kernels may use: the number chosen, or OMP_NUM_THREADS, or one a processor."""
    return _chosen or _wished(os.environ.get("OMP_NUM_THREADS", "")) or available()


def choose(n: int) -> None:
    """Set the number of threads: of the kernels' pool, or of NumPy's OpenBLAS where there is none."""
    global _chosen
    _chosen = n
    for follow in followers:
        follow(n)
    tell_blas(1 if followers else n)


def follow(follower: Callable[[int], object]) -> None:
    """Have a pool told the number of threads, now and whenever it changes; OpenBLAS's own threads rest."""
    followers.append(follower)
    follower(get())
    tell_blas(1)


def _wished(variable: str) -> int | None:
    """The first number of OMP_NUM_THREADS ("4", or "4,2" for nested loops), if it is one."""
    first = variable.partition(",")[0].strip()
    return int(first) if first.isdecimal() and int(first) > 0 else None


# -- processors ---------------------------------------------------------------------------------------


def available() -> int:
    """Processors this process may use: by its affinity, and by its control groups' shares of time."""
    affinity = getattr(os, "sched_getaffinity", None)  # not on macOS and Windows
    count = len(affinity(0)) if affinity else os.cpu_count() or 1
    share = granted()
    return count if share is None else max(1, min(count, int(share)))


@functools.cache
def granted(root: Path = Path("/")) -> float | None:
    """The least number of processors that a control group of this process may keep busy; None: no limit."""
    limits = list(_limits(root))
    return min(limits) if limits else None


def _limits(root: Path) -> Iterator[float]:
    """Every limit there is, of both versions of control groups (Linux: admin-guide/cgroup-v1, cgroup-v2)."""
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if not controllers:
            mounts, limit = ["", "unified"], _limit_v2
        elif "cpu" in controllers.split(","):
            mounts, limit = ["cpu", controllers], _limit_v1
        else:
            continue
        for mount in mounts:
            for group in _upwards(path):
                found = limit(root / "sys/fs/cgroup" / mount / group)
                if found is not None:
                    yield found


def _upwards(path: str) -> Iterator[str]:
    """A group and those it lies in. In a container the path may be the host's: then only the top exists."""
    parts = path.strip("/").split("/")
    return ("/".join(parts[:n]) for n in range(len(parts), -1, -1))


def _limit_v2(group: Path) -> float | None:
    """cpu.max is "quota period" in microseconds, or "max period"."""
    words = _read(group / "cpu.max").split()
    return _ratio(words[0], words[1]) if len(words) == 2 else None


def _limit_v1(group: Path) -> float | None:
    """A quota of -1 is none."""
    return _ratio(_read(group / "cpu.cfs_quota_us"), _read(group / "cpu.cfs_period_us"))


def _ratio(quota: str, period: str) -> float | None:
    quota, period = quota.strip(), period.strip()
    if not (quota.isdecimal() and period.isdecimal() and int(period)):
        return None
    return int(quota) / int(period)


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


# -- OpenBLAS -----------------------------------------------------------------------------------------

_SETTERS = [f"{name}_set_num_threads{end}" for name in ("scipy_openblas", "openblas") for end in ("64_", "")]


def tell_blas(n: int) -> None:
    """Set the number of OpenBLAS's threads, where NumPy's wheel brings an OpenBLAS."""
    import ctypes

    for library in _openblas():
        setters = [getattr(library, name) for name in _SETTERS if hasattr(library, name)]
        if setters:
            setters[0](ctypes.c_int(n))


def _openblas() -> list[Any]:
    """The OpenBLAS that NumPy's wheel carries; it is loaded already, this finds the same handle."""
    import ctypes

    folder = Path(np.__file__).parents[1]
    files = [*(folder / "numpy.libs").glob("*openblas*"), *(folder / "numpy" / ".dylibs").glob("*openblas*")]
    return [ctypes.CDLL(str(f)) for f in files]
