"""Parametrizations: weights computed from others, removed again, and the three that come with the package."""

import copy

import numpy as np
import pytest

import rushlight
from rushlight import nn
from rushlight.nn.utils import parametrizations as ready
from rushlight.nn.utils import parametrize as P
from tests.nn.test_utils import LAYERS, close, numbers, trained


class Doubled(nn.Module):
    def forward(self, x):
        return x * 2


class Symmetric(nn.Module):
    def forward(self, x):
        return x.triu() + x.triu(1).T

    def right_inverse(self, x):
        return x.triu()


class Halves(nn.Module):
    """A tensor as the sum of two."""

    def forward(self, a, b):
        return a + b

    def right_inverse(self, x):
        return x / 2, x / 2


# -- the mechanism -------------------------------------------------------------------------------------


def test_a_parametrized_weight():
    layer = nn.Linear(3, 3)
    before = layer.weight.detach().clone()
    assert P.register_parametrization(layer, "weight", Doubled()) is layer
    assert (
        P.is_parametrized(layer)
        and P.is_parametrized(layer, "weight")
        and not P.is_parametrized(layer, "bias")
    )
    assert np.array_equal(layer.weight.detach().numpy(), before.numpy() * 2)
    assert isinstance(layer.parametrizations.weight.original, nn.Parameter)
    assert list(layer.state_dict()) == ["bias", "parametrizations.weight.original"]
    assert isinstance(layer, nn.Linear) and P.type_before_parametrizations(layer) is nn.Linear
    layer(rushlight.ones(1, 3)).sum().backward()
    assert np.all(layer.parametrizations.weight.original.grad.numpy() == 2)


def test_printing_as_in_torch():
    torch = pytest.importorskip("torch")

    class Twice(torch.nn.Module):
        def forward(self, x):
            return x * 2

    Twice.__name__ = "Doubled"
    theirs = torch.nn.utils.parametrize.register_parametrization(torch.nn.Linear(3, 3), "weight", Twice())
    assert repr(P.register_parametrization(nn.Linear(3, 3), "weight", Doubled())) == repr(theirs)


def test_assignment_goes_through_the_inverse():
    layer = P.register_parametrization(nn.Linear(3, 3), "weight", Symmetric())
    new = rushlight.tensor([[1.0, 2, 3], [2, 4, 5], [3, 5, 6]])
    layer.weight = new
    assert np.array_equal(layer.weight.detach().numpy(), new.numpy())
    assert layer.parametrizations.weight.original.tolist()[1] == [0.0, 4.0, 5.0]
    with pytest.raises(KeyError, match="already exists"):
        layer.weight = nn.Parameter(new)
    doubled = P.register_parametrization(nn.Linear(3, 3), "weight", Doubled())
    with pytest.raises(RuntimeError, match="Doubled does not implement right_inverse"):
        doubled.weight = new


def test_two_in_a_row():
    layer = P.register_parametrization(nn.Linear(3, 3), "weight", Symmetric())
    symmetric = layer.weight.detach().numpy()
    P.register_parametrization(layer, "weight", Doubled())
    close([layer.weight.detach().numpy()], [2 * symmetric])
    P.register_parametrization(layer, "bias", Doubled())
    assert list(layer.parametrizations) == ["weight", "bias"]


def test_several_originals():
    layer = nn.Linear(3, 2)
    before = layer.weight.detach().clone()
    P.register_parametrization(layer, "weight", Halves())
    assert list(layer.state_dict()) == [
        "bias",
        "parametrizations.weight.original0",
        "parametrizations.weight.original1",
    ]
    assert np.array_equal(layer.weight.detach().numpy(), before.numpy())
    layer.weight = before * 4
    assert np.array_equal(layer.parametrizations.weight.original1.detach().numpy(), before.numpy() * 2)
    with pytest.raises(ValueError, match="leave_parametrized=False"):
        P.remove_parametrizations(layer, "weight", leave_parametrized=False)
    P.remove_parametrizations(layer, "weight")
    assert type(layer) is nn.Linear and isinstance(layer.weight, nn.Parameter)


@pytest.mark.parametrize("leave", [True, False])
def test_removal(leave):
    layer = nn.Linear(3, 3)
    original = layer.weight
    before = original.detach().clone().numpy()
    P.register_parametrization(layer, "weight", Doubled())
    P.remove_parametrizations(layer, "weight", leave_parametrized=leave)
    assert type(layer) is nn.Linear and layer.weight is original and not hasattr(layer, "parametrizations")
    assert np.array_equal(layer.weight.detach().numpy(), before * (2 if leave else 1))
    assert list(dict(layer.named_parameters())) == ["bias", "weight"]
    with pytest.raises(ValueError, match="does not have a parametrization on weight"):
        P.remove_parametrizations(layer, "weight")


def test_a_buffer():
    norm = P.register_parametrization(nn.BatchNorm1d(2), "running_var", Doubled())
    assert norm.running_var.tolist() == [2.0, 2.0]
    assert "parametrizations.running_var.original" in dict(norm.named_buffers())


def test_cached():
    calls = []

    class Counted(nn.Module):
        def forward(self, x):
            calls.append(1)
            return x * 1

    layer = P.register_parametrization(nn.Linear(2, 2), "weight", Counted())
    calls.clear()
    with P.cached():
        assert layer.weight is layer.weight
    assert len(calls) == 1
    assert layer.weight is not layer.weight and len(calls) == 3


def test_copies_and_states():
    layer = P.register_parametrization(nn.Linear(3, 3), "weight", Symmetric())
    copied = copy.deepcopy(layer)
    assert np.array_equal(copied.weight.detach().numpy(), layer.weight.detach().numpy())
    copied.parametrizations.weight.original.data.zero_()
    assert layer.weight.abs().sum().item() > 0
    copied.load_state_dict(layer.state_dict())
    assert np.array_equal(copied.weight.detach().numpy(), layer.weight.detach().numpy())
    with pytest.raises(RuntimeError, match="only supported through state_dict"):
        layer.__getstate__()


def test_transfer():
    source = P.register_parametrization(nn.Linear(3, 3), "weight", Symmetric())
    P.register_parametrization(source, "weight", Doubled())
    taker = nn.Linear(3, 3)
    P.transfer_parametrizations_and_params(source, taker)
    assert np.array_equal(taker.weight.detach().numpy(), source.weight.detach().numpy())
    assert taker.parametrizations.weight.original is source.parametrizations.weight.original


class Wrong(nn.Module):
    def __init__(self, change):
        super().__init__()
        self.change = change

    def forward(self, x):
        return self.change(x)


def test_what_is_refused():
    with pytest.raises(ValueError, match="does not have a parameter, a buffer, or a parametrized element"):
        P.register_parametrization(nn.Linear(2, 2), "w", Doubled())
    with pytest.raises(ValueError, match="may not change the shape"):
        P.register_parametrization(nn.Linear(2, 2), "weight", Wrong(lambda x: x[0]))
    with pytest.raises(ValueError, match="may not change the dtype"):
        P.register_parametrization(nn.Linear(2, 2), "weight", Wrong(lambda x: x.double()))
    with pytest.raises(ValueError, match="must return a tensor. Got list"):
        P.register_parametrization(nn.Linear(2, 2), "weight", Wrong(lambda x: [x]))
    layer = P.register_parametrization(nn.Linear(2, 2), "weight", Doubled())
    with pytest.raises(ValueError, match="may not change the shape"):
        P.register_parametrization(layer, "weight", Wrong(lambda x: x[0]))
    P.register_parametrization(nn.Linear(2, 2), "weight", Wrong(lambda x: x[0]), unsafe=True)


# -- those that come with it ---------------------------------------------------------------------------

WRAPS = {
    "weight norm": lambda u, layer: u.parametrizations.weight_norm(layer),
    "weight norm of all": lambda u, layer: u.parametrizations.weight_norm(layer, dim=None),
    "spectral norm": lambda u, layer: u.parametrizations.spectral_norm(layer, n_power_iterations=2),
    "spectral norm of a vector": lambda u, layer: u.parametrizations.spectral_norm(layer, "bias", dim=0),
}


@pytest.mark.parametrize("wrap", WRAPS.values(), ids=WRAPS)
@pytest.mark.parametrize(("make", "shape"), LAYERS)
def test_norms_as_in_torch(wrap, make, shape):
    torch = pytest.importorskip("torch")
    (ours, names, layer), (theirs, expected, other) = (
        trained(lib, wrap, make, shape) for lib in (rushlight, torch)
    )
    assert names == expected and repr(layer) == repr(other)
    close(ours, theirs, 1e-4)


MAPS = ["matrix_exp", "cayley", "householder", None]


@pytest.mark.parametrize("orthogonal_map", MAPS)
@pytest.mark.parametrize("sizes", [(4, 4), (3, 5), (5, 3)])
@pytest.mark.parametrize("trivial", [True, False])
def test_orthogonal_as_in_torch(orthogonal_map, sizes, trivial):
    torch = pytest.importorskip("torch")

    def wrap(u, layer):
        settings = {"orthogonal_map": orthogonal_map, "use_trivialization": trivial}
        return u.parametrizations.orthogonal(layer, **settings)

    shape = 5, sizes[0]
    (ours, names, layer), (theirs, expected, _) = (
        trained(lib, wrap, lambda n: n.Linear(*sizes), shape) for lib in (rushlight, torch)
    )
    assert names == expected
    close(ours, theirs, 1e-3)


@pytest.mark.parametrize("orthogonal_map", MAPS)
@pytest.mark.parametrize("sizes", [(4, 4), (3, 5), (5, 3)])
def test_orthogonal_is_orthogonal_also_after_a_step(orthogonal_map, sizes):
    layer = ready.orthogonal(nn.Linear(*sizes), orthogonal_map=orthogonal_map)
    for _ in range(2):
        w = layer.weight.detach().numpy()
        product = w @ w.T if w.shape[0] <= w.shape[1] else w.T @ w
        np.testing.assert_allclose(product, np.eye(min(sizes)), atol=1e-5)
        layer(rushlight.from_numpy(numbers(5, sizes[0]))).square().sum().backward()
        original = layer.parametrizations.weight.original
        original.data -= 0.1 * original.grad
    target = rushlight.eye(sizes[1], sizes[0])
    layer.weight = target
    np.testing.assert_allclose(layer.weight.detach().numpy(), target.numpy(), atol=1e-5)


def test_states_of_the_hook_form_are_read():
    with pytest.warns(FutureWarning):
        old = nn.utils.weight_norm(nn.Linear(4, 3))
    new = ready.weight_norm(nn.Linear(4, 3))
    new.load_state_dict(old.state_dict())
    np.testing.assert_allclose(new.weight.detach().numpy(), old.weight.detach().numpy(), rtol=1e-6)


def test_ready_ones_refuse():
    with pytest.raises(ValueError, match="has no parameter or buffer with name 'w'"):
        ready.spectral_norm(nn.Linear(2, 2), "w")
    with pytest.raises(IndexError, match="Dimension out of range"):
        ready.spectral_norm(nn.Linear(2, 2), dim=2)
    with pytest.raises(ValueError, match="Got a tensor of 1 dimensions"):
        ready.orthogonal(nn.Linear(2, 2), "bias")
    with pytest.raises(ValueError, match="orthogonal_map has to be one of"):
        ready.orthogonal(nn.Linear(2, 2), orthogonal_map="qr")
    with pytest.raises(ValueError, match="does not support complex tensors"):
        ready.orthogonal(nn.Linear(2, 3, dtype=rushlight.complex64), orthogonal_map="householder")
