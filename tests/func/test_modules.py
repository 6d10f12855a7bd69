"""functional_call and stack_module_state."""

import numpy as np
import pytest

import rushlight
from rushlight import nn
from rushlight.func import functional_call, grad, stack_module_state, vmap


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def model(library):
    library.manual_seed(0)
    n = library.nn
    return n.Sequential(n.Linear(3, 4), n.BatchNorm1d(4), n.Tanh(), n.Linear(4, 2))


def close(a, b, tolerance=1e-5):
    np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=tolerance, atol=tolerance)


def test_other_parameters():
    net, x = model(rushlight), rushlight.from_numpy(numbers(5, 3))
    before = {name: tensor.detach().clone() for name, tensor in net.state_dict().items()}
    given = {name: parameter.detach() * 2 for name, parameter in net.named_parameters()}
    found = functional_call(net.eval(), given, x)
    other = model(rushlight).eval()
    other.load_state_dict({**before, **given})
    close(found, other(x))
    for name, tensor in net.state_dict().items():
        assert np.array_equal(tensor.numpy(), before[name].numpy()), name
    assert isinstance(net[0].weight, nn.Parameter)


def test_as_in_torch_with_buffers_and_gradients():
    torch = pytest.importorskip("torch")
    found = []
    for library in (rushlight, torch):
        net, x = model(library), library.from_numpy(numbers(5, 3))
        parameters = {name: p.detach().clone().requires_grad_() for name, p in net.named_parameters()}
        buffers = {name: b.clone() for name, b in net.named_buffers()}
        out = library.func.functional_call(net, (parameters, buffers), x)
        out.square().sum().backward()
        found.append([out, *buffers.values(), *(p.grad for p in parameters.values()), *net.buffers()])
    for ours, theirs in zip(*found, strict=True):
        close(ours, theirs, 1e-4)


def test_gradient_of_a_function_of_the_parameters():
    net, x = model(rushlight).eval(), rushlight.from_numpy(numbers(5, 3))
    parameters = {name: p.detach() for name, p in net.named_parameters()}
    found = grad(lambda p: functional_call(net, p, (x,)).square().sum())(parameters)
    net(x).square().sum().backward()
    for name, parameter in net.named_parameters():
        close(found[name], parameter.grad)


def test_several_models_at_once():
    models = [nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)) for _ in range(3)]
    parameters, buffers = stack_module_state(models)
    assert parameters["0.weight"].shape == (3, 4, 3) and parameters["0.weight"].is_leaf
    assert parameters["0.weight"].requires_grad and buffers == {}
    x = rushlight.from_numpy(numbers(5, 3))
    found = vmap(lambda p, b: functional_call(models[0], (p, b), x))(parameters, buffers)
    for i, one in enumerate(models):
        close(found[i], one(x))


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(2, 2, bias=False)
        self.second = nn.Linear(2, 2, bias=False)
        self.second.weight = self.first.weight

    def forward(self, x, scale=1):
        return self.second(self.first(x)) * scale


def test_tied_weights():
    net, x, twice = Tied(), rushlight.ones(1, 2), {"first.weight": rushlight.eye(2) * 2}
    assert functional_call(net, twice, x).tolist() == [[4.0, 4.0]]
    assert functional_call(net, twice, x, {"scale": 3}).tolist() == [[12.0, 12.0]]
    alone = functional_call(net, twice, x, tie_weights=False)
    close(alone, net.second(x * 2))
    assert net.first.weight is net.second.weight
    with pytest.raises(ValueError, match="functional_call got multiple values for keys"):
        functional_call(net, {**twice, "second.weight": rushlight.eye(2)}, x)


def test_the_module_is_itself_again_after_an_error():
    net = Tied()
    weight = net.first.weight
    with pytest.raises(RuntimeError):
        functional_call(net, {"first.weight": rushlight.eye(3)}, rushlight.ones(1, 2))
    assert net.first.weight is weight and net.second.weight is weight


def test_names():
    net, x = nn.Linear(2, 2), rushlight.ones(1, 2)
    with pytest.raises(RuntimeError, match=r"Unexpected key\(s\): 'foo'.*\n.*Missing key\(s\)"):
        functional_call(net, {"foo": x}, x, strict=True)
    functional_call(net, {"foo": x}, x)  # an attribute while the call lasts, as in torch
    assert not hasattr(net, "foo")
    with pytest.raises(AttributeError, match="no attribute `sub`"):
        functional_call(net, {"sub.x": x}, x)
    with pytest.raises(ValueError, match="appeared in multiple dictionaries"):
        functional_call(net, ({"bias": x}, {"bias": x}), x)
    with pytest.raises(ValueError, match="to be a dict, or a list/tuple of dicts"):
        functional_call(net, 3, x)
    with pytest.warns(FutureWarning, match="torch.func.functional_call"):
        nn.utils.stateless.functional_call(net, {}, x)


def test_stacks_of_models_that_differ():
    with pytest.raises(RuntimeError, match="at least one model"):
        stack_module_state([])
    with pytest.raises(RuntimeError, match="same training/eval mode"):
        stack_module_state([nn.Linear(2, 2), nn.Linear(2, 2).eval()])
    with pytest.raises(RuntimeError, match="of the same class"):
        stack_module_state([nn.Linear(2, 2), nn.Bilinear(2, 2, 2)])
    with pytest.raises(RuntimeError, match="either all require gradients or not"):
        stack_module_state([nn.Linear(2, 2), nn.Linear(2, 2).requires_grad_(False)])
