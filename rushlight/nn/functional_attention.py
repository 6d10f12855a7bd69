"""Multi-head attention as a function: projections, masks and extra keys around scaled dot-product attention.

Inside, query, key and value are (batch, heads, length, width of a head); a mask broadcasts to the scores,
(batch, heads, queries, keys), and is added to them.
"""

from __future__ import annotations

import math
import warnings
from typing import Any, NamedTuple

from ..creation import zeros, zeros_like
from ..dtypes import bool_
from ..ops.declare import registry
from ..tensor import Tensor, function_of

linear, softmax = function_of(registry["linear"]), function_of(registry["softmax"])
scaled_dot_product_attention = function_of(registry["scaled_dot_product_attention"])


class Projections(NamedTuple):
    """The weights of the input projections: one matrix for all three, or one each; one bias."""

    packed: Tensor | None
    bias: Tensor | None
    query: Tensor | None = None
    key: Tensor | None = None
    value: Tensor | None = None
    separate: bool = False


class Masks(NamedTuple):
    """What keeps queries from seeing keys: numbers added to the scores, by query and key, by padded key."""

    attention: Tensor | None  # (queries, keys), (batch · heads, queries, keys)
    padding: Tensor | None  # (batch, keys)
    causal: bool = False  # query i sees keys 0 … i, and `attention` is None


def multi_head_attention_forward(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    embed_dim_to_check: int,
    num_heads: int,
    in_proj_weight: Tensor | None,
    in_proj_bias: Tensor | None,
    bias_k: Tensor | None,
    bias_v: Tensor | None,
    add_zero_attn: bool,
    dropout_p: float,
    out_proj_weight: Tensor,
    out_proj_bias: Tensor | None,
    training: bool = True,
    key_padding_mask: Tensor | None = None,
    need_weights: bool = True,
    attn_mask: Tensor | None = None,
    use_separate_proj_weight: bool = False,
    q_proj_weight: Tensor | None = None,
    k_proj_weight: Tensor | None = None,
    v_proj_weight: Tensor | None = None,
    static_k: Tensor | None = None,
    static_v: Tensor | None = None,
    average_attn_weights: bool = True,
    is_causal: bool = False,
    _batch_first: bool = False,
) -> tuple[Tensor, Tensor | None]:
    """Attention of queries (L, B, E) to keys and values (S, B, …), projected: (L, B, E), weights (B, L, S).

    Without a batch (L, E) gives (L, E) and (L, S). The weights are None unless `need_weights`, and one per
    head with average_attn_weights=False. Boolean masks hide where they are True; others are added. Source:
    Vaswani et al. 2017.
    """
    is_batched = _check_ranks(query, key, value, key_padding_mask, attn_mask, num_heads)
    batch_dim = 0 if _batch_first else 1
    if not is_batched:
        query, key, value = (x.unsqueeze(batch_dim) for x in (query, key, value))
        key_padding_mask = None if key_padding_mask is None else key_padding_mask.unsqueeze(0)
    _check_sizes(query, key, value, embed_dim_to_check, num_heads, use_separate_proj_weight)
    masks = _masks(key_padding_mask, attn_mask, is_causal, need_weights, query.dtype)
    separate = q_proj_weight, k_proj_weight, v_proj_weight, use_separate_proj_weight
    parts = _project(query, key, value, Projections(in_proj_weight, in_proj_bias, *separate))
    batch, length = query.shape[batch_dim], query.shape[1 - batch_dim]
    masks = _check_masks(masks, batch * num_heads, length, key.shape[1 - batch_dim])
    q, k, v = (_heads(x, num_heads, _batch_first) for x in parts)
    k = k if static_k is None else _static("static_k", static_k, batch, num_heads, q.shape[-1])
    v = v if static_v is None else _static("static_v", static_v, batch, num_heads, q.shape[-1])
    k, v, masks = _with_learnt_key(k, v, bias_k, bias_v, masks, static_k is not None or static_v is not None)
    if add_zero_attn:
        nothing = zeros(batch, num_heads, 1, q.shape[-1], dtype=k.dtype, device=k.device)
        k, v, masks = _with_key(k, v, nothing, nothing, masks)
    mask = _merged(masks, batch, num_heads, k.shape[2])
    attend = _attend_with_weights if need_weights else _attend
    out, weights = attend(q, k, v, mask, dropout_p if training else 0.0, masks.causal)
    # Length before batch in memory, also with _batch_first: a dropout behind draws its numbers in that order.
    out = linear(out.permute(2, 0, 1, 3).reshape(length, batch, -1), out_proj_weight, out_proj_bias)
    out = out.transpose(0, 1) if _batch_first else out
    if weights is not None and average_attn_weights:
        weights = weights.mean(1)
    if not is_batched:
        out, weights = out.squeeze(batch_dim), None if weights is None else weights.squeeze(0)
    return out, weights


# -- shapes --------------------------------------------------------------------------------------------


def _check_ranks(query: Tensor, key: Tensor, value: Tensor, padding: Any, mask: Any, heads: int) -> bool:
    """Whether there is a batch. Raises AssertionError where the ranks do not go together."""
    rank = query.ndim
    if rank not in (2, 3):
        raise AssertionError(
            f"query should be unbatched 2D or batched 3D tensor but received {rank}-D query tensor"
        )
    given = f"For {'batched (3-D)' if rank == 3 else 'unbatched (2-D)'} `query`, expected"
    if key.ndim != rank or value.ndim != rank:
        raise AssertionError(
            f"{given} `key` and `value` to be {rank}-D but found {key.ndim}-D and {value.ndim}-D tensors "
            "respectively"
        )
    if padding is not None and padding.ndim != rank - 1:
        raise AssertionError(
            f"{given} `key_padding_mask` to be `None` or {rank - 1}-D but found {padding.ndim}-D tensor "
            "instead"
        )
    if mask is not None and mask.ndim not in (2, 3):
        raise AssertionError(
            f"{given} `attn_mask` to be `None`, 2-D or 3-D but found {mask.ndim}-D tensor instead"
        )
    if rank == 2 and mask is not None and mask.ndim == 3:
        expected = (heads, query.shape[0], key.shape[0])
        if tuple(mask.shape) != expected:
            raise AssertionError(f"Expected `attn_mask` shape to be {expected} but got {mask.shape}")
    return rank == 3


def _check_sizes(
    query: Tensor, key: Tensor, value: Tensor, embed_dim: int, heads: int, separate: bool
) -> None:
    width = query.shape[-1]
    if width != embed_dim:
        raise AssertionError(f"was expecting embedding dimension of {embed_dim}, but got {width}")
    if width % heads:
        raise AssertionError(f"embed_dim {width} not divisible by num_heads {heads}")
    if separate and key.shape[:2] != value.shape[:2]:
        raise AssertionError(
            f"key's sequence and batch dims {key.shape[:2]} do not match value's {value.shape[:2]}"
        )
    if not separate and key.shape != value.shape:
        raise AssertionError(f"key shape {key.shape} does not match value shape {value.shape}")


def _heads(x: Tensor, heads: int, batch_first: bool) -> Tensor:
    """(L, B, E), or (B, L, E), as (B, heads, L, E / heads)."""
    split = x.reshape(*x.shape[:2], heads, x.shape[2] // heads)
    return split.permute(0, 2, 1, 3) if batch_first else split.permute(1, 2, 0, 3)


def _static(name: str, x: Tensor, batch: int, heads: int, width: int) -> Tensor:
    """A key or value given ready, (batch · heads, keys, width of a head)."""
    for dim, size in ((0, batch * heads), (2, width)):
        if x.size(dim) != size:
            raise AssertionError(f"expecting {name}.size({dim}) of {size}, but got {x.size(dim)}")
    return x.reshape(batch, heads, x.shape[1], width)


# -- projections ---------------------------------------------------------------------------------------


def _project(q: Tensor, k: Tensor, v: Tensor, by: Projections) -> tuple[Tensor, ...]:
    """Query, key and value after their projections; one product where they are the same tensor."""
    width = q.shape[-1]
    biases = (None, None, None) if by.bias is None else by.bias.chunk(3)
    if by.separate:
        weights = by.query, by.key, by.value
        _check_weights((q, k, v), weights, width)
    elif by.packed is None:
        raise AssertionError("use_separate_proj_weight is False but in_proj_weight is None")
    elif q is k and k is v:
        return tuple(linear(q, by.packed, by.bias).chunk(3, -1))
    else:
        weights = by.packed.chunk(3)
    return tuple(linear(x, w, b) for x, w, b in zip((q, k, v), weights, biases))


def _check_weights(inputs: tuple[Tensor, ...], weights: tuple[Tensor | None, ...], width: int) -> None:
    for name, x, w in zip(("query", "key", "value"), inputs, weights):
        if w is None:
            raise AssertionError(f"use_separate_proj_weight is True but {name[0]}_proj_weight is None")
        expected = (width, x.shape[-1])
        if tuple(w.shape) != expected:
            raise AssertionError(f"expecting {name} weights shape of {expected}, but got {w.shape}")


# -- masks ---------------------------------------------------------------------------------------------


def _canonical_mask(
    mask: Tensor | None,
    mask_name: str,
    other_type: Any,
    other_name: str,
    target_type: Any,
    check_other: bool = True,
) -> Tensor | None:
    """A mask to be added: -inf where a boolean one is True. Warns where the other mask is of another type."""
    if mask is None:
        return None
    if mask.dtype is not bool_ and not mask.is_floating_point():
        raise AssertionError(f"only bool and floating types of {mask_name} are supported, not {mask.dtype}")
    if check_other and other_type is not None and mask.dtype is not other_type:
        warnings.warn(
            f"Support for mismatched {mask_name} and {other_name} is deprecated. "
            "Use same type for both instead.",
            stacklevel=3,
        )
    if mask.dtype is not bool_:
        return mask
    return zeros_like(mask, dtype=target_type).masked_fill_(mask, -math.inf)


def _none_or_dtype(input: Tensor | None) -> Any:
    """The dtype of a tensor, None for None."""
    return None if input is None else input.dtype


def _masks(padding: Any, mask: Any, is_causal: bool, need_weights: bool, kind: Any) -> Masks:
    """The masks as numbers to be added; a causal mask is left to the attention where it can be."""
    padding = _canonical_mask(padding, "key_padding_mask", _none_or_dtype(mask), "attn_mask", kind)
    if is_causal and mask is None:
        raise RuntimeError(
            "Need attn_mask if specifying the is_causal hint. You may use the Transformer module method "
            "`generate_square_subsequent_mask` to create this mask."
        )
    if is_causal and padding is None and not need_weights:
        return Masks(None, None, True)
    return Masks(_canonical_mask(mask, "attn_mask", None, "", kind, check_other=False), padding)


def _check_masks(masks: Masks, rows: int, length: int, keys: int) -> Masks:
    mask = masks.attention
    if mask is None:
        return masks
    expected = (length, keys) if mask.ndim == 2 else (rows, length, keys)
    if tuple(mask.shape) != expected:
        raise RuntimeError(
            f"The shape of the {mask.ndim}D attn_mask is {mask.shape}, but should be {expected}."
        )
    return masks


def _merged(masks: Masks, batch: int, heads: int, keys: int) -> Tensor | None:
    """Both masks as one that broadcasts to (batch, heads, queries, keys)."""
    mask, padding = masks.attention, masks.padding
    if mask is not None and mask.ndim == 3:
        mask = mask.reshape(batch, heads, *mask.shape[1:])
    if padding is None:
        return mask
    for dim, size in enumerate((batch, keys)):
        if padding.shape[dim] != size:
            raise AssertionError(
                f"Expected key_padding_mask.shape[{dim}] to be {size}, but got {padding.shape[dim]}"
            )
    padding = padding.reshape(batch, 1, 1, keys)
    return padding if mask is None else mask + padding


# -- extra keys ----------------------------------------------------------------------------------------


def _with_key(k: Tensor, v: Tensor, key: Tensor, value: Tensor, masks: Masks) -> tuple[Tensor, Tensor, Masks]:
    """One more key and value behind the others, which no mask hides."""
    cat, pad = function_of(registry["cat"]), function_of(registry["pad"])
    mask, padding = (None if m is None else pad(m, (0, 1)) for m in masks[:2])
    return cat([k, key], 2), cat([v, value], 2), Masks(mask, padding, masks.causal)


def _with_learnt_key(
    k: Tensor, v: Tensor, bias_k: Any, bias_v: Any, masks: Masks, static: bool
) -> tuple[Tensor, Tensor, Masks]:
    """The key and value `bias_k` and `bias_v`, (1, 1, E), behind the others, where there are any."""
    if bias_k is None and bias_v is None:
        return k, v, masks
    if bias_k is None or bias_v is None:
        missing, there = ("bias_k", "bias_v") if bias_k is None else ("bias_v", "bias_k")
        raise AssertionError(f"{there} is set but {missing} is None")
    if static:
        raise AssertionError("bias cannot be added to static key or value.")
    batch, heads, _, width = k.shape
    key, value = (b.reshape(1, heads, 1, width).expand(batch, heads, 1, width) for b in (bias_k, bias_v))
    return _with_key(k, v, key, value, masks)


# -- attention -----------------------------------------------------------------------------------------


def _attend(
    q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, dropout_p: float, causal: bool
) -> tuple[Tensor, None]:
    return scaled_dot_product_attention(q, k, v, mask, dropout_p, causal), None


def _attend_with_weights(
    q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, dropout_p: float, causal: bool
) -> tuple[Tensor, Tensor]:
    scores = (q * math.sqrt(1.0 / q.shape[-1])).matmul(k.transpose(-2, -1))
    weights = softmax(scores if mask is None else scores + mask, -1)
    if dropout_p > 0.0:
        weights = function_of(registry["dropout"])(weights, dropout_p)
    return weights.matmul(v), weights
