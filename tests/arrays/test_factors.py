"""Factorisations written here: LU, LDL, triangular systems, matrix exponentials, integer products."""

from __future__ import annotations

import numpy as np
import pytest

from rushlight.arrays import ldl, products
from rushlight.arrays.lu import first_zero_pivot, lu_factor, permutation
from rushlight.arrays.matrix_exponential import matrix_exp
from rushlight.arrays.triangular import solve_triangular

RNG = np.random.default_rng(0)


def normal(*shape: int, kind: str = "d") -> np.ndarray:
    x = RNG.normal(size=shape)
    return (x + 1j * RNG.normal(size=shape) if kind in "FD" else x).astype(kind)


@pytest.mark.parametrize("kind", "dD")
@pytest.mark.parametrize(
    "shape", [(5, 5), (3, 4, 4), (2, 7, 4), (2, 4, 7), (100, 100), (2, 2, 70, 90), (0, 0), (0, 3, 3), (3, 0)]
)
def test_lu(shape: tuple[int, ...], kind: str) -> None:
    A = normal(*shape, kind=kind)
    LU, pivots = lu_factor(A)
    m, n = shape[-2:]
    k = min(m, n)
    L, U = np.tril(LU[..., :k], -1) + np.eye(m, k), np.triu(LU[..., :k, :])
    order = permutation(pivots, m)
    np.testing.assert_allclose(L @ U, np.take_along_axis(A, order[..., None], -2), atol=1e-12)
    if LU.size:
        assert np.abs(L).max() <= np.sqrt(2) + 1e-12  # partial pivoting: by |re| + |im|


def test_zero_pivots_are_counted_from_one() -> None:
    assert first_zero_pivot(lu_factor(np.stack([np.eye(3), np.zeros((3, 3))]))[0]).tolist() == [0, 1]


@pytest.mark.parametrize("kind", "fdD")
@pytest.mark.parametrize("n", [1, 5, 48, 49, 130])
@pytest.mark.parametrize("upper", [True, False])
def test_triangular(n: int, upper: bool, kind: str) -> None:
    T = (np.triu if upper else np.tril)(normal(2, n, n, kind=kind)) + (2 * np.sqrt(n) * np.eye(n)).astype(
        kind
    )
    B = normal(n, 3, kind=kind)
    garbage = T + (np.tril if upper else np.triu)(np.full((n, n), 9.0), -1 if upper else 1).astype(kind)
    tolerance = 1e-4 if kind == "f" else 1e-10
    np.testing.assert_allclose(
        T @ solve_triangular(garbage, B, upper), np.broadcast_to(B, (2, n, 3)), atol=tolerance
    )
    unit = T * 0.05
    X = solve_triangular(unit, B, upper, unit=True)
    unit[..., range(n), range(n)] = 1
    np.testing.assert_allclose(unit @ X, np.broadcast_to(B, (2, n, 3)), atol=tolerance * np.abs(X).max())


@pytest.mark.parametrize("hermitian", [False, True])
def test_ldl_solves(hermitian: bool) -> None:
    for n in range(1, 9):
        A = normal(3, n, n, kind="D") * (RNG.random((3, n, n)) < 0.6)
        A = A + (np.conjugate(A.swapaxes(1, 2)) if hermitian else A.swapaxes(1, 2)) + 0.01 * np.eye(n)[::-1]
        LD, pivots, infos = ldl.ldl_factor(A, hermitian)
        B = normal(n, 2, kind="D")
        if not infos.any() and np.linalg.cond(A).max() < 1e8:
            np.testing.assert_allclose(
                A @ ldl.ldl_solve(LD, pivots, B, hermitian), np.broadcast_to(B, (3, n, 2)), atol=1e-6
            )


def test_ldl_pivots_are_lapacks() -> None:
    torch = pytest.importorskip("torch")
    for seed in range(20):
        A = np.random.default_rng(seed).normal(size=(6, 6)) * (
            np.random.default_rng(seed + 99).random((6, 6)) < 0.5
        )
        A = A + A.T
        LD, pivots, infos = ldl.ldl_factor(A, False)
        expected = torch.linalg.ldl_factor_ex(torch.from_numpy(A))
        np.testing.assert_array_equal(pivots, expected.pivots.numpy())
        np.testing.assert_allclose(LD, np.tril(expected.LD.numpy()), atol=1e-10)
        assert infos == expected.info.item()


@pytest.mark.parametrize("scale", [0.01, 1.0, 10.0])
def test_matrix_exponential_is_that_of_the_eigenvalues(scale: float) -> None:
    x = normal(4, 4)
    A = scale * (x + x.T)
    values, vectors = np.linalg.eigh(A)
    expected = (vectors * np.exp(values)) @ vectors.T
    np.testing.assert_allclose(matrix_exp(A), expected, rtol=1e-8, atol=1e-8 * np.abs(expected).max())
    single = matrix_exp(A.astype(np.float32))
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, expected, atol=1e-4 * scale * np.abs(expected).max() + 1e-5)


def test_matrix_exponential_of_nan_and_of_a_nilpotent() -> None:
    assert np.isnan(matrix_exp(np.full((2, 2), np.nan))).all()
    np.testing.assert_allclose(matrix_exp(np.array([[0.0, 1e3], [0.0, 0.0]])), [[1, 1e3], [0, 1]], rtol=1e-12)


def test_integers_go_through_blas_only_where_it_is_exact() -> None:
    big = np.full((64, 64), 2**40)
    np.testing.assert_array_equal(products.dot(big, big), np.dot(big, big))
    small = RNG.integers(-1000, 1000, (64, 64))
    np.testing.assert_array_equal(products.dot(small, small), np.dot(small, small))


def test_sums_over_rows() -> None:
    g = normal(2000, 3)
    np.testing.assert_allclose(products.sum_rows(g), g.sum(0))
    np.testing.assert_allclose(products.sum_rows(g[:1]), g[0])
