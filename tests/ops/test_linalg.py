"""torch.linalg against torch: values, dtypes, first and second derivatives, real, complex, batched, empty."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import rushlight as rl

from .linalg_calls import CALLS, arrays

try:
    import torch
except ImportError:
    torch = None

needs_torch = pytest.mark.skipif(torch is None, reason="compares with torch")
#: torch itself has no second derivative there, or a wrong one
FIRST_ORDER_ONLY: set[str] = set()


def outputs(found: Any) -> list[Any]:
    return list(found) if isinstance(found, (tuple, list)) else [found]


def numbers(x: Any) -> np.ndarray:
    x = x.detach()
    return x.numpy() if isinstance(x, rl.Tensor) else x.resolve_conj().resolve_neg().numpy()


def differences(ours: list[Any], theirs: list[Any], tolerance: float, what: str) -> list[str]:
    """What differs between two lists of tensors."""
    if not theirs and what == "second":
        return []  # torch has none where there is nothing
    wrong = [] if len(ours) == len(theirs) else [f"{what}: {len(ours)} results, torch {len(theirs)}"]
    for i, (a, b) in enumerate(zip(ours, theirs)):
        if a is None or b is None:
            if any(x is not None and np.abs(numbers(x)).max(initial=0) > tolerance for x in (a, b)):
                wrong.append(f"{what} {i}: {a} and {b}")
            continue
        x, y = numbers(a), numbers(b)
        if x.shape != y.shape or x.dtype != y.dtype:
            wrong.append(f"{what} {i}: {x.dtype}{x.shape}, torch {y.dtype}{y.shape}")
        elif not np.allclose(
            x, y, rtol=tolerance, atol=tolerance * max(1, np.abs(y).max(initial=0)), equal_nan=True
        ):
            wrong.append(
                f"{what} {i}: {np.array2string(x.ravel()[:6], precision=4)} "
                f"torch {np.array2string(y.ravel()[:6], precision=4)}"
            )
    return wrong


def gradients(
    module: Any, results: list[Any], inputs: list[Any], seed: int, create_graph: bool
) -> tuple[list[Any], list[Any]]:
    """Gradients of random weightings of the results, and the weights (which can be differentiated too)."""
    tracked = [r for r in results if r.requires_grad]
    weights = []
    rng = np.random.default_rng(seed)
    for r in tracked:
        w = rng.normal(size=tuple(r.shape)) + (1j * rng.normal(size=tuple(r.shape)) if r.is_complex() else 0)
        weights.append(module.from_numpy(np.asarray(w).astype(numbers(r).dtype)).requires_grad_())
    if not tracked:
        return [], []
    found = module.autograd.grad(tracked, inputs, weights, create_graph=create_graph, allow_unused=True)
    return list(found), weights


def everything(module: Any, f: Any, values: list[np.ndarray], order: int) -> dict[str, list[Any]]:
    """Results, gradients and gradients of gradients of one call."""
    inputs = [module.from_numpy(a.copy()).requires_grad_() for a in values]
    results = outputs(f(module, *inputs))
    first, weights = gradients(module, results, inputs, 1, order > 1)
    found = {"result": results, "gradient": first}
    if order > 1:
        kept = [g for g in first if g is not None]
        found["second"] = gradients(module, kept, [*inputs, *weights], 2, False)[0]
    return found


@needs_torch
@pytest.mark.filterwarnings("ignore::UserWarning")  # torch says that its older forms are deprecated
@pytest.mark.parametrize("name", CALLS)
def test_agrees_with_torch(name: str) -> None:
    f, shapes = CALLS[name]
    wrong = []
    for group in shapes:
        for dtype, tolerance in (("float64", 1e-8), ("complex128", 1e-8), ("float32", 5e-4)):
            order = 1 if dtype == "float32" or name in FIRST_ORDER_ONLY else 2
            values = arrays(group, dtype)
            theirs = everything(torch, f, values, order)
            ours = everything(rl, f, values, order)
            for what in theirs:
                wrong += [
                    f"{group} {dtype} {w}"
                    for w in differences(
                        ours[what], theirs[what], tolerance * (10 if what == "second" else 1), what
                    )
                ]
    assert not wrong, "\n".join(wrong[:10])


@pytest.mark.parametrize(
    "name", [n for n in CALLS if n not in ("matrix_rank", "geqrf", "ldl", "cond_by_inverse", "qr_complete")]
)
def test_slopes(name: str) -> None:
    """First derivatives against differences, without torch."""
    f, shapes = CALLS[name]
    inputs = [rl.from_numpy(a).requires_grad_() for a in arrays(shapes[0], "float64")]
    assert rl.autograd.gradcheck(lambda *xs: tuple(r for r in outputs(f(rl, *xs)) if r.requires_grad), inputs)


# -- refusals -----------------------------------------------------------------------------------------

EYE, ZERO, SINGULAR = np.eye(3), np.zeros((3, 3)), np.array([[1.0, 2, 3], [2, 4, 6], [1, 0, 1]])
INDEFINITE = np.diag([1.0, -1.0, 1.0])


def t(a: np.ndarray) -> rl.Tensor:
    return rl.from_numpy(np.array(a))


SINGULAR_CALLS = [
    (
        lambda: rl.linalg.inv(t(ZERO)),
        "linalg.inv: The diagonal element 1 is zero, the inversion could not be completed",
    ),
    (lambda: rl.linalg.inv(t(SINGULAR)), "The diagonal element [23] is zero"),
    (lambda: rl.linalg.inv(t(np.stack([EYE, ZERO]))), r"\(Batch element 1\): The diagonal element 1 is zero"),
    (
        lambda: rl.linalg.solve(t(ZERO), t(EYE)),
        "torch.linalg.solve: The solver failed because the input matrix is singular",
    ),
    (lambda: rl.linalg.cholesky(t(INDEFINITE)), "the leading minor of order 2 is not positive-definite"),
    (
        lambda: rl.linalg.cholesky(t(np.stack([EYE, INDEFINITE]))),
        r"\(Batch element 1\): The factorization could not be completed",
    ),
    (lambda: rl.linalg.svd(t(np.full((3, 3), np.nan))), "contained non-finite values"),
    (lambda: rl.linalg.eigh(t(np.full((3, 3), np.nan))), "failed to converge"),
    (lambda: rl.linalg.matrix_power(t(ZERO), -1), "singular"),
    (lambda: rl.linalg.cholesky_ex(t(INDEFINITE), check_errors=True), "order 2"),
    (lambda: rl.linalg.inv_ex(t(ZERO), check_errors=True), "singular"),
]


@pytest.mark.parametrize(("call", "message"), SINGULAR_CALLS)
def test_what_has_no_answer_raises_linalg_error(call: Any, message: str) -> None:
    with pytest.raises(rl.linalg.LinAlgError, match=message):
        call()
    assert issubclass(rl.linalg.LinAlgError, RuntimeError)


REFUSALS = [
    (lambda: rl.linalg.inv(t(EYE[:2])), "A must be batches of square matrices, but they are 2 by 3 matrices"),
    (lambda: rl.linalg.det(t(EYE[0])), "must have at least 2 dimensions"),
    (lambda: rl.linalg.inv(t(EYE).long()), "Expected a floating point or complex tensor as input. Got Long"),
    (lambda: rl.linalg.cholesky(t(EYE).half()), "Half"),
    (lambda: rl.linalg.solve(t(EYE), t(EYE).float()), "Expected A and B to have the same dtype"),
    (
        lambda: rl.linalg.solve(t(EYE), t(np.ones((4, 2)))),
        r"Incompatible shapes of A and B for the equation AX = B \(3x3 and 4x2\)",
    ),
    (lambda: rl.linalg.solve_triangular(t(EYE), t(EYE[0]), upper=True), "B must have at least 2 dimensions"),
    (
        lambda: rl.linalg.lu_factor(t(ZERO)),
        r"U\[1,1\] is zero and using it on lu_solve would result in a division by zero",
    ),
    (lambda: rl.linalg.lu(t(EYE), pivot=False), "LU without pivoting is not implemented on the CPU"),
    (lambda: rl.linalg.qr(t(EYE), mode="x"), "qr received unrecognized mode 'x'"),
    (lambda: rl.linalg.eigh(t(EYE), UPLO="X"), "Expected UPLO argument to be 'L' or 'U', but got X"),
    (lambda: rl.linalg.eig(t(np.full((3, 3), np.inf))), "should not contain infs or NaNs"),
    (lambda: rl.linalg.cond(t(EYE), 3), "got an invalid norm type: 3"),
    (lambda: rl.linalg.matrix_norm(t(EYE), 3), "Order 3 not supported"),
    (lambda: rl.linalg.matrix_norm(t(EYE), dim=(0, 0)), "dims must be different"),
    (lambda: rl.linalg.norm(t(np.ones((2, 2, 2))), 2), "the input must be 1D or 2D. Got 3D"),
    (lambda: rl.linalg.cross(t(EYE), t(EYE[0])), "inputs must have the same number of dimensions"),
    (lambda: rl.linalg.cross(t(EYE[:2]), t(EYE[:2]), dim=0), "dimension 0 must have length 3"),
    (lambda: rl.cross(t(EYE[:2, :2]), t(EYE[:2, :2])), "no dimension of size 3 in input"),
    (lambda: rl.linalg.vander(t(EYE[0]), N=1), "N must be greater than 1"),
    (lambda: rl.linalg.tensorinv(t(np.ones((2, 3, 6))), ind=1), "but got 18 != 2"),
    (lambda: rl.linalg.lstsq(t(EYE), t(EYE), driver="x"), "parameter `driver` should be one of"),
    (lambda: rl.linalg.householder_product(t(EYE[:2]), t(EYE[0])), "must be greater than or equal to"),
    (lambda: rl.cdist(t(EYE), t(EYE[:, :2])), "X1 and X2 must have the same number of columns. X1: 3 X2: 2"),
    (lambda: rl.pdist(t(EYE[0])), "pdist only supports 2D tensors"),
]


@pytest.mark.parametrize(("call", "message"), REFUSALS)
def test_refusals(call: Any, message: str) -> None:
    with pytest.raises((RuntimeError, NotImplementedError), match=message):
        call()


def test_a_power_is_a_whole_number() -> None:
    with pytest.raises(TypeError, match="must be int"):
        rl.linalg.matrix_power(t(EYE), 1.5)


# -- what the general comparison leaves out -----------------------------------------------------------


def test_infos_instead_of_errors() -> None:
    both = t(np.stack([EYE, ZERO]))
    assert rl.linalg.inv_ex(both).info.tolist() == [0, 1]
    assert rl.linalg.solve_ex(both, t(EYE)).info.tolist() == [0, 1]
    assert rl.linalg.lu_factor_ex(both).info.tolist() == [0, 1]
    assert rl.linalg.cholesky_ex(t(np.stack([EYE, INDEFINITE]))).info.tolist() == [0, 2]
    assert rl.linalg.inv_ex(both).inverse[0].tolist() == EYE.tolist()


def test_named_results() -> None:
    assert type(rl.linalg.eigh(t(EYE))).__name__ == "linalg_eigh"
    assert repr(rl.linalg.slogdet(t(EYE))).startswith("torch.return_types.linalg_slogdet(\nsign=")
    assert rl.linalg.svd(t(EYE))._fields == ("U", "S", "Vh")
    assert rl.svd(t(EYE))._fields == ("U", "S", "V")


def test_least_squares_results_by_driver() -> None:
    a, b = t(EYE[:, :2]), t(np.ones((3, 1)))
    by_driver = {d: rl.linalg.lstsq(a, b, driver=d) for d in ("gels", "gelsy", "gelsd", "gelss")}
    for driver, found in by_driver.items():
        assert found.solution.flatten().tolist() == pytest.approx([1.0, 1.0])
        assert found.residuals.tolist() == ([] if driver == "gelsy" else pytest.approx([1.0]))
        assert found.rank.tolist() == ([] if driver == "gels" else 2)
        assert found.singular_values.numel() == (2 if driver in ("gelsd", "gelss") else 0)


def test_a_determinant_has_a_gradient_where_the_matrix_has_no_inverse() -> None:
    a = t(np.diag([2.0, 3.0, 0.0])).requires_grad_()
    rl.linalg.det(a).backward()
    np.testing.assert_allclose(a.grad.numpy(), np.diag([0.0, 0.0, 6.0]), atol=1e-12)


def test_equal_singular_values_do_not_spoil_the_gradient_of_their_sum() -> None:
    a = t(EYE).requires_grad_()
    u, s, vh = rl.linalg.svd(a)
    s.sum().backward()
    np.testing.assert_allclose(a.grad.numpy(), (u @ vh).detach().numpy(), atol=1e-12)


def test_zero_on_the_diagonal_gives_infinities_as_lapack_does() -> None:
    found = rl.linalg.solve_triangular(t(ZERO), t(np.ones((3, 1))), upper=True).flatten().tolist()
    assert np.isnan(found[:2]).all() and np.isinf(found[2])


@pytest.mark.parametrize("rows", [0, 1])
def test_distances_of_few_rows(rows: int) -> None:
    x = t(EYE[:rows]).requires_grad_()
    found = rl.pdist(x)
    assert found.shape == (0,)
    found.sum().backward()
    assert x.grad.abs().sum() == 0


def test_coinciding_points_have_distance_and_gradient_zero() -> None:
    x = t(np.ones((30, 3))).requires_grad_()
    d = rl.cdist(x, t(np.ones((2, 3))))
    d.sum().backward()
    assert (d == 0).all() and (x.grad == 0).all()


@pytest.mark.parametrize("name", ["inv", "det", "eigvalsh", "svdvals", "cholesky", "matrix_exp"])
def test_vmap_runs_on_the_whole_stack(name: str) -> None:
    x = t(np.random.default_rng(0).normal(size=(4, 3, 3)))
    x = x @ x.mT + rl.eye(3, dtype=x.dtype)
    f = getattr(rl.linalg, name)
    np.testing.assert_allclose(rl.vmap(f)(x).numpy(), f(x).numpy())
    slopes = rl.vmap(rl.func.grad(lambda a: f(a).sum()))(x)
    one = x[2].clone().requires_grad_()
    f(one).sum().backward()
    np.testing.assert_allclose(slopes[2].numpy(), one.grad.numpy(), rtol=1e-9, atol=1e-9)


def test_vmap_of_linear() -> None:
    rng = np.random.default_rng(0)
    x, w, b = (t(rng.normal(size=s)) for s in ((5, 2, 3), (4, 3), (4,)))
    expected = rl.nn.functional.linear(x, w, b).numpy()
    np.testing.assert_allclose(rl.vmap(rl.nn.functional.linear, (0, None, None))(x, w, b).numpy(), expected)
    weights, biases = w.expand(5, 4, 3), b.expand(5, 4)
    np.testing.assert_allclose(rl.vmap(rl.nn.functional.linear)(x, weights, biases).numpy(), expected)
