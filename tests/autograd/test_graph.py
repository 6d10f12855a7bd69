"""torch.autograd.graph: hooks on what is kept for backward, hooks on several gradients, versions."""

import gc

import pytest

import rushlight as rl
from tests.autograd.stories import agree, told


def packed_and_unpacked(lib):
    seen = []

    def pack(t):
        seen.append("pack")
        return t.detach().clone().tolist(), t.dtype

    def unpack(kept):
        seen.append("unpack")
        return lib.tensor(kept[0], dtype=kept[1])

    x = lib.tensor([[0.5, 1.0], [2.0, -1.0]], requires_grad=True)
    w = lib.tensor([[0.5, 1.0], [2.0, -1.0]], requires_grad=True)
    with lib.autograd.graph.saved_tensors_hooks(pack, unpack):
        y = (x @ w).tanh() * w
        z = y.exp() / y.softmax(1)
    z.sum().backward()
    return z, x.grad, w.grad, set(seen) == {"pack", "unpack"}


def a_packed_tensor_may_be_scaled(lib):
    x, w = lib.ones(2, requires_grad=True), lib.full((2,), 3.0)
    with lib.autograd.graph.saved_tensors_hooks(lambda t: t, lambda t: t * 2):
        y = x * w
    (y * w).sum().backward()
    return x.grad


def twice_through_packed(lib):
    x = lib.tensor([1.0, 2.0], requires_grad=True)
    with lib.autograd.graph.save_on_cpu():
        y = x**3 * x.exp()
    (g,) = lib.autograd.grad(y.sum(), x, create_graph=True)
    return g, lib.autograd.grad(g.sum(), x)


def packed_and_freed(lib):
    x = lib.ones(2, requires_grad=True)
    with lib.autograd.graph.save_on_cpu():
        y = x.exp().sum()
    y.backward()
    y.backward()


def hooks_that_are_disabled(lib):
    with lib.autograd.graph.disable_saved_tensors_hooks("not here"):
        with lib.autograd.graph.save_on_cpu():
            pass


def all_gradients_together(lib):
    a, b, c = (lib.ones(2, requires_grad=True) for _ in range(3))
    seen = []
    handle = lib.autograd.graph.register_multi_grad_hook(
        (a, b), lambda gs: seen.append([g.tolist() for g in gs])
    )
    (a * 2 + b * 3 * c).sum().backward()
    (a * 4 + b * 5).sum().backward()
    handle.remove()
    (a * 4 + b * 5).sum().backward()
    return seen, a.grad


def an_unknown_mode(lib):
    lib.autograd.graph.register_multi_grad_hook((lib.ones(1, requires_grad=True),), print, mode="some")


def versions(lib):
    x, w = lib.ones(2, requires_grad=True), lib.ones(2)
    y = (x * w).sum()
    lib.autograd.graph.increment_version(w)
    before = w._version
    try:
        y.backward()
    except RuntimeError:
        return before, "refused"
    return before, "accepted"


def edges(lib):
    x = lib.ones(2, 2, requires_grad=True)
    edge = lib.autograd.graph.get_gradient_edge(x.max(1).values * 2)
    return edge.node.name(), edge.output_nr, lib.autograd.graph.get_gradient_edge(x).node.name()


@told(
    *(packed_and_unpacked, a_packed_tensor_may_be_scaled, twice_through_packed, packed_and_freed),
    *(hooks_that_are_disabled, all_gradients_together, an_unknown_mode, versions, edges),
)
def test_as_torch(story):
    agree(story)


def test_after_the_block_nothing_is_packed():
    x, seen = rl.ones(2, requires_grad=True), []
    with rl.autograd.graph.saved_tensors_hooks(lambda t: seen.append(t) or t, lambda t: t):
        x * rl.ones(2)
    count = len(seen)
    y = x * rl.ones(2) + x.exp()
    assert count and len(seen) == count
    y.sum().backward()
    with pytest.raises(TypeError, match="unpack_hook must return a Tensor"):
        with rl.autograd.graph.saved_tensors_hooks(lambda t: 1, lambda t: 2):
            z = x * rl.ones(2)
        z.sum().backward()
    gc.collect()
