"""Scans and the k first of lines by kernels. Every function gives None where NumPy has to do it."""

from __future__ import annotations

from functools import cache, lru_cache
from math import prod
from typing import Any

import numpy as np

from ..kernels import native
from ..kernels.targets import host
from .copying import row_major
from .tracing import WATCHED

_FEW = 64  # elements; below, NumPy's call is done sooner
_CHUNK = 1 << 13  # elements a thread scans at a time
_KNOWN = {np.dtype(name): name for name in ("float32", "float64", "int64", "int32")}
_SHORT = 24  # the longest list that is kept sorted by insertion


def scan(how: str, x: np.ndarray, at: int, reverse: bool = False) -> np.ndarray | None:
    """The running "sum" or "prod" of `x` along dimension `at`."""
    if reverse and prod(x.shape[at + 1 :]) == 1:  # along the last dimension kernels run forwards
        turned = _scan(how, np.flip(x, at), at, False, None)
        return None if turned is None else row_major(np.flip(turned, at))
    return _scan(how, x, at, reverse, None)


def extreme(how: str, x: np.ndarray, at: int) -> tuple[np.ndarray, np.ndarray] | None:
    """The running "max" or "min" of `x` along dimension `at`, and where it stands."""
    if x.size >= 1 << 31:
        return None
    places = np.empty(x.shape, np.int64)
    values = _scan(how, x, at, False, places)
    return None if values is None else (values, places)


def _scan(how: str, x: np.ndarray, at: int, reverse: bool, places: np.ndarray | None) -> np.ndarray | None:
    name = _KNOWN.get(x.dtype)
    if x.size < (1 if WATCHED else _FEW) or name is None or not native.on():
        return None
    x = x if x.flags.c_contiguous else row_major(x)
    first, step = (x.shape[at] - 1, -1) if reverse else (0, 1)
    out = np.empty(x.shape, x.dtype)
    kernel, total, grain, n, inner = _plan(how, name, x.shape, at)
    kernel.run(total, grain, x, out, places, n, inner, first, step)
    return out


@lru_cache(maxsize=1024)
def _plan(how: str, name: str, shape: tuple[int, ...], at: int) -> tuple[Any, int, int, int, int]:
    """The kernel, its items, how many of them a thread takes, and the sizes along and behind `at`."""
    from ..kernels import scan as kernels

    outer, n, inner = prod(shape[:at]), shape[at], prod(shape[at + 1 :])
    if inner == 1:
        return kernels.lines(name, how), outer, max(1, _CHUNK // n), n, inner
    lanes = kernels.width(name, inner, host())
    total, grain = outer * -(-inner // lanes), max(1, _CHUNK // (n * lanes))
    return kernels.columns(name, how, lanes), total, grain, n, inner


@cache
def _topk_kernel(name: str, largest: bool) -> Any:
    from ..kernels.topk import topk

    return topk(name, largest)


def topk(x: np.ndarray, k: int, largest: bool) -> tuple[np.ndarray, np.ndarray] | None:
    """The k first of each line of the last dimension in order, and where they stood, for small k."""
    n = x.shape[-1]
    name = _KNOWN.get(x.dtype)
    if not (0 < k <= _SHORT and 4 * k <= n) or name is None or not native.on():
        return None
    x = x if x.flags.c_contiguous else row_major(x)
    shape = (*x.shape[:-1], k)
    values, places = np.empty(shape, x.dtype), np.empty(shape, np.int64)
    _topk_kernel(name, largest).run(prod(shape[:-1]), max(1, _CHUNK // n), x, values, places, n, k)
    return values, places
