"""Attention kernels against the same in float64 by NumPy: shapes, masks, layouts, shared heads, threads."""

import numpy as np
import pytest

import rushlight as torch
from rushlight.kernels import native
from rushlight.nn.functional import scaled_dot_product_attention as attention

pytestmark = pytest.mark.skipif(not native.on(), reason="machine code is off")
RNG = np.random.default_rng(0)


def exact(q, k, v, mask=None, causal=False):
    """softmax(q kᵀ / √d + mask) v in float64."""
    q, k, v = (np.asarray(x, np.float64) for x in (q, k, v))
    scores = q @ np.swapaxes(k, -1, -2) / np.sqrt(q.shape[-1])
    if causal:
        scores = np.where(np.tril(np.ones(scores.shape[-2:], bool)), scores, -np.inf)
    if mask is not None:
        scores = np.where(mask, scores, -np.inf) if mask.dtype == bool else scores + mask
    e = np.exp(scores - scores.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True) @ v


def normal(*shape):
    return RNG.standard_normal(shape).astype(np.float32)


SHAPES = [(1, 1, 1, 1, 16), (2, 3, 5, 7, 16), (1, 2, 64, 64, 64), (2, 1, 65, 130, 33), (1, 1, 200, 17, 8)]


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_forward(shape, causal):
    b, h, t, s, d = shape
    s = t if causal else s
    q, k, v = normal(b, h, t, d), normal(b, h, s, d), normal(b, h, s, d)
    got = attention(*map(torch.from_numpy, (q, k, v)), is_causal=causal).numpy()
    np.testing.assert_allclose(got, exact(q, k, v, causal=causal), atol=2e-6)


@pytest.mark.parametrize("kind", ["kept", "added"])
def test_masks_that_stretch_over_heads(kind):
    q, k, v = normal(2, 3, 9, 16), normal(2, 3, 21, 16), normal(2, 3, 21, 16)
    mask = RNG.random((2, 1, 9, 21)) < 0.7 if kind == "kept" else normal(2, 1, 9, 21)
    mask[..., 0] = True if kind == "kept" else 0
    got = attention(*map(torch.from_numpy, (q, k, v)), attn_mask=torch.from_numpy(mask)).numpy()
    np.testing.assert_allclose(got, exact(q, k, v, mask), atol=2e-6)


def test_heads_inside_rows_need_no_copy():
    """(B, T, H, D) turned to (B, H, T, D), as models hand it over; what comes out lies the same way."""
    wide = [normal(2, 40, 3, 16) for _ in range(3)]
    q, k, v = (np.swapaxes(x, 1, 2) for x in wide)
    got = attention(*map(torch.from_numpy, (q, k, v)), is_causal=True)
    np.testing.assert_allclose(got.numpy(), exact(q, k, v, causal=True), atol=2e-6)
    assert got.transpose(1, 2).is_contiguous()


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_gradients_against_float64(shape, causal):
    b, h, t, s, d = shape
    s = t if causal else s
    arrays = [normal(b, h, t, d), normal(b, h, s, d), normal(b, h, s, d)]
    g, found = normal(b, h, t, d), []
    for kind in (np.float32, np.float64):
        inputs = [torch.from_numpy(x.astype(kind)).requires_grad_() for x in arrays]
        attention(*inputs, is_causal=causal).backward(torch.from_numpy(g.astype(kind)))
        found.append([x.grad.numpy() for x in inputs])
    for single, double in zip(*found, strict=True):
        assert np.abs(single - double).max() <= 4e-6 * max(1.0, np.abs(double).max())


def test_the_number_of_threads_changes_no_bit():
    q, k, v = (normal(2, 3, 130, 32) for _ in range(3))
    found = []
    for n in (1, 2, 3):
        torch.set_num_threads(n)
        inputs = [torch.from_numpy(x.copy()).requires_grad_() for x in (q, k, v)]
        out = attention(*inputs, is_causal=True)
        out.sum().backward()
        found.append([x.numpy().tobytes() for x in (out.detach(), *(i.grad for i in inputs))])
    torch.set_num_threads(2)
    assert found[0] == found[1] == found[2]
