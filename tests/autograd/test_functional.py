"""torch.autograd.functional: products with Jacobians and Hessians, told in both libraries."""

import numpy as np
import pytest

from tests.autograd.stories import agree, told


def numbers(lib, *shape, seed=0):
    return lib.tensor(np.random.default_rng(seed).standard_normal(shape).tolist(), dtype=lib.float64)


def detached(nest):
    """Without requires_grad: a block of zeros has it in torch's vectorized Jacobian, not in its other one."""
    return [detached(t) for t in nest] if isinstance(nest, (tuple, list)) else nest.detach()


CALLS = {
    "vjp": lambda A, f, xs, vo, vi, **k: A.vjp(f, xs, vo, **k),
    "jvp": lambda A, f, xs, vo, vi, **k: A.jvp(f, xs, vi, **k),
    "jacobian": lambda A, f, xs, vo, vi, **k: A.jacobian(f, xs, **k),
    "jacobian_together": lambda A, f, xs, vo, vi, **k: detached(A.jacobian(f, xs, vectorize=True, **k)),
}


@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize("call", CALLS)
def test_first_derivatives(call, create_graph):
    def story(lib):
        A, x, y = lib.autograd.functional, numbers(lib, 3), numbers(lib, 3, seed=1).requires_grad_()
        one = CALLS[call](
            A, lambda x: x.exp() * x.sum(), x, y.detach(), y.detach(), create_graph=create_graph
        )
        two = CALLS[call](
            A,
            lambda x, y: (x * y, (x * x).sum()),
            (x, y),
            (x, lib.tensor(2.0, dtype=lib.float64)),
            (y.detach(), x),
            create_graph=create_graph,
        )
        return one, two

    agree(story)


@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize("name", ["vhp", "hvp", "hessian", "hessian_together", "hessian_forward"])
def test_second_derivatives(name, create_graph):
    def story(lib):
        A, x, y = lib.autograd.functional, numbers(lib, 3), numbers(lib, 2, seed=1)

        def f(x, y):
            return (x.exp().sum() * y.sin().sum() + (x**3).sum()).reshape(1)

        if name in ("vhp", "hvp"):
            product = getattr(A, name)
            return product(lambda x: f(x, x), x, x + 1, create_graph=create_graph), product(f, (x, y), (x, y))
        how = {"hessian": {}, "hessian_together": {"vectorize": True}}.get(name)
        how = how if how is not None else {"vectorize": True, "outer_jacobian_strategy": "forward-mode"}
        whole = A.hessian(lambda x: f(x, x), x, create_graph=create_graph, **how)
        return detached(whole), detached(A.hessian(f, (x, y), **how))

    agree(story)


def forward_mode(lib):
    A, x, y = lib.autograd.functional, numbers(lib, 3), numbers(lib, 2, seed=1)
    how = {"vectorize": True, "strategy": "forward-mode"}
    several = A.jacobian(lambda x, y: (x.sum() * y, x.exp()), (x, y), **how)
    return several, A.jacobian(lambda x: x * x, x, **how)


def through_the_answer(lib):
    A, x = lib.autograd.functional, numbers(lib, 3).requires_grad_()
    A.jacobian(lambda x: x**3, x, create_graph=True).sum().backward()
    return x.grad


def what_does_not_depend(lib):
    A, x, y = lib.autograd.functional, numbers(lib, 3), numbers(lib, 2)
    return (
        A.jacobian(lambda x, y: x * 2, (x, y)),
        A.jacobian(lambda x: lib.ones(2), x),
        A.hessian(lambda x: x.sum(), x),
    )


def strict_vjp(lib):
    lib.autograd.functional.vjp(lambda x, y: x.sum(), (numbers(lib, 3), numbers(lib, 2)), strict=True)


def strict_jacobian(lib):
    lib.autograd.functional.jacobian(lambda x: lib.ones(2), numbers(lib, 3), strict=True)


def a_missing_vector(lib):
    lib.autograd.functional.vjp(lambda x: x * 2, numbers(lib, 3))


def a_vector_of_the_wrong_shape(lib):
    lib.autograd.functional.jvp(lambda x: x * 2, numbers(lib, 3), numbers(lib, 2))


def a_hessian_of_many_numbers(lib):
    lib.autograd.functional.hessian(lambda x: x * 2, numbers(lib, 3))


def inputs_that_are_no_tensors(lib):
    lib.autograd.functional.jacobian(lambda x: x * 2, 3.0)


def an_unknown_strategy(lib):
    lib.autograd.functional.jacobian(lambda x: x * 2, numbers(lib, 3), strategy="sideways")


def batched_cotangents(lib):
    x, w = numbers(lib, 3).requires_grad_(), numbers(lib, 2).requires_grad_()
    y = x.exp() * x.sum()
    units = lib.eye(3, dtype=lib.float64)
    rows = lib.autograd.grad(y, x, units, is_grads_batched=True, retain_graph=True)
    two = lib.autograd.grad(
        [y, y * 2], [x, w], [units, units], is_grads_batched=True, allow_unused=True, create_graph=True
    )
    return rows, two


@told(
    *(forward_mode, through_the_answer, what_does_not_depend, strict_vjp, strict_jacobian, a_missing_vector),
    *(
        a_vector_of_the_wrong_shape,
        a_hessian_of_many_numbers,
        inputs_that_are_no_tensors,
        an_unknown_strategy,
    ),
    batched_cotangents,
)
def test_as_torch(story):
    agree(story)
