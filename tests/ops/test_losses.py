"""Losses beyond the samples: derivatives with weights, advice, refusals, and the classic slips."""

import warnings

import numpy as np
import pytest

import rushlight as rl
from rushlight.autograd import gradcheck, gradgradcheck
from rushlight.errors import AdviceWarning
from rushlight.nn import functional as F
from rushlight.ops import losses_classes

RNG = np.random.default_rng(0)


def tensor(*shape, requires_grad=True):
    return rl.tensor(RNG.standard_normal(shape)).requires_grad_(requires_grad)


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch")


@pytest.fixture
def advice():
    """Advice as in a fresh process."""
    rl.advice(True)
    losses_classes._calls = 0
    yield
    rl.advice(True)


# -- derivatives that torch refuses to compare (weights) or does not have -------------------------------


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("shape", [(5, 4), (2, 4, 3)])
def test_cross_entropy_with_weights_has_derivatives(reduction, smoothing, shape):
    weight = rl.tensor(RNG.random(4) + 0.1)
    target = rl.tensor(RNG.integers(0, 4, (shape[0], *shape[2:])))
    target.reshape(-1)[1] = -100

    def call(x):
        return F.cross_entropy(x, target, weight, reduction=reduction, label_smoothing=smoothing)

    x = tensor(*shape)
    assert gradcheck(call, (x,)) and gradgradcheck(call, (x,))


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_nll_loss_with_weights_has_derivatives(reduction):
    weight, target = rl.tensor(RNG.random(4)), rl.tensor([0, 3, 1, -100])
    assert gradcheck(lambda x: F.nll_loss(x, target, weight, reduction=reduction), (tensor(4, 4),))


def test_weights_of_two_classes_have_no_derivative_but_the_input_has():
    weight, positive, target = (rl.tensor(RNG.random(4)) for _ in range(3))

    def call(x):
        return F.binary_cross_entropy_with_logits(x, target, weight, pos_weight=positive)

    assert gradcheck(call, (tensor(4),))
    assert gradcheck(lambda x: F.binary_cross_entropy(x.sigmoid(), target, weight), (tensor(4),))
    with pytest.raises(RuntimeError, match="argument 'weight'"):
        F.binary_cross_entropy_with_logits(tensor(4), target, weight.clone().requires_grad_())


def test_multi_margin_with_weights_has_a_derivative():
    weight, target = rl.tensor(RNG.random(4)), rl.tensor([0, 3, 1])
    assert gradcheck(lambda x: F.multi_margin_loss(x, target, 2, 0.7, weight), (tensor(3, 4),))


def test_ctc_gradient_through_log_softmax():
    """The stated gradient already holds log_softmax's part; through log_softmax it is the true derivative."""
    target, lengths = rl.tensor([[1, 1, 2], [3, 2, 0]]), ((7, 6), (3, 2))

    def call(x):
        return F.ctc_loss(x.log_softmax(2), target, *lengths, reduction="sum")

    assert gradcheck(call, (tensor(7, 2, 4),))


def test_ctc_by_counting_alignments():
    """Two steps, target "1": the alignments are 11, 1-, -1."""
    p = np.array([[[0.5, 0.3, 0.2]], [[0.1, 0.6, 0.3]]])
    loss = F.ctc_loss(rl.tensor(np.log(p)), rl.tensor([[1]]), (2,), (1,), reduction="none")
    np.testing.assert_allclose(loss.numpy(), [-np.log(0.3 * 0.6 + 0.3 * 0.1 + 0.5 * 0.6)])


# -- values -------------------------------------------------------------------------------------------


def test_cross_entropy_by_hand():
    x = np.array([[2.0, 1.0, 0.1], [0.0, 0.0, 0.0]])
    t = np.array([0, 2])
    expected = np.log(np.exp(x).sum(1)) - x[[0, 1], t]
    np.testing.assert_allclose(
        F.cross_entropy(rl.tensor(x), rl.tensor(t), reduction="none").numpy(), expected
    )
    ones = rl.zeros(2, 3, dtype=rl.float64)
    ones[0, 0] = ones[1, 2] = 1
    np.testing.assert_allclose(F.cross_entropy(rl.tensor(x), ones).item(), expected.mean())


def test_soft_margin_does_not_overflow():
    x = rl.tensor([-1000.0, 1000.0], requires_grad=True)
    loss = F.soft_margin_loss(x, rl.ones(2), reduction="none")
    loss.sum().backward()
    assert loss.tolist() == [1000.0, 0.0] and x.grad.tolist() == [-1.0, 0.0]


def test_the_graph_can_be_gone_through_twice():
    x, y = tensor(4, 3), tensor(4, 3, requires_grad=False)
    for loss in (F.mse_loss(x, y), F.smooth_l1_loss(x, y), F.cross_entropy(x, rl.tensor([0, 1, 2, 0]))):
        x.grad = None
        loss.backward(retain_graph=True)
        once = x.grad.clone()
        loss.backward()
        np.testing.assert_allclose(x.grad.numpy(), 2 * once.numpy())


def test_large_cross_entropy_against_torch(torch):
    x, t = RNG.standard_normal((300, 700)).astype(np.float32) * 5, RNG.integers(0, 700, 300)
    mine, other = rl.tensor(x).requires_grad_(), torch.tensor(x, requires_grad=True)
    a = F.cross_entropy(mine, rl.tensor(t))
    b = torch.nn.functional.cross_entropy(other, torch.tensor(t))
    a.backward(), b.backward()
    assert abs(a.item() - b.item()) < 1e-5
    np.testing.assert_allclose(mine.grad.numpy(), other.grad.numpy(), atol=1e-8)


# -- advice -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", [F.mse_loss, F.l1_loss, F.smooth_l1_loss, F.huber_loss])
def test_broadcasting_is_warned_of(loss, advice):
    with pytest.warns(AdviceWarning, match=r"target size \(3,\).*input size \(3, 1\).*\(3, 3\).*same size"):
        loss(rl.ones(3, 1), rl.ones(3))
    rl.advice(False)
    with pytest.warns(UserWarning, match="Using a target size") as caught:
        loss(rl.ones(3, 1), rl.ones(3))
    assert not any(issubclass(w.category, AdviceWarning) for w in caught)


def test_softmax_before_cross_entropy_is_warned_of(advice):
    scores, target = rl.randn(4, 3), rl.tensor([0, 1, 2, 0])
    with pytest.warns(AdviceWarning, match="log_softmax itself"):
        F.cross_entropy(scores.softmax(1), target)
    losses_classes._calls = 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        F.cross_entropy(scores, target)
        F.cross_entropy(rl.rand(4, 3), target)
        rl.advice(False)
        F.cross_entropy(scores.softmax(1), target)


def test_old_flags_warn():
    x = rl.ones(3)
    for old, new in (
        ({"size_average": False}, "sum"),
        ({"reduce": False}, "none"),
        ({"reduce": True}, "mean"),
    ):
        with pytest.warns(UserWarning, match=f"please use reduction='{new}'"):
            assert (
                F.mse_loss(x, rl.zeros(3), **old).tolist()
                == F.mse_loss(x, rl.zeros(3), reduction=new).tolist()
            )


def test_the_mean_of_kl_div_warns():
    with pytest.warns(UserWarning, match="batchmean"):
        F.kl_div(rl.zeros(2, 3), rl.ones(2, 3))


# -- refusals -----------------------------------------------------------------------------------------

REFUSALS = [
    (lambda t, F: F.cross_entropy(t.ones(3, 4), t.zeros(3)), RuntimeError, "Long.* but got Float"),
    (
        lambda t, F: F.cross_entropy(t.ones(3, 4), t.tensor([0, 1, 7])),
        IndexError,
        "Target 7 is out of bounds",
    ),
    (lambda t, F: F.nll_loss(t.ones(3, 4), t.tensor([0, 1, -7])), IndexError, "Target -7 is out of bounds"),
    (
        lambda t, F: F.cross_entropy(t.ones(3, 4), t.zeros(4, dtype=t.int64)),
        ValueError,
        r"batch_size \(3\).*\(4\)",
    ),
    (
        lambda t, F: F.cross_entropy(t.ones(3, 4), t.zeros(3, 1, dtype=t.int64)),
        RuntimeError,
        "multi-target not supported",
    ),
    (
        lambda t, F: F.cross_entropy(t.ones(3, 4), t.ones(3, 4, dtype=t.int64)),
        RuntimeError,
        "class probabilities, got Long",
    ),
    (
        lambda t, F: F.cross_entropy(t.ones(3, 4), t.zeros(3, dtype=t.int64), t.ones(5)),
        RuntimeError,
        "all 4 classes",
    ),
    (lambda t, F: F.cross_entropy(t.ones(3, 4), t.ones(3, 4), ignore_index=2), RuntimeError, "ignore_index"),
    (
        lambda t, F: F.cross_entropy(t.ones(2, 4, 3), t.zeros(2, 5, dtype=t.int64)),
        RuntimeError,
        "Expected target size",
    ),
    (
        lambda t, F: F.cross_entropy(t.ones(2, 4), t.zeros(2, dtype=t.int64), reduction="x"),
        ValueError,
        "not a valid value",
    ),
    (
        lambda t, F: F.cross_entropy(t.ones(2, 4), t.zeros(2, dtype=t.int64), label_smoothing=2.0),
        RuntimeError,
        "between 0.0 and 1.0",
    ),
    (lambda t, F: F.mse_loss(t.ones(3), t.ones(3), reduction="x"), ValueError, "not a valid value"),
    (lambda t, F: F.binary_cross_entropy(t.tensor([1.5]), t.ones(1)), RuntimeError, "between 0 and 1"),
    (lambda t, F: F.binary_cross_entropy(t.ones(2), t.ones(2, 1)), ValueError, "same size"),
    (
        lambda t, F: F.binary_cross_entropy_with_logits(t.ones(2), t.ones(2, 1)),
        ValueError,
        "must be the same as input size",
    ),
    (lambda t, F: F.gaussian_nll_loss(t.ones(2), t.ones(2), -t.ones(2)), ValueError, "negative"),
    (lambda t, F: F.multi_margin_loss(t.ones(2, 3), t.tensor([0, 5])), RuntimeError, "target out of range"),
    (
        lambda t, F: F.multilabel_margin_loss(t.ones(2, 3), t.tensor([[0, 5, 0]] * 2)),
        RuntimeError,
        "out of range",
    ),
    (
        lambda t, F: F.ctc_loss(t.ones(4, 2, 3), t.ones(2, 2, dtype=t.int64), (5, 4), (2, 2)),
        RuntimeError,
        "at most 4",
    ),
    (
        lambda t, F: F.triplet_margin_loss(t.ones(2, 3), t.ones(3), t.ones(2, 3)),
        RuntimeError,
        "same number of dimensions",
    ),
]


@pytest.mark.parametrize(("call", "kind", "message"), REFUSALS)
def test_refusals(call, kind, message):
    with pytest.raises(kind, match=message):
        call(rl, F)


def test_refusals_are_torchs(torch):
    for call, kind, message in REFUSALS:
        with pytest.raises(kind, match=message):
            call(torch, torch.nn.functional)


def test_messages_say_what_to_do():
    with pytest.raises(RuntimeError, match=r"use target\.long\(\)"):
        F.cross_entropy(rl.ones(3, 4), rl.zeros(3))
    with pytest.raises(IndexError, match="the input has 4 classes, so that targets lie in 0 to 3"):
        F.cross_entropy(rl.ones(3, 4), rl.tensor([0, 1, 7]))
    with pytest.raises(RuntimeError, match="apply sigmoid first"):
        F.binary_cross_entropy(rl.tensor([1.5]), rl.ones(1))
