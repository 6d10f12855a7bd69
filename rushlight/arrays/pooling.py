"""Maximum pooling over the last axes of an array: values, indices, and what their gradients need.

Indices are flat positions in the pooled axes, as torch returns them.  A maximum is linear in its input once
the indices are known: along a direction it is `gather`, and its vjp is `scatter`, each the other's transpose.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import product
from math import prod

import numpy as np

from . import pooling_native
from .axis_map import Places
from .bins import Bins, as_rows, reduce_bins, row_blocks
from .halves import narrow, wide
from .windows import Sizes, pad


def max_pool(x: np.ndarray, bins: Sequence[Bins]) -> np.ndarray:
    """The largest number of each bin over the last axes of `x`; NaN where a bin holds one."""
    found = pooling_native.max_pool(wide(x), bins)
    if found is not None:
        return narrow(found, x.dtype)
    return narrow(reduce_bins(wide(x), bins, np.maximum, _lowest(x.dtype)), x.dtype)


def max_pool_indices(x: np.ndarray, bins: Sequence[Bins]) -> np.ndarray:
    """Where each maximum of `max_pool(x, bins)` lies, as int64 indices into the flattened pooled axes.

    The first of equal maxima counts, but the last NaN of a bin (as torch's CPU kernels choose).
    """
    found = pooling_native.max_pool(wide(x), bins, indices=True)
    if found is not None:
        return found
    rows, values = as_rows(wide(x), len(bins)), as_rows(wide(max_pool(x, bins)), len(bins))
    table, outputs = _flat_positions(tuple(bins)), np.arange(prod(values.shape[1:]))
    indices = np.empty((rows.shape[0], len(outputs)), np.int64)
    for block in row_blocks(rows, bins):
        padded = pad(rows[block], [b.pads for b in bins], _lowest(x.dtype))
        entry = _winning_taps(padded, values[block], bins).reshape(len(padded), len(outputs)).astype(np.intp)
        entry *= len(outputs)
        entry += outputs
        table.take(entry, mode="clip", out=indices[block])
    return indices.reshape(*x.shape[: -len(bins)], *(b.count for b in bins))


def gather(x: np.ndarray, indices: np.ndarray, axes: int) -> np.ndarray:
    """`x` at flat `indices` into its last `axes` axes."""
    flat = x.reshape(prod(x.shape[:-axes]), prod(x.shape[-axes:]))
    where = indices.reshape(flat.shape[0], prod(indices.shape[-axes:]))
    return np.take_along_axis(flat, where, 1).reshape(indices.shape)


def scatter(g: np.ndarray, indices: np.ndarray, sizes: Sizes) -> np.ndarray:
    """The transpose of `gather`: numbers added at flat indices of zeros with last axes `sizes`."""
    found = pooling_native.scatter(wide(g), indices, sizes)
    if found is not None:
        return narrow(found, g.dtype)
    out = np.zeros(prod(g.shape[: -len(sizes)]) * prod(sizes), wide(g[:0]).dtype)
    np.add.at(out, _flat_targets(indices, sizes), wide(g).ravel())
    return narrow(out.reshape(*g.shape[: -len(sizes)], *sizes), g.dtype)


def spread_maxima(g: np.ndarray, x: np.ndarray, bins: Sequence[Bins]) -> np.ndarray:
    """The transpose of `max_pool` at `x`: each number goes to where its maximum lies."""
    found = pooling_native.spread_maxima(wide(g), wide(x), bins)
    if found is not None:
        return narrow(found, g.dtype)
    return scatter(g, max_pool_indices(x, bins), x.shape[-len(bins) :])


def max_unpool(x: np.ndarray, indices: np.ndarray, sizes: Sizes) -> np.ndarray:
    """Numbers put at flat indices of zeros with last axes `sizes`; of several, the last one stays."""
    out = np.zeros(prod(x.shape[: -len(sizes)]) * prod(sizes), x.dtype)
    out[_flat_targets(indices, sizes)] = x.ravel()
    return out.reshape(*x.shape[: -len(sizes)], *sizes)


def _flat_targets(indices: np.ndarray, sizes: Sizes) -> np.ndarray:
    """Indices into one row as indices into all rows together."""
    rows = prod(indices.shape[: -len(sizes)])
    starts = np.arange(rows)[:, None] * prod(sizes)
    return (indices.reshape(rows, prod(indices.shape[-len(sizes) :])) + starts).ravel()


def _lowest(dtype: np.dtype) -> float:
    return int(np.iinfo(dtype).min) if dtype.kind in "iu" else -np.inf


def _winning_taps(padded: np.ndarray, values: np.ndarray, bins: Sequence[Bins]) -> np.ndarray:
    """The number of the tap that holds each maximum, taps counted in row-major order."""
    visits = list(product(*(b.visits for b in bins)))
    taps = np.zeros(values.shape, np.uint8 if len(visits) <= 256 else np.int32)
    # With d[k] = 1 where tap k differs from the maximum, the first equal tap is d0 * (1 + d1 * (1 + ...)).
    for visit in reversed(visits[:-1]):
        taps += 1
        taps *= _at(padded, visit) != values
    if padded.dtype.kind == "f" and np.isnan(values).any():
        for k, visit in enumerate(visits):
            taps[np.isnan(_at(padded, visit))] = k
    return taps


def _at(x: np.ndarray, visit: Sequence[Places]) -> np.ndarray:
    """`x` at one tap, axis by axis (two index arrays in one subscript would pair up)."""
    for axis, where in zip(range(-len(visit), 0), visit, strict=True):
        x = x[(..., where, *(slice(None),) * (-axis - 1))]
    return x


@lru_cache(maxsize=256)
def _flat_positions(bins: tuple[Bins, ...]) -> np.ndarray:
    """The flat input position of every (tap, output), flattened.

    A tap in the padding wins only where its whole bin is -inf: then the bin's first inner place is named.
    """
    flat, first, inside = np.zeros((1, 1), np.int64), np.zeros((1, 1), np.int64), np.ones((1, 1), bool)
    for b in bins:
        valid = (b.positions >= 0) & (b.positions < b.size)
        start = np.take_along_axis(b.positions, valid.argmax(0)[None], 0)
        flat = _outer(np.add, flat * b.size, b.positions)
        first = _outer(np.add, first * b.size, start)
        inside = _outer(np.logical_and, inside, valid)
    return np.where(inside, flat, first).ravel()


def _outer(combine: np.ufunc, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Every row of one table with every row of the other, and every column with every column."""
    table = combine(a[:, None, :, None], b[None, :, None, :])
    return table.reshape(a.shape[0] * b.shape[0], a.shape[1] * b.shape[1])
