"""Connectionist temporal classification: the probability of a label sequence over all its alignments, in log
space.

A target of S labels becomes 2S + 1 states, with a blank before, between and after. alpha[t, s] is the log
probability of all ways to be in state s at time t, beta[t, s] that of all ways on from there. All examples
move together through time. Source: Graves et al., "Connectionist Temporal Classification" (2006).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Alignments(NamedTuple):
    """What the forward pass found, for the backward one."""

    states: np.ndarray  # (N, 2S + 1): the label of each state
    skips: np.ndarray  # (N, 2S + 1): whether a state is also reached from the one before the last
    emitted: np.ndarray  # (T, N, 2S + 1): log probabilities of the states' labels
    alpha: np.ndarray  # (T, N, 2S + 1)
    losses: np.ndarray  # (N,)


def align(
    log_probs: np.ndarray,
    targets: np.ndarray,
    input_lengths: np.ndarray,
    target_lengths: np.ndarray,
    blank: int,
) -> Alignments:
    """-log of the probability of each target: log_probs (T, N, C), targets (N, S), lengths (N,)."""
    times, count, _ = log_probs.shape
    states = np.full((count, 2 * targets.shape[1] + 1), blank, np.int64)
    states[:, 1::2] = targets
    skips = np.zeros(states.shape, bool)
    skips[:, 3::2] = states[:, 3::2] != states[:, 1:-2:2]
    emitted = np.take_along_axis(log_probs, states[None], 2)
    alpha = np.full(emitted.shape, -np.inf, log_probs.dtype)
    if times:
        alpha[0, :, :2] = emitted[0, :, :2]
        if states.shape[1] > 1:
            alpha[0, target_lengths == 0, 1] = -np.inf
    for t in range(1, times):
        alpha[t] = _forward(alpha[t - 1], skips) + emitted[t]
    return Alignments(states, skips, emitted, alpha, _losses(alpha, input_lengths, target_lengths))


def _losses(alpha: np.ndarray, input_lengths: np.ndarray, target_lengths: np.ndarray) -> np.ndarray:
    """-log of the probability of ending in the last label or the blank behind it, at each example's last
    time.
    """
    n = np.arange(len(input_lengths))
    if not len(alpha):
        return np.where(target_lengths == 0, 0.0, np.inf).astype(alpha.dtype)
    last = alpha[np.maximum(input_lengths - 1, 0), n]
    in_blank = last[n, 2 * target_lengths]
    in_label = np.where(target_lengths > 0, last[n, np.maximum(2 * target_lengths - 1, 0)], -np.inf)
    found = -np.logaddexp(in_blank, in_label.astype(alpha.dtype))
    none = np.where(target_lengths == 0, 0.0, np.inf).astype(alpha.dtype)
    return np.where(input_lengths > 0, found, none)


def _forward(a: np.ndarray, skips: np.ndarray) -> np.ndarray:
    """log Σ of coming from the same state, the one before, and (where allowed) the one before that."""
    before = np.full((2, *a.shape), -np.inf, a.dtype)
    before[0, :, 1:] = a[:, :-1]
    before[1, :, 2:] = np.where(skips[:, 2:], a[:, :-2], -np.inf)
    return _log_sum(a, *before)


def _backward(b: np.ndarray, skips: np.ndarray) -> np.ndarray:
    after = np.full((2, *b.shape), -np.inf, b.dtype)
    after[0, :, :-1] = b[:, 1:]
    after[1, :, :-2] = np.where(skips[:, 2:], b[:, 2:], -np.inf)
    return _log_sum(b, *after)


def _log_sum(*parts: np.ndarray) -> np.ndarray:
    top = np.maximum.reduce(parts)
    top = np.where(top == -np.inf, top.dtype.type(0), top)
    total = np.exp(parts[0] - top)
    for part in parts[1:]:
        total += np.exp(part - top)
    with np.errstate(divide="ignore"):
        return np.log(total) + top


def backward(
    g: np.ndarray,
    log_probs: np.ndarray,
    found: Alignments,
    input_lengths: np.ndarray,
    target_lengths: np.ndarray,
) -> np.ndarray:
    """g · (probability of each class - expected share of its states), for the loss of log_softmax's outputs.

    This is the derivative with respect to the scores before log_softmax; log_softmax's own backward leaves it
    as it is.
    """
    times, count, _ = log_probs.shape
    n = np.arange(count)
    reached = found.alpha - found.emitted + found.losses[:, None]
    out = np.exp(log_probs)
    beta = np.full(found.states.shape, -np.inf, log_probs.dtype)
    for t in range(times - 1, -1, -1):
        beta = _backward(beta, found.skips) + found.emitted[t]
        ending = input_lengths == t + 1
        if ending.any():
            beta[ending] = -np.inf
            for state in (2 * target_lengths, 2 * target_lengths - 1):
                at = ending & (state >= 0)
                beta[at, state[at]] = found.emitted[t, at, state[at]]
        np.subtract.at(out[t], (n[:, None], found.states), np.exp(reached[t] + beta))
    out *= g[:, None]
    out[:, np.isinf(found.losses)] = np.nan
    out[np.arange(times)[:, None] >= input_lengths] = 0
    return out
