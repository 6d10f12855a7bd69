"""Indices drawn by weight."""

from __future__ import annotations

import math

import numpy as np

from rushlight.arrays.distributions.continuous import exponential
from rushlight.arrays.distributions.order import fill_order
from rushlight.arrays.distributions.words import DIGITS, unit64
from rushlight.arrays.generator import Generator


def multinomial(
    generator: Generator, weights: np.ndarray, samples: int, replacement: bool = False
) -> np.ndarray:
    """Return indices drawn by weight from each row of `weights`: int64, shape (samples,) or (rows, samples).

    `weights`: shape (k,) or (rows, k), float, >= 0, with any positive sum.
    """
    _check(weights, samples, replacement)
    shape = (*weights.shape[:-1], samples)
    if math.prod(shape) == 0:
        return np.empty(shape, np.int64)
    if weights.size == 0:
        raise RuntimeError(
            "multinomial: there is no category to draw; weights has shape " + str(weights.shape)
        )
    if replacement and samples > 1:
        return _by_search(generator, weights, samples).reshape(shape)
    return _by_race(generator, weights, samples)


def _check(weights: np.ndarray, samples: int, replacement: bool) -> None:
    if weights.ndim not in (1, 2):
        raise RuntimeError(f"prob_dist must be 1 or 2 dim, but multinomial got shape {weights.shape}")
    if weights.dtype not in DIGITS:
        raise RuntimeError(f"multinomial only supports floating-point dtypes for input, got: {weights.dtype}")
    if samples <= 0:
        raise RuntimeError(f"cannot sample n_sample <= 0 samples: multinomial got num_samples={samples}")
    size = weights.shape[-1]
    if not replacement and samples > size:
        raise RuntimeError(
            "cannot sample n_sample > prob_dist.size(-1) samples without replacement: multinomial was asked "
            f"for {samples} of {size} categories; pass replacement=True to draw a category more than once"
        )
    if size > 2**24:
        raise RuntimeError(f"number of categories cannot exceed 2^24, but multinomial got {size}")


def _wide(weights: np.ndarray) -> np.ndarray:
    return weights.astype(np.float64 if weights.dtype == np.float64 else np.float32, copy=False)


def _by_search(generator: Generator, weights: np.ndarray, samples: int) -> np.ndarray:
    """With replacement: where a uniform falls among the running sums of the weights."""
    rows = []
    for row in np.atleast_2d(_wide(weights)):
        edges = _running_sums(row).astype(np.float64)
        rows.append(np.searchsorted(edges, unit64(generator, samples)))
    return np.array(rows, np.int64)


def _running_sums(row: np.ndarray) -> np.ndarray:
    problem = "invalid multinomial distribution"
    if np.any(row < 0):
        raise RuntimeError(f"{problem} (encountering probability entry < 0): the least is {row.min()}")
    if not np.all(np.isfinite(row)):
        raise RuntimeError(f"{problem} (encountering probability entry = infinity or NaN)")
    sums = np.cumsum(row, dtype=row.dtype)
    if not sums[-1] > 0:
        raise RuntimeError(f"{problem} (sum of probabilities <= 0)")
    sums /= sums[-1]
    sums[-1] = 1
    return sums


def _by_race(generator: Generator, weights: np.ndarray, samples: int) -> np.ndarray:
    """Without replacement: category k arrives after an Exponential(1) time / weight k; the first ones win.

    Of equal times, likely with 16-bit weights, the lower index comes first here, an arbitrary one in torch.
    """
    wide = _wide(weights)
    if not (wide.max() < np.inf and wide.min() >= 0):
        raise RuntimeError("multinomial: probability tensor contains either `inf`, `nan` or element < 0")
    if np.any(wide.sum(-1) == 0):
        raise RuntimeError("invalid multinomial distribution (sum of probabilities <= 0)")
    times = np.empty_like(weights)  # strides as the weights', and so torch's order of filling
    view = fill_order(times)
    view[...] = exponential(generator, view.shape, weights.dtype)
    with np.errstate(divide="ignore", invalid="ignore"):
        speed = (wide / _wide(times)).astype(weights.dtype)
    return np.argsort(-speed, axis=-1, kind="stable")[..., :samples]
