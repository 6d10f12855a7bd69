"""Scaled dot-product attention: softmax(scale · Q Kᵀ + mask) V, in blocks of queries so that memory stays
bounded.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..arrays import attention as kernel
from ..dtypes import COMPLEX, FLOAT, OF_NUMPY
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
    q, k, v = tuple(query.shape), tuple(key.shape), tuple(value.shape)
    problem = None
    if min(len(q), len(k), len(v)) < 2:
        ranks = f"query.dim: {len(q)} key.dim: {len(k)} and value.dim: {len(v)}"
        problem = (
            f"Expected query, key, and value to all be  at least 2 dimensional, but got {ranks} instead."
        )
    elif not query.dtype == key.dtype == value.dtype:
        names = f"query.dtype: {query.dtype} key.dtype: {key.dtype} and value.dtype: {value.dtype}"
        problem = f"Expected query, key, and value to have the same dtype, but got {names} instead."
    elif q[-1] != k[-1]:
        problem = f"query and key need the same last size (E): {q[-1]} and {k[-1]} differ"
    elif k[-2] != v[-2]:
        problem = f"key and value need the same length (S): {k[-2]} and {v[-2]} differ"
    elif mask is not None and is_causal:
        problem = "_scaled_dot_product_attention: Explicit attn_mask should not be set when is_causal=True"
    if problem:
        shapes = f"query {shape_text(q)}, key {shape_text(k)}, value {shape_text(v)}"
        raise RuntimeError(f"scaled_dot_product_attention: {shapes}: {problem}")


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


# -- on arrays ------------------------------------------------------------------------------------------


@primitive(forms="", under="internal", outputs=("output", "logsumexp"))
def attention(
    query: Array, key: Array, value: Array, mask: Any, /, is_causal: bool, scale: float
) -> tuple[Array, Array]:
    """The attention's output, and the logarithm of each row's sum of exponentials."""
    _check_types(query, mask)
    try:
        return kernel.forward(query, key, value, mask, is_causal, scale)
    except ValueError:
        parts = [query.shape, key.shape, value.shape, *([] if mask is None else [mask.shape])]
        raise RuntimeError(
            "scaled_dot_product_attention: the leading dimensions of query, key, value (and mask) do not "
            f"broadcast: {', '.join(map(shape_text, parts))}; for fewer key heads than query heads use "
            "enable_gqa=True (The size of tensor a must match the size of tensor b)"
        ) from None


@attention.shape
def _(query: Any, key: Any, value: Any, mask: Any, is_causal: bool, scale: float) -> Any:
    q, k, v = tuple(query.shape), tuple(key.shape), tuple(value.shape)
    is_plain = mask is None and q[:-2] == k[:-2] == v[:-2] and query.dtype == np.float32
    if not is_plain:
        return None
    return ((*q[:-1], v[-1]), query.dtype), ((*q[:-1], 1), query.dtype)


def _check_types(query: Array, mask: Any) -> None:
    kind = OF_NUMPY[query.dtype]
    if kind.category < FLOAT:
        raise RuntimeError(f"scaled_dot_product_attention: expected scalar type Float but found {kind}")
    if kind.category == COMPLEX:
        raise NotImplementedError("scaled_dot_product_attention: not implemented for complex types")
    if mask is not None and mask.dtype.kind != "b" and mask.dtype not in (query.dtype, np.dtype(np.float32)):
        raise RuntimeError(
            "scaled_dot_product_attention: Expected attn_mask dtype to be bool or float or to match query "
            f"dtype, but got attn_mask.dtype: {OF_NUMPY[mask.dtype]} and  query.dtype: {kind} instead."
        )


@attention.backward
def _(
    g: Any,
    query: Any,
    key: Any,
    value: Any,
    mask: Any,
    output: Any,
    logsumexp: Any,
    is_causal: bool,
    scale: float,
    need: Any,
) -> Any:
    g = g[0]
    if g.__class__ is not ndarray:
        return _differentiable_cotangents(g, query, key, value, mask, is_causal, scale)
    saved = (output, logsumexp)
    return kernel.backward(g, query, key, value, mask, saved, is_causal, scale, "mask" in need)


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
