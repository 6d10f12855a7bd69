"""torch.masked against torch: with and without a mask, masked lines, gradients."""

import math
import warnings

import numpy as np
import pytest

import rushlight as rl

X = np.random.default_rng(0).standard_normal((3, 4))
MASK = np.array([[True, False, True, True], [False] * 4, [True] * 4])
CALLS = {
    "sum": ({}, {"dim": 1}, {"dim": (0, 1), "keepdim": True}, {"dim": 0, "dtype": "float64"}),
    "prod": ({}, {"dim": 1}, {"dim": (0, 1), "keepdim": True}),
    "mean": ({}, {"dim": 1}, {"dim": 0, "keepdim": True}),
    "var": ({}, {"dim": 1}, {"dim": 1, "unbiased": False}, {"dim": (1,), "correction": 2, "keepdim": True}),
    "std": ({}, {"dim": 1, "unbiased": True}),
    "amax": ({}, {"dim": 1}, {"dim": (0, 1), "keepdim": True}),
    "amin": ({}, {"dim": 1}),
    "argmax": ({}, {"dim": 1}, {"dim": 0, "keepdim": True}),
    "argmin": ({}, {"dim": 1}),
    "median": ({}, {"dim": 0, "keepdim": True}),
    "norm": ({}, {"ord": 1.0, "dim": 1}, {"ord": -math.inf, "dim": 1}, {"ord": math.inf, "dim": (0, 1)}),
    "normalize": ({"ord": 2.0, "dim": 1},),
    "softmax": ({"dim": 1}, {"dim": 0}),
    "log_softmax": ({"dim": 1},),
    "softmin": ({"dim": 0},),
    "logsumexp": ({"dim": 1}, {"dim": (0, 1), "keepdim": True}),
    "cumsum": ({"dim": 1},),
    "cumprod": ({"dim": 0},),
}
CASES = [(name, options) for name, several in CALLS.items() for options in several]


def run(library, name, options, mask):
    x = library.from_numpy(X.copy()).requires_grad_()
    options = {k: getattr(library, v) if k == "dtype" else v for k, v in options.items()}
    out = getattr(library.masked, name)(x, **options, mask=None if mask is None else library.from_numpy(mask))
    if out.requires_grad:
        (out * library.from_numpy(np.cos(np.arange(out.numel())).reshape(out.shape))).sum().backward()
    return out, x.grad


@pytest.mark.parametrize("mask", [None, MASK, MASK[0]], ids=["none", "full", "row"])
@pytest.mark.parametrize(("name", "options"), CASES, ids=str)
def test_as_torch(name, options, mask):
    torch = pytest.importorskip("torch")
    if mask is None and name == "prod" and "dim" not in options:
        mask = np.ones((3, 4), bool)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        (mine, grad), (other, torch_grad) = run(rl, name, options, mask), run(torch, name, options, mask)
    assert str(mine.dtype) == str(other.dtype) and tuple(mine.shape) == tuple(other.shape)
    np.testing.assert_allclose(mine.detach().numpy(), other.detach().numpy(), rtol=1e-12)
    assert (grad is None) == (torch_grad is None)
    if grad is not None:
        np.testing.assert_allclose(grad.numpy(), torch_grad.numpy(), rtol=1e-10, atol=1e-12)


def test_two_masks():
    x = rl.tensor([0.0, 0.0])
    found = rl.masked.logaddexp(x, x, input_mask=rl.tensor([True, False]), other_mask=rl.tensor([True, True]))
    assert found.tolist() == pytest.approx([math.log(2), 0])


def test_integers_take_their_limits():
    x, mask = rl.tensor([[1, 2], [3, 4]]), rl.tensor([[True, False], [False, False]])
    assert rl.masked.amin(x, 1, mask=mask).tolist() == [1, 2**63 - 1]
    assert rl.masked.sum(x.int(), 1, mask=mask).dtype is rl.int64


def test_refusals():
    with pytest.raises(ValueError, match="floating point"):
        rl.masked.mean(rl.arange(3))
    with pytest.raises(ValueError, match="more dimensions"):
        rl.masked.sum(rl.ones(3), mask=rl.ones(1, 3, dtype=rl.bool))
