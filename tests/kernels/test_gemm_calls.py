"""Products that go straight from arrays, or Tensors, to their kernel: the table of kernels/gemm_calls.py."""

import numpy as np
import pytest

import rushlight as rl
from rushlight import threads
from rushlight.arrays import products_native
from rushlight.arrays.products import dot, sum_rows
from rushlight.kernels import gemm_calls, native

pytestmark = pytest.mark.skipif(not native.on(), reason="no machine code here")
rng = np.random.default_rng(5)


def normal(*shape, dtype="f"):
    return rng.standard_normal(shape).astype(dtype)


def known(*arrays):
    return products_native.known(*arrays)


@pytest.mark.parametrize("dtype", "fd")
@pytest.mark.parametrize(
    "shapes", [((5, 7), (7, 3)), ((2, 5, 7), (2, 7, 3)), ((1, 1), (1, 1)), ((4, 9), (9, 1))]
)
@pytest.mark.parametrize("turn", [(), (0,), (1,), (0, 1)])
def test_the_second_product_is_the_first(dtype, shapes, turn):
    gemm_calls.forget()
    pair = [
        np.ascontiguousarray(normal(*s, dtype=dtype).swapaxes(-1, -2)).swapaxes(-1, -2)
        if k in turn
        else normal(*s, dtype=dtype)
        for k, s in enumerate(shapes)
    ]
    assert known(*pair) is None
    first = products_native.product(*pair)
    second = known(*pair)
    if second is not None:  # not every layout has a kernel that reads it in place
        np.testing.assert_array_equal(first, second)
    np.testing.assert_allclose(first, pair[0] @ pair[1], rtol=1e-4, atol=1e-5)


def test_an_addend_is_part_of_what_is_known():
    gemm_calls.forget()
    x, y, b = normal(4, 5), normal(5, 6), normal(6)
    expected = products_native.product(x, y, b)
    assert known(x, y) is None
    np.testing.assert_array_equal(known(x, y, b), expected)
    assert known(x, y, normal(4, 6)) is None
    assert known(x, y, b.astype("d")) is None


def test_vectors_stand_for_rows_and_columns():
    gemm_calls.forget()
    v, m = normal(6), normal(6, 4)
    for x, y in ((v, m), (m.T.copy(), v), (v, v)):
        first = dot(x, y)
        assert first.shape == (x @ y).shape
        np.testing.assert_array_equal(dot(x, y), first)
        np.testing.assert_allclose(first, x @ y, rtol=1e-4, atol=1e-5)


def test_sums_over_rows():
    g = normal(9, 5)
    for _ in range(2):
        np.testing.assert_allclose(sum_rows(g), g.astype("d").sum(0), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("bad", [1.5, None, [1.0], "x", np.float32(2), np.zeros((2, 2, 2, 2, 2), "f")])
def test_what_is_no_matrix_is_not_known(bad):
    x = normal(2, 2)
    products_native.product(x, x)
    assert known(x, bad) is None and known(bad, x) is None
    assert known(x) is None and known() is None and known(x, x, x, x) is None


def test_other_sizes_strides_and_dtypes_are_not_known():
    gemm_calls.forget()
    x = normal(4, 4)
    products_native.product(x, x)
    assert known(x, x) is not None
    for other in (x.T, x.astype("d"), normal(4, 5), normal(8, 8)[::2, ::2], normal(1, 4, 4)):
        assert known(x, other) is None


def test_the_table_is_emptied_when_the_number_of_threads_changes():
    x = normal(4, 4)
    products_native.product(x, x)
    assert known(x, x) is not None
    before = threads.get()
    try:
        threads.choose(before + 1)
        assert known(x, x) is None
    finally:
        threads.choose(before)


# -- as calls of Tensors -------------------------------------------------------------------------------


def tensors(*shapes, grad=()):
    return [rl.tensor(normal(*s), requires_grad=k in grad) for k, s in enumerate(shapes)]


@pytest.mark.parametrize("grad", [(), (0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2)])
def test_linear_has_the_gradients_of_those_that_are_tracked(grad):
    for _ in range(3):  # the first call fills the table
        x, w, b = tensors((4, 5), (3, 5), (3,), grad=grad)
        out = rl.nn.functional.linear(x, w, b)
        xa, wa, ba = (t.detach().numpy().astype("d") for t in (x, w, b))
        np.testing.assert_allclose(out.detach().numpy(), xa @ wa.T + ba, rtol=1e-4, atol=1e-5)
        assert out.requires_grad == bool(grad)
        if not grad:
            continue
        g = normal(4, 3)
        out.backward(rl.tensor(g))
        expected = (g @ wa, g.T @ xa, g.sum(0))
        for k, t in enumerate((x, w, b)):
            assert (t.grad is not None) == (k in grad)
            if k in grad:
                np.testing.assert_allclose(t.grad.numpy(), expected[k], rtol=1e-4, atol=1e-5)


def test_linear_without_a_bias():
    for _ in range(2):
        x, w = tensors((4, 5), (3, 5), grad=(0, 1))
        for out in (rl.nn.functional.linear(x, w, None), rl.nn.functional.linear(x, w)):
            np.testing.assert_allclose(
                out.detach().numpy(), (x @ w.t()).detach().numpy(), rtol=1e-4, atol=1e-5
            )
            out.sum().backward()
        np.testing.assert_allclose(
            w.grad.numpy(), 2 * np.tile(x.detach().numpy().sum(0), (3, 1)), rtol=1e-4, atol=1e-5
        )


def test_only_what_a_tracked_input_needs_is_kept():
    products_native.product(normal(4, 4), normal(4, 4))
    x, w = tensors((4, 4), (4, 4), grad=(0,))
    node = rl.mm(x, w)._n
    kept = [v for v in node[3:] if isinstance(v, rl.Tensor)]
    assert kept == [w] or (len(kept) == 1 and kept[0] is w)


def test_what_was_kept_must_not_change():
    products_native.product(normal(4, 4), normal(4, 4))
    x, w = tensors((4, 4), (4, 4), grad=(0,))
    out = rl.mm(x, w)
    w.add_(1)
    with pytest.raises(RuntimeError, match="mm backward.*modified by an inplace operation.*'mat2'"):
        out.backward(rl.ones(4, 4))
    x, w = tensors((4, 4), (4, 4), grad=(0,))
    out = rl.mm(x, w)
    with rl.no_grad():
        x.add_(1)  # nothing needs it
    out.backward(rl.ones(4, 4))


def test_second_derivatives():
    x, w = (t.double().detach().requires_grad_() for t in tensors((3, 4), (4, 2)))
    for f in (rl.mm, rl.matmul):
        f(x, w)
        assert rl.autograd.gradcheck(f, (x, w)) and rl.autograd.gradgradcheck(f, (x, w))


def test_ranks_are_checked():
    a, b = tensors((2, 3, 3), (2, 3, 3))
    rl.bmm(a, b), rl.bmm(a, b)
    with pytest.raises(RuntimeError, match="mm: self must be a matrix"):
        rl.mm(a, b)
    c, d = tensors((3, 3), (3, 3))
    rl.mm(c, d), rl.mm(c, d)
    with pytest.raises(RuntimeError, match="bmm"):
        rl.bmm(c, d)
