"""Transforms of torch.func inside of compiled functions, and of them."""

import numpy as np
import pytest

import rushlight as torch
from rushlight.func import functional_call, grad, grad_and_value, hessian, jacfwd, jacrev, jvp, vjp, vmap


def f(x, w):
    return torch.tanh(x @ w).square().sum()


def vector(x):
    return torch.sin(x) * x.sum()


INSIDE = {
    "grad": lambda x, w: grad(f)(x, w),
    "grad of both": lambda x, w: grad(f, argnums=(0, 1))(x, w),
    "grad of grad": lambda x, w: grad(lambda x: grad(f)(x, w).square().sum())(x),
    "grad_and_value": lambda x, w: grad_and_value(f)(x, w),
    "vjp": lambda x, w: vjp(f, x, w)[1](torch.tensor(2.0)),
    "jvp": lambda x, w: jvp(f, (x, w), (w.t(), x.t())),
    "vmap": lambda x, w: vmap(lambda row: f(row, w))(x),
    "vmap of grad": lambda x, w: vmap(lambda row: grad(f)(row, w))(x),
    "grad of vmap": lambda x, w: grad(lambda x: vmap(lambda row: f(row, w))(x).prod())(x),
    "jacrev": lambda x, w: jacrev(vector)(x[0]) + w.sum(),
    "jacfwd": lambda x, w: jacfwd(vector)(x[0]) + w.sum(),
    "hessian": lambda x, w: hessian(lambda row: f(row, w))(x[0]),
}


def arguments():
    return torch.randn(3, 4), torch.randn(4, 3)


def close(found, want):
    for a, b in zip(*(t if isinstance(t, tuple) else (t,) for t in (found, want)), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", INSIDE)
def test_inside(name):
    compiled = torch.compile(INSIDE[name], fullgraph=True)
    for _ in range(3):
        args = arguments()
        close(compiled(*args), INSIDE[name](*args))
    assert len(compiled.plans) == 1


OF_COMPILED = {
    "grad": lambda f: grad(f),
    "grad of grad": lambda f: lambda x, w: grad(lambda x: grad(f)(x, w).square().sum())(x),
    "vjp": lambda f: lambda x, w: vjp(f, x, w)[1](torch.tensor(2.0)),
    "jvp": lambda f: lambda x, w: jvp(f, (x, w), (w.t(), x.t())),
    "vmap": lambda f: vmap(f, in_dims=(0, None)),
    "vmap of grad": lambda f: vmap(grad(f), in_dims=(0, None)),
    "jacrev": lambda f: lambda x, w: jacrev(f)(x, w),
    "jacfwd": lambda f: lambda x, w: jacfwd(f)(x[0], w),
    "hessian": lambda f: lambda x, w: hessian(f)(x[0], w),
}


@pytest.mark.parametrize("warm", [False, True])
@pytest.mark.parametrize("name", OF_COMPILED)
def test_of_a_compiled_function(name, warm):
    compiled = torch.compile(f, fullgraph=True)
    if warm:
        compiled(*arguments())
        compiled(arguments()[0][0], arguments()[1])
    for _ in range(3):
        args = arguments()
        close(OF_COMPILED[name](compiled)(*args), OF_COMPILED[name](f)(*args))
    close(compiled(*args), f(*args))


def test_create_graph_through_a_plan_is_refused_in_plain_words():
    compiled = torch.compile(f, fullgraph=True)
    x, w = (t.requires_grad_() for t in arguments())
    with pytest.raises(RuntimeError, match="cannot be differentiated again.*Compile the function that takes"):
        torch.autograd.grad(compiled(x, w), x, create_graph=True)


def test_forward_mode_through_a_compiled_function():
    from rushlight.autograd import forward_ad

    compiled = torch.compile(f, fullgraph=True)
    x, w = arguments()
    compiled(x, w)
    with forward_ad.dual_level():
        dual = forward_ad.make_dual(x, torch.ones_like(x))
        found = forward_ad.unpack_dual(compiled(dual, w))
    want = jvp(f, (x, w), (torch.ones_like(x), torch.zeros_like(w)))
    close((found.primal, found.tangent), want)


def test_gradients_of_each_example_of_a_compiled_module():
    net = torch.nn.Sequential(torch.nn.Linear(4, 5), torch.nn.Tanh(), torch.nn.Linear(5, 1))
    compiled = torch.compile(net)
    x = torch.randn(6, 4)
    compiled(x[0])

    def loss(params, row):
        return functional_call(net, params, (row,)).square().sum()

    def compiled_loss(params, row):
        return functional_call(compiled._orig_mod, params, (row,)).square().sum()

    params = {k: p.detach() for k, p in net.named_parameters()}
    each = vmap(grad(loss), in_dims=(None, 0))
    found = torch.compile(each, fullgraph=True)(params, x)
    for k, want in vmap(grad(compiled_loss), in_dims=(None, 0))(params, x).items():
        close(found[k], want)
        assert found[k].shape[0] == 6


def test_nothing_is_baked_in():
    scale = torch.tensor(2.0)
    compiled = torch.compile(lambda x: vmap(lambda row: grad(lambda r: (r * scale).exp().sum())(row))(x))
    x = torch.zeros(2, 3)
    assert compiled(x).tolist() == [[2] * 3] * 2
    scale.fill_(3.0)
    assert compiled(x).tolist() == [[3] * 3] * 2
    np.testing.assert_allclose(compiled(x + 1).numpy(), 3 * np.exp(3), rtol=1e-5)


@pytest.mark.parametrize("randomness", ["same", "different"])
def test_random_numbers_in_a_compiled_vmap(randomness):
    draw = torch.compile(vmap(lambda x: x + torch.rand(()), randomness=randomness))
    first, second = draw(torch.zeros(4)), draw(torch.zeros(4))
    assert (len(set(first.tolist())) == 1) is (randomness == "same")
    assert first.tolist() != second.tolist()
