"""Attention on NumPy arrays, in blocks of queries: memory grows with the lengths, not with their product.

Forward keeps the logarithms of the softmax's sums; backward makes the weights again from them, block by
block.
T. Dao et al., "FlashAttention: Fast and Memory-Efficient Exact Attention with IO-Awareness" (2022).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from ..dtypes import compute_type
from . import attention_native as native
from .numpy import cast, sum_to

Array = Any
Block = tuple[slice, slice]

# Scores of one block of queries, over all batches and heads: 1 MB of float32 stays in a second-level cache.
BLOCK_ELEMENTS = 1 << 18


class _Scores(NamedTuple):
    """What makes a block of scores, in the type of computation."""

    query: Array
    key_t: Array
    mask: Any
    is_causal: bool

    @property
    def guarded(self) -> bool:
        """Whether a query may see nothing."""
        return self.is_causal or self.mask is not None

    @property
    def blocks(self) -> Iterator[Block]:
        """Blocks of queries, each with the keys it can see."""
        length, keys = self.query.shape[-2], self.key_t.shape[-1]
        rows = max(1, BLOCK_ELEMENTS // max(1, math.prod(self.query.shape[:-2]) * keys))
        for start in range(0, length, rows):
            stop = min(length, start + rows)
            yield slice(start, stop), slice(0, min(keys, stop) if self.is_causal else keys)

    def of(self, rows: slice, keys: slice) -> Array:
        """scale · Q Kᵀ + mask of one block, as a fresh array."""
        s = np.matmul(self.query[..., rows, :], self.key_t[..., keys], order="C")
        if self.is_causal and keys.stop > rows.start + 1:
            np.copyto(s, -np.inf, where=np.arange(keys.stop) > np.arange(rows.start, rows.stop)[:, None])
        if self.mask is None:
            return s
        m = part_of(self.mask, rows, keys)
        if m.dtype.kind != "b":
            return np.add(s, m, s)
        np.copyto(s, -np.inf, where=~m)
        return s


def part_of(m: Array, rows: slice, keys: slice) -> Array:
    """The part of a mask (or of its cotangent) for one block; dimensions of size 1 stay."""
    m = m[..., rows, :] if m.ndim > 1 and m.shape[-2] != 1 else m
    return m[..., keys] if m.ndim and m.shape[-1] != 1 else m


def _scores(query: Array, key: Array, mask: Any, is_causal: bool, scale: float) -> _Scores:
    """Set up; raises ValueError where the shapes do not broadcast."""
    work = compute_type(query.dtype)
    lead = query.shape[:-2]
    if key.shape[:-2] != lead or mask is not None:
        lead = np.broadcast_shapes(lead, key.shape[:-2])
    if mask is not None:
        lead = np.broadcast_shapes(lead, mask.shape[:-2])
        mask = mask if mask.dtype.kind == "b" else cast(mask, work)
    scaled = cast(query, work) * work.type(scale)
    wide = (*lead, *query.shape[-2:])
    scaled = scaled if scaled.shape == wide else np.broadcast_to(scaled, wide)
    return _Scores(scaled, cast(key, work).swapaxes(-2, -1), mask, is_causal)


def _refuse_stretching(mask: tuple[int, ...], length: int, keys: int) -> None:
    """A mask may be stretched to the scores, not the scores to a mask."""
    if mask[-1:] not in ((), (1,), (keys,)) or mask[-2:-1] not in ((), (1,), (length,)):
        raise ValueError(mask)


def _exponentials(s: Array, guarded: bool) -> tuple[Array, Array, Array]:
    """exp(s - max) in place, the sums of its rows (1 where nothing is seen), and log Σ exp s (0 there)."""
    n = s.shape[-1]
    if not n:
        nothing = np.zeros((*s.shape[:-1], 1), s.dtype)
        return s, nothing + 1, nothing
    rows = s.reshape(-1, n)
    top = rows[np.arange(len(rows)), rows.argmax(1)][
        :, None
    ]  # for short rows three times as fast as a maximum
    if guarded:
        top[top == -np.inf] = 0
    np.exp(np.subtract(rows, top, rows), rows)
    total = rows.dot(np.ones((n, 1), s.dtype))
    if guarded:
        total[total == 0] = 1
    shape = (*s.shape[:-1], 1)
    return s, total.reshape(shape), (np.log(total) + top).reshape(shape)


def forward(
    query: Array, key: Array, value: Array, mask: Any, is_causal: bool, scale: float
) -> tuple[Array, Array]:
    """softmax(scale · Q Kᵀ + mask) V, and log Σ exp of each row. Raises ValueError for shapes that do not
    fit.
    """
    work = compute_type(query.dtype)
    if mask is not None:
        _refuse_stretching(mask.shape, query.shape[-2], key.shape[-2])
    if native.fits(work, query, key, value, mask):
        out, logsumexp = native.forward(query, key, value, mask, is_causal, scale, work)
        return cast(out, query.dtype), logsumexp
    scores = _scores(query, key, mask, is_causal, scale)
    values = cast(value, scores.query.dtype)
    lead = scores.query.shape[:-2]
    out = np.empty(
        (*np.broadcast_shapes(lead, value.shape[:-2]), query.shape[-2], value.shape[-1]), values.dtype
    )
    logsumexp = np.empty((*lead, query.shape[-2], 1), values.dtype)
    for rows, keys in scores.blocks:
        e, total, logsumexp[..., rows, :] = _exponentials(scores.of(rows, keys), scores.guarded)
        np.divide(np.matmul(e, values[..., keys, :]), total, out[..., rows, :])
    return cast(out, query.dtype), logsumexp


def backward(
    g: Array,
    query: Array,
    key: Array,
    value: Array,
    mask: Any,
    saved: tuple[Array, Array],
    is_causal: bool,
    scale: float,
    mask_too: bool,
) -> tuple[Any, ...]:
    """The four cotangents, from the output and log Σ exp that forward gave: P = exp(S - log Σ), dS = P (dP -
    Σ g·out).
    """
    work = compute_type(query.dtype)
    if not mask_too and native.fits(work, query, key, value, mask):
        found = native.backward(g, query, key, value, mask, saved, is_causal, scale, work)
        pairs = zip((query, key, value), found, strict=True)
        return (*(cast(sum_to(d, x.shape), x.dtype) for x, d in pairs), None)
    scores = _scores(query, key, mask, is_causal, scale)
    g, out, keys_, values = (cast(x, work) for x in (g, saved[0], key, value))
    lead = g.shape[:-2]
    dq = np.zeros((*lead, *query.shape[-2:]), work)
    dk, dv = np.zeros((*lead, *key.shape[-2:]), work), np.zeros((*lead, *value.shape[-2:]), work)
    dm = np.zeros(mask.shape, work) if mask_too else None
    for rows, keys in scores.blocks:
        p = scores.of(rows, keys)
        np.exp(np.subtract(p, saved[1][..., rows, :], p), p)
        gb = g[..., rows, :]
        dv[..., keys, :] += np.matmul(p.swapaxes(-2, -1), gb)
        ds = np.matmul(gb, values[..., keys, :].swapaxes(-2, -1))
        ds -= np.einsum("...i,...i->...", gb, out[..., rows, :])[..., None]
        ds = np.multiply(ds, p, ds)
        dq[..., rows, :] = np.matmul(ds, keys_[..., keys, :])
        dk[..., keys, :] += np.matmul(ds.swapaxes(-2, -1), scores.query[..., rows, :])
        if dm is not None:
            place = part_of(dm, rows, keys)
            place += sum_to(ds, place.shape)
    dq *= work.type(scale)
    given = zip((query, key, value, mask), (dq, dk, dv, dm), strict=True)
    return tuple(None if d is None else cast(sum_to(d, x.shape), x.dtype) for x, d in given)
