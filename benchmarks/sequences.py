"""Attention and LSTM: the shapes of notes/linear-algebra.md."""

from __future__ import annotations

from .timing import Case


def attention() -> list[Case]:
    """Forward and backward, plain and causal; shapes are batch, heads, length, width of a head."""
    return [
        case
        for shape in ((8, 6, 256, 64), (1, 12, 1024, 64))
        for causal in (False, True)
        for case in _attention(shape, causal)
    ]


def _attention(shape: tuple[int, ...], causal: bool) -> list[Case]:
    name = f"attention {'x'.join(map(str, shape))}{', causal' if causal else ''}"
    call = f"F.scaled_dot_product_attention(q, k, v, is_causal={causal})"
    b, h, t, d = shape
    parts = f"q, k, v = (normal(3, {b}, {h}, {t}, {d})[i].clone() for i in range(3))"
    graph = f"{parts}; [x.requires_grad_() for x in (q, k, v)]; y = {call}; g = normal{shape}"
    return [
        Case(f"{name}: forward", 2.0, call, parts),
        Case(f"{name}: backward", 2.0, "grad(y, [q, k, v], g, retain_graph=True)", graph),
    ]


def lstm() -> list[Case]:
    """One layer forth and back: batch 32, 256 units, 64 steps."""
    setup = "m.manual_seed(0); f = nn.LSTM(256, 256); x = leaf(64, 32, 256); ps = [x, *f.parameters()]"
    return [Case("LSTM B=32 H=256 T=64: both ways", 1.2, "grad(f(x)[0].sum(), ps)", setup)]
