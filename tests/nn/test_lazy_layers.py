"""Lazy layers: shapes from the first input, states loaded before it."""

import copy

import numpy as np
import pytest

import rushlight
from rushlight import nn
from rushlight.nn.lazy import LazyModuleMixin
from rushlight.nn.parameter import UninitializedBuffer, UninitializedParameter, is_lazy

LAYERS = [
    ("LazyLinear", (5,), {}, (3, 4)),
    ("LazyLinear", (5, False), {}, (2, 3, 4)),
    *((f"LazyConv{n}d", (6, 3), {"groups": 2}, (2, 4, *(6,) * n)) for n in (1, 2, 3)),
    *((f"LazyConvTranspose{n}d", (6, 3), {"bias": False}, (2, 4, *(4,) * n)) for n in (1, 2, 3)),
    *((f"LazyBatchNorm{n}d", (), {}, (2, 4, *(3,) * n)) for n in (1, 2, 3)),
    *((f"LazyInstanceNorm{n}d", (), {"affine": False}, (2, 4, *(3,) * n)) for n in (1, 2, 3)),
    ("LazyBatchNorm1d", (), {"track_running_stats": False, "bias": False}, (3, 4)),
]
every = pytest.mark.parametrize(("name", "args", "kwargs", "shape"), LAYERS)


@every
def test_becomes_the_layer_it_stands_for(name, args, kwargs, shape):
    layer = getattr(nn, name)(*args, **kwargs)
    assert layer.has_uninitialized_params() and all(map(is_lazy, layer.parameters()))
    layer(rushlight.randn(shape))
    assert type(layer) is getattr(nn, name.removeprefix("Lazy"))
    assert not any(map(is_lazy, [*layer.parameters(), *layer.buffers()]))
    assert not layer._forward_pre_hooks and not layer._load_state_dict_pre_hooks


@every
def test_as_in_torch(name, args, kwargs, shape):
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    found = []
    for library in (rushlight, torch):
        library.manual_seed(0)
        layer = getattr(library.nn, name)(*args, **kwargs)
        before = repr(layer), list(layer.state_dict())
        out = layer(library.from_numpy(x))
        found.append((before, repr(layer), [t.detach().numpy() for t in (out, *layer.state_dict().values())]))
    (ours, shown, arrays), (theirs, expected, others) = found
    assert ours == theirs and shown == expected
    for a, b in zip(arrays, others, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)


@every
def test_takes_shapes_from_a_state(name, args, kwargs, shape):
    x = rushlight.randn(shape)
    first, second = (getattr(nn, name)(*args, **kwargs) for _ in range(2))
    first(x)
    second.load_state_dict(first.state_dict())
    assert not second.has_uninitialized_params()
    assert np.array_equal(first.eval()(x).detach().numpy(), second.eval()(x).detach().numpy())


def test_a_model_of_lazy_layers():
    model = nn.Sequential(nn.LazyConv2d(4, 3), nn.LazyBatchNorm2d(), nn.Flatten(), nn.LazyLinear(2))
    copied = copy.deepcopy(model)
    assert model(rushlight.randn(2, 3, 8, 8)).shape == (2, 2)
    assert copied(rushlight.randn(2, 1, 6, 6)).shape == (2, 2)
    assert copied[0].in_channels == 1 and model[3].in_features == 4 * 36


def test_an_uninitialized_state_goes_into_a_lazy_layer_only():
    state = nn.LazyLinear(3).state_dict()
    nn.LazyLinear(3).load_state_dict(state)
    with pytest.raises(RuntimeError, match="shape of an uninitialized parameter"):
        nn.Linear(2, 3).load_state_dict(state)


def test_conversion_before_the_first_input():
    layer = nn.LazyLinear(3).double()
    assert layer(rushlight.randn(2, 4).double()).dtype is rushlight.float64


def test_uninitialized_tensors():
    parameter = UninitializedParameter(dtype=rushlight.float64)
    assert repr(parameter) == "<UninitializedParameter>" and parameter.requires_grad
    assert isinstance(parameter, nn.Parameter) and isinstance(
        copy.deepcopy(parameter), UninitializedParameter
    )
    with pytest.raises(RuntimeError, match="Can't access the shape"):
        parameter.shape  # noqa: B018
    with pytest.raises(RuntimeError, match="Can't share memory"):
        parameter.share_memory_()
    parameter.materialize((2, 3))
    assert type(parameter) is nn.Parameter and parameter.shape == (2, 3)
    assert parameter.dtype is rushlight.float64 and parameter.requires_grad
    buffer = UninitializedBuffer(persistent=False)
    assert isinstance(buffer, nn.Buffer) and not buffer.persistent
    buffer.materialize((2,))
    assert type(buffer) is rushlight.Tensor


def test_a_layer_must_initialize_all():
    class Half(LazyModuleMixin, nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = UninitializedParameter()

        def initialize_parameters(self, x):
            pass

        def forward(self, x):
            return x

    with pytest.raises(RuntimeError, match="module Half has not been fully initialized"):
        Half()(rushlight.ones(2))
    with pytest.raises(AssertionError, match="not equal to in_features from self.weight"):
        layer = nn.LazyLinear(3)
        layer.load_state_dict(nn.Linear(2, 3).state_dict())
        layer(rushlight.ones(1, 5))
