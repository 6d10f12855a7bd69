"""Normalisation beyond the samples: running statistics, evaluation's derivatives, accuracy, refusals."""

import numpy as np
import pytest

import rushlight as rl
from rushlight.autograd import gradcheck, gradgradcheck
from rushlight.nn import functional as F


def tensors(*arrays, requires_grad=False):
    return [rl.tensor(a).requires_grad_(requires_grad) for a in arrays]


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch")


@pytest.mark.parametrize("shape", [(6, 3), (4, 3, 5), (2, 3, 4, 2), (40, 3, 30)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_batch_norm_moves_the_running_statistics(torch, shape, dtype):
    rng = np.random.default_rng(0)
    x, mean, var = (
        a.astype(dtype) for a in (rng.normal(3, 2, shape), rng.normal(size=3), rng.random(3) + 0.5)
    )
    mine, other = tensors(mean, var), [torch.tensor(a) for a in (mean, var)]
    for momentum in (0.1, 0.5, 1.0):
        F.batch_norm(rl.tensor(x), *mine, training=True, momentum=momentum)
        torch.nn.functional.batch_norm(torch.tensor(x), *other, training=True, momentum=momentum)
        for a, b in zip(mine, other):
            np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=2e-6 if dtype == np.float32 else 1e-12)


def test_instance_norm_moves_the_running_statistics(torch):
    x, mean, var = np.random.default_rng(0).normal(3, 2, (4, 3, 5)), np.zeros(3), np.ones(3)
    mine, other = tensors(mean, var), [torch.tensor(a) for a in (mean, var)]
    y = F.instance_norm(rl.tensor(x), *mine)
    z = torch.nn.functional.instance_norm(torch.tensor(x), *other)
    for a, b in ((y, z), *zip(mine, other)):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-12)


def test_running_statistics_by_hand():
    x = rl.tensor([[1.0, 10.0], [3.0, 30.0]])
    mean, var = rl.zeros(2), rl.ones(2)
    y = F.batch_norm(x, mean, var, training=True, momentum=0.5, eps=1e-12)
    np.testing.assert_allclose(y.numpy(), [[-1, -1], [1, 1]], rtol=1e-6)
    assert mean.tolist() == [1.0, 10.0] and var.tolist() == [1.5, 100.5]
    z = F.batch_norm(x, mean, var, eps=0.0)
    np.testing.assert_allclose(z.numpy(), (x.numpy() - mean.numpy()) / np.sqrt(var.numpy()), rtol=1e-6)
    assert mean.tolist() == [1.0, 10.0]  # evaluation moves nothing


@pytest.mark.parametrize("shape", [(5, 3), (2, 3, 4), (2, 3, 2, 2)])
@pytest.mark.parametrize("norm", [F.batch_norm, F.instance_norm])
def test_derivatives_in_evaluation(shape, norm):
    rng = np.random.default_rng(1)
    x, w, b = tensors(rng.normal(size=shape), rng.normal(size=3), rng.normal(size=3), requires_grad=True)
    mean, var = tensors(rng.normal(size=3), rng.random(3) + 0.5)
    call = lambda x, w, b: norm(x, mean, var, w, b, False, 0.1, 0.01)  # noqa: E731
    assert gradcheck(call, (x, w, b)) and gradgradcheck(call, (x, w, b))


def test_training_and_running_statistics_together_have_derivatives():
    rng = np.random.default_rng(1)
    x, w = tensors(rng.normal(size=(4, 3, 2)), rng.normal(size=3), requires_grad=True)

    def call(x, w):
        return F.batch_norm(x, rl.zeros(3), rl.ones(3), w, training=True)

    assert gradcheck(call, (x, w)) and gradgradcheck(call, (x, w))


@pytest.mark.parametrize("rows", [1, 3, 700])
def test_blocks_agree_with_one_pass(rows):
    """More rows than a block holds: the same as NumPy over all of them."""
    rng = np.random.default_rng(2)
    x, w, g = rng.normal(5, 2, (rows, 96)), rng.normal(size=96), rng.normal(size=(rows, 96))
    tx, tw, tb = tensors(x, w, np.zeros(96), requires_grad=True)
    y = F.layer_norm(tx, (96,), tw, tb)
    normed = (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + 1e-5)
    np.testing.assert_allclose(y.detach().numpy(), normed * w, rtol=1e-10)
    y.backward(rl.tensor(g))
    np.testing.assert_allclose(tw.grad.numpy(), (g * normed).sum(0), rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(tb.grad.numpy(), g.sum(0), rtol=1e-9, atol=1e-10)
    gw = g * w
    inner = gw - gw.mean(1, keepdims=True) - normed * (gw * normed).mean(1, keepdims=True)
    np.testing.assert_allclose(
        tx.grad.numpy(), inner / np.sqrt(x.var(1, keepdims=True) + 1e-5), rtol=1e-8, atol=1e-10
    )


def test_float32_far_from_zero():
    """The variance is taken after the mean: a large mean costs no digits of it."""
    x = np.random.default_rng(3).normal(1000, 1, (64, 257)).astype(np.float32)
    exact = x.astype(np.float64)
    exact = (exact - exact.mean(1, keepdims=True)) / np.sqrt(exact.var(1, keepdims=True) + 1e-5)
    np.testing.assert_allclose(F.layer_norm(rl.tensor(x), (257,)).numpy(), exact, atol=2e-3)
    y = F.batch_norm(rl.tensor(x.T.copy().reshape(257, 64, 1, 1)), None, None, training=True)
    np.testing.assert_allclose(y.numpy().reshape(257, 64).T, exact, atol=2e-3)


def test_bfloat16_input_with_float32_weights(torch):
    x = np.random.default_rng(4).normal(size=(5, 8)).astype(np.float32)
    mine = F.layer_norm(rl.tensor(x).bfloat16(), (8,), rl.ones(8), rl.zeros(8))
    other = torch.nn.functional.layer_norm(torch.tensor(x).bfloat16(), (8,), torch.ones(8), torch.zeros(8))
    assert mine.dtype is rl.bfloat16
    np.testing.assert_allclose(mine.float().numpy(), other.float().numpy(), atol=0.02)
    with pytest.raises(RuntimeError, match="mixed dtype"):
        F.layer_norm(rl.tensor(x), (8,), rl.ones(8, dtype=rl.float64))


def test_on_meta():
    x, w = rl.empty(4, 3, 5, device="meta"), rl.empty(5, device="meta")
    assert F.layer_norm(x, (5,), w).shape == (4, 3, 5)
    assert F.batch_norm(x, None, None, training=True).is_meta and F.group_norm(x, 3).is_meta


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (
            lambda t, F: F.layer_norm(t.ones(3, 4), (5,)),
            RuntimeError,
            r"normalized_shape=\[5\], expected .*\[3, 4\]",
        ),
        (lambda t, F: F.layer_norm(t.ones(3, 4), (3,)), RuntimeError, r"normalized_shape=\[3\]"),
        (lambda t, F: F.layer_norm(t.ones(3, 4), 4), TypeError, "must be tuple of ints"),
        (
            lambda t, F: F.layer_norm(t.ones(3, 4), (4,), t.ones(3)),
            RuntimeError,
            "same shape as normalized_shape",
        ),
        (lambda t, F: F.group_norm(t.ones(3, 4), 3), RuntimeError, "divisible by num_groups"),
        (lambda t, F: F.group_norm(t.ones(1, 4), 4), ValueError, "Expected more than 1 value per channel"),
        (
            lambda t, F: F.batch_norm(t.ones(1, 4), None, None, training=True),
            ValueError,
            "Expected more than 1 value per channel when training, got input size",
        ),
        (lambda t, F: F.batch_norm(t.ones(3, 4), None, None), RuntimeError, "running_mean"),
        (
            lambda t, F: F.batch_norm(t.ones(3, 4), t.ones(3), t.ones(4)),
            RuntimeError,
            "should contain 4 elements not 3",
        ),
        (
            lambda t, F: F.batch_norm(t.ones(3, 4), None, None, training=True, eps=0.0),
            ValueError,
            "eps must be positive",
        ),
        (lambda t, F: F.instance_norm(t.ones(3, 4, 1)), ValueError, "Expected more than 1 spatial element"),
        (lambda t, F: F.local_response_norm(t.ones(3, 4), 2), ValueError, "Expected 3D or higher"),
        (
            lambda t, F: F.layer_norm(t.ones(3, 4, dtype=t.int64), (4,)),
            NotImplementedError,
            "not implemented for",
        ),
    ],
)
def test_refusals(call, kind, message):
    with pytest.raises(kind, match=message):
        call(rl, F)


def test_refusals_are_torchs(torch):
    for call, kind, message in next(m for m in test_refusals.pytestmark if m.name == "parametrize").args[1]:
        with pytest.raises(kind, match=message):
            call(torch, torch.nn.functional)
