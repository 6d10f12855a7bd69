"""Scaled dot-product attention: softmax(scale · Q Kᵀ + mask) V, in blocks of queries so that memory stays
bounded.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from ..arrays.numpy import cast, sum_to
from ..dtypes import COMPLEX, FLOAT, OF_NUMPY, compute_type
from ..errors import shape_text
from .along import late
from .declare import composite, primitive
from .matmul import matmul, mT, unbroadcast
from .pointwise import add, mul
from .reduce import sum
from .views import reshape, unsqueeze

Array = Any
ndarray = np.ndarray
dropout, masked_fill, softmax = late("dropout"), late("masked_fill"), late("softmax")
logical_not, all_, repeat_interleave = late("logical_not"), late("all"), late("repeat_interleave")

# Scores of one block of queries, over all batches and heads: 4 MB of float32 stay in a second- or third-level
# cache.
BLOCK_ELEMENTS = 1 << 20


@composite(forms="", under="nn.functional")
def scaled_dot_product_attention(
    query: Array,
    key: Array,
    value: Array,
    attn_mask: Array | None = None,
    /,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    *,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Array:
    """softmax(scale · query keyᵀ + mask) value: (…, L, E), (…, S, E), (…, S, Ev) give (…, L, Ev).

    `scale` is 1/√E unless given. A boolean mask keeps where it is True, a floating one is added; `is_causal`
    lets query
    i see keys 0 … i. A query that sees nothing gives zeros. `enable_gqa` lets groups of query heads share a
    head of key
    and value. Only the logarithms of the softmax's sums are kept for backward (Dao et al., FlashAttention,
    2022).
    """
    _check(query, key, value, attn_mask, is_causal)
    shape = tuple(query.shape)
    if enable_gqa:
        query, key, value, attn_mask = _grouped(query, key, value, attn_mask)
    factor = 1 / math.sqrt(shape[-1]) if scale is None and shape[-1] else 1.0 if scale is None else scale
    if dropout_p:
        weights = dropout(_weights(query, key, attn_mask, is_causal, factor), dropout_p, True)
        out = matmul(weights, value)
    else:
        out = attention(query, key, value, attn_mask, is_causal, factor)[0]
    return reshape(out, (*shape[:-1], value.shape[-1])) if enable_gqa else out


def _check(query: Any, key: Any, value: Any, mask: Any, is_causal: bool) -> None:
    shapes = [tuple(x.shape) for x in (query, key, value)]
    shown = "scaled_dot_product_attention: query {}, key {}, value {}".format(*map(shape_text, shapes))
    if any(len(s) < 2 for s in shapes):
        ranks = "query.dim: {} key.dim: {} and value.dim: {}".format(*map(len, shapes))
        raise RuntimeError(
            f"{shown}: Expected query, key, and value to all be  at least 2 dimensional, but got {ranks} "
            "instead."
        )
    if not query.dtype == key.dtype == value.dtype:
        names = f"query.dtype: {query.dtype} key.dtype: {key.dtype} and value.dtype: {value.dtype}"
        raise RuntimeError(
            f"{shown}: Expected query, key, and value to have the same dtype, but got {names} instead."
        )
    if shapes[0][-1] != shapes[1][-1]:
        raise RuntimeError(
            f"{shown}: query and key need the same last size (E): {shapes[0][-1]} and {shapes[1][-1]} differ"
        )
    if shapes[1][-2] != shapes[2][-2]:
        raise RuntimeError(
            f"{shown}: key and value need the same length (S): {shapes[1][-2]} and {shapes[2][-2]} differ"
        )
    if mask is not None and is_causal:
        raise RuntimeError(
            f"{shown}: _scaled_dot_product_attention: Explicit attn_mask should not be set when "
            "is_causal=True"
        )


def _grouped(query: Any, key: Any, value: Any, mask: Any) -> tuple[Any, Any, Any, Any]:
    """Query heads in groups: (…, H, L, E) as (…, H_kv, H/H_kv, L, E), against (…, H_kv, 1, S, E)."""
    heads, shared = query.shape[-3], key.shape[-3]
    if not shared or heads % shared or not value.shape[-3] or heads % value.shape[-3]:
        raise RuntimeError(
            "scaled_dot_product_attention: Number of heads in key and value must divide the number of heads "
            "in query: "
            f"{shared} and {value.shape[-3]} do not divide {heads}"
        )
    if value.shape[-3] != shared:
        return query, _repeated(key, heads), _repeated(value, heads), mask
    q = tuple(query.shape)
    split = reshape(query, (*q[:-3], shared, heads // shared, *q[-2:]))
    return split, unsqueeze(key, -3), unsqueeze(value, -3), _grouped_mask(mask, shared, heads)


def _repeated(x: Any, heads: int) -> Any:
    return repeat_interleave(x, heads // x.shape[-3], -3)


def _grouped_mask(mask: Any, shared: int, heads: int) -> Any:
    if mask is None or len(mask.shape) < 3:
        return mask
    m = tuple(mask.shape)
    return unsqueeze(mask, -3) if m[-3] == 1 else reshape(mask, (*m[:-3], shared, heads // shared, *m[-2:]))


# -- blocks of queries, on arrays -----------------------------------------------------------------------


class _Setting(NamedTuple):
    """One call's arrays in their type of computation, and what every block needs."""

    query: Array
    key_t: Array
    mask: Any
    is_causal: bool
    scale: float
    lead: tuple[int, ...]

    @property
    def blocks(self) -> Iterator[tuple[slice, slice]]:
        """Blocks of queries, each with the keys it can see."""
        length, keys = self.query.shape[-2], self.key_t.shape[-1]
        rows = max(1, BLOCK_ELEMENTS // max(1, math.prod(self.lead) * keys))
        for start in range(0, length, rows):
            stop = min(length, start + rows)
            yield slice(start, stop), slice(0, min(keys, stop) if self.is_causal else keys)

    def scores(self, rows: slice, keys: slice) -> Array:
        """scale · Q Kᵀ + mask of one block, as a fresh array."""
        s = np.matmul(self.query[..., rows, :] * self.query.dtype.type(self.scale), self.key_t[..., keys])
        if self.is_causal:
            hidden = np.arange(keys.stop) > np.arange(rows.start, rows.stop)[:, None]
            np.copyto(s, -np.inf, where=hidden)
        if self.mask is not None:
            s = self._masked(s, self.mask_of(rows, keys))
        return s

    def mask_of(self, rows: slice, keys: slice) -> Array:
        """The mask's part for one block; dimensions of size 1 stay."""
        m = self.mask
        assert m is not None
        m = m[..., rows, :] if m.ndim > 1 and m.shape[-2] != 1 else m
        return m[..., keys] if m.ndim and m.shape[-1] != 1 else m

    def _masked(self, s: Array, m: Array) -> Array:
        if m.dtype.kind == "b":
            np.copyto(s, -np.inf, where=~m)
            return s
        return np.add(s, m, s)


def _setting(query: Array, key: Array, mask: Any, is_causal: bool, scale: float) -> _Setting:
    work = compute_type(query.dtype)
    if OF_NUMPY[work].category < FLOAT:
        raise RuntimeError(
            f"scaled_dot_product_attention: expected scalar type Float but found {OF_NUMPY[query.dtype]}"
        )
    if OF_NUMPY[work].category == COMPLEX:
        raise NotImplementedError("scaled_dot_product_attention: not implemented for complex types")
    try:
        lead = np.broadcast_shapes(query.shape[:-2], key.shape[:-2])
        if mask is not None:
            np.broadcast_shapes(mask.shape, (*lead, query.shape[-2], key.shape[-2]))
            mask = _checked_mask(mask, query.dtype, work)
            lead = np.broadcast_shapes(lead, mask.shape[:-2])
    except ValueError:
        parts = [query.shape, key.shape, *([] if mask is None else [mask.shape])]
        shown = ", ".join(map(shape_text, parts))
        raise RuntimeError(
            "scaled_dot_product_attention: the leading dimensions of query, key (and mask) do not "
            f"broadcast: {shown}; "
            "for fewer key heads than query heads use enable_gqa=True (The size of tensor a must match the "
            "size of "
            f"tensor b)"
        ) from None
    wide = (*lead, *query.shape[-2:])
    query = cast(query, work) if query.shape == wide else np.broadcast_to(cast(query, work), wide)
    return _Setting(query, cast(key, work).swapaxes(-2, -1), mask, is_causal, scale, lead)


def _checked_mask(mask: Array, storage: np.dtype, work: np.dtype) -> Array:
    if mask.dtype.kind == "b":
        return mask
    if mask.dtype not in (storage, np.dtype(np.float32)):
        raise RuntimeError(
            "scaled_dot_product_attention: Expected attn_mask dtype to be bool or float or to match query "
            "dtype, but got "
            f"attn_mask.dtype: {OF_NUMPY[mask.dtype]} and  query.dtype: {OF_NUMPY[storage]} instead."
        )
    return cast(mask, work)


def _normalised(s: Array) -> tuple[Array, Array, Array]:
    """exp(s - max) in place, the sums of its rows (1 where nothing is seen), and log Σ exp s (0 there)."""
    top = s.max(-1, keepdims=True) if s.shape[-1] else np.full((*s.shape[:-1], 1), -np.inf, s.dtype)
    top = np.where(top == -np.inf, s.dtype.type(0), top)
    np.subtract(s, top, s)
    np.exp(s, s)
    total = s.sum(-1, keepdims=True)
    blind = total == 0
    if blind.any():
        total[blind] = 1
    return s, total, np.log(total) + top


@primitive(forms="", under="internal", outputs=("output", "logsumexp"))
def attention(
    query: Array, key: Array, value: Array, mask: Any, /, is_causal: bool, scale: float
) -> tuple[Array, Array]:
    """The attention's output, and the logarithm of each row's sum of exponentials."""
    made = _setting(query, key, mask, is_causal, scale)
    values = cast(value, made.query.dtype)
    lead = np.broadcast_shapes(made.lead, value.shape[:-2])
    out = np.empty((*lead, query.shape[-2], value.shape[-1]), made.query.dtype)
    logsumexp = np.empty((*made.lead, query.shape[-2], 1), made.query.dtype)
    for rows, keys in made.blocks:
        e, total, logsumexp[..., rows, :] = _normalised(made.scores(rows, keys))
        np.divide(np.matmul(e, values[..., keys, :]), total, out[..., rows, :])
    return cast(out, query.dtype), logsumexp


@attention.backward
def _(
    g: Any,
    query: Any,
    key: Any,
    value: Any,
    mask: Any,
    is_causal: bool,
    scale: float,
    output: Any,
    logsumexp: Any,
    need: Any,
) -> Any:
    g = g[0]
    if g.__class__ is not ndarray:
        return _differentiable_cotangents(g, query, key, value, mask, is_causal, scale)
    return _cotangents(g, query, key, value, mask, is_causal, scale, output, logsumexp, need)


def _cotangents(
    g: Array,
    query: Array,
    key: Array,
    value: Array,
    mask: Any,
    is_causal: bool,
    scale: float,
    out: Array,
    lse: Array,
    need: Any,
) -> Any:
    """The weights are made again block by block: P = exp(S - logsumexp), dS = P (dP - Σ g·out)."""
    made = _setting(query, key, mask, is_causal, scale)
    work = made.query.dtype
    g, out, values = cast(g, work), cast(out, work), cast(value, work)
    lead = g.shape[:-2]
    keys_of = cast(key, work)
    dq = np.zeros((*lead, *query.shape[-2:]), work)
    dk, dv = np.zeros((*lead, *key.shape[-2:]), work), np.zeros((*lead, *value.shape[-2:]), work)
    dm = np.zeros(mask.shape, work) if mask is not None and "mask" in need else None
    for rows, keys in made.blocks:
        p = made.scores(rows, keys)
        np.exp(np.subtract(p, lse[..., rows, :], p), p)
        gb = g[..., rows, :]
        dv[..., keys, :] += np.matmul(p.swapaxes(-2, -1), gb)
        ds = np.matmul(gb, values[..., keys, :].swapaxes(-2, -1))
        ds -= np.einsum("...i,...i->...", gb, out[..., rows, :])[..., None]
        ds = np.multiply(ds, p, ds)
        dq[..., rows, :] = np.matmul(ds, keys_of[..., keys, :])
        dk[..., keys, :] += np.matmul(ds.swapaxes(-2, -1), made.query[..., rows, :])
        if dm is not None:
            _add_mask(dm, ds, rows, keys)
    dq *= work.type(scale)
    dk *= work.type(scale)
    found = (sum_to(dq, query.shape), sum_to(dk, key.shape), sum_to(dv, value.shape))
    return (
        *(cast(d, x.dtype) for d, x in zip(found, (query, key, value))),
        cast(dm, mask.dtype) if dm is not None and mask is not None else None,
    )


def _add_mask(dm: Array, ds: Array, rows: slice, keys: slice) -> None:
    place = dm[..., rows, :] if dm.ndim > 1 and dm.shape[-2] != 1 else dm
    place = place[..., keys] if dm.ndim and dm.shape[-1] != 1 else place
    place += sum_to(ds, place.shape)


# -- the same in ops: with dropout, and where derivatives are differentiated
# -------------------------------------


def _weights(query: Any, key: Any, mask: Any, is_causal: bool, scale: float) -> Any:
    """softmax(scale · Q Kᵀ + mask) with ops; rows that see nothing are zero."""
    scores = matmul(mul(query, scale), mT(key))
    if is_causal:
        return softmax(masked_fill(scores, hidden_by_time(scores), -math.inf), -1)
    if mask is None:
        return softmax(scores, -1)
    if is_boolean(mask):
        blocked = logical_not(mask)
        scores = masked_fill(scores, blocked, -math.inf)
    else:
        blocked = mask == -math.inf
        scores = add(scores, mask)
    blind = unsqueeze(
        all_(blocked, -1), -1
    )  # a softmax over nothing would be nan, and so would its derivatives
    return masked_fill(softmax(masked_fill(scores, blind, 0.0), -1), blind, 0.0)


@primitive(forms="", under="internal", differentiable=False)
def hidden_by_time(input: Array, /) -> Array:
    """True above the diagonal of the last two dimensions: keys that come after the query."""
    length, keys = input.shape[-2:]
    return np.arange(keys) > np.arange(length)[:, None]


def is_boolean(x: Any) -> bool:
    """Whether an array or Tensor holds truth values."""
    return str(x.dtype).removeprefix("torch.") == "bool"


def _differentiable_cotangents(
    g: Any, query: Any, key: Any, value: Any, mask: Any, is_causal: bool, scale: float
) -> tuple[Any, ...]:
    p = _weights(query, key, mask, is_causal, scale)
    dp = matmul(g, mT(value))
    ds = mul(p, dp - sum(mul(p, dp), -1, True))
    dq, dk = mul(matmul(ds, key), scale), mul(matmul(mT(ds), query), scale)
    dm = None if mask is None or is_boolean(mask) else unbroadcast(ds, mask.shape)
    found = (
        unbroadcast(dq, query.shape),
        unbroadcast(dk, key.shape),
        unbroadcast(matmul(mT(p), g), value.shape),
    )
    return (*found, dm)
