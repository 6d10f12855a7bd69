"""Checkpoints: the same values and gradients as without, computed twice, kept once."""

import gc
import weakref

import pytest

import rushlight as rl
from rushlight.utils.checkpoint import checkpoint, checkpoint_sequential
from tests.autograd.stories import agree, told


def utilities(lib):
    if lib is rl:
        return checkpoint, checkpoint_sequential
    from torch.utils.checkpoint import checkpoint as theirs
    from torch.utils.checkpoint import checkpoint_sequential as theirs_sequential

    return theirs, theirs_sequential


def part(lib, calls):
    w = lib.tensor([[0.5, -1.0], [2.0, 0.25]], requires_grad=True)

    def f(x, scale=1.0):
        calls.append(lib.is_grad_enabled())
        return (x @ w).tanh() * scale

    return w, f


def values_and_gradients(lib):
    found = []
    for reentrant in (False, True):
        calls = []
        w, f = part(lib, calls)
        x = lib.tensor([[1.0, 2.0]], requires_grad=True)
        y = utilities(lib)[0](f, x * 2, use_reentrant=reentrant)
        (y * y).sum().backward()
        found += [y, x.grad, w.grad, len(calls)]
    return found


def inputs_without_gradient(lib):
    w, f = part(lib, [])
    y = utilities(lib)[0](f, lib.ones(1, 2), use_reentrant=False, scale=3.0)
    y.sum().backward()
    return y, w.grad


def through_grad(lib):
    w, f = part(lib, [])
    x = lib.ones(1, 2, requires_grad=True)
    y = utilities(lib)[0](f, x, use_reentrant=False)
    return lib.autograd.grad(y.sum(), [x, w])


def the_same_dropout(lib):
    lib.manual_seed(3)
    x = lib.ones(1000, requires_grad=True)
    y = utilities(lib)[0](lambda x: lib.nn.functional.dropout(x, 0.5) * x, x, use_reentrant=False)
    after = lib.rand(2)
    y.sum().backward()
    return bool((x.grad == 2 * y).all()), y.sum(), after, lib.rand(2)


def several_outputs(lib):
    x = lib.tensor([1.0, 2.0], requires_grad=True)

    def f(x):
        return x * 2, "kept", {"square": x * x}

    a, word, rest = utilities(lib)[0](f, x, use_reentrant=False)
    (a.sum() + rest["square"].sum()).backward()
    return a, word, rest, x.grad


def nested(lib):
    use, _ = utilities(lib)
    x = lib.tensor([1.0, 2.0], requires_grad=True)

    def inner(x):
        return x.exp() * x

    def outer(x):
        return use(inner, x.sin(), use_reentrant=False) + x

    y = use(outer, x, use_reentrant=False)
    y.sum().backward()
    return y, x.grad


def twice(lib):
    x = lib.tensor([1.0, 2.0], requires_grad=True)
    y = utilities(lib)[0](lambda x: x**3, x, use_reentrant=False)
    (g,) = lib.autograd.grad(y.sum(), x, create_graph=True)
    return g, lib.autograd.grad(g.sum(), x)


def without_grad(lib):
    calls = []
    _, f = part(lib, calls)
    with lib.no_grad():
        y = utilities(lib)[0](f, lib.ones(1, 2), use_reentrant=False)
    return y, calls


def a_sequence(lib):
    layers = [lambda x: x * 2, lambda x: x.exp(), lambda x: x.sin(), lambda x: x + 1, lambda x: x.tanh()]
    x = lib.tensor([0.1, 0.2], requires_grad=True)
    y = utilities(lib)[1](layers, 2, x, use_reentrant=False)
    y.sum().backward()
    return y, x.grad


def keywords_in_the_reentrant_form(lib):
    _, f = part(lib, [])
    utilities(lib)[0](f, lib.ones(1, 2, requires_grad=True), use_reentrant=True, scale=2.0)


@told(
    *(
        values_and_gradients,
        inputs_without_gradient,
        through_grad,
        the_same_dropout,
        several_outputs,
        nested,
        twice,
    ),
    *(without_grad, a_sequence, keywords_in_the_reentrant_form),
)
def test_as_torch(story):
    agree(story)


def test_what_was_computed_inside_is_let_go():
    x = rl.ones(3, requires_grad=True)
    held = []

    def f(x):
        y = x.exp()
        held.append(weakref.ref(y))
        return y * y.sin()

    z = checkpoint(f, x, use_reentrant=False)
    assert held[0]() is None  # no cycle: gone at once
    gc.collect()
    z.sum().backward()
    assert len(held) == 2 and x.grad is not None


def test_backward_through_a_checkpoint_twice_is_refused():
    x = rl.ones(3, requires_grad=True)
    y = checkpoint(lambda x: x.exp(), x, use_reentrant=False).sum()
    y.backward()
    with pytest.raises(RuntimeError, match="a second time"):
        y.backward()


@pytest.mark.parametrize("name", ["rushlight", "torch"])
@pytest.mark.parametrize("cast_before", [False, True])
def test_autocast_is_as_it_was(name, cast_before):
    lib = pytest.importorskip(name)
    w, x, kinds = lib.nn.Parameter(lib.ones(2, 2)), lib.ones(2, 2, requires_grad=True), []

    def part(x):
        kinds.append((x @ w).dtype)
        return x @ w @ w

    with lib.autocast("cpu", dtype=lib.float16):
        if cast_before:  # what was cast outside is no part of the graph inside
            (x @ w).sum()
        y = utilities(lib)[0](part, x, use_reentrant=False)
    with lib.autocast("cpu"):
        y.sum().backward()
    assert kinds == [lib.float16] * 2 and not lib.is_autocast_enabled("cpu")
    assert w.grad.dtype is lib.float32 and w.grad.tolist() == [[8, 8], [8, 8]]
    assert x.grad.tolist() == [[4, 4], [4, 4]]


def test_a_cast_within_is_not_used_outside():
    w, x = rl.nn.Parameter(rl.ones(2, 2)), rl.ones(2, 2)
    with rl.autocast("cpu"):
        y = checkpoint(lambda x: x @ w, x) + x @ w
    y.sum().backward()
    assert w.grad.tolist() == [[4, 4], [4, 4]]
