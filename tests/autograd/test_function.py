"""autograd.Function: both ways to write one, what ctx offers, and what is refused."""

import pytest

import rushlight as rl
from tests.autograd.stories import agree, told


def squares(lib):
    """x² in the two forms of a Function."""

    class Old(lib.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return 2 * x * g

    class New(lib.autograd.Function):
        @staticmethod
        def forward(x):
            return x * x

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.save_for_backward(*inputs)

        backward = Old.backward

    return Old, New


def both_forms(lib):
    found = []
    for Square in squares(lib):
        x = lib.tensor([1.0, 2.0, 3.0], requires_grad=True)
        y = Square.apply(x)
        (g,) = lib.autograd.grad(y.sum(), x, create_graph=True)
        (gg,) = lib.autograd.grad((g * g).sum(), x)
        found.append((y, g, gg, y.grad_fn.name()))
    return found


def not_recorded_where_nothing_requires_grad(lib):
    Square, _ = squares(lib)
    y = Square.apply(lib.ones(2))
    with lib.no_grad():
        z = Square.apply(lib.ones(2, requires_grad=True))
    return y, y.grad_fn, z, z.grad_fn


def several_inputs_and_outputs(lib):
    class Both(lib.autograd.Function):
        @staticmethod
        def forward(ctx, x, scale, name, w=None):
            ctx.scale, ctx.name = scale, name
            ctx.save_for_backward(x, w)
            return x * scale, x + w, name

        @staticmethod
        def backward(ctx, gx, gw, gname):
            return ctx.scale * gx + gw, None, None, gw

    x, w = lib.ones(2, requires_grad=True), lib.ones(2, requires_grad=True)
    a, b, name = Both.apply(x, 3.0, "label", w)
    (a * 2 + b).sum().backward()
    return a, b, name, x.grad, w.grad


def needs_input_grad(lib):
    seen = []

    class F(lib.autograd.Function):
        @staticmethod
        def forward(ctx, x, n, y):
            return x + y

        @staticmethod
        def backward(ctx, g):
            seen.append(ctx.needs_input_grad)
            return g, None, g

    F.apply(lib.ones(2, requires_grad=True), 3, lib.ones(2)).sum().backward()
    return [list(s) for s in seen]


def missing_gradients_are_zeros_or_none(lib):
    found = []
    for materialize in (True, False):

        class F(lib.autograd.Function):
            @staticmethod
            def forward(ctx, x, flag):
                ctx.set_materialize_grads(flag)
                return x * 1, x * 2

            @staticmethod
            def backward(ctx, a, b):
                found.append((a, b))
                return b * 2, None

        x = lib.ones(2, requires_grad=True)
        F.apply(x, materialize)[1].sum().backward()
        found.append(x.grad)
    return found


def outputs_without_gradient(lib):
    class Sorted(lib.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            values, order = x.sort()
            halves = values * 0.5
            ctx.mark_non_differentiable(halves)
            ctx.save_for_backward(order)
            return values, order, halves

        @staticmethod
        def backward(ctx, g, *others):
            (order,) = ctx.saved_tensors
            return lib.zeros_like(g).scatter(0, order, g)

    x = lib.tensor([3.0, 1.0, 2.0], requires_grad=True)
    values, order, halves = Sorted.apply(x)
    (values * lib.tensor([1.0, 10.0, 100.0])).sum().backward()
    return x.grad, order, halves.requires_grad, values.requires_grad


def saved_outputs(lib):
    class Exp(lib.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            y = x.exp()
            ctx.save_for_backward(y)
            return y

        @staticmethod
        def backward(ctx, g):
            (y,) = ctx.saved_tensors
            return g * y

    x = lib.tensor([0.5, 1.0], requires_grad=True)
    (g,) = lib.autograd.grad(Exp.apply(x).sum(), x, create_graph=True)
    return g, lib.autograd.grad(g.sum(), x)


def a_saved_input_that_was_changed(lib):
    Square, _ = squares(lib)
    x = lib.ones(2, requires_grad=True) * 1
    y = Square.apply(x)
    x.add_(1)
    y.sum().backward()


def backward_twice(lib):
    Square, _ = squares(lib)
    y = Square.apply(lib.ones(2, requires_grad=True)).sum()
    y.backward()
    y.backward()


def backward_twice_where_nothing_was_saved(lib):
    class Double(lib.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return g * 2

    x = lib.ones(2, requires_grad=True)
    y = Double.apply(x)
    y.backward(lib.ones(2))
    y.backward(lib.ones(2))
    return x.grad


def an_input_changed_in_place(lib):
    class Twice(lib.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            x.mul_(2)
            ctx.mark_dirty(x)
            return x

        @staticmethod
        def backward(ctx, g):
            return g * 2

    x = lib.ones(2, requires_grad=True)
    y = x * 1
    z = Twice.apply(y)
    (z * z).sum().backward()
    return z is y, y, x.grad, y._version


def an_input_returned(lib):
    class Same(lib.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x

        @staticmethod
        def backward(ctx, g):
            return g * 3

    x = lib.ones(2, requires_grad=True)
    y = Same.apply(x)
    y.sum().backward()
    return y is x, x.grad, y.requires_grad, y.is_leaf


def once(lib):
    class Once(lib.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        @lib.autograd.function.once_differentiable
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return 2 * x * g

    return Once


def differentiated_once(lib):
    x = lib.ones(2, requires_grad=True)
    once(lib).apply(x).sum().backward()
    return x.grad


def differentiated_twice(lib):
    x = lib.ones(2, requires_grad=True)
    (g,) = lib.autograd.grad(once(lib).apply(x).sum(), x, create_graph=True)
    lib.autograd.grad(g.sum(), x)


def returning(lib, answer):
    class F(lib.autograd.Function):
        @staticmethod
        def forward(ctx, x, y):
            return x + y

        @staticmethod
        def backward(ctx, g):
            return answer(g)

    x, y = lib.ones(2, requires_grad=True), lib.ones(2, requires_grad=True)
    F.apply(x, y).sum().backward()
    return x.grad, y.grad


def too_few_gradients(lib):
    return returning(lib, lambda g: g)


def too_many_gradients(lib):
    return returning(lib, lambda g: (g, g, g))


def superfluous_nones(lib):
    return returning(lib, lambda g: (g, g, None))


def none_for_an_input(lib):
    return returning(lib, lambda g: (g, None))


def a_gradient_of_the_wrong_shape(lib):
    return returning(lib, lambda g: (g, lib.ones(3)))


def a_gradient_that_broadcasts(lib):
    return returning(lib, lambda g: (g, g.expand(4, 2)))


def a_gradient_that_is_no_tensor(lib):
    return returning(lib, lambda g: (g, 1.0))


def no_backward(lib):
    class F(lib.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

    F.apply(lib.ones(1, requires_grad=True)).backward()


def test_an_instance_is_advised_against():
    with pytest.warns(DeprecationWarning, match="should not be instantiated"):
        squares(rl)[0]()


def attributes_of_ctx(lib):
    class F(lib.autograd.Function):
        @staticmethod
        def forward(ctx, x, n):
            ctx.n, ctx.shape = n, x.shape
            return x.sum() * n

        @staticmethod
        def backward(ctx, g):
            return g.expand(ctx.shape) * ctx.n, None

    x = lib.ones(2, 3, requires_grad=True)
    F.apply(x, 4).backward()
    return x.grad


def recording_inside(lib):
    seen = []

    class F(lib.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            seen.append(lib.is_grad_enabled())
            with lib.enable_grad():
                inner = x.detach().requires_grad_()
                out = inner.sin()
            ctx.inner, ctx.out = inner, out
            return out.detach()

        @staticmethod
        def backward(ctx, g):
            seen.append(lib.is_grad_enabled())
            return lib.autograd.grad(ctx.out, ctx.inner, g)[0]

    x = lib.tensor([0.5], requires_grad=True)
    F.apply(x).backward()
    return x.grad, seen


@told(
    *(both_forms, not_recorded_where_nothing_requires_grad, several_inputs_and_outputs, needs_input_grad),
    *(
        missing_gradients_are_zeros_or_none,
        outputs_without_gradient,
        saved_outputs,
        a_saved_input_that_was_changed,
    ),
    *(backward_twice, backward_twice_where_nothing_was_saved, an_input_changed_in_place, an_input_returned),
    *(differentiated_once, differentiated_twice, too_few_gradients, too_many_gradients, superfluous_nones),
    *(
        none_for_an_input,
        a_gradient_of_the_wrong_shape,
        a_gradient_that_broadcasts,
        a_gradient_that_is_no_tensor,
    ),
    *(no_backward, attributes_of_ctx, recording_inside),
)
def test_as_torch(story):
    agree(story)


def test_a_wrong_number_of_gradients_is_told_with_both_numbers():
    with pytest.raises(
        RuntimeError, match=r"FBackward returned an incorrect number of gradients \(expected 2, got 1\)"
    ):
        too_few_gradients(rl)


def test_a_function_leaves_no_cycle():
    import gc

    def work():
        x = rl.tensor([0.5, 1.0], requires_grad=True)
        for story in (both_forms, saved_outputs, several_inputs_and_outputs):
            story(rl)
        return x

    Square, _ = squares(rl)
    x = rl.ones(2, requires_grad=True)

    def used():
        y = Square.apply(x)
        y.sum().backward()
        Square.apply(x)

    used()
    gc.collect()
    gc.disable()
    try:
        used()
        assert gc.collect() == 0
    finally:
        gc.enable()
