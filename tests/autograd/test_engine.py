"""The backward pass: order, accumulation, freeing, what backward() and grad() accept and refuse."""

import gc

import pytest

import rushlight as rl
from tests.autograd.stories import agree, told


def test_a_chain_of_100_000_operations_differentiates_and_is_freed_without_recursion():
    x = rl.ones(1, requires_grad=True)
    y = x
    for _ in range(100_000):
        y = y * 1.0
    y.backward()
    assert x.grad.tolist() == [1.0]
    del y  # a recursive destructor would end the process here

    y = x
    for _ in range(100_000):
        y = y.view(1)
    del y

    y = x
    for _ in range(20_000):
        y = y + y.detach()
    y.backward(create_graph=True)
    assert x.grad.tolist() == [2.0]


def test_a_diamond_is_visited_once_for_each_node():
    seen = []
    x = rl.tensor([3.0], requires_grad=True)
    a = x * 2
    a.register_hook(lambda g: seen.append(g.item()))
    b, c = a * 3, a * a
    (b + c).backward()
    assert seen == [3.0 + 2 * 6.0]
    assert x.grad.item() == 2 * (3 + 12)


def test_a_ladder_of_diamonds_takes_linear_time():
    x = rl.ones(1, requires_grad=True)
    y = x
    for _ in range(60):
        y = y + y  # 2^60 paths
    y.backward()
    assert x.grad.item() == 2.0**60


def test_backward_twice_says_what_to_do():
    x = rl.ones(2, requires_grad=True)
    y = (x * x).sum()
    y.backward()
    with pytest.raises(
        RuntimeError, match=r"Trying to backward through the graph a second time.*retain_graph=True"
    ):
        y.backward()


def test_a_value_error_of_a_hook_is_not_mistaken_for_a_freed_graph():
    x = rl.ones(2, requires_grad=True)
    y = x + x

    def hook(g):
        raise ValueError("mine")

    y.register_hook(hook)
    with pytest.raises(ValueError, match="mine"):
        y.sum().backward()


def test_gradients_of_several_leaves_share_no_memory():
    for create_graph in (False, True):
        a, b, c = (rl.ones(3, requires_grad=True) for _ in range(3))
        given = rl.ones(3)
        y = (a + b) + c.view(3)
        y.backward(given, create_graph=create_graph)
        with rl.no_grad():
            a.grad.detach()[0] = 7.0
        assert b.grad.tolist() == c.grad.tolist() == given.tolist() == [1.0, 1.0, 1.0]


def test_a_gradient_that_was_kept_by_the_user_is_not_changed_by_the_next_backward():
    x = rl.ones(2, requires_grad=True)
    kept = []
    x.register_hook(kept.append)
    (x * 2).sum().backward()
    first = kept[0].tolist()
    (x * 3).sum().backward()
    assert kept[0].tolist() == first == [2.0, 2.0]
    assert x.grad.tolist() == [5.0, 5.0]


def test_create_graph_to_third_order():
    x = rl.tensor([2.0, -3.0], dtype=rl.float64, requires_grad=True)
    g = (x**4).sum()
    for expected in ([32.0, -108.0], [48.0, 108.0], [48.0, -72.0], [24.0, 24.0]):
        (g,) = rl.autograd.grad(g.sum(), x, create_graph=True)
        assert g.tolist() == expected


def test_ordinary_work_leaves_no_reference_cycles():
    def work():
        w = rl.ones(4, 4, requires_grad=True)
        x = rl.ones(2, 4)
        h = (x @ w).relu()
        h = h.view(4, 2).t()[1:].clone()
        h.mul_(2.0)
        h[0] = 5.0
        v = h[:, 1:]
        v.add_(1.0)
        values, _ = v.max(0)
        parts = rl.cat([values, v.flatten()]).softmax(0).split(2)
        loss = sum((p * p).sum() for p in parts)
        (g,) = rl.autograd.grad(loss, w, create_graph=True)
        (loss + g.exp().sum()).backward()
        loss.detach().sqrt_()
        with rl.no_grad():
            w.sub_(w.grad)
        w.grad = None

    def unused():
        w = rl.ones(3, requires_grad=True)
        y = w.exp() * w.tanh()
        y.add_(1)
        y.view(3)[0:2].sigmoid_()  # never differentiated

    for action in (work, unused):
        action()  # generated code and caches appear on the first run
        gc.collect()
        gc.disable()
        try:
            action()
            assert gc.collect() == 0
        finally:
            gc.enable()


def test_freed_nodes_let_go_of_what_they_kept():
    import weakref

    x = rl.ones(2, requires_grad=True)
    big = rl.ones(2) * 3
    there = weakref.ref(big)
    y = (x * big).sum()
    del big
    assert there() is not None
    y.backward()
    assert there() is None


# -- the same story in both libraries ----------------------------------------------------------------------


def twice_where_nothing_was_kept(lib):
    x = lib.ones(2, 3, requires_grad=True)
    y = (x + x).view(3, 2).t().expand(4, 2, 3)[1:].unsqueeze(0)
    z = lib.cat([y.sum().view(1), y.mean().view(1)]).sum()
    z.backward()
    z.backward()
    return x.grad


def twice_through_a_shared_transpose(lib):
    w = lib.ones(2, 3, requires_grad=True)
    t = w.t()
    (lib.ones(4, 3) @ t).sum().backward()
    (lib.ones(4, 3) @ t * 2).sum().backward()
    return w.grad


def twice_retained(lib):
    x = lib.ones(2, requires_grad=True)
    y = (x * x).sum()
    y.backward(retain_graph=True)
    y.backward()
    return x.grad


def twice_through_exp(lib):
    x = lib.ones(2, requires_grad=True)
    y = x.exp()
    y.sum().backward()
    y.sum().backward()


def twice_through_grad(lib):
    x = lib.ones(2, requires_grad=True)
    y = (x * x).sum()
    lib.autograd.grad(y, x)
    lib.autograd.grad(y, x)


def outputs_that_are_inputs(lib):
    x = lib.ones(2, requires_grad=True)
    y = x * 2
    return lib.autograd.grad(x, x, lib.ones(2) * 3), lib.autograd.grad(
        [y, x], [x, y], [lib.ones(2), lib.ones(2)]
    )


def inputs_that_are_not_leaves(lib):
    x = lib.ones(2, requires_grad=True)
    y = x * 3
    return lib.autograd.grad((y * y).sum(), [y, x, y])


def an_unused_input(lib):
    x, w = lib.ones(2, requires_grad=True), lib.ones(3, requires_grad=True)
    return lib.autograd.grad(x.sum(), [x, w], allow_unused=True)


def an_unused_input_is_refused(lib):
    x, w = lib.ones(2, requires_grad=True), lib.ones(3, requires_grad=True)
    return lib.autograd.grad(x.sum(), [x, w])


def an_unused_input_materialised(lib):
    x, w = lib.ones(2, requires_grad=True), lib.ones(3, requires_grad=True)
    return lib.autograd.grad(x.sum(), [x, w], materialize_grads=True)


def materialised_but_unused_forbidden(lib):
    x, w = lib.ones(2, requires_grad=True), lib.ones(3, requires_grad=True)
    return lib.autograd.grad(x.sum(), [x, w], materialize_grads=True, allow_unused=False)


def nothing_requires_grad(lib):
    lib.ones(2).sum().backward()


def an_input_that_does_not_require_grad(lib):
    lib.autograd.grad(lib.ones(2, requires_grad=True).sum(), lib.ones(2))


def not_a_scalar(lib):
    (lib.ones(2, requires_grad=True) * 2).backward()


def not_a_scalar_with_gradient(lib):
    x = lib.ones(2, requires_grad=True)
    (x * 2).backward(lib.tensor([1.0, -2.0]))
    return x.grad


def a_gradient_of_the_wrong_shape(lib):
    (lib.ones(2, requires_grad=True) * 2).backward(lib.ones(3))


def a_gradient_that_is_no_tensor(lib):
    (lib.ones(2, requires_grad=True) * 2).backward(2.0)


def a_gradient_of_one_element_broadcasts_not(lib):
    (lib.ones(2, requires_grad=True) * 2).backward(lib.ones(1))


def several_roots(lib):
    x = lib.ones(2, requires_grad=True)
    y = x * 2
    z = y * 3
    lib.autograd.backward([y, z, x, y], [lib.ones(2)] * 4)
    return x.grad


def several_roots_into_chosen_inputs(lib):
    x, w = lib.ones(2, requires_grad=True), lib.ones(2, requires_grad=True)
    y = x * w * 2
    lib.autograd.backward([y.sum(), (y * y).sum()], inputs=[x])
    return x.grad, w.grad


def several_roots_of_which_one_requires_nothing(lib):
    lib.autograd.backward([lib.ones(1, requires_grad=True) * 2, lib.ones(1)])


def several_outputs_of_grad(lib):
    x = lib.tensor([1.0, 2.0], requires_grad=True)
    return lib.autograd.grad([x * 2, x * x], [x], [lib.ones(2), lib.tensor([0.0, 1.0])])


def too_few_grad_outputs(lib):
    x = lib.ones(2, requires_grad=True)
    lib.autograd.grad([x * 2, x * x], [x], [lib.ones(2)])


def backward_into_a_node_that_is_no_leaf(lib):
    x = lib.ones(2, requires_grad=True)
    y = x * 2
    (y * y).sum().backward(inputs=[y, x])
    return y.grad, x.grad


def backward_into_what_does_not_require_grad(lib):
    (lib.ones(2, requires_grad=True) * 2).sum().backward(inputs=[lib.ones(1)])


def backward_into_nothing(lib):
    (lib.ones(2, requires_grad=True) * 2).sum().backward(inputs=[])


def a_complex_root(lib):
    x = lib.tensor([1 + 2j, 3 - 1j], requires_grad=True)
    (x * x).sum().backward()


def complex_to_real(lib):
    x = lib.tensor([1 + 2j, 3 - 1j], requires_grad=True)
    ((x.abs() ** 2).sum() + x.real.sum() + (x * x.conj()).imag.sum()).backward()
    return x.grad


def complex_with_gradient(lib):
    x = lib.tensor([1 + 2j, 3 - 1j], requires_grad=True)
    (x * x * 2j).backward(lib.tensor([1j, 2 + 0j]))
    return x.grad


def real_leaf_in_complex_work(lib):
    x = lib.tensor([1.0, 2.0], requires_grad=True)
    (x * (1 + 2j)).abs().sum().backward()
    return x.grad


def create_graph_of_backward(lib):
    x = lib.tensor([1.0, 2.0], requires_grad=True)
    (x**3).sum().backward(create_graph=True)
    first = x.grad
    x.grad = None
    first.sum().backward()
    return first, x.grad


def gradient_of_another_dtype(lib):
    x = lib.ones(2, dtype=lib.float64, requires_grad=True)
    (x.float() * 2).sum().backward()
    return x.grad


def accumulation_into_a_given_grad(lib):
    x = lib.ones(2, requires_grad=True)
    x.grad = mine = lib.tensor([10.0, 20.0])
    (x * 2).sum().backward()
    return x.grad, x.grad is mine, mine


def a_grad_of_the_wrong_shape(lib):
    lib.ones(2, requires_grad=True).grad = lib.ones(3)


def a_grad_that_is_no_tensor(lib):
    lib.ones(2, requires_grad=True).grad = 1.0


def requires_grad_of_integers(lib):
    lib.ones(2, dtype=lib.int64).requires_grad_()


def requires_grad_of_a_result(lib):
    (lib.ones(2, requires_grad=True) * 2).requires_grad_(False)


def requires_grad_switched_off_keeps_grad(lib):
    x = lib.ones(2, requires_grad=True)
    (x * 2).sum().backward()
    x.requires_grad_(False)
    before = x.grad
    x.requires_grad_()
    (x * 2).sum().backward()
    return before, x.grad


def detach_and_data(lib):
    x = lib.ones(2, requires_grad=True)
    y = x * 2
    d = y.detach()
    y2 = x * 2
    y2.detach_()
    return d, d.is_leaf, y2, y2.is_leaf, x.data, y.data.requires_grad


def detaching_a_view_in_place(lib):
    (lib.ones(2, requires_grad=True) * 2)[0].detach_()


@told(
    *(twice_where_nothing_was_kept, twice_through_a_shared_transpose, twice_retained, twice_through_exp),
    *(twice_through_grad, outputs_that_are_inputs, inputs_that_are_not_leaves, an_unused_input),
    *(an_unused_input_is_refused, an_unused_input_materialised, materialised_but_unused_forbidden),
    *(nothing_requires_grad, an_input_that_does_not_require_grad, not_a_scalar, not_a_scalar_with_gradient),
    *(a_gradient_of_the_wrong_shape, a_gradient_that_is_no_tensor, a_gradient_of_one_element_broadcasts_not),
    *(several_roots, several_roots_into_chosen_inputs, several_roots_of_which_one_requires_nothing),
    *(several_outputs_of_grad, too_few_grad_outputs, backward_into_a_node_that_is_no_leaf),
    *(backward_into_what_does_not_require_grad, backward_into_nothing, a_complex_root, complex_to_real),
    *(complex_with_gradient, real_leaf_in_complex_work, create_graph_of_backward, gradient_of_another_dtype),
    *(accumulation_into_a_given_grad, a_grad_of_the_wrong_shape, a_grad_that_is_no_tensor),
    *(requires_grad_of_integers, requires_grad_of_a_result, requires_grad_switched_off_keeps_grad),
    *(detach_and_data, detaching_a_view_in_place),
)
@pytest.mark.filterwarnings("ignore:Using backward.. with create_graph")
def test_as_torch(story):
    agree(story)
