"""Softmax: the definition against what runs on arrays, dimensions left out, types."""

import warnings

import numpy as np
import pytest

import rushlight as rl
from rushlight.ops import softmax as s

F = rl.nn.functional


@pytest.mark.parametrize("op", [s.softmax, s.log_softmax, s.logsumexp], ids=lambda op: op.name)
@pytest.mark.parametrize("shape", [(5,), (3, 4), (2, 3, 4), (200, 1000)])
def test_the_kernel_is_the_definition(op, shape):
    x = np.random.default_rng(0).standard_normal(shape) * 10
    for dim in range(len(shape)):
        # log_softmax near 0 is a difference of numbers of size 10: it is right to their last places
        np.testing.assert_allclose(op.array(x, dim), op.body(x, dim), rtol=1e-12, atol=1e-14)
        assert op.array(x.astype(np.float32), dim).dtype == np.float32


def test_large_rows_in_parts_and_columns():
    x = np.random.default_rng(0).standard_normal((301, 777)).astype(np.float32)
    exact = np.exp(x.astype(np.float64))
    for dim in (0, 1):
        expected = exact / exact.sum(dim, keepdims=True)
        np.testing.assert_allclose(rl.from_numpy(x).softmax(dim).numpy(), expected, rtol=2e-6)
        np.testing.assert_allclose(rl.from_numpy(x).log_softmax(dim).numpy(), np.log(expected), rtol=2e-6)
        np.testing.assert_allclose(rl.from_numpy(x.T).softmax(1 - dim).numpy(), expected.T, rtol=2e-6)


def test_functional_chooses_the_dimension_and_warns():
    for shape, dim in (((), 0), ((3,), 0), ((2, 3), 1), ((2, 3, 4), 0), ((2, 3, 4, 5), 1)):
        x = rl.arange(float(np.prod(shape))).reshape(shape)
        for name in ("softmax", "log_softmax", "softmin"):
            with pytest.warns(UserWarning, match=f"Implicit dimension choice for {name}"):
                found = getattr(F, name)(x)
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                np.testing.assert_array_equal(found.numpy(), getattr(F, name)(x, dim=dim).numpy())


def test_dtype_and_its_gradient():
    x = rl.ones(3, requires_grad=True)
    y = x.softmax(0, dtype=rl.float64)
    assert y.dtype is rl.float64 and rl.softmax(rl.arange(3), 0, rl.float32).dtype is rl.float32
    y[0].backward()
    assert x.grad.dtype is rl.float32
    np.testing.assert_allclose(x.grad.numpy(), [2 / 9, -1 / 9, -1 / 9], rtol=1e-6)
    assert F.softmax(rl.ones(3), 0, dtype=rl.float64).dtype is rl.float64


def test_overflow_and_infinities():
    x = rl.tensor([[1e30, 1e30], [-float("inf"), 0.0]])
    assert x.softmax(1).tolist() == [[0.5, 0.5], [0, 1]]
    assert rl.tensor([-float("inf")] * 2).logsumexp(0).item() == -float("inf")
    assert rl.tensor([float("inf"), 0.0]).logsumexp(0).item() == float("inf")
    assert rl.tensor(2.0).softmax(0).item() == 1 and rl.tensor(2.0).logsumexp(0).item() == 2
    assert rl.arange(3).logsumexp(0).dtype is rl.float32


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda: rl.softmax(rl.ones(3)), TypeError, "dim"),
        (lambda: rl.ones(3).softmax(1), IndexError, "Dimension out of range"),
        (lambda: rl.arange(3).softmax(0), NotImplementedError, "dtype=torch.float32"),
        (lambda: rl.tensor([1j]).log_softmax(0), NotImplementedError, "not implemented"),
    ],
)
def test_refusals(call, error, said):
    with pytest.raises(error, match=said):
        call()


def test_gradients_of_large_rows():
    rng = np.random.default_rng(0)
    x, g = rng.standard_normal((2, 301, 777)).astype(np.float32)
    for dim in (0, 1):
        p = np.exp(x.astype(np.float64)) / np.exp(x.astype(np.float64)).sum(dim, keepdims=True)
        expected = {
            "softmax": p * (g - (g * p).sum(dim, keepdims=True)),
            "log_softmax": g - p * g.sum(dim, keepdims=True),
        }
        for name, slope in expected.items():
            t = rl.from_numpy(x).requires_grad_()
            getattr(t, name)(dim).backward(rl.from_numpy(g))
            np.testing.assert_allclose(t.grad.numpy(), slope, rtol=1e-4, atol=1e-5)
