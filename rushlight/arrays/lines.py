"""Lines of NumPy arrays: one entry of each row, and softmax over them, a few rows at a time."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from . import by_rows, memory
from .summing import add_reduce, sum_rows
from .tracing import WATCHED


@lru_cache(maxsize=64)
def row_starts(rows: int, length: int) -> np.ndarray:
    """Where each row of a contiguous (rows, length) array begins."""
    return np.arange(0, rows * length, length)[:rows] if length else np.zeros(rows, np.int64)


def take_rows(x: np.ndarray, indices: np.ndarray) -> np.ndarray:
    """x[i, indices[i]] of a contiguous 2-dimensional array (three times as fast as take_along_axis)."""
    return x.reshape(-1).take(indices + row_starts(*x.shape))


# -- softmax ------------------------------------------------------------------------------------------

_max: Any = np.maximum.reduce
_add: Any = np.add.reduce
_exp, _log, _subtract, _divide = np.exp, np.log, np.subtract, np.divide


def _line_max(x: np.ndarray, axis: int) -> np.ndarray:
    """The largest of each line, dimension kept; in short rows argmax is faster than NumPy's maximum."""
    if x.ndim == 2 and axis == 1 and x.size <= 65536 and x.flags.c_contiguous:
        return take_rows(x, x.argmax(1))[:, None]
    return _max(x, axis, None, None, True)


def _line_sum(x: np.ndarray, axis: int) -> np.ndarray:
    """Σ of each line, dimension kept."""
    if x.ndim == 2 and axis == 1 and x.flags.c_contiguous:
        return sum_rows(x)[:, None]
    return add_reduce(x, (axis,), True)


def softmax_lines(x: np.ndarray, axis: int, out: np.ndarray) -> None:
    """exp(x - max) / Σ."""
    _subtract(x, _line_max(x, axis), out)
    _exp(out, out)
    _divide(out, _line_sum(out, axis), out)


def log_softmax_lines(x: np.ndarray, axis: int, out: np.ndarray) -> None:
    """x - max - log Σ exp(x - max)."""
    _subtract(x, _line_max(x, axis), out)
    _subtract(out, _log(_line_sum(_exp(out), axis)), out)


CHUNK = 32768  # elements that stay in cache between the passes over them


def by_lines(kernel: Any, axis: int, *inputs: np.ndarray) -> np.ndarray:
    """A kernel's result: by machine code, or by NumPy, large contiguous rows a few at a time."""
    x = inputs[0]
    if axis == x.ndim - 1 and by_rows.fits(*inputs):
        return by_rows.lines(_NAMES[kernel], *inputs)
    if WATCHED and x.size and x.ndim:
        turned = [memory.contiguous(np.moveaxis(a, axis, -1)) for a in inputs]
        if by_rows.fits(*turned):
            return memory.contiguous(np.moveaxis(by_rows.lines(_NAMES[kernel], *turned), -1, axis))
    out = np.empty(x.shape, x.dtype)
    if x.size <= 2 * CHUNK or axis != x.ndim - 1 or not all(a.flags.c_contiguous for a in inputs):
        if x.size:
            kernel(*inputs, axis, out)
        return out
    n = x.shape[-1]
    rows = [a.reshape(-1, n) for a in (*inputs, out)]
    step = max(1, CHUNK // n)
    for i in range(0, len(rows[0]), step):
        *parts, place = (a[i : i + step] for a in rows)
        kernel(*parts, 1, place)
    return out


def softmax_back(g: np.ndarray, out: np.ndarray, axis: int, grad: np.ndarray) -> None:
    """out · (g - Σ g · out)."""
    np.multiply(g, out, grad)
    _subtract(g, _line_sum(grad, axis), grad)
    np.multiply(grad, out, grad)


def log_softmax_back(g: np.ndarray, out: np.ndarray, axis: int, grad: np.ndarray) -> None:
    """g - exp(out) · Σ g."""
    _exp(out, grad)
    np.multiply(grad, _line_sum(g, axis), grad)
    _subtract(g, grad, grad)


#: the same as programs of by_rows
_NAMES = {softmax_lines: "softmax", log_softmax_lines: "log_softmax"}
_NAMES |= {softmax_back: "softmax_back", log_softmax_back: "log_softmax_back"}
