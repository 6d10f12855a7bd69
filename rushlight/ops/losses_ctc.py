"""ctc_loss: the loss of unaligned sequences."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays import ctc as kernels
from ..arrays.numpy import as_array
from ..dtypes import OF_NUMPY
from ..errors import shape_text
from .declare import composite, primitive
from .reduction import chosen

Array = Any
Lengths = tuple[int, ...]


@primitive(forms="", under="internal", saves=True)
def ctc(
    log_probs: Array,
    targets: Array,
    /,
    input_lengths: Any,
    target_lengths: Any,
    blank: int,
    reduction: str,
    zero_infinity: bool,
) -> tuple[Array, Any]:
    """-log of the probability of each target, or their mean over the targets' lengths, or their sum."""
    batch = _batched(log_probs)
    lengths = np.array(input_lengths, np.int64), np.array(target_lengths, np.int64)
    _check(log_probs, targets, *lengths, blank)
    found = kernels.align(batch, _padded(targets, lengths[1]), *lengths, blank)
    losses = np.where(found.losses == np.inf, 0, found.losses) if zero_infinity else found.losses
    losses = losses.astype(batch.dtype, copy=False)
    if reduction == "none":
        return (losses if log_probs.ndim == 3 else losses[0]), found
    if reduction == "sum":
        return as_array(losses.sum()), found
    return as_array((losses / np.maximum(lengths[1], 1).astype(batch.dtype)).mean()), found


def _batched(log_probs: np.ndarray) -> np.ndarray:
    return log_probs if log_probs.ndim == 3 else log_probs[:, None]


def _padded(targets: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Targets one behind the other as rows, padded with 0; rows as they are."""
    longest = int(lengths.max(initial=0))
    if targets.ndim == 2:
        return np.where(np.arange(longest) < lengths[:, None], targets[:, :longest], 0)
    rows = np.zeros((len(lengths), longest), np.int64)
    rows[np.arange(longest) < lengths[:, None]] = targets[: lengths.sum()]
    return rows


def _check(log_probs: Any, targets: Any, input_lengths: Any, target_lengths: Any, blank: int) -> None:
    times, count, classes = _batched(log_probs).shape
    if log_probs.dtype.char not in "fd":
        raise NotImplementedError(
            f"ctc_loss: not implemented for {OF_NUMPY[log_probs.dtype]}; use log_probs.float()"
        )
    if targets.dtype.kind not in "iu":
        raise RuntimeError(
            f"ctc_loss: targets must be integers (int64 or int32), but got {OF_NUMPY[targets.dtype]}"
        )
    if not 0 <= blank < classes:
        raise RuntimeError(f"ctc_loss: blank must be in label range: 0 to {classes - 1}, but got {blank}")
    for what, lengths in (("input_lengths", input_lengths), ("target_lengths", target_lengths)):
        if lengths.shape != (count,):
            raise RuntimeError(
                f"ctc_loss: {what} must be of size batch_size {count}, but got {shape_text(lengths.shape)}"
            )
        if lengths.min(initial=0) < 0:
            raise RuntimeError(f"ctc_loss: {what} must be non-negative, but got {lengths.min()}")
    if input_lengths.max(initial=0) > times:
        raise RuntimeError(
            f"ctc_loss: Expected input_lengths to have value at most {times}, but got value "
            f"{input_lengths.max()}"
        )
    _check_targets(targets, target_lengths, count)


def _check_targets(targets: np.ndarray, lengths: np.ndarray, count: int) -> None:
    if targets.ndim == 1 and lengths.sum() != len(targets):
        raise RuntimeError(
            f"ctc_loss: targets one behind the other must have {lengths.sum()} elements, the sum of "
            f"target_lengths, but got {len(targets)}"
        )
    if targets.ndim == 2 and (len(targets) != count or lengths.max(initial=0) > targets.shape[1]):
        raise RuntimeError(
            f"ctc_loss: Expected targets to have size at least ({count}, {lengths.max(initial=0)}), but got "
            f"{shape_text(targets.shape)}"
        )


@ctc.backward
def _(
    g: Array,
    log_probs: Array,
    input_lengths: Any,
    target_lengths: Any,
    reduction: str,
    zero_infinity: bool,
    saved: Any,
) -> Any:
    return ctc_backward(g, log_probs, input_lengths, target_lengths, reduction, zero_infinity, saved), None


@primitive(forms="", under="internal")
def ctc_backward(
    g: Array,
    log_probs: Array,
    /,
    input_lengths: Any,
    target_lengths: Any,
    reduction: str,
    zero_infinity: bool,
    saved: Any,
) -> Array:
    """The cotangent of ctc's log_probs. It has no derivative, as in PyTorch."""
    lengths = np.array(input_lengths, np.int64), np.array(target_lengths, np.int64)
    batch = _batched(log_probs)
    each = np.broadcast_to(g.reshape(-1), len(lengths[0])).astype(batch.dtype)
    if reduction == "mean":
        each = each / (len(each) * np.maximum(lengths[1], 1)).astype(batch.dtype)
    out = kernels.backward(each, batch, saved, *lengths)
    if zero_infinity:
        out[:, saved.losses == np.inf] = 0
    return out.reshape(log_probs.shape)


@composite(forms="", under="nn.functional")
def ctc_loss(
    log_probs: Array,
    targets: Array,
    input_lengths: Array,
    target_lengths: Array,
    /,
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Array:
    """-log of the probability of the targets over all alignments (Graves et al. 2006); mean: over the
    targets' lengths.

    log_probs (T, N, C) or (T, C) are log_softmax's outputs; targets (N, S), or all one behind the other;
    lengths are tensors or sequences of N ints. Infinite losses (inputs too short) count 0 with
    `zero_infinity`.
    """
    mode = chosen("ctc_loss", None, None, reduction)
    return ctc(
        log_probs, targets, _lengths(input_lengths), _lengths(target_lengths), blank, mode, zero_infinity
    )


def _lengths(given: Any) -> Lengths:
    values = given.tolist() if hasattr(given, "tolist") else given
    return tuple(values) if isinstance(values, (list, tuple)) else (values,)
