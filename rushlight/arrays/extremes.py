"""Extremes of lines and where they stand, by kernels."""

from __future__ import annotations

from functools import cache
from math import prod
from typing import Any

import numpy as np

from ..kernels import native
from ..kernels.targets import host
from . import memory

ndarray = np.ndarray
_CHUNK = 1 << 14  # elements a thread looks at at a time
_KNOWN = {np.dtype(name): name for name in ("float32", "float64", "int64", "int32")}


def extremes(x: ndarray, at: int, largest: bool) -> tuple[ndarray, ndarray] | None:
    """The largest (or smallest) element of each line along `at`, and its first place; None for other types.

    NaN counts as extreme.
    """
    name, n = _KNOWN.get(x.dtype), x.shape[at]
    if name is None or not x.size or n >= 1 << 31 or not native.on():
        return None
    shape = x.shape[:at] + x.shape[at + 1 :]
    outer, inner = prod(x.shape[:at]), prod(x.shape[at + 1 :])
    values, places = np.empty(shape, x.dtype), np.empty(shape, np.int64)
    kernel, lanes = _kernel(name, largest, inner == 1)
    items = outer if inner == 1 else outer * -(-inner // lanes)
    grain = max(1, _CHUNK // (n * min(inner, lanes)))
    kernel.run(items, grain, memory.contiguous(x), values, places, n, inner)
    return values, places


@cache
def _kernel(name: str, largest: bool, rows: bool) -> tuple[Any, int]:
    from ..kernels.extremes import extremes
    from ..kernels.scan import NUMBERS

    return extremes(name, largest, rows), host().lanes(NUMBERS[name])
