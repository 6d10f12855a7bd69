"""torch.compiler's functions, and Module.compile."""

import copy
import pickle

import numpy as np
import pytest

import rushlight as torch


def test_is_compiling():
    seen = []

    @torch.compile
    def f(x):
        seen.append(torch.compiler.is_compiling())
        return x + 1

    f(torch.ones(2))
    assert seen == [True] and not torch.compiler.is_compiling()


calls = []


@torch.compiler.disable
def by_numpy(x, scale=1.0):
    """A library's function."""
    calls.append(type(x._a))
    return torch.from_numpy(np.sort(x.numpy()) * np.float32(scale))


def test_disabled_functions_run_in_python():
    calls.clear()

    def f(x):
        y = x.sin() * 2
        z = by_numpy(y, scale=3.0)
        return (z + y).exp()

    compiled = torch.compile(f)
    for _ in range(5):
        x = torch.randn(4)
        torch.testing.assert_close(compiled(x), f(x))
    assert len(calls) == 10 and set(calls) == {np.ndarray}
    assert by_numpy.__doc__ == "A library's function."


def test_a_disabled_function_writes_to_its_argument():
    @torch.compiler.disable()
    def halve(x):
        x.numpy()[...] /= 2
        return x

    def f(x):
        y = x * 4
        same = halve(y)
        return y + 1, same is y

    compiled = torch.compile(f)
    for k in range(4):
        y, same = compiled(torch.ones(2) * k)
        assert same and y.tolist() == [2 * k + 1] * 2


def test_gradients_go_through_a_disabled_function():
    square = torch.compiler.disable(lambda x: x * x)

    def f(x):
        loss = (square(x.sin()) * 3).sum()
        loss.backward()
        return loss.detach()

    compiled = torch.compile(f)
    for _ in range(4):
        a = torch.randn(3, requires_grad=True)
        b = a.detach().clone().requires_grad_()
        torch.testing.assert_close(compiled(a), f(b))
        torch.testing.assert_close(a.grad, b.grad)


def test_a_disabled_function_is_an_error_in_a_full_graph():
    with pytest.raises(RuntimeError, match=r"test_directives.py:\d+ calls by_numpy, which"):
        torch.compile(lambda x: by_numpy(x * 2), fullgraph=True)(torch.ones(2))


def test_a_disabled_module():
    layer = torch.compiler.disable(torch.nn.Linear(2, 2))
    net = torch.nn.Sequential(torch.nn.ReLU(), layer, torch.nn.ReLU())
    compiled = torch.compile(net)
    for _ in range(3):
        x = torch.randn(3, 2)
        torch.testing.assert_close(compiled(x), net(x))


def test_reset():
    f = torch.compile(torch.sin)
    f(torch.ones(2))
    assert len(f.plans) == 1
    torch.compiler.reset()
    assert f.plans == [] and f(torch.zeros(2)).tolist() == [0, 0]
    assert torch.compiler.cudagraph_mark_step_begin() is None
    assert torch.compiler.list_backends() == ["rushlight"]


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.plans = torch.nn.Linear(3, 4), 2
        self.calls = 0

    def forward(self, x):
        return torch.tanh(self.first(x)) * self.plans


def test_a_module_is_compiled_in_place():
    net = Net()
    x = torch.randn(2, 3)
    want, keys = net(x), list(net.state_dict())
    net.compile(fullgraph=True)
    plans = getattr(net.forward, "plans")  # noqa: B009
    for _ in range(3):
        torch.testing.assert_close(net(x), want)
    assert len(plans) == 1 and list(net.state_dict()) == keys
    net(x).sum().backward()
    assert net.first.weight.grad is not None
    for other in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        torch.testing.assert_close(other(x), want)
        with torch.no_grad():
            other.first.weight.zero_()
            other.first.bias.zero_()
        assert other(x).abs().max().item() == 0
        torch.testing.assert_close(net(x), want)


def test_a_module_whose_attributes_are_named_as_ours():
    net = Net()
    x = torch.randn(2, 3)
    torch.testing.assert_close(torch.compile(net)(x), net(x))


def test_a_compiled_method():
    class Scaled:
        def __init__(self, by):
            self.by = by

        @torch.compile
        def times(self, x):
            return x * self.by

    two, three = Scaled(2.0), Scaled(3.0)
    for _ in range(3):
        assert two.times(torch.ones(2)).tolist() == [2, 2]
        assert three.times(torch.ones(2)).tolist() == [3, 3]
    two.by = 5.0
    assert two.times(torch.ones(2)).tolist() == [5, 5]
