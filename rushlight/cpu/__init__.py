"""`torch.cpu`: what code written for any device asks of this one, and the memory that tensors take.

The memory functions are those of `torch.cuda`. They tell of Rushlight's caching allocator, which begins when
native kernels are first used; where it is off (RUSHLIGHT_ALLOCATOR=0, RUSHLIGHT_JIT=0) they give 0.
"""

from __future__ import annotations

import contextlib
from typing import Any

from ..kernels import allocator
from ..lazy import lazy_names

__all__ = [
    "Event",
    "Stream",
    "current_device",
    "current_stream",
    "device_count",
    "empty_cache",
    "is_available",
    "is_initialized",
    "max_memory_allocated",
    "max_memory_reserved",
    "memory_allocated",
    "memory_reserved",
    "memory_stats",
    "reset_peak_memory_stats",
    "set_cache_limit",
    "set_device",
    "stream",
    "synchronize",
]


def is_available() -> bool:
    """Whether there is a processor to compute on: True."""
    return True


def is_initialized() -> bool:
    """Whether it is ready: True."""
    return True


def device_count() -> int:
    """How many processors tensors are told apart by: 1, whatever its cores."""
    return 1


def current_device() -> str:
    """The name of the device: "cpu"."""
    return "cpu"


def set_device(device: Any) -> None:
    """Nothing: there is one."""


def synchronize(device: Any = None) -> None:
    """Nothing: an op has ended when it returns."""


# -- memory --------------------------------------------------------------------------------------------


def _counters() -> dict[str, int]:
    found = allocator.current()
    return dict.fromkeys(allocator.WORDS, 0) if found is None else found.counters()


def memory_allocated(device: Any = None) -> int:
    """Bytes that arrays take now."""
    return _counters()["allocated"]


def max_memory_allocated(device: Any = None) -> int:
    """The most bytes that arrays took at once, since the start or the last reset_peak_memory_stats."""
    return _counters()["peak"]


def memory_reserved(device: Any = None) -> int:
    """Bytes had from the system: what arrays take, and what is kept for the next."""
    now = _counters()
    return now["allocated"] + now["cached"]


def max_memory_reserved(device: Any = None) -> int:
    """The most bytes had from the system at once."""
    return _counters()["reserved_peak"]


def memory_stats(device: Any = None) -> dict[str, int]:
    """All figures, named as torch.cuda.memory_stats names them, and how often a block was used again.

    `cache.hits` counts the allocations served by a block used before, `cache.misses` those by the system.
    """
    n = _counters()
    allocations = n["hits"] + n["misses"]
    return {
        "allocation.all.current": allocations - n["frees"],
        "allocation.all.allocated": allocations,
        "allocation.all.freed": n["frees"],
        "allocated_bytes.all.current": n["allocated"],
        "allocated_bytes.all.peak": n["peak"],
        "allocated_bytes.all.allocated": n["given"],
        "allocated_bytes.all.freed": n["given"] - n["allocated"],
        "reserved_bytes.all.current": n["allocated"] + n["cached"],
        "reserved_bytes.all.peak": n["reserved_peak"],
        "num_alloc_retries": n["retries"],
        "num_ooms": n["failures"],
        "cache.hits": n["hits"],
        "cache.misses": n["misses"],
        "cache.bytes": n["cached"],
        "cache.limit": n["limit"],
    }


def reset_peak_memory_stats(device: Any = None) -> None:
    """Measure the peaks from now on."""
    found = allocator.current()
    if found is not None:
        found.reset_peak()


def empty_cache() -> None:
    """Give the memory kept for arrays to come back to the system."""
    found = allocator.current()
    if found is not None:
        found.empty()


def set_cache_limit(bytes: int) -> None:
    """Keep at most so many bytes for arrays to come: Rushlight's own; at first an eighth of the memory."""
    if bytes < 0:
        raise ValueError(f"torch.cpu.set_cache_limit: {bytes} bytes; a limit is 0 or more")
    found = allocator.current()
    if found is not None:
        found.limit(bytes)


# -- streams, of which there is one --------------------------------------------------------------------


class Stream:
    """The order in which ops run: as they are written."""

    def __init__(self, priority: int = -1) -> None:
        pass

    def wait_stream(self, stream: Any) -> None:
        """Nothing: all before has ended."""

    wait_event = wait_stream

    def record_event(self) -> Event:
        """A mark in the order of ops, behind all before it."""
        return Event()


class Event:
    """A mark in the order of ops; what was before it has ended."""

    def query(self) -> bool:
        """Whether all before it has ended: True."""
        return True

    def record(self, stream: Any = None) -> None:
        """Nothing."""

    def synchronize(self) -> None:
        """Nothing: all before has ended."""

    def wait(self, stream: Any = None) -> None:
        """Nothing: all before has ended."""


_stream = Stream()


def current_stream(device: Any = None) -> Stream:
    """The stream that ops run on."""
    return _stream


def stream(stream: Any) -> contextlib.AbstractContextManager[None]:
    """A context in which ops run on this stream: they run as written on any."""
    return contextlib.nullcontext()


__getattr__, _ = lazy_names(__name__, {"amp": ".amp"}, shown="torch.cpu")
