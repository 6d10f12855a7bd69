"""Dropout beyond the samples: the mask's statistics and gradients, in place, evaluation, warnings."""

import numpy as np
import pytest

import rushlight as rl
from rushlight.nn import functional as F


def test_the_gradient_uses_the_drawn_mask():
    rl.manual_seed(3)
    x = rl.ones(50, 40, dtype=rl.float64).requires_grad_()
    y = F.dropout(x, 0.3)
    (y * y).sum().backward()
    kept = y.detach().numpy() != 0
    np.testing.assert_allclose(x.grad.numpy(), kept * 2 / 0.7**2)
    assert 0.65 < kept.mean() < 0.75
    np.testing.assert_allclose(y.detach().numpy()[kept], 1 / 0.7)


@pytest.mark.parametrize("dropout", [F.dropout, F.alpha_dropout])
def test_second_derivatives_see_the_same_mask(dropout):
    x = rl.randn(30, dtype=rl.float64).requires_grad_()
    state = rl.get_rng_state()
    y = dropout(x, 0.4, True)
    (g,) = rl.autograd.grad((y**3).sum(), x, create_graph=True)
    (h,) = rl.autograd.grad(g.sum(), x)
    rl.set_rng_state(state)
    slope = dropout(rl.ones(30, dtype=rl.float64), 0.4, True) - dropout_of_zero(dropout, state)
    np.testing.assert_allclose(h.numpy(), (6 * y.detach() * slope**2).numpy(), rtol=1e-12)


def dropout_of_zero(dropout, state):
    """What alpha dropout adds, whatever the input."""
    rl.set_rng_state(state)
    return dropout(rl.zeros(30, dtype=rl.float64), 0.4, True)


def test_alpha_dropout_keeps_mean_and_variance():
    rl.manual_seed(0)
    y = F.alpha_dropout(rl.randn(200, 1000), 0.3, True)
    assert abs(y.mean().item()) < 0.02 and abs(y.std().item() - 1) < 0.02


def test_channels_are_dropped_whole():
    rl.manual_seed(0)
    y = F.dropout2d(rl.ones(20, 30, 4, 5), 0.5).numpy()
    assert set(np.unique(y)) == {0.0, 2.0} and (y == y[:, :, :1, :1]).all()


@pytest.mark.parametrize("dropout", [F.dropout, F.dropout1d, F.alpha_dropout, F.feature_alpha_dropout])
def test_in_place_writes_into_the_input(dropout):
    x = rl.randn(6, 7)
    expected = x.clone()
    rl.manual_seed(1)
    expected = dropout(expected, 0.5, True)
    rl.manual_seed(1)
    assert dropout(x, 0.5, True, True) is x and x._version >= 1
    np.testing.assert_array_equal(x.numpy(), expected.numpy())


def test_evaluation_returns_the_input_itself():
    x, empty = rl.randn(3), rl.randn(0)
    state = rl.get_rng_state().tolist()
    assert F.dropout(x, 0.5, False) is x and F.dropout(x, 0.0) is x and F.dropout(empty) is empty
    assert F.alpha_dropout(x) is x and rl.dropout(x, 0.5, False) is x
    assert F.dropout(x, 1.0).tolist() == [0, 0, 0]
    assert rl.get_rng_state().tolist() == state  # none of these draws


def test_refusals():
    x = rl.randn(3, 4)
    for p in (-0.1, 1.1):
        with pytest.raises(ValueError, match="between 0 and 1, but got"):
            F.dropout(x, p)
        with pytest.raises(RuntimeError, match="between 0 and 1, but got"):
            rl.dropout(x, p, True)
    with pytest.raises(RuntimeError, match=r"dropout1d: .*received a 4D input of shape \(1, 2, 3, 4\)"):
        F.dropout1d(rl.ones(1, 2, 3, 4))
    with pytest.raises(RuntimeError, match="can't be cast"):
        F.dropout(rl.arange(5), 0.5)
    with pytest.warns(UserWarning, match="dropout2d: Received a 3D input"):
        F.dropout2d(rl.ones(2, 3, 4))
    with pytest.warns(UserWarning, match="dropout3d: Received a 2-D input"):
        F.dropout3d(rl.ones(2, 3, 4, 5)[0, 0].reshape(4, 5))


def test_numbers_without_torch():
    """What torch 2.13 draws for seed 0."""
    rl.manual_seed(0)
    assert F.dropout(rl.ones(10), 0.5).tolist() == [0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 2.0, 2.0, 0.0, 2.0]
    assert (F.dropout1d(rl.ones(2, 5, 2), 0.4)[:, :, 0] == 0).tolist() == [
        [False, False, False, True, False],
        [False, False, False, True, True],
    ]
