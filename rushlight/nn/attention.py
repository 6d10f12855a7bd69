"""Multi-head attention as a layer."""

from __future__ import annotations

from typing import Any

import rushlight.nn.init as init

from ..tensor import Tensor
from .functional_attention import multi_head_attention_forward
from .linear import NonDynamicallyQuantizableLinear
from .making import parameter
from .module import Module


class MultiheadAttention(Module):
    """Attention of queries (L, B, embed_dim) to keys (S, B, kdim) and values (S, B, vdim), in several heads.

    With batch_first the batch comes first; inputs may also have no batch. `add_bias_kv` adds a learnt key
    and value, `add_zero_attn` a key and value of zeros. Returns the output (L, B, embed_dim) and the weights
    (B, L, S). Source: Vaswani et al. 2017.
    """

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        _check_heads(embed_dim, num_heads)
        super().__init__()
        self.embed_dim = embed_dim
        self.kdim = embed_dim if kdim is None else kdim
        self.vdim = embed_dim if vdim is None else vdim
        self._qkv_same_embed_dim = self.kdim == embed_dim and self.vdim == embed_dim
        self.num_heads = num_heads
        self.dropout = dropout
        self.batch_first = batch_first
        self.head_dim = embed_dim // num_heads
        self.add_zero_attn = add_zero_attn
        place = {"device": device, "dtype": dtype}
        self._add_projections(bias, place)
        self.out_proj = NonDynamicallyQuantizableLinear(embed_dim, embed_dim, bias, **place)
        self.bias_k = parameter(1, 1, embed_dim, **place) if add_bias_kv else None
        self.bias_v = parameter(1, 1, embed_dim, **place) if add_bias_kv else None
        self._reset_parameters()

    def _add_projections(self, bias: bool, place: dict[str, Any]) -> None:
        """One matrix for query, key and value where they are equally wide, else one each."""
        width, together = self.embed_dim, self._qkv_same_embed_dim
        sizes = {"q_proj_weight": width, "k_proj_weight": self.kdim, "v_proj_weight": self.vdim}
        self.register_parameter("in_proj_weight", parameter(3 * width, width, **place) if together else None)
        for name, n in sizes.items():
            self.register_parameter(name, None if together else parameter(width, n, **place))
        self.register_parameter("in_proj_bias", parameter(3 * width, **place) if bias else None)

    def _reset_parameters(self) -> None:
        for weight in (self.in_proj_weight, self.q_proj_weight, self.k_proj_weight, self.v_proj_weight):
            if weight is not None:
                init.xavier_uniform_(weight)
        if self.in_proj_bias is not None:
            init.constant_(self.in_proj_bias, 0.0)
            init.constant_(self.out_proj.bias, 0.0)
        for bias in (self.bias_k, self.bias_v):
            if bias is not None:
                init.xavier_normal_(bias)

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__({"_qkv_same_embed_dim": True, **state})  # PyTorch 1.1 had no other

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        return multi_head_attention_forward(
            query,
            key,
            value,
            self.embed_dim,
            self.num_heads,
            self.in_proj_weight,
            self.in_proj_bias,
            self.bias_k,
            self.bias_v,
            self.add_zero_attn,
            self.dropout,
            self.out_proj.weight,
            self.out_proj.bias,
            self.training,
            key_padding_mask,
            need_weights,
            attn_mask,
            not self._qkv_same_embed_dim,
            self.q_proj_weight,
            self.k_proj_weight,
            self.v_proj_weight,
            average_attn_weights=average_attn_weights,
            is_causal=is_causal,
            _batch_first=self.batch_first,
        )

    def merge_masks(
        self, attn_mask: Tensor | None, key_padding_mask: Tensor | None, query: Tensor
    ) -> tuple[Tensor | None, int | None]:
        """Both masks (as numbers) as one, and its kind: 1 for (B, S), 2 for (B, heads, L, S), or None."""
        if attn_mask is None:
            return key_padding_mask, None if key_padding_mask is None else 1
        batch, length = query.shape[:2]
        if attn_mask.ndim == 3:
            merged = attn_mask.view(batch, -1, length, length)
        else:
            merged = attn_mask.view(1, 1, length, length).expand(batch, self.num_heads, -1, -1)
        if key_padding_mask is not None:
            merged = merged + key_padding_mask.view(batch, 1, 1, length).expand(-1, self.num_heads, -1, -1)
        return merged, 2


def _check_heads(embed_dim: int, num_heads: int) -> None:
    if embed_dim <= 0 or num_heads <= 0:
        raise ValueError(
            f"embed_dim and num_heads must be greater than 0, got embed_dim={embed_dim} and "
            f"num_heads={num_heads} instead"
        )
    if embed_dim % num_heads:
        raise AssertionError(f"embed_dim must be divisible by num_heads: {embed_dim} by {num_heads}")
