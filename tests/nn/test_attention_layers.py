"""Attention and the Transformer beyond the common table: masks, padding, causality, what is refused."""

import itertools
import warnings

import numpy as np
import pytest

import rushlight
from rushlight import nn
from rushlight.nn import functional as F

L, S, B, E, HEADS = 4, 5, 3, 8, 2
rng = np.random.default_rng(0)
QUERY, KEY, VALUE = (rng.standard_normal((n, B, E)).astype(np.float32) for n in (L, S, S))
PADDING = np.array([[0, 0, 0, 1, 1], [0, 0, 0, 0, 1], [0, 0, 0, 0, 0]], bool)
HIDDEN = np.triu(np.ones((L, S), bool), 2)
PER_HEAD = np.random.default_rng(1).random((B * HEADS, L, S)) > 0.6
PER_HEAD[..., 0] = False
ADDED = np.random.default_rng(2).standard_normal((L, S)).astype(np.float32)
MASKS = {
    "none": {},
    "boolean": {"attn_mask": HIDDEN},
    "added": {"attn_mask": ADDED},
    "per head": {"attn_mask": PER_HEAD},
    "padding": {"key_padding_mask": PADDING},
    "added padding": {"key_padding_mask": np.where(PADDING, -np.inf, 0).astype(np.float32)},
    "both": {"attn_mask": HIDDEN, "key_padding_mask": PADDING},
}


def attend(library, settings, masks, batch_first, **asked):
    """Output, weights and gradients of a layer from seed 0, as arrays."""
    library.manual_seed(0)
    layer = library.nn.MultiheadAttention(E, HEADS, batch_first=batch_first, **settings)
    arrays = (x.swapaxes(0, 1).copy() if batch_first else x.copy() for x in (QUERY, KEY, VALUE))
    inputs = [library.from_numpy(x).requires_grad_() for x in arrays]
    out, weights = layer(*inputs, **{k: library.from_numpy(m.copy()) for k, m in masks.items()}, **asked)
    (out * out).sum().backward()
    grads = [t.grad for t in (*inputs, *layer.parameters())]
    return [None if t is None else t.detach().numpy() for t in (out, weights, *grads)]


def same(ours, theirs, tolerance=1e-5):
    for a, b in zip(ours, theirs, strict=True):
        assert (a is None) == (b is None)
        if a is not None:
            assert a.shape == b.shape
            np.testing.assert_allclose(a, b, rtol=tolerance, atol=10 * tolerance)


@pytest.mark.parametrize("masks", MASKS.values(), ids=MASKS)
@pytest.mark.parametrize("asked", [{}, {"average_attn_weights": False}, {"need_weights": False}], ids=str)
@pytest.mark.parametrize("settings", [{}, {"add_bias_kv": True, "add_zero_attn": True}], ids=str)
@pytest.mark.parametrize("batch_first", [True, False])
def test_masks_as_in_torch(masks, asked, settings, batch_first):
    torch = pytest.importorskip("torch")
    same(*(attend(library, settings, masks, batch_first, **asked) for library in (rushlight, torch)))


def test_hidden_keys_have_no_weight():
    layer = nn.MultiheadAttention(E, HEADS)
    inputs = [rushlight.from_numpy(x) for x in (QUERY, KEY, VALUE)]
    _, weights = layer(
        *inputs, key_padding_mask=rushlight.from_numpy(PADDING), attn_mask=rushlight.from_numpy(HIDDEN)
    )
    assert weights.shape == (B, L, S)
    assert np.all(weights.detach().numpy()[np.broadcast_to(PADDING[:, None] | HIDDEN, (B, L, S))] == 0)
    np.testing.assert_allclose(weights.sum(-1).detach().numpy(), 1, atol=1e-6)


@pytest.mark.parametrize("batch_first", [True, False])
def test_with_and_without_weights_agree(batch_first):
    layer = nn.MultiheadAttention(E, HEADS, batch_first=batch_first)
    x = rushlight.randn(B, L, E)
    mask = nn.Transformer.generate_square_subsequent_mask(L if batch_first else B)
    full = layer(x, x, x, attn_mask=mask)[0]
    for asked in ({"need_weights": False}, {"need_weights": False, "is_causal": True}):
        np.testing.assert_allclose(
            layer(x, x, x, attn_mask=mask, **asked)[0].detach().numpy(), full.detach().numpy(), atol=1e-6
        )


def test_without_a_batch():
    layer = nn.MultiheadAttention(E, HEADS)
    parts = [rushlight.from_numpy(x[:, :1].copy()) for x in (QUERY, KEY, VALUE)]
    out, weights = layer(*parts)
    alone, own = layer(
        *(p.squeeze(1) for p in parts), key_padding_mask=rushlight.zeros(S, dtype=rushlight.bool)
    )
    assert alone.shape == (L, E) and own.shape == (L, S)
    np.testing.assert_allclose(alone.detach().numpy(), out.squeeze(1).detach().numpy(), atol=1e-6)
    np.testing.assert_allclose(own.detach().numpy(), weights.squeeze(0).detach().numpy(), atol=1e-6)


def test_static_keys_as_in_torch():
    torch = pytest.importorskip("torch")
    found = []
    for library in (rushlight, torch):
        library.manual_seed(0)
        layer = library.nn.MultiheadAttention(E, HEADS)
        given = [library.from_numpy(x.copy()) for x in (QUERY, KEY, VALUE)]
        ready = {
            n: library.from_numpy(np.ones((B * HEADS, S, E // HEADS), np.float32))
            for n in ("static_k", "static_v")
        }
        weights = layer.in_proj_weight, layer.in_proj_bias, None, None, False, 0.0, layer.out_proj.weight
        call = library.nn.functional.multi_head_attention_forward
        found.append(
            [t.detach().numpy() for t in call(*given, E, HEADS, *weights, layer.out_proj.bias, **ready)]
        )
    same(*found)


def zeros(lib, *shape, **kind):
    return lib.zeros(*shape, **kind)


WRONG = {
    "width": (
        lambda lib, m: m(*[zeros(lib, 4, 2, 6)] * 3),
        AssertionError,
        "was expecting embedding dimension of 8",
    ),
    "rank": (lambda lib, m: m(*[zeros(lib, 8)] * 3), AssertionError, "unbatched 2D or batched 3D"),
    "ranks": (
        lambda lib, m: m(zeros(lib, 4, 2, 8), zeros(lib, 4, 8), zeros(lib, 4, 8)),
        AssertionError,
        "expected `key` and `value` to be 3-D but found 2-D and 2-D",
    ),
    "key and value": (
        lambda lib, m: m(zeros(lib, 4, 2, 8), zeros(lib, 4, 2, 8), zeros(lib, 5, 2, 8)),
        AssertionError,
        "does not match value shape",
    ),
    "mask": (
        lambda lib, m: m(*[zeros(lib, 4, 2, 8)] * 3, attn_mask=zeros(lib, 3, 4)),
        RuntimeError,
        "The shape of the 2D attn_mask is",
    ),
    "mask per head": (
        lambda lib, m: m(*[zeros(lib, 4, 2, 8)] * 3, attn_mask=zeros(lib, 3, 4, 4)),
        RuntimeError,
        "The shape of the 3D attn_mask is",
    ),
    "padding": (
        lambda lib, m: m(*[zeros(lib, 4, 2, 8)] * 3, key_padding_mask=zeros(lib, 2, 5, dtype=lib.bool)),
        AssertionError,
        "to be 4, but got 5",
    ),
    "padding rank": (
        lambda lib, m: m(*[zeros(lib, 4, 2, 8)] * 3, key_padding_mask=zeros(lib, 4, dtype=lib.bool)),
        AssertionError,
        "expected `key_padding_mask` to be `None` or 2-D",
    ),
    "mask dtype": (
        lambda lib, m: m(*[zeros(lib, 4, 2, 8)] * 3, attn_mask=zeros(lib, 4, 4, dtype=lib.int64)),
        AssertionError,
        "only bool and floating types of attn_mask are supported",
    ),
    "causal": (lambda lib, m: m(*[zeros(lib, 4, 2, 8)] * 3, is_causal=True), RuntimeError, "Need attn_mask"),
    "heads": (
        lambda lib, m: lib.nn.MultiheadAttention(8, 3),
        AssertionError,
        "must be divisible by num_heads",
    ),
    "no heads": (lambda lib, m: lib.nn.MultiheadAttention(8, 0), ValueError, "must be greater than 0"),
}


@pytest.mark.parametrize(("call", "error", "words"), WRONG.values(), ids=WRONG)
def test_what_is_refused(call, error, words):
    with pytest.raises(error, match=words):
        call(rushlight, nn.MultiheadAttention(8, 2))
    torch = pytest.importorskip("torch")
    with pytest.raises(error, match=words):
        call(torch, torch.nn.MultiheadAttention(8, 2))


def test_masks_of_different_kinds_warn():
    x = rushlight.from_numpy(QUERY)
    masks = {
        "key_padding_mask": rushlight.zeros(B, L, dtype=rushlight.bool),
        "attn_mask": rushlight.zeros(L, L),
    }
    with pytest.warns(UserWarning, match="mismatched key_padding_mask and attn_mask is deprecated"):
        nn.MultiheadAttention(E, HEADS)(x, x, x, **masks)


# -- the Transformer -----------------------------------------------------------------------------------


def transformed(library, settings, train, grad):
    """Outputs of a Transformer from seed 0 with every mask it takes, as arrays."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's about nested tensors
        library.manual_seed(0)
        model = library.nn.Transformer(E, HEADS, 2, 2, 16, dropout=0.2, **settings).train(train)
        first = settings.get("batch_first", False)
        src, tgt = (x.swapaxes(0, 1).copy() if first else x for x in (KEY, QUERY))
        source, target = library.from_numpy(src), library.from_numpy(tgt)
        padding = library.from_numpy(PADDING.copy())
        causal = model.generate_square_subsequent_mask(L)
        masks = {"src_key_padding_mask": padding, "memory_key_padding_mask": padding, "tgt_mask": causal}
        library.manual_seed(1)
        with library.set_grad_enabled(grad):
            out = [model(source, target, **masks), model.encoder(source, src_key_padding_mask=padding)]
    return [t.detach().numpy() for t in out]


SETTINGS = [
    {},
    {"batch_first": True},
    {"norm_first": True, "activation": "gelu"},
    {"batch_first": True, "bias": False},
]


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize(("train", "grad"), [(True, True), (False, True), (False, False)])
def test_transformer_as_in_torch(settings, train, grad):
    torch = pytest.importorskip("torch")
    same(*(transformed(library, settings, train, grad) for library in (rushlight, torch)))


def test_a_causal_mask_is_recognised():
    layer = nn.TransformerEncoderLayer(E, HEADS, 16, 0.0)
    stack, x = nn.TransformerEncoder(layer, 2), rushlight.from_numpy(QUERY)
    causal = nn.Transformer.generate_square_subsequent_mask(L)
    told, seen = stack(x, mask=causal, is_causal=True), stack(x, mask=causal)
    np.testing.assert_allclose(told.detach().numpy(), seen.detach().numpy(), atol=1e-6)
    changed = x.clone()
    changed[-1] += 1  # what comes last may not change what comes before
    assert np.array_equal(stack(changed, mask=causal)[:-1].detach().numpy(), seen[:-1].detach().numpy())


def test_the_layers_of_a_stack_are_their_own():
    stack = nn.TransformerEncoder(nn.TransformerEncoderLayer(E, HEADS, 16), 2)
    first, second = (layer.linear1.weight for layer in stack.layers)
    assert first is not second and np.array_equal(first.detach().numpy(), second.detach().numpy())


@pytest.mark.parametrize("batch_first", [True, False])
def test_transformer_refuses(batch_first):
    model, (a, b) = nn.Transformer(E, HEADS, 1, 1, 16, batch_first=batch_first), (2, 3)
    with pytest.raises(RuntimeError, match="batch number of src and tgt must be equal"):
        model(rushlight.zeros(a, b, E), rushlight.zeros(b, a, E))
    with pytest.raises(RuntimeError, match="feature number of src and tgt must be equal to d_model"):
        model(rushlight.zeros(a, a, E + 1), rushlight.zeros(a, a, E + 1))
    with pytest.raises(RuntimeError, match="activation should be relu/gelu, not tanh"):
        nn.TransformerEncoderLayer(E, HEADS, activation="tanh")


def test_activations_by_function_and_module():
    x = rushlight.from_numpy(QUERY)
    found = []
    for activation in ("gelu", F.gelu, nn.GELU()):
        rushlight.manual_seed(0)
        layer = nn.TransformerEncoderLayer(E, HEADS, 16, 0.0, activation)
        assert layer.activation_relu_or_gelu == 2
        found.append(layer(x).detach().numpy())
    assert all(np.array_equal(found[0], other) for other in found[1:])


def test_every_mask_combination_is_finite_and_differentiable():
    for masks, batch_first in itertools.product(MASKS.values(), (True, False)):
        for array in attend(rushlight, {}, masks, batch_first):
            assert np.isfinite(array).all()
