"""Negative log likelihood and cross entropy of class indices, on NumPy arrays seen as (rows, classes,
places).
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from . import by_rows, summing
from .summing import add_reduce

_LONG = np.dtype(np.int64)
_UNSIGNED = np.dtype(np.uint64)


class Labels(NamedTuple):
    """Where the classes meant lie in the flat input, and what each one counts."""

    flat: np.ndarray  # (rows · places,)
    factor: np.ndarray | None  # weight of the class, 0 where ignored; None: all 1
    kept: np.ndarray | None  # False where ignored; None: nothing is
    total: Any  # Σ factor


def view(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """(N, C, ...) or (C,) as (rows, classes, places)."""
    if len(shape) == 1:
        return 1, shape[0], 1
    return shape[0], shape[1], math.prod(shape[2:])


@lru_cache(maxsize=64)
def _starts(rows: int, classes: int, places: int) -> np.ndarray:
    """The flat index of class 0 for each row and place."""
    if places == 1:
        return np.arange(rows) * classes
    return np.add.outer(np.arange(rows) * (classes * places), np.arange(places)).reshape(-1)


def locate(
    name: str,
    target: np.ndarray,
    seen: tuple[int, int, int],
    weight: np.ndarray | None,
    ignore_index: int,
    kind: Any,
) -> Labels:
    """The labels of an integer target; factors in type `kind`. Raises IndexError for a class that is not
    there.
    """
    rows, classes, places = seen
    t = target.reshape(-1).astype(np.int64, copy=False)
    kept = None
    if t.size and (t.view(_UNSIGNED).max() >= classes or 0 <= ignore_index < classes):
        kept = t != ignore_index
        _check(name, t, kept, classes, ignore_index)
        t = np.where(kept, t, 0)
    flat = (t if places == 1 else t * places) + _starts(rows, classes, places)
    if kept is None and weight is None:
        return Labels(flat, None, None, kind.type(t.size))
    factor = kept.astype(kind) if weight is None else weight.take(t)  # type: ignore[union-attr]
    if weight is not None and kept is not None:
        factor = np.where(kept, factor, kind.type(0))
    return Labels(flat, factor, kept, np.add.reduce(factor))


def _check(name: str, t: np.ndarray, kept: np.ndarray, classes: int, ignore_index: int) -> None:
    wrong = t[kept & ((t < 0) | (t >= classes))]
    if wrong.size:
        raise IndexError(
            f"{name}: Target {wrong[0]} is out of bounds: the input has {classes} classes, so that targets "
            f"lie in 0 to {classes - 1} (or are ignore_index={ignore_index})"
        )


def _mean_or_sum(losses: np.ndarray, reduction: str, total: Any) -> Any:
    if reduction == "none":
        return losses
    found = np.add.reduce(losses)
    if reduction == "sum":
        return found
    with np.errstate(invalid="ignore", divide="ignore"):
        return found / total


def share(g: Any, reduction: str, total: Any) -> Any:
    """The cotangent of each loss: g itself (flat), or a scalar, over the total for a mean."""
    if reduction == "none":
        return g.reshape(-1)
    if reduction == "sum":
        return g
    with np.errstate(invalid="ignore", divide="ignore"):
        return g / total


# -- negative log likelihood ----------------------------------------------------------------------------


def likelihood(x: np.ndarray, labels: Labels, reduction: str) -> Any:
    """-factor · x at the labels, reduced."""
    losses = np.negative(x.reshape(-1).take(labels.flat))
    if labels.factor is not None:
        losses = losses * labels.factor if labels.kept is None else _zero_ignored(losses, labels)
    return _mean_or_sum(losses, reduction, labels.total)


def _zero_ignored(losses: Any, labels: Labels) -> np.ndarray:
    """losses · factor, exactly 0 where ignored whatever stands there."""
    return np.where(labels.kept, losses * labels.factor, losses.dtype.type(0))  # type: ignore[arg-type]


def likelihood_backward(g: Any, shape: Any, labels: Labels, reduction: str) -> np.ndarray:
    """Zeros of `shape` with the cotangents of likelihood at the labels."""
    out = np.zeros(shape, g.dtype)
    each = share(g, reduction, labels.total)
    out.reshape(-1)[labels.flat] = -_at_labels(each, labels)
    return out


def _at_labels(each: Any, labels: Labels) -> Any:
    """The losses' cotangents times what they count, exactly 0 where ignored (though the mean be 0 / 0)."""
    if labels.factor is None:
        return each
    return each * labels.factor if labels.kept is None else _zero_ignored(each, labels)


# -- cross entropy of the commonest kind: every row counts 1 ----------------------------------------------


class Rows(NamedTuple):
    """Of each row of scores the largest, and 1 / Σ e^(x - largest)."""

    top: np.ndarray
    scale: np.ndarray


def plain_entropy(x: np.ndarray, target: np.ndarray, reduction: str) -> tuple[Any, Rows] | None:
    """-log softmax(x) at the labels, reduced, in one pass; None where not all labels are classes, or some
    loss is not a number: whoever finds out which is slower.
    """
    if target.dtype is not _LONG or x.ndim != 2 or not target.flags.c_contiguous or not by_rows.fits(x):
        return None
    rows, classes = x.shape
    losses, top, scale = np.empty(rows, x.dtype), np.empty(rows, x.dtype), np.empty(rows, x.dtype)
    count = float(rows) if reduction == "mean" else 1.0
    by_rows.run("entropy", classes, rows, losses, top, scale, x, target, count)
    total = summing.total(losses)
    if math.isnan(total):
        return None
    return losses if reduction == "none" else total, Rows(top, scale)


def plain_entropy_backward(
    g: Any, x: np.ndarray, target: np.ndarray, found: Rows, reduction: str
) -> np.ndarray:
    """The cotangent of x, (softmax(x) - one-hot) · g."""
    rows, classes = x.shape
    out = np.empty(x.shape, x.dtype)
    if reduction == "none":
        each = np.ascontiguousarray(g, x.dtype)
        by_rows.run("entropy_back1", classes, rows, out, x, target, *found, each)
    else:
        share = float(g) / rows if reduction == "mean" else float(g)
        by_rows.run("entropy_back0", classes, rows, out, x, target, *found, share)
    return out


# -- cross entropy --------------------------------------------------------------------------------------


class Exponentials(NamedTuple):
    """e^(x - max) of each row and place, its sum over the classes, and the largest x (dims kept)."""

    each: np.ndarray
    sums: np.ndarray
    top: np.ndarray


def exponentials(x: np.ndarray) -> Exponentials:
    """What softmax is made of, for (rows, classes) or (rows, classes, places)."""
    if x.ndim == 2 and by_rows.fits(x):
        each = np.empty(x.shape, x.dtype)
        sums, top = (np.empty((len(x), 1), x.dtype) for _ in range(2))
        by_rows.run("exponentials", x.shape[1], len(x), each, sums, top, x)
        return Exponentials(each, sums, top)
    if x.ndim == 2 and x.size <= 65536:  # argmax of short rows is three times as fast as NumPy's maximum
        rows, classes = x.shape
        top = x.reshape(-1).take(x.argmax(1) + _starts(rows, classes, 1))[:, None]
    else:
        top = np.maximum.reduce(x, 1, keepdims=True)
    each = np.subtract(x, top)
    np.exp(each, each)
    return Exponentials(each, add_reduce(each, (1,), True), top)


def cross_entropy(
    x: np.ndarray,
    labels: Labels,
    found: Exponentials,
    weight: np.ndarray | None,
    reduction: str,
    smoothing: float,
) -> Any:
    """-factor · log softmax(x) at the labels, mixed with the mean over all classes (`smoothing`), reduced."""
    log_sum = (np.log(found.sums) + found.top).reshape(-1)
    losses = log_sum - x.reshape(-1).take(labels.flat)
    if labels.factor is not None:
        losses = losses * labels.factor if labels.kept is None else _zero_ignored(losses, labels)
    if smoothing:
        losses = losses * (1 - smoothing) + (smoothing / x.shape[1]) * _over_classes(
            x, labels, log_sum, weight
        )
    return _mean_or_sum(losses, reduction, labels.total)


def _over_classes(
    x: np.ndarray, labels: Labels, log_sum: np.ndarray, weight: np.ndarray | None
) -> np.ndarray:
    """Σ over the classes of -weight · log softmax(x)."""
    if weight is None:
        found = log_sum * x.shape[1] - add_reduce(x, (1,)).reshape(-1)
    else:
        found = log_sum * weight.sum() - add_reduce(x * along_classes(weight, x.ndim), (1,)).reshape(-1)
    return found if labels.kept is None else np.where(labels.kept, found, found.dtype.type(0))


def along_classes(weight: np.ndarray, ndim: int) -> np.ndarray:
    """The weights of classes in a shape that broadcasts over (rows, classes, places)."""
    return weight if ndim == 2 else weight[:, None]


def cross_entropy_backward(
    g: Any, found: Exponentials, labels: Labels, weight: np.ndarray | None, reduction: str, smoothing: float
) -> np.ndarray:
    """The cotangent of x: softmax(x) times all that a row counts, minus what each class counts."""
    shape = found.sums.shape
    each = share(g, reduction, labels.total)
    at_label = _at_labels(each, labels)
    if not smoothing:
        out = _scaled(found.each, _rows(at_label, shape) / found.sums)
        out.reshape(-1)[labels.flat] -= at_label
        return out
    classes = found.each.shape[1]
    kept = each if labels.kept is None else np.where(labels.kept, each, each.dtype.type(0))
    part = _rows(np.asarray((smoothing / classes) * kept, found.each.dtype), shape)
    at_label = (1 - smoothing) * at_label
    whole = classes if weight is None else weight.sum()
    out = found.each * ((_rows(at_label, shape) + part * whole) / found.sums)
    out -= part if weight is None else part * along_classes(weight, out.ndim)
    out.reshape(-1)[labels.flat] -= at_label
    return out


def _scaled(x: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """x times a factor for each row."""
    if x.ndim == 2 and by_rows.fits(x, factor):
        out = np.empty(x.shape, x.dtype)
        by_rows.run("scaled", x.shape[1], len(x), out, x, factor)
        return out
    return x * factor


def _rows(each: Any, shape: tuple[int, ...]) -> Any:
    """A scalar as it is; one for each row and place with the classes' dimension back."""
    return each.reshape(shape) if np.ndim(each) else each


def terms(
    labels: Labels,
    seen: tuple[int, int, int],
    weight: np.ndarray | None,
    reduction: str,
    smoothing: float,
    kind: Any,
) -> tuple[np.ndarray, np.ndarray]:
    """The cotangent of x is g · (softmax(x) · a - b): a for each row and place, b for each element."""
    rows, classes, places = seen
    one = np.ones(rows * places, kind) if reduction == "none" else np.ones((), kind)
    flat = Exponentials(
        np.zeros((rows, classes, places), kind), np.ones((rows, 1, places), kind), np.empty(0)
    )
    b = -cross_entropy_backward(one, flat, labels, weight, reduction, smoothing)
    return add_reduce(b, (1,), True), b
