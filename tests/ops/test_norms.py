"""Norms: orders by name and number, subgradients, accuracy, refusals."""

import math

import numpy as np
import pytest

import rushlight as rl

X = rl.arange(6.0).reshape(2, 3)
vector_norm = rl.linalg.vector_norm


def test_orders():
    assert X.norm().item() == pytest.approx(math.sqrt(55))
    assert X.norm("fro", dim=0).tolist() == pytest.approx([3, math.sqrt(17), math.sqrt(29)])
    assert X.norm(3, (0, 1)).item() == pytest.approx(225 ** (1 / 3))
    assert X.norm(math.inf, 1, True).tolist() == [[2], [5]] and X.norm(-math.inf).item() == 0
    assert X.norm(0, 1).tolist() == [2, 3] and X.norm(p=1).item() == 15
    assert X.norm(dim=1, dtype=rl.float64).dtype is rl.float64
    assert rl.tensor([3 + 4j]).norm().dtype is rl.float32 and rl.tensor([3 + 4j]).norm(1).item() == 5


def test_nuclear_norm():
    singular = np.linalg.svd(X.numpy(), compute_uv=False)
    assert X.norm("nuc").item() == pytest.approx(singular.sum(), rel=1e-6)
    assert X.norm("nuc", (0, 1), True).shape == (1, 1)


def test_gradients_at_zero():
    for p, expected in ((2, 0), (1, 0), (3, 0), (math.inf, 0)):
        x = rl.zeros(3, requires_grad=True)
        x.norm(p).backward()
        assert x.grad.tolist() == [expected] * 3, p


def test_a_large_norm_is_accurate():
    x = np.random.default_rng(0).random(1_000_003).astype(np.float32)
    exact = np.sqrt((x.astype(np.float64) ** 2).sum())
    assert abs(rl.from_numpy(x).norm().item() / exact - 1) < 3e-7
    assert rl.from_numpy(x).reshape(-1, 1).norm(keepdim=True).shape == (1, 1)


def test_normalize_leaves_zeros_alone():
    x = rl.tensor([[3.0, 4.0], [0.0, 0.0]], requires_grad=True)
    y = rl.nn.functional.normalize(x)
    np.testing.assert_allclose(y.tolist(), [[0.6, 0.8], [0, 0]], rtol=1e-6)
    y[0, 0].backward()
    np.testing.assert_allclose(x.grad.tolist(), [[0.128, -0.096], [0, 0]], rtol=1e-5)


def test_renorm_scales_down_only():
    x = rl.tensor([[3.0, 4.0], [0.3, 0.4]])
    np.testing.assert_allclose(x.renorm(2, 0, 1.0).tolist(), [[0.6, 0.8], [0.3, 0.4]], rtol=1e-6)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: rl.arange(3).norm(), "Expected a floating point or complex"),
        (lambda: X.norm("abc"), "not supported"),
        (lambda: rl.ones(2, 2, 2).norm("nuc"), "two dimensions"),
        (lambda: vector_norm(rl.empty(0), math.inf), "does not have an identity"),
        (lambda: vector_norm(rl.empty(0), -1), "-1 norm"),
        (lambda: vector_norm(rl.empty(0, 3), math.inf, 0), "dimension 0"),
        (lambda: vector_norm(rl.ones(2, dtype=rl.float64), dtype=rl.float32), "narrowing"),
        (lambda: vector_norm(rl.ones(2), dtype=rl.complex64), "should be real"),
        (lambda: rl.ones(3).renorm(2, 0, 1), "at least 2 dimensions"),
        (lambda: X.renorm(-1, 0, 1), "not supported"),
    ],
)
def test_refusals(call, said):
    with pytest.raises(RuntimeError, match=said):
        call()


def test_norms_of_nothing():
    assert vector_norm(rl.empty(0)).item() == 0 and vector_norm(rl.empty(0, 3), 1, 0).tolist() == [0, 0, 0]
