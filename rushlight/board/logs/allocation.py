"""Giving memory back: what thinning frees stays with the C library's allocator, spread over its arenas."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from functools import cache


@cache
def _trim() -> Callable[[int], int] | None:
    """glibc's malloc_trim; None where there is another C library."""
    if not sys.platform.startswith("linux"):
        return None
    try:
        return ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError):
        return None


def give_back() -> None:
    """Return free memory to the system, where the C library can: 5 ms or so for 100 MB."""
    trim = _trim()
    if trim is not None:
        trim(0)
