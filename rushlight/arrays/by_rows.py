"""Row kernels as functions of NumPy arrays: softmax and its kin, layer and RMS norm, what cross entropy is
made of.

Each is an expression with sums and maxima along the row, from which `kernels.rows` writes the passes. They
take
contiguous float32 or float64 arrays of (rows, n); `fits` says whether arrays are such.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

import rushlight.scalar as s

from ..kernels import native
from ..scalar import Expr
from . import memory
from .summing import sum_columns
from .tracing import WATCHED

ndarray = np.ndarray
_SINGLE = np.dtype(np.float32)
_KINDS = frozenset({_SINGLE, np.dtype(np.float64)})
_STREAM = 16 << 20  # bytes
BESIDE = 16  # elements of a row, at most, where vectors hold one of each of many rows
LONGEST = 1 << 17  # longer rows are summed by NumPy, in blocks


def fits(*arrays: Any) -> bool:
    """Whether machine code takes these arrays: contiguous, of one floating type, not empty, rows not too
    long.
    """
    first = arrays[0]
    if first.__class__ is not ndarray or not first.size or not first.ndim or not native.on():
        return False
    kind = first.dtype
    if (kind is not _SINGLE and kind not in _KINDS) or first.shape[-1] > LONGEST:
        return False
    for a in arrays:
        if a.__class__ is not ndarray or a.dtype is not kind or not a.flags.c_contiguous:
            return False
    return True


@cache
def _kernel(name: str, dtype: np.dtype, stream: bool = False, beside: bool = False) -> Any:
    from ..kernels import rows

    outputs, inputs = _PROGRAMS[name](rows)
    return kernel_of(outputs, inputs, dtype, stream, beside)


def kernel_of(outputs: Any, inputs: Any, dtype: np.dtype, stream: bool = False, beside: bool = False) -> Any:
    """The kernel of a program; `beside`: for rows so short that they lie side by side in a vector."""
    from ..kernels import rows, rows_beside
    from ..kernels.types import f32, f64

    element = f32 if dtype.itemsize == 4 else f64
    if beside:
        return rows_beside.row_kernel(outputs, inputs, element)
    return rows.row_kernel(outputs, inputs, element, stream)


def _kernel_into(name: str, out: ndarray, length: int) -> Any:
    """The program's kernel; an output that the caches could not hold goes past them."""
    if length <= BESIDE and name in _SHORT:
        return _kernel(name, out.dtype, beside=True)
    stream = out.nbytes >= _STREAM and not length * out.itemsize % 64 and not out.ctypes.data % 64
    return _kernel(name, out.dtype, stream)


def _grain(n: int, rows: int) -> int:
    """Rows that a thread takes at a time: long runs of memory, where there is enough of it."""
    size = 8192 if n * rows < 1 << 20 else 65536
    return max(1, size // n)


def run(name: str, length: int, rows: int, *arguments: Any) -> None:
    """Run a program on its outputs and inputs, in order."""
    kernel = _kernel_into(name, arguments[0], length)
    kernel.run(rows, _grain(length, rows), length, *arguments)


# -- the programs: (outputs, inputs) by name ---------------------------------------------------------------


def _names(*names: str) -> list[Expr]:
    return [s.var(n) for n in names]


def _softmax(rows: Any) -> Any:
    (x,) = _names("x")
    e = s.exp(x - rows.row_max(x))
    return {"out": (rows.FULL, e / rows.row_sum(e))}, {"x": rows.FULL}


def _log_softmax(rows: Any) -> Any:
    (x,) = _names("x")
    y = x - rows.row_max(x)
    return {"out": (rows.FULL, y - s.log(rows.row_sum(s.exp(y))))}, {"x": rows.FULL}


def _softmax_back(rows: Any) -> Any:
    g, y = _names("g", "y")
    return {"dx": (rows.FULL, y * (g - rows.row_sum(g * y)))}, {"g": rows.FULL, "y": rows.FULL}


def _log_softmax_back(rows: Any) -> Any:
    g, y = _names("g", "y")
    return {"dx": (rows.FULL, g - s.exp(y) * rows.row_sum(g))}, {"g": rows.FULL, "y": rows.FULL}


def _exponentials(rows: Any) -> Any:
    (x,) = _names("x")
    top = rows.row_max(x)
    e = s.exp(x - top)
    return {"each": (rows.FULL, e), "sums": (rows.ROWS, rows.row_sum(e)), "top": (rows.ROWS, top)}, {
        "x": rows.FULL
    }


def _entropy(rows: Any) -> Any:
    x, label, count = _names("x", "label", "count")
    top = rows.row_max(x)
    total = rows.row_sum(s.exp(x - top))
    loss = (s.log(total) + (top - rows.pick(x, label))) / count
    outputs = {"loss": (rows.ROWS, loss), "top": (rows.ROWS, top), "scale": (rows.ROWS, 1 / total)}
    return outputs, {"x": rows.FULL, "label": rows.INDEX, "count": rows.NUMBER}


def _entropy_back(each: bool) -> Any:
    def program(rows: Any) -> Any:
        x, label, top, scale, g = _names("x", "label", "top", "scale", "g")
        dx = s.exp(x - top) * (scale * g) - rows.one_at(label) * g
        inputs = {"x": rows.FULL, "label": rows.INDEX} | dict.fromkeys(("top", "scale"), rows.ROWS)
        return {"dx": (rows.FULL, dx)}, inputs | {"g": rows.ROWS if each else rows.NUMBER}

    return program


def _scaled(rows: Any) -> Any:
    x, factor = _names("x", "factor")
    return {"out": (rows.FULL, x * factor)}, {"x": rows.FULL, "factor": rows.ROWS}


def _affine(rows: Any) -> Any:
    x, factor, shift = _names("x", "factor", "shift")
    return {"out": (rows.FULL, x * factor + shift)}, {"x": rows.FULL} | dict.fromkeys(
        ("factor", "shift"), rows.COLUMNS
    )


def _mixed(rows: Any) -> Any:
    x, y, a, b = _names("x", "y", "a", "b")
    inputs = dict.fromkeys("xy", rows.FULL) | dict.fromkeys("ab", rows.NUMBER)
    return {"out": (rows.FULL, x * a + y * b)}, inputs


def _quotient(rows: Any) -> Any:
    x, y = _names("x", "y")
    return {"out": (rows.FULL, x / y)}, dict.fromkeys("xy", rows.FULL)


def _norm(center: bool, affine: bool) -> Any:
    def program(rows: Any) -> Any:
        x, w, b, n, eps = _names("x", "w", "b", "n", "eps")
        mean = rows.row_sum(x) / n
        d = x - mean if center else x
        scale = 1 / s.sqrt(rows.row_sum(d * d) / n + eps)
        out = d * scale * w + b if affine else d * scale
        outputs = {"out": (rows.FULL, out), "scale": (rows.ROWS, scale)}
        outputs |= {"mean": (rows.ROWS, mean)} if center else {}
        inputs = {"x": rows.FULL} | ({"w": rows.COLUMNS, "b": rows.COLUMNS} if affine else {})
        return outputs, inputs | {"n": rows.NUMBER, "eps": rows.NUMBER}

    return program


def _norm_back(center: bool, weighted: bool, affine: bool) -> Any:
    def program(rows: Any) -> Any:
        g, x, mean, scale, w, n = _names("g", "x", "mean", "scale", "w", "n")
        normed = (x - mean if center else x) * scale
        gw = g * w if weighted else g
        rest = gw - normed * (rows.row_sum(gw * normed) / n)
        outputs = {"dx": (rows.FULL, (rest - rows.row_sum(gw) / n if center else rest) * scale)}
        if affine:
            outputs |= {"dw": (rows.TOTALS, g * normed), "db": (rows.TOTALS, g)}
        inputs = {"g": rows.FULL, "x": rows.FULL, "scale": rows.ROWS}
        inputs |= {"mean": rows.ROWS} if center else {}
        inputs |= {"w": rows.COLUMNS} if weighted else {}
        return outputs, inputs | {"n": rows.NUMBER}

    return program


_TRUTH = (False, True)
_PROGRAMS: dict[str, Any] = {
    **{"softmax": _softmax, "log_softmax": _log_softmax, "exponentials": _exponentials, "scaled": _scaled},
    **{"affine": _affine, "mixed": _mixed, "quotient": _quotient, "entropy": _entropy},
    **{f"entropy_back{each:d}": _entropy_back(each) for each in _TRUTH},
    **{"softmax_back": _softmax_back, "log_softmax_back": _log_softmax_back},
    **{f"norm{c:d}{a:d}": _norm(c, a) for c in _TRUTH for a in _TRUTH},
    **{f"norm_back{c:d}{w:d}{a:d}": _norm_back(c, w, a) for c in _TRUTH for w in _TRUTH for a in _TRUTH},
}


_SHORT = frozenset(name for name in _PROGRAMS if "soft" in name or "entropy" in name)


# -- functions of arrays -----------------------------------------------------------------------------------


def lines(name: str, *inputs: ndarray) -> ndarray:
    """A program of full arrays that gives one of the same shape."""
    x = inputs[0]
    out = np.empty(x.shape, x.dtype)
    n = x.shape[-1]
    run(name, n, x.size // n, out, *inputs)
    return out


def add_into(out: ndarray, x: ndarray) -> None:
    """out += x, of one shape."""
    if not WATCHED or out.dtype not in _KINDS or not out.size:
        out += x
        return
    dense = memory.contiguous(out)
    length = dense.shape[-1] if dense.ndim else 1
    run("mixed", length, dense.size // length, dense, dense, memory.contiguous(x), 1.0, 1.0)
    if dense is not out:
        memory.copy_into(out, dense)


def norm(
    x: ndarray, weight: ndarray | None, bias: ndarray | None, eps: float, center: bool
) -> tuple[ndarray, ndarray | None, ndarray]:
    """The rows normalised, times weight plus bias; their means (if `center`) and 1 / √(var + eps)."""
    rows, n = x.shape
    out, scale = np.empty(x.shape, x.dtype), np.empty((rows, 1), x.dtype)
    mean = np.empty((rows, 1), x.dtype) if center else None
    affine = weight is not None or bias is not None
    parameters = [
        *([memory.full(n, 1, x.dtype) if weight is None else weight] if affine else []),
        *([memory.zeros(n, x.dtype) if bias is None else bias] if affine else []),
    ]
    means = [] if mean is None else [mean]
    run(f"norm{center:d}{affine:d}", n, rows, out, scale, *means, x, *parameters, float(n), float(eps))
    return out, mean, scale


def norm_back(
    g: ndarray, x: ndarray, weight: ndarray | None, mean: ndarray | None, scale: ndarray, affine: bool
) -> tuple[ndarray, ndarray | None, ndarray | None]:
    """The cotangents of `norm`'s input, weight and bias (those only if `affine`)."""
    rows, n = x.shape
    dx, grain = np.empty(x.shape, x.dtype), max(_grain(n, rows), -(-rows // 64))
    chunks = -(-rows // grain)
    totals = [memory.zeros((chunks, n), x.dtype) for _ in range(2 * affine)]
    name = f"norm_back{mean is not None:d}{weight is not None:d}{affine:d}"
    means = [] if mean is None else [mean]
    weights = [] if weight is None else [weight]
    kernel = _kernel_into(name, dx, n)
    kernel.run(rows, grain, n, dx, *totals, g, x, scale, *means, *weights, float(n), grain)
    dw, db = (sum_columns(t) for t in totals) if affine else (None, None)
    return dx, dw, db
