"""Arrays filled and copied: by NumPy, or by kernels alone while launches are noted.

A traced op whose work is all launches runs without Python afterwards (`arrays.tracing.WATCHED`); so these
stand in for np.zeros, np.full, copies and `out[...] = x` in whatever a compiled function may use.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from .copying import fill, row_major
from .tracing import WATCHED

ndarray = np.ndarray
_CHUNK = 1 << 16  # bytes a thread writes at a time
_WORDS = {1: np.int8, 2: np.int16, 4: np.int32, 8: np.int64}


def zeros(shape: Any, dtype: Any) -> ndarray:
    """np.zeros(shape, dtype)."""
    return filled(np.empty(shape, dtype), 0) if WATCHED else np.zeros(shape, dtype)


def full(shape: Any, value: Any, dtype: Any) -> ndarray:
    """np.full(shape, value, dtype)."""
    return filled(np.empty(shape, dtype), value) if WATCHED else np.full(shape, value, dtype)


def empty_like(x: ndarray, dtype: Any, order: Any = "K") -> ndarray:
    """An uninitialised array laid out as another ("K"; dense where that is stretched), or row-major ("C")."""
    out = np.empty_like(x, dtype, order=order, subok=False)
    return np.empty(x.shape, dtype) if out.strides != x.strides and 0 in x.strides else out


def filled(out: ndarray, value: Any) -> ndarray:
    """`out`, every element of which becomes `value`: a number, or an array of no dimensions."""
    one = value if getattr(value, "dtype", None) is out.dtype else np.asarray(value, out.dtype)
    if not WATCHED or out.itemsize not in _WORDS:
        out[...] = one
    elif out.size:
        _fill(out, one, value is one)
    return out


def _fill(out: ndarray, one: ndarray, varies: bool) -> None:
    """`filled` by a kernel; a number that `varies` is read from its array, any other part of the launch."""
    kind = _WORDS[out.itemsize]
    if varies or not out.flags.c_contiguous:
        fill(out.view(kind), np.broadcast_to(one.view(kind), out.shape))
    else:
        word = int(one.reshape(1).view(kind)[0])
        _kernel(out.itemsize).run(out.size, _CHUNK // out.itemsize, out, word)


@cache
def _kernel(size: int) -> Any:
    from ..kernels.strided import filled

    return filled(size)


def copied(x: ndarray, order: Any = "C") -> ndarray:
    """x.copy(order)."""
    if not WATCHED:
        return x.copy(order)
    out = np.empty_like(x, order=order, subok=False)
    copy_into(out, x)
    return out


def copy_into(out: ndarray, x: ndarray) -> None:
    """out[...] = x, for arrays of one type that share no memory; `x` broadcasts."""
    if not WATCHED:
        out[...] = x
    elif out.size:
        fill(out, np.broadcast_to(x, out.shape))


def contiguous(x: ndarray) -> ndarray:
    """np.ascontiguousarray(x)."""
    if x.flags.c_contiguous or not WATCHED:
        return np.ascontiguousarray(x)
    return row_major(x)


def reshaped(x: ndarray, shape: Any) -> ndarray:
    """x.reshape(shape), which copies where it must."""
    if not WATCHED:
        return x.reshape(shape)
    try:
        return x.reshape(shape, copy=False)
    except ValueError:  # no view has this shape
        return row_major(x).reshape(shape)
