"""grad, vjp, jvp, jacrev, jacfwd, hessian and vmap against torch.func."""

import numpy as np
import pytest

import rushlight as rl
from tests.autograd.stories import agree, told


def numbers(lib, *shape, seed=0):
    """Fixed random numbers of a shape, in double precision."""
    return lib.tensor(np.random.default_rng(seed).standard_normal(shape).tolist(), dtype=lib.float64)


FUNCTIONS = {
    "polynomial": lambda lib, x: (x**3 - 2 * x).sum(),
    "softmax": lambda lib, x: (x.softmax(-1) ** 2).sum(),
    "exp_mean": lambda lib, x: x.exp().mean(),
    "tanh_product": lambda lib, x: (x.tanh() * x.sin()).sum(),
    "matrix": lambda lib, x: (x @ x.t()).tanh().sum() if x.dim() == 2 else (x * x.dot(x)).sum(),
    "log_of_sum": lambda lib, x: x.logsumexp(-1).sum(),
    "norm": lambda lib, x: x.norm(),
    "sorted": lambda lib, x: (x.sort(-1).values[..., 0] ** 2).sum(),
    "indexed": lambda lib, x: (x[..., 1:] * x[..., :-1]).sum(),
    "where": lambda lib, x: lib.where(x > 0, x * x, x.exp()).sum(),
    "reshaped": lambda lib, x: (x.reshape(-1)[::2] * 3).cumsum(0).sum(),
    "maximum": lambda lib, x: x.max() * x.min(),
    "variance": lambda lib, x: x.var(-1).sum(),
    "stacked": lambda lib, x: lib.stack([x, x * 2]).prod(0).sum(),
    "layer_norm": lambda lib, x: (lib.nn.functional.layer_norm(x, x.shape[-1:]) ** 3).sum(),
    "silu": lambda lib, x: lib.nn.functional.silu(x).sum(),
    "linear": lambda lib, x: lib.nn.functional.linear(x, x.reshape(-1, x.shape[-1])).pow(2).sum(),
    "constant": lambda lib, x: (x.detach() * 2).sum() + x.sum() * 0,
    "in_place": lambda lib, x: (x * 1).mul_(x).add_(1).sum(),
    "assigned": lambda lib, x: _assigned(x),
}


def _assigned(x):
    y = x * 2
    y[..., 0] = x[..., 1] ** 2
    return (y * y).sum()


@pytest.mark.parametrize("shape", [(3,), (2, 3)])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_derivatives_of_scalar_functions(name, shape):
    def story(lib):
        def f(x):
            return FUNCTIONS[name](lib, x)

        x, v, F = numbers(lib, *shape), numbers(lib, *shape, seed=1), lib.func
        value, tangent = F.jvp(f, (x,), (v,))
        return {
            "grad": F.grad(f)(x),
            "grad_and_value": F.grad_and_value(f)(x),
            "jvp": (value, tangent),
            "vjp": F.vjp(f, x)[1](lib.tensor(2.0, dtype=lib.float64)),
            "second": F.grad(lambda y: (F.grad(f)(y) ** 2).sum())(x),
            "hessian": F.hessian(f)(x),
            "hvp": F.jvp(F.grad(f), (x,), (v,))[1],
            "vmap_grad": F.vmap(F.grad(f))(lib.stack([x, v])),
            "vmap_value": F.vmap(f)(lib.stack([x, v, x + v])),
            "vmap_hessian": F.vmap(F.hessian(f))(lib.stack([x, v])),
        }

    agree(story)


MAPS = {
    "elementwise": lambda lib, x: x.sin() * 2,
    "row_products": lambda lib, x: x[:, None] * x[None, :],
    "matrix_vector": lambda lib, x: numbers(lib, 4, 3) @ x,
    "two_outputs": lambda lib, x: (x * 2, (x**2).sum()),
    "nest": lambda lib, x: {"a": x.exp(), "b": [x.sum(), x[:2]]},
    "cat": lambda lib, x: lib.cat([x, x**2]),
}


@pytest.mark.parametrize("name", MAPS)
def test_jacobians_of_maps(name):
    def story(lib):
        def f(x):
            return MAPS[name](lib, x)

        x = numbers(lib, 3)
        return lib.func.jacrev(f)(x), lib.func.jacfwd(f)(x), lib.func.jacrev(f, chunk_size=2)(x)

    agree(story)


def several_arguments(lib):
    def f(x, y, scale=1.0):
        return (x * y * scale).sum() + (x**2).sum()

    x, y, F = numbers(lib, 3), numbers(lib, 3, seed=1), lib.func
    both = F.grad(f, argnums=(0, 1))(x, y, scale=2.0)
    last = F.grad(f, argnums=-1)(x, y)
    jacobians = (
        F.jacrev(lambda x, y: x * y, argnums=(0, 1))(x, y),
        F.jacfwd(lambda x, y: x * y, argnums=1)(x, y),
    )
    return both, last, jacobians, F.hessian(f, argnums=(0, 1))(x, y)


def auxiliary_outputs(lib):
    def f(x):
        return (x**2).sum(), {"kept": x * 3}

    x, F = numbers(lib, 3), lib.func
    pulled = F.vjp(f, x, has_aux=True)
    return (
        F.grad(f, has_aux=True)(x),
        F.grad_and_value(f, has_aux=True)(x),
        F.jacrev(lambda x: (x * x, x.sum()), has_aux=True)(x),
        F.jacfwd(lambda x: (x * x, x.sum()), has_aux=True)(x),
        (pulled[0], pulled[1](lib.tensor(1.0, dtype=lib.float64)), pulled[2]),
        F.jvp(f, (x,), (x,), has_aux=True),
    )


def parameters_in_a_dictionary(lib):
    def loss(p, x):
        return ((x @ p["w"] + p["b"]) ** 2).mean()

    p = {"w": numbers(lib, 3, 2), "b": numbers(lib, 2, seed=1)}
    x = numbers(lib, 5, 3, seed=2)
    each = lib.func.vmap(lib.func.grad(loss), in_dims=(None, 0))(p, x)
    return lib.func.grad(loss)(p, x), each


def gradients_per_example_of_a_captured_parameter(lib):
    w = numbers(lib, 3)

    def loss(w, x):
        return (w * x).sin().sum()

    x = numbers(lib, 4, 3, seed=1)
    return lib.func.vmap(lib.func.grad(loss), in_dims=(None, 0))(w, x), lib.func.vmap(lambda x: loss(w, x))(x)


def dimensions_in_and_out(lib):
    x, y, vmap = numbers(lib, 2, 3, 4), numbers(lib, 4, 2, seed=1), lib.func.vmap
    return (
        vmap(lambda a, b: a.sum(0) * b.sum(), in_dims=(2, 0))(x, y),
        vmap(lambda a: a * 2, in_dims=1, out_dims=2)(x),
        vmap(lambda a: a * 2, in_dims=-1, out_dims=-1)(x),
        vmap(lambda a: (a, a.sum()), in_dims=1, out_dims=(1, 0))(x),
        vmap(lambda d: d["a"].sum() + d["b"].sum(), in_dims=({"a": 2, "b": 0},))({"a": x, "b": y}),
        vmap(lambda p, c: p[0] * c + p[1], in_dims=((0, None), None))((y, y[0]), 3.0),
        vmap(vmap(lambda a, b: a @ b, in_dims=(None, 1)), in_dims=(0, None))(y, y.t() @ y),
        vmap(lambda a: lib.ones(2, dtype=a.dtype))(y),
        vmap(lambda a, k: a + k)(y, k=y),
    )


def chunks(lib):
    x = numbers(lib, 7, 3)
    return [lib.func.vmap(lambda a: a.exp().sum(), chunk_size=n)(x) for n in (1, 2, 7, 10)]


def nested_levels(lib):
    x, y, F = numbers(lib, 3), numbers(lib, 2, seed=1), lib.func
    grid = F.vmap(F.vmap(lambda a, b: a * b + b.sin(), (None, 0)), (0, None))(x, y)
    third = F.grad(F.grad(F.grad(lambda a: a**4)))(x[0])
    across = F.vmap(lambda a: F.grad(lambda b: (a * b * b).sum())(y))(x)
    inside = F.grad(lambda a: F.vmap(lambda b: a * b * b)(y).sum())(x[0])
    twice = F.jacrev(F.jacfwd(lambda a: (a**3).sum()))(x), F.jacfwd(F.jacfwd(lambda a: (a**3).sum()))(x)
    deep = F.vmap(F.jacrev(F.vmap(lambda a: a.exp() * a)))(numbers(lib, 2, 3))
    return grid, third, across, inside, twice, deep


def gradients_through_vmap(lib):
    x = numbers(lib, 4, 3).requires_grad_()
    w = numbers(lib, 3, seed=1).requires_grad_()
    y = lib.func.vmap(lambda a: (a * w).tanh().sum(), in_dims=0)(x)
    (y**2).sum().backward()
    return y, x.grad, w.grad


def gradients_through_grad(lib):
    x, w = numbers(lib, 3).requires_grad_(), numbers(lib, 3, seed=1).requires_grad_()
    g = lib.func.grad(lambda a: (a**3 * w).sum())(x)
    (g * g).sum().backward()
    return g, x.grad, w.grad


def no_grad_inside_and_outside(lib):
    x, F = numbers(lib, 3), lib.func

    def f(a):
        with lib.no_grad():
            b = a * 2
        return (a * b).sum()

    with lib.no_grad():
        outside = F.grad(lambda a: (a**2).sum())(x)
    return F.grad(f)(x), outside


def a_constant_function(lib):
    return lib.func.grad(lambda a: lib.tensor(3.0))(numbers(lib, 3))


def no_scalar(lib):
    lib.func.grad(lambda a: a * 2)(numbers(lib, 3))


def no_tensor(lib):
    lib.func.grad(lambda a: 3.0)(numbers(lib, 3))


def sizes_that_differ(lib):
    lib.func.vmap(lambda a, b: a + b)(lib.ones(2, 3), lib.ones(3, 3))


def nothing_mapped(lib):
    lib.func.vmap(lambda a: a, in_dims=None)(lib.ones(3))


def a_dimension_that_is_not_there(lib):
    lib.func.vmap(lambda a: a, in_dims=2)(lib.ones(3))


def in_dims_of_another_shape(lib):
    lib.func.vmap(lambda a, b: a, in_dims=(0,))(lib.ones(3), lib.ones(3))


def an_output_that_is_no_tensor(lib):
    lib.func.vmap(lambda a: 3)(lib.ones(3))


def a_number_mapped(lib):
    lib.func.vmap(lambda a: a, in_dims=0)(3.0)


def an_if_on_an_example(lib):
    lib.func.vmap(lambda a: a if a > 0 else -a)(lib.ones(3))


def an_item_of_an_example(lib):
    lib.func.vmap(lambda a: a.item())(lib.ones(3))


def random_numbers_are_refused(lib):
    lib.func.vmap(lambda a: a + lib.randn(2))(lib.ones(3, 2))


def dropout_is_refused(lib):
    lib.func.vmap(lambda a: lib.nn.functional.dropout(a))(lib.ones(3, 2))


def random_numbers_that_are_the_same(lib):
    y = lib.func.vmap(lambda a: a * 0 + lib.rand(2), randomness="same")(lib.zeros(5, 2))
    return y.shape == (5, 2), bool((y == y[0]).all()), bool((y[0] != 0).all())


def random_numbers_that_differ(lib):
    y = lib.func.vmap(lambda a: a * 0 + lib.rand(2), randomness="different")(lib.zeros(50, 2))
    return tuple(y.shape), len({round(v, 6) for v in y[:, 0].tolist()}) > 40


def a_randomness_that_is_none(lib):
    lib.func.vmap(lambda a: a, randomness="sometimes")(lib.ones(3))


def in_place_inside(lib):
    x = numbers(lib, 4, 3)

    def f(a):
        b = a.clone()
        b[0] = a[1] * 2
        b.mul_(2).add_(a)
        b[1:].zero_()
        return b

    return lib.func.vmap(f)(x), x


def in_place_on_what_is_mapped(lib):
    x = numbers(lib, 4, 3)
    lib.func.vmap(lambda a: a.mul_(2))(x)
    return x


def in_place_on_what_is_not_mapped(lib):
    y = lib.zeros(3, dtype=lib.float64)
    lib.func.vmap(lambda a: y.add_(a))(numbers(lib, 4, 3))


def many_operations(lib):
    x, F = numbers(lib, 4, 3, 3), lib.nn.functional

    def f(a):
        return [
            *(
                a.sum(),
                a.sum(0),
                a.mean(-1),
                a.max(),
                a.max(0).values,
                a.argmax(),
                a.t(),
                a[0],
                a[:, 1:],
                a.view(9),
            ),
            *(
                a.reshape(-1, 1),
                a.unsqueeze(1),
                a.permute(1, 0),
                a.expand(2, 3, 3),
                a @ a,
                a @ a[0],
                a[0] @ a[1],
            ),
            *(
                lib.cat([a, a], 1),
                lib.stack([a, a]),
                a.softmax(0),
                a.log_softmax(1),
                a.cumsum(0),
                a.sort(0).values,
            ),
            *(
                a.topk(2).values,
                a.diagonal(),
                a.trace(),
                a.tril(),
                a.flip(0),
                a.roll(1, 0),
                a.norm(),
                a.std(),
                a.prod(1),
            ),
            *(
                a.clamp(-1, 1),
                a.where(a > 0, -a),
                a.masked_fill(a > 0, 0.0),
                a.abs().sqrt(),
                a.to(lib.float32),
            ),
            *(
                a[lib.tensor([0, 2])],
                a.gather(0, lib.zeros(1, 3, dtype=lib.int64)),
                a.index_select(1, lib.tensor([1])),
            ),
            *(
                F.relu(a),
                F.gelu(a),
                F.layer_norm(a, (3,)),
                F.linear(a, a, a[0]),
                F.mse_loss(a, a * 2),
                F.one_hot(a.argmax(0), 3),
            ),
            *(
                lib.linalg.inv(a),
                lib.linalg.det(a),
                lib.einsum("ij,jk->ki", a, a),
                lib.outer(a[0], a[1]),
                a.repeat(2, 1),
            ),
            *(
                F.conv1d(a[None], a[None]),
                F.max_pool1d(a[None], 2),
                F.embedding(a[0].argsort(), a),
                a.count_nonzero(),
            ),
            *(
                F.cross_entropy(a, a.argmax(1)),
                a.unfold(0, 2, 1),
                a.chunk(3)[1],
                a.unbind()[0],
                a.isnan().any(),
                a.flatten(),
            ),
        ]

    return lib.func.vmap(f)(x)


@told(
    *(
        several_arguments,
        auxiliary_outputs,
        parameters_in_a_dictionary,
        gradients_per_example_of_a_captured_parameter,
    ),
    *(dimensions_in_and_out, chunks, nested_levels, gradients_through_vmap, gradients_through_grad),
    *(
        no_grad_inside_and_outside,
        a_constant_function,
        no_scalar,
        no_tensor,
        sizes_that_differ,
        nothing_mapped,
    ),
    *(a_dimension_that_is_not_there, in_dims_of_another_shape, an_output_that_is_no_tensor, a_number_mapped),
    *(an_if_on_an_example, an_item_of_an_example, random_numbers_are_refused, dropout_is_refused),
    *(
        random_numbers_that_are_the_same,
        random_numbers_that_differ,
        a_randomness_that_is_none,
        in_place_inside,
    ),
    *(in_place_on_what_is_mapped, in_place_on_what_is_not_mapped, many_operations),
)
def test_as_torch(story):
    agree(story)


def test_every_example_is_seen_by_an_op_without_a_batching_rule():
    from rushlight.ops.declare import registry

    name = "kthvalue"
    assert registry[name].batch_rule is None
    x = numbers(rl, 4, 5)
    expected = [rl.kthvalue(row, 2).values.item() for row in x]
    assert rl.vmap(lambda a: rl.kthvalue(a, 2).values)(x).tolist() == expected
