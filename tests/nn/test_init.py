"""nn.init: the numbers of torch, drawn in its order; and what needs no torch to be known."""

import math
import warnings

import numpy as np
import pytest

import rushlight
from rushlight import nn

DRAWN = [
    ("uniform_", (3, 5), {}),
    ("uniform_", (3, 5), {"a": -2.0, "b": 3.0}),
    ("normal_", (3, 5), {"mean": 1.0, "std": 0.1}),
    ("normal_", (7, 8), {}),
    ("trunc_normal_", (30, 5), {}),
    ("trunc_normal_", (30, 5), {"std": 0.02}),
    ("trunc_normal_", (30, 5), {"a": -0.3, "b": 0.1}),
    ("trunc_normal_", (40,), {"mean": 1.0, "a": 2.5, "b": 4.0}),
    ("constant_", (3, 5), {"val": 0.5}),
    ("ones_", (3, 5), {}),
    ("zeros_", (3, 5), {}),
    ("eye_", (3, 5), {}),
    ("dirac_", (4, 3, 5), {}),
    ("dirac_", (6, 3, 2, 3), {"groups": 2}),
    ("dirac_", (2, 3, 3, 3, 3), {}),
    ("xavier_uniform_", (3, 5), {"gain": 2.0}),
    ("xavier_uniform_", (3, 5, 2, 2), {}),
    ("xavier_normal_", (3, 5, 2), {}),
    ("kaiming_uniform_", (3, 5), {"a": math.sqrt(5)}),
    ("kaiming_uniform_", (3, 5, 2), {"mode": "fan_out", "nonlinearity": "relu"}),
    ("kaiming_normal_", (3, 5), {"nonlinearity": "tanh"}),
    ("orthogonal_", (4, 4), {}),
    ("orthogonal_", (3, 5), {"gain": 2.0}),
    ("orthogonal_", (5, 2, 2), {}),
    ("sparse_", (10, 3), {"sparsity": 0.35}),
]


def filled(library, name, shape, settings):
    library.manual_seed(0)
    tensor = library.empty(shape)
    assert getattr(library.nn.init, name)(tensor, **settings) is tensor
    return tensor.numpy(), library.rand(3).numpy()


@pytest.mark.parametrize(("name", "shape", "settings"), DRAWN)
def test_same_numbers_as_torch(name, shape, settings):
    torch = pytest.importorskip("torch")
    (theirs, after), (ours, after_ours) = (filled(lib, name, shape, settings) for lib in (torch, rushlight))
    exact = name not in ("orthogonal_", "trunc_normal_")
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=0 if exact else 1e-6)
    assert np.array_equal(after, after_ours), "the stream went on elsewhere"


@pytest.mark.parametrize(("name", "shape", "settings"), [row for row in DRAWN if row[0] not in ("uniform_",)])
def test_not_recorded(name, shape, settings):
    parameter = nn.Parameter(rushlight.empty(shape))
    getattr(nn.init, name)(parameter, **settings)
    assert parameter.is_leaf and parameter.requires_grad


def test_bounds_and_moments():
    x = nn.init.kaiming_uniform_(rushlight.empty(200, 50), a=math.sqrt(5)).numpy()
    assert np.abs(x).max() <= 1 / math.sqrt(50) and np.abs(x).max() > 0.99 / math.sqrt(50)
    x = nn.init.xavier_normal_(rushlight.empty(300, 100)).numpy()
    assert abs(x.std() - math.sqrt(2 / 400)) < 2e-3
    x = nn.init.trunc_normal_(rushlight.empty(2000), std=2.0).numpy()
    assert np.abs(x).max() <= 2 and 1.0 < x.std() < 1.2
    x = nn.init.orthogonal_(rushlight.empty(3, 8)).numpy()
    np.testing.assert_allclose(x @ x.T, np.eye(3), atol=1e-6)
    assert (nn.init.sparse_(rushlight.empty(10, 4), 0.25) == 0).sum(0).tolist() == [3, 3, 3, 3]


GAINS = [
    ("linear", None),
    ("conv2d", None),
    ("sigmoid", None),
    ("tanh", None),
    ("relu", None),
    ("selu", None),
]


@pytest.mark.parametrize(
    ("name", "param"), [*GAINS, ("leaky_relu", None), ("leaky_relu", 0.2), ("leaky_relu", 1)]
)
def test_gains(name, param):
    torch = pytest.importorskip("torch")
    assert nn.init.calculate_gain(name, param) == torch.nn.init.calculate_gain(name, param)


WRONG = [
    (lambda init, x: init.calculate_gain("swish"), ValueError, "Unsupported nonlinearity swish"),
    (lambda init, x: init.calculate_gain("leaky_relu", True), ValueError, "not a valid number"),
    (lambda init, x: init.xavier_uniform_(x[0]), ValueError, "fewer than 2 dimensions"),
    (lambda init, x: init.kaiming_normal_(x, mode="fan"), ValueError, "Mode fan not supported"),
    (lambda init, x: init.eye_(x[0]), ValueError, "Only tensors with 2 dimensions"),
    (lambda init, x: init.dirac_(x), ValueError, "Only tensors with 3, 4, or 5 dimensions"),
    (lambda init, x: init.dirac_(x.reshape(3, 4, 1), 2), ValueError, "dim 0 must be divisible by groups"),
    (lambda init, x: init.orthogonal_(x[0]), ValueError, "Only tensors with 2 or more dimensions"),
    (lambda init, x: init.sparse_(x[0], 0.1), ValueError, "Only tensors with 2 dimensions"),
]


@pytest.mark.parametrize(("call", "error", "words"), WRONG)
def test_errors(call, error, words):
    with pytest.raises(error, match=words):
        call(nn.init, rushlight.zeros(3, 4))
    torch = pytest.importorskip("torch")
    with pytest.raises(error, match=words):
        call(torch.nn.init, torch.zeros(3, 4))


def test_warnings():
    with pytest.warns(UserWarning, match="zero-element tensors is a no-op"):
        nn.init.kaiming_uniform_(rushlight.empty(0, 3))
    with pytest.warns(UserWarning, match="more than 2 std"):
        nn.init.trunc_normal_(rushlight.empty(3), mean=5.0, a=2.0, b=2.5, std=0.5)
    with pytest.warns(FutureWarning, match="deprecated in favor of `nn.init.xavier_uniform_`"):
        nn.init.xavier_uniform(rushlight.empty(2, 3))


def test_meta_tensors_are_left_alone():
    for name, shape, settings in DRAWN:
        meta = rushlight.empty(shape, device="meta")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert getattr(nn.init, name)(meta, **settings).is_meta
