"""Memory for NumPy's arrays, kept when an array dies and given to the next one of its size (NEP 49).

The first touch of a fresh page costs more than most arithmetic on it: to fill 64 MB fresh from the system
takes 19 ms, 64 MB used before 7 (Skylake). `blocks` is the machine code; here is what installs it.
"""

from __future__ import annotations

import ctypes
import functools
import os
import sys
from pathlib import Path
from typing import Any

from . import layout, llvm, native
from .blocks import WORDS, make

_SET = "PyDataMem_SetHandler"


class _Handler(ctypes.Structure):
    """NumPy's PyDataMem_Handler (numpy/_core/include/numpy/ndarraytypes.h)."""

    _fields_ = [
        ("name", ctypes.c_char * 127),
        ("version", ctypes.c_uint8),
        *((name, ctypes.c_void_p) for name in ("context", "malloc", "calloc", "realloc", "free")),
    ]


class Allocator:
    """The allocator in this process: its numbers, and what can be done with it."""

    def __init__(self, addresses: dict[str, int], limit: int) -> None:
        get = ctypes.PYFUNCTYPE(ctypes.c_void_p)(addresses["counters_address"])
        self._words = (ctypes.c_int64 * len(WORDS)).from_address(get())
        self._empty = ctypes.PYFUNCTYPE(None)(addresses["empty"])
        self._make_room = ctypes.PYFUNCTYPE(None, ctypes.c_uint64)(addresses["make_room"])
        names = ("allocate", "allocate_zeroed", "reallocate", "free_block")
        self._handler = _Handler(b"rushlight", 1, None, *(addresses[name] for name in names))
        self._name = ctypes.create_string_buffer(b"mem_handler")
        new = ctypes.pythonapi.PyCapsule_New
        new.restype, new.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p]
        self._capsule = new(ctypes.addressof(self._handler), ctypes.addressof(self._name), None)
        self.limit(limit)

    def counters(self) -> dict[str, int]:
        """WORDS as they are now."""
        return dict(zip(WORDS, self._words, strict=True))

    def use(self) -> None:
        """From now on arrays made in this context (PEP 567: a thread has its own) get their memory here."""
        ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.py_object)(llvm.symbols[_SET])(self._capsule)

    def limit(self, most: int) -> None:
        """Keep at most so many bytes for reuse."""
        self._words[WORDS.index("limit")] = most
        self._make_room(0)

    def empty(self) -> None:
        """Give all that is kept for reuse back to the system."""
        self._empty()
        if hasattr(_libc(), "malloc_trim"):
            _libc().malloc_trim(0)  # glibc keeps what was freed below its top

    def reset_peak(self) -> None:
        """Measure the peaks from now on."""
        now = self.counters()
        self._words[WORDS.index("peak")] = now["allocated"]
        self._words[WORDS.index("reserved_peak")] = now["allocated"] + now["cached"]


def install() -> Allocator | None:
    """Let arrays made in this context have memory from here. None where there is none to be had.

    Each array remembers its allocator, so those made before or elsewhere are freed as they were made.
    """
    found = current()
    if found is not None:
        found.use()
    return found


def uninstall() -> None:
    """Let arrays made in this context have memory from NumPy's own allocator again."""
    if native.on():
        ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p)(llvm.symbols[_SET])(None)


@functools.cache
def current() -> Allocator | None:
    """The process's allocator, installed or not; None where there can be none."""
    limit = cache_limit()
    if not limit or not native.on():
        return None
    for name in ("malloc", "calloc", "free", "memset", "memcpy"):
        llvm.symbols[name] = layout.address(getattr(_libc(), name))
    if sys.platform == "linux":
        llvm.symbols["madvise"] = layout.address(_libc().madvise)
    found = Allocator(llvm.build(("allocator", sys.platform), make), limit)
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(found))  # arrays may be freed after everything at exit
    return found


def cache_limit() -> int:
    """The bytes that may be kept for reuse: RUSHLIGHT_ALLOCATOR in megabytes, or an eighth of the memory."""
    named = os.environ.get("RUSHLIGHT_ALLOCATOR", "")
    if not named:
        return memory_size() // 8
    if not named.isdigit():
        raise ValueError(f"RUSHLIGHT_ALLOCATOR={named}: it is a number of megabytes; 0 is NumPy's allocator")
    return int(named) << 20


def memory_size() -> int:
    """The bytes of memory there are for this process; in a container its limit."""
    try:
        found = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 8 << 30
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            text = Path(path).read_text().strip()
        except OSError:
            continue
        found = min(found, int(text)) if text.isdigit() else found
    return found


@functools.cache
def _libc() -> Any:
    return ctypes.CDLL("ucrtbase" if sys.platform == "win32" else None)
