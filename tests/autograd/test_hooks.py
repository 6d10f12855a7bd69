"""Hooks on tensors and nodes: order, replacement, removal, retain_grad; grad_fn and its names."""

import pytest

import rushlight as rl
from tests.autograd.stories import agree, told


def hooks_run_in_order_and_replace(lib):
    x, seen = lib.ones(2, requires_grad=True), []
    y = x * 2
    y.register_hook(lambda g: seen.append(("first", g.tolist())))
    y.register_hook(lambda g: g * 10)
    y.register_hook(lambda g: seen.append(("third", g.tolist())))
    x.register_hook(lambda g: g + 1)
    x.register_hook(lambda g: seen.append(("leaf", g.tolist())))
    y.sum().backward()
    return x.grad, seen


def removed_hooks(lib):
    x, seen = lib.ones(2, requires_grad=True), []
    handles = [x.register_hook(lambda g, i=i: seen.append(i)) for i in range(3)]
    handles[1].remove()
    handles[1].remove()
    with x.register_hook(lambda g: seen.append("with")):
        (x * 2).sum().backward()
    (x * 2).sum().backward()
    y = x * 3
    y.register_hook(lambda g: seen.append("y")).remove()
    y.sum().backward()
    return seen


def a_hook_sees_the_whole_gradient_once(lib):
    x, seen = lib.ones(2, requires_grad=True), []
    y = x * 2
    y.register_hook(lambda g: seen.append(g.tolist()))
    (y * y + y + y.sum() * y).sum().backward()
    return seen, x.grad


def hooks_in_grad(lib):
    x, seen = lib.ones(2, requires_grad=True), []
    y = x * 2
    y.register_hook(lambda g: g * 10)
    y.register_hook(lambda g: seen.append(g.tolist()))
    x.register_hook(lambda g: g + 1)
    return lib.autograd.grad((y * 3).sum(), [y, x]), seen


def hooks_with_create_graph(lib):
    x = lib.tensor([2.0], requires_grad=True)
    y = x * x
    y.register_hook(lambda g: g * x)
    (g,) = lib.autograd.grad(y, x, create_graph=True)
    return g, lib.autograd.grad(g, x)


def a_hook_on_one_output_of_several(lib):
    x, seen = lib.tensor([[1.0, 5.0], [7.0, 2.0]], requires_grad=True), []
    values, indices = x.max(1)
    values.register_hook(lambda g: seen.append(g.tolist()))
    (values * 2).sum().backward()
    return seen, x.grad


def retained_gradients(lib):
    x = lib.ones(2, requires_grad=True)
    y = x * 2
    before = y.retains_grad
    y.retain_grad()
    y.retain_grad()
    y.register_hook(lambda g: g * 5)  # what is retained is what the later hook gives
    y.sum().backward(retain_graph=True)
    first = y.grad.clone()
    y.sum().backward()
    x.retain_grad()
    return before, y.retains_grad, first, y.grad, x.grad, x.retains_grad


def retain_grad_without_requires_grad(lib):
    lib.ones(2).retain_grad()


def a_hook_without_requires_grad(lib):
    lib.ones(2).register_hook(print)


def post_accumulate_hooks(lib):
    x, seen = lib.ones(2, requires_grad=True), []

    def hook(t):
        seen.append((t is x, t.grad.tolist()))
        t.grad = None

    handle = x.register_post_accumulate_grad_hook(hook)
    y = (x * 2 + x).sum()
    y.backward()
    (x * 5).sum().backward()
    handle.remove()
    (x * 7).sum().backward()
    return seen, x.grad


def a_post_accumulate_hook_on_a_result(lib):
    (lib.ones(2, requires_grad=True) * 2).register_post_accumulate_grad_hook(print)


def a_hook_that_answers_with_a_number(lib):
    x = lib.ones(2, requires_grad=True)
    x.register_hook(lambda g: 3.0)
    x.sum().backward()


def nodes(lib):
    x, w = lib.ones(2, 3, requires_grad=True), lib.ones(2, 3)
    y = (x * w).t().sum()
    names, node = [], y.grad_fn
    while node is not None:
        names.append((node.name(), type(node).__name__, len(node.next_functions)))
        node = node.next_functions[0][0] if node.next_functions else None
    values = x.max(1).values
    twice = values.grad_fn.next_functions
    return names, y.grad_fn == y.grad_fn, y.grad_fn is None, x.grad_fn, [(n.name(), i) for n, i in twice]


def the_graph_of_two_inputs(lib):
    x, w = lib.ones(2, requires_grad=True), lib.ones(2)
    both = (x.exp() * w).grad_fn.next_functions
    split = (x * 2).max(0)
    return (
        [None if n is None else n.name() for n, _ in both],
        split.values.grad_fn.name(),
        split.values.output_nr,
    )


def hooks_of_nodes(lib):
    x, seen = lib.ones(2, requires_grad=True), []
    y = x * lib.full((2,), 3.0)
    y.grad_fn.register_prehook(lambda outs: seen.append([g.tolist() for g in outs]))
    y.grad_fn.register_prehook(lambda outs: (outs[0] * 2,))
    handle = y.grad_fn.register_hook(
        lambda ins, outs: seen.append(([i is None for i in ins], outs[0].tolist()))
    )
    y.sum().backward(retain_graph=True)
    handle.remove()
    y.sum().backward()
    y.grad_fn.metadata["note"] = 1
    return seen, x.grad, y.grad_fn.metadata


def the_names_of_common_nodes(lib):
    x, F = lib.ones(2, 2, requires_grad=True), lib.nn.functional
    target = lib.tensor([0, 1])
    image = x[None, None]
    made = [
        *(x + x, x - 1, x * 2, x / 2, -x, 1 - x, 2 / x, x**2, x @ x, x.t(), x.T, x.view(4), x.reshape(4)),
        *(
            x.sum(),
            x.sum(0),
            x.mean(),
            x.mean(1),
            x.max(),
            x.max(0)[0],
            x.min(),
            x.min(0)[0],
            x.prod(),
            x.std(),
            x.var(),
        ),
        *(x.relu(), x.sigmoid(), x.tanh(), x.exp(), x.log(), x.sqrt(), x.abs(), x.clamp(0, 1), x.softmax(1)),
        *(
            x.log_softmax(1),
            x.double(),
            x.clone(),
            x.contiguous().t().contiguous(),
            x[0],
            x[0:1],
            x[target],
            x[x > 0],
        ),
        *(
            lib.cat([x, x]),
            lib.stack([x, x]),
            lib.where(x > 0, x, x),
            x.expand(2, 2, 2),
            x.permute(1, 0),
            x.unsqueeze(0),
        ),
        *(
            x.squeeze(),
            x.transpose(0, 1),
            x.norm(),
            x.cumsum(0),
            x.gather(0, target[None]),
            x.mv(x[0]),
            lib.dot(x[0], x[0]),
        ),
        *(
            lib.addmm(x, x, x),
            lib.bmm(x[None], x[None]),
            F.linear(x, x, x[0]),
            F.linear(x, x),
            F.gelu(x),
            F.silu(x),
        ),
        *(
            F.mse_loss(x, x.detach()),
            F.cross_entropy(x, target),
            F.nll_loss(x, target),
            F.layer_norm(x, (2,)),
        ),
        *(F.binary_cross_entropy_with_logits(x, x.detach()), F.embedding(target, x), F.conv2d(image, image)),
        *(F.max_pool2d(image, 2), F.avg_pool2d(image, 2), F.batch_norm(x, None, None, training=True)),
        *(
            (x * 1).add_(1),
            (x * 1).relu_(),
            x.index_select(0, target),
            x.masked_fill(x > 0, 0.0),
            x.flatten(),
            x.repeat(2, 2),
        ),
    ]
    return [t.grad_fn.name() for t in made]


def what_is_printed(lib):
    x = lib.ones(2, requires_grad=True)
    y = x * 1
    y[0] = 5.0
    return repr(x * 2), repr(y), repr((x * 2).sum())


@told(
    *(hooks_run_in_order_and_replace, removed_hooks, a_hook_sees_the_whole_gradient_once, hooks_in_grad),
    *(
        hooks_with_create_graph,
        a_hook_on_one_output_of_several,
        retained_gradients,
        retain_grad_without_requires_grad,
    ),
    *(a_hook_without_requires_grad, post_accumulate_hooks, a_post_accumulate_hook_on_a_result),
    *(
        a_hook_that_answers_with_a_number,
        nodes,
        the_graph_of_two_inputs,
        hooks_of_nodes,
        the_names_of_common_nodes,
    ),
    what_is_printed,
)
def test_as_torch(story):
    agree(story)


def test_a_hook_does_not_keep_its_tensor_alive():
    import weakref

    x = rl.ones(2, requires_grad=True)
    y = x * 2
    y.retain_grad()
    there = weakref.ref(y)
    z = y.sum()
    del y
    assert there() is None
    z.backward()
    assert x.grad.tolist() == [2.0, 2.0]


def test_node_names_without_torch():
    x = rl.ones(2, 2, requires_grad=True)
    made = [x + 1, x @ x, x.sum(0), rl.nn.functional.linear(x, x, x[0]), x.double(), x.t()]
    names = [t.grad_fn.name() for t in made]
    assert names == [
        "AddBackward0",
        "MmBackward0",
        "SumBackward1",
        "AddmmBackward0",
        "ToCopyBackward0",
        "TBackward0",
    ]
    with pytest.raises(RuntimeError, match="requires_grad=False"):
        rl.ones(1).retain_grad()
