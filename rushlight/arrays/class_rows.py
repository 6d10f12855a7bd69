"""Losses of class indices by row kernels alone, whatever labels come: what a compiled function runs.

`class_losses` looks at the labels first, and takes the shorter way where none is ignored. Here every row
finds out for itself whether it counts, and sums and means stay in memory.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any, NamedTuple

import numpy as np

import rushlight.scalar as s

from . import by_rows, memory
from .positions import look_at_labels
from .summing import total

ndarray = np.ndarray
_LONG = np.dtype(np.int64)


class Loss(NamedTuple):
    """Which loss: `entropy` of scores, or the likelihood of their logarithms, and how it is reduced."""

    entropy: bool
    ignore: int
    reduction: str
    smoothing: float = 0.0


class Found(NamedTuple):
    """What backward needs: the largest score and 1 / Σ e^(x - largest) of each row, and Σ of the factors."""

    top: ndarray | None
    scale: ndarray | None
    count: ndarray | None


def fits(x: ndarray, target: ndarray, weight: ndarray | None) -> bool:
    """Whether the kernels do this: floats of one type, labels of int64."""
    if x.ndim < 2 or x.dtype.char not in "fd" or not x.size or x.shape[1] > by_rows.LONGEST:
        return False
    return target.dtype is _LONG and (weight is None or weight.dtype == x.dtype)


def forward(x: ndarray, target: ndarray, weight: ndarray | None, loss: Loss) -> tuple[ndarray, Found]:
    """The loss of (rows, classes, ...), and what backward needs."""
    rows, labels = _rows(x), memory.reshaped(target, (-1,))
    n, kind = len(rows), x.dtype
    look_at_labels(labels, rows.shape[1], loss.ignore)
    losses, factors = np.empty(n, kind), np.empty(n, kind)
    kept = (np.empty(n, kind), np.empty(n, kind)) if loss.entropy else ()
    _run(_forward, rows, weight, loss, losses, factors, *kept, rows, labels)
    count = total(factors) if loss.reduction == "mean" else None
    found = losses.reshape(target.shape) if loss.reduction == "none" else total(losses)
    if count is not None:
        mean = np.empty((), kind)
        by_rows.run("quotient", 1, 1, mean, found, count)
        found = mean
    return found, Found(*(kept or (None, None)), count)


def backward(
    g: ndarray, x: ndarray, target: ndarray, weight: ndarray | None, loss: Loss, found: Found
) -> ndarray:
    """The cotangent of x."""
    rows, labels = _rows(x), memory.reshaped(target, (-1,))
    out = np.empty(rows.shape, x.dtype)
    kept = [v for v in found if v is not None]
    _run(_backward, rows, weight, loss, out, rows, labels, *kept, memory.contiguous(g))
    if x.ndim == 2:
        return out
    turned = out.reshape(len(x), -1, x.shape[1]).swapaxes(1, 2)
    return memory.contiguous(turned).reshape(x.shape)


def _rows(x: ndarray) -> ndarray:
    """(N, C, ...) with a row for each label."""
    if x.ndim > 2:
        x = memory.reshaped(x, (len(x), x.shape[1], math.prod(x.shape[2:]))).swapaxes(1, 2)
    return memory.reshaped(x, (-1, x.shape[-1]))


def _run(program: Any, rows: ndarray, weight: ndarray | None, loss: Loss, *arrays: Any) -> None:
    flags = loss.smoothing != 0, weight is not None
    n, classes = rows.shape
    kernel = _kernel(program, rows.dtype, loss.entropy, loss.reduction, *flags, classes <= by_rows.BESIDE)
    numbers = float(loss.ignore), float(loss.smoothing), float(loss.smoothing / classes), float(classes)
    weights = () if weight is None else (memory.contiguous(weight),)
    kernel.run(n, max(1, 8192 // classes), classes, *arrays, *weights, *numbers)


@cache
def _kernel(
    program: Any, kind: np.dtype, entropy: bool, reduction: str, smooth: bool, weighted: bool, beside: bool
) -> Any:
    from ..kernels import rows

    outputs, inputs = program(_Terms(rows, entropy, smooth, weighted), reduction)
    inputs |= {"weight": rows.COLUMNS} if weighted else {}
    inputs |= dict.fromkeys(("ignore", "smoothing", "part", "classes"), rows.NUMBER)
    return by_rows.kernel_of(outputs, inputs, kind, beside=beside)


class _Terms:
    """The scores of a row, its label, and what the label counts."""

    def __init__(self, rows: Any, entropy: bool, smooth: bool, weighted: bool) -> None:
        self.rows, self.entropy, self.smooth = rows, entropy, smooth
        self.x, self.label, self.part = s.var("x"), s.var("label"), s.var("part")
        self.weight = s.var("weight") if weighted else s.lift(1)
        self.counts = s.ne(rows.as_number(self.label), s.var("ignore"))
        self.factor = self.kept(rows.pick(self.weight, self.label) if weighted else s.lift(1))
        self.whole = rows.row_sum(self.weight) if weighted else s.var("classes")
        self.inputs: dict[str, str] = {"x": rows.FULL, "label": rows.INDEX}

    def kept(self, value: Any) -> Any:
        """A row's value, 0 where the label is to be ignored."""
        return s.where(self.counts, value, s.lift(0))

    def of_label(self, value: Any) -> Any:
        """The share of a value that goes by the label alone."""
        return value * (s.lift(1) - s.var("smoothing")) if self.smooth else value


def _forward(t: _Terms, _: str) -> tuple[dict[str, Any], dict[str, str]]:
    rows, x = t.rows, t.x
    if not t.entropy:
        found = t.kept(-rows.pick(x, t.label) * t.factor)
        return {"loss": (rows.ROWS, found), "factor": (rows.ROWS, t.factor)}, t.inputs
    top = rows.row_max(x)
    sums = rows.row_sum(s.exp(x - top))
    found = t.of_label((s.log(sums) + (top - rows.pick(x, t.label))) * t.factor)
    if t.smooth:
        found = found + t.part * ((s.log(sums) + top) * t.whole - rows.row_sum(x * t.weight))
    outputs = {"loss": (rows.ROWS, t.kept(found)), "factor": (rows.ROWS, t.factor)}
    return outputs | {"top": (rows.ROWS, top), "scale": (rows.ROWS, 1 / sums)}, t.inputs


def _backward(t: _Terms, reduction: str) -> tuple[dict[str, Any], dict[str, str]]:
    """The cotangent is softmax · (at + part · Σ weight) - part · weight - at, the last at the label alone."""
    rows, g = t.rows, s.var("g")
    each = t.kept(g / s.var("count") if reduction == "mean" else g)
    at = t.of_label(each * t.factor)
    dx = -rows.one_at(t.label) * at
    inputs = dict(t.inputs)
    if t.entropy:
        p = s.exp(t.x - s.var("top")) * s.var("scale")
        part = each * t.part
        dx = p * (at + part * t.whole) - part * t.weight + dx if t.smooth else p * at + dx
        inputs |= {"top": rows.ROWS, "scale": rows.ROWS}
    inputs |= {"count": rows.ONE} if reduction == "mean" else {}
    return {"dx": (rows.FULL, dx)}, inputs | {"g": rows.ROWS if reduction == "none" else rows.ONE}
