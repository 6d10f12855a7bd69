"""Attention: blocks give what one block gives, masks, messages, bounded memory."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

import rushlight as rl
from rushlight.arrays import attention
from rushlight.nn import functional as F


def qkv(*shape: int, dtype: str = "float64") -> list[rl.Tensor]:
    rng = np.random.default_rng(0)
    return [rl.from_numpy(rng.normal(size=shape).astype(dtype)).requires_grad_() for _ in range(3)]


def run(q, k, v, **options) -> list[np.ndarray]:
    out = F.scaled_dot_product_attention(q, k, v, **options)
    grads = rl.autograd.grad(out, (q, k, v), rl.ones_like(out))
    return [x.detach().numpy() for x in (out, *grads)]


@pytest.mark.parametrize("options", [{}, {"is_causal": True}, {"scale": 0.1}])
def test_blocks_agree_with_the_whole(monkeypatch: pytest.MonkeyPatch, options: dict) -> None:
    tensors = qkv(2, 3, 37, 8)
    whole = run(*tensors, **options)
    monkeypatch.setattr(attention, "BLOCK_ELEMENTS", 2 * 3 * 37 * 5)  # five queries at a time
    for a, b in zip(whole, run(*tensors, **options), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-12)


def test_it_is_softmax_of_scaled_products() -> None:
    q, k, v = (x.detach().numpy() for x in qkv(2, 5, 4))
    s = q @ k.swapaxes(-2, -1) / 2
    p = np.exp(s) / np.exp(s).sum(-1, keepdims=True)
    np.testing.assert_allclose(F.scaled_dot_product_attention(*map(rl.from_numpy, (q, k, v))).numpy(), p @ v)


def test_large_scores_do_not_overflow() -> None:
    q, k, v = qkv(1, 4, 8, dtype="float32")
    assert np.isfinite(F.scaled_dot_product_attention(q * 1e4, k * 1e4, v).detach().numpy()).all()


def test_a_query_that_sees_nothing_gives_zeros_and_no_gradient() -> None:
    q, k, v = qkv(1, 3, 4)
    mask = rl.tensor([[True, True, False], [False, False, False], [True, False, True]])
    out, gq, _, _ = run(q, k, v, attn_mask=mask)
    assert (out[0, 1] == 0).all() and (gq[0, 1] == 0).all() and np.isfinite(gq).all()


def test_refusals() -> None:
    q, k, v = qkv(2, 3, 4)
    call = F.scaled_dot_product_attention
    refusals = [
        (
            lambda: call(q, k, v, rl.ones(3, 3), is_causal=True),
            "Explicit attn_mask should not be set when is_causal=True",
        ),
        (lambda: call(q[0, 0], k, v), "at least 2 dimensional"),
        (lambda: call(q, k.float(), v), "same dtype"),
        (lambda: call(q, k[..., :3], v), "same last size"),
        (lambda: call(q, k, v[:, :2]), "same length"),
        (
            lambda: call(q, k, v, rl.ones(3, 3, dtype=rl.int64)),
            "Expected attn_mask dtype to be bool or float",
        ),
        (lambda: call(q, k, v, rl.ones(4, 3, dtype=rl.bool)), "do not broadcast"),
        (lambda: call(q.long(), k.long(), v.long()), "expected scalar type Float but found"),
    ]
    for refused, message in refusals:
        with pytest.raises(RuntimeError, match=message):
            refused()
    many = rl.randn(1, 3, 4, 2)
    with pytest.raises(RuntimeError, match="must divide the number of heads"):
        call(many, many[:, :2], many[:, :2], enable_gqa=True)


def test_memory_grows_with_the_length_not_its_square() -> None:
    q, k, v = (x.detach() for x in qkv(1, 4096, 8, dtype="float32"))
    tracemalloc.start()
    F.scaled_dot_product_attention(q, k, v)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4096 * 4096 * 4 / 2, f"{peak / 2**20:.0f} MB"


def test_dropout_draws_as_torch_does() -> None:
    torch = pytest.importorskip("torch")
    q, k, v = (x.detach() for x in qkv(2, 2, 5, 4, dtype="float32"))
    rl.manual_seed(3)
    torch.manual_seed(3)
    ours = F.scaled_dot_product_attention(q, k, v, dropout_p=0.4)
    theirs = torch.nn.functional.scaled_dot_product_attention(
        *(torch.from_numpy(x.numpy()) for x in (q, k, v)), dropout_p=0.4
    )
    np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-5, atol=1e-6)
