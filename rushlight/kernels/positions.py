"""Positions made fit for kernels that trust them: counted from the front, inside, and of several dimensions
one.
"""

from __future__ import annotations

from functools import cache

from .gather import POSITIONS
from .ir import Module
from .launch import Kernel, entry
from .types import i64


@cache
def settled(size: int, adds: bool) -> Kernel:
    """out[i] (+)= step · the place of index[i] along n: negative ones count from the end, no one is outside.

    Indices are of `size` bytes.
    """
    position = POSITIONS[size]

    def make(_: object) -> Module:
        m = Module()
        types = {"out": i64.pointer, "index": position.pointer, "n": i64, "step": i64}
        f, lo, hi, _, (out, index, n, step) = entry(m, **types)
        for i in f.range(lo, hi):
            place = index[i].to(i64)
            place = (place < 0).select(place + n, place)
            place = (place < 0).select(0, (place < n).select(place, n - 1)) * step
            out[i] = out[i] + place if adds else place
        f.ret()
        return m

    return Kernel(("positions", size, adds), make)
