"""Calls of torch.linalg that do not depend on the signs and phases a decomposition leaves open.

Each is a function of (module, tensors...), run here and in torch; symmetric matrices are made inside, so
that every input may be varied freely.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

CALLS: dict[str, tuple[Callable[..., Any], list[tuple[tuple[int, ...], ...]]]] = {}

SQUARE = [((3, 3),), ((2, 3, 3),), ((2, 1, 2, 2),), ((1, 1),)]
ANY = [((3, 3),), ((4, 2),), ((2, 4),), ((2, 3, 2),), ((2, 2, 3),)]
EMPTY_SQUARE = [((0, 0),), ((0, 3, 3),), ((2, 0, 0),)]
EMPTY = [((0, 3),), ((3, 0),), ((0, 2, 3),), ((2, 0, 3),)]


def call(*shapes: Any) -> Callable[..., Any]:
    """Register a function under its name, for inputs of these shapes."""

    def register(f: Callable[..., Any]) -> Callable[..., Any]:
        CALLS[f.__name__.rstrip("_")] = (f, [group for part in shapes for group in part])
        return f

    return register


def H(x: Any) -> Any:
    return x.mT.conj()


def eye(t: Any, x: Any, n: int | None = None) -> Any:
    return t.eye(n or x.shape[-1], dtype=x.dtype)


def hermitian(x: Any) -> Any:
    return x + H(x)


def positive(t: Any, x: Any) -> Any:
    return x @ H(x) + eye(t, x, x.shape[-2])


def well(t: Any, x: Any) -> Any:
    """A well-conditioned square matrix."""
    return x + 4 * eye(t, x)


@call(SQUARE, EMPTY_SQUARE)
def inv(t, x):
    return t.linalg.inv(well(t, x)), t.inverse(well(t, x)), well(t, x).inverse()


@call(SQUARE)
def inv_ex(t, x):
    return tuple(t.linalg.inv_ex(well(t, x)))


@call(SQUARE, EMPTY_SQUARE)
def det(t, x):
    return t.det(x), t.linalg.det(x), x.det()


@call([((3, 3),)])
def det_of_singular(t, x):
    return t.linalg.det(x @ t.tensor([[1.0, 0, 0], [0, 1, 0], [0, 0, 0]], dtype=x.dtype))


@call(SQUARE, EMPTY_SQUARE)
def slogdet(t, x):
    return (*t.linalg.slogdet(x), *t.slogdet(x))


@call(SQUARE)
def logdet(t, x):
    return t.logdet(positive(t, x))


SYSTEMS = [
    ((3, 3), (3, 2)),
    ((2, 3, 3), (2, 3, 2)),
    ((2, 3, 3), (3, 2)),
    ((3, 3), (2, 3, 2)),
    ((0, 0), (0, 2)),
    ((3, 3), (3, 0)),
]
VECTORS = [((3, 3), (3,)), ((2, 3, 3), (2, 3)), ((2, 3, 3), (3,))]


@call(SYSTEMS, VECTORS)
def solve(t, a, b):
    return t.linalg.solve(well(t, a), b)


@call([((3, 3), (2, 3)), ((2, 3, 3), (4, 3))])
def solve_right(t, a, b):
    return t.linalg.solve(well(t, a), b, left=False)


@call(SYSTEMS)
def solve_ex(t, a, b):
    return tuple(t.linalg.solve_ex(well(t, a), b))


@call(SYSTEMS, [((60, 60), (60, 2))])
def solve_triangular(t, a, b):
    f, a = t.linalg.solve_triangular, well(t, a)
    plain = f(a, b, upper=True), f(a, b, upper=False)
    a = a * 0.1
    return (*plain, f(a, b, upper=True, unitriangular=True), f(a, b, upper=False, unitriangular=True))


@call([((3, 3), (2, 3)), ((2, 3, 3), (4, 3))])
def solve_triangular_right(t, a, b):
    f = t.linalg.solve_triangular
    return f(well(t, a), b, upper=True, left=False), f(
        a * 0.2, b, upper=False, left=False, unitriangular=True
    )


@call([((3, 2), (3, 3)), ((2, 3, 2), (2, 3, 3))])
def triangular_solve(t, b, a):
    a = well(t, a)
    options = (
        dict(),
        dict(upper=False),
        dict(transpose=True),
        dict(upper=False, transpose=True),
        dict(unitriangular=True),
    )
    return tuple(t.triangular_solve(b, a, **o)[0] for o in options)


@call(SQUARE, EMPTY_SQUARE)
def cholesky(t, x):
    a = positive(t, x)
    return t.linalg.cholesky(a), t.linalg.cholesky(a, upper=True), t.cholesky(a), a.cholesky(True)


@call(SQUARE)
def cholesky_ex(t, x):
    return tuple(t.linalg.cholesky_ex(positive(t, x)))


@call([((3, 2), (3, 3)), ((2, 3, 2), (2, 3, 3))])
def cholesky_solve(t, b, x):
    low = t.linalg.cholesky(positive(t, x))
    return t.cholesky_solve(b, low), t.cholesky_solve(b, H(low), True)


@call([((3, 3),), ((2, 3, 3),)])
def cholesky_inverse(t, x):
    low = t.linalg.cholesky(positive(t, x))
    return t.cholesky_inverse(low), t.cholesky_inverse(H(low), upper=True)


@call(ANY, EMPTY)
def qr(t, x):
    q, r = t.linalg.qr(x)
    return q @ r, q @ H(q), H(r) @ r


@call([((3, 3),), ((2, 4),), ((2, 2, 3),)])
def qr_complete(t, x):
    q, r = t.linalg.qr(x, mode="complete")
    return q @ r, q @ H(q), H(r) @ r


@call([((4, 2),), ((3, 3),)])
def qr_old(t, x):
    q, r = t.qr(x)
    return q @ r, q @ H(q), H(r) @ r


@call([((4, 2), (2,)), ((3, 3), (3,)), ((2, 3, 2), (2, 2))])
def householder_product(t, x, tau):
    return t.linalg.householder_product(x, tau), t.orgqr(x, tau)


@call([((4, 2), (2,), (4, 3)), ((3, 3), (3,), (3, 2))])
def ormqr(t, x, tau, other):
    return (
        t.ormqr(x, tau, other),
        t.ormqr(x, tau, other, transpose=True),
        t.ormqr(x, tau, H(other), left=False),
    )


@call(ANY, [((40, 40),)])
def lu(t, x):
    p, low, up = t.linalg.lu(x)
    return low, up, p


@call(ANY)
def lu_factor(t, x):
    return (*t.linalg.lu_factor(x), *t.linalg.lu_factor_ex(x), *t.lu(x))


@call(ANY)
def lu_unpack(t, x):
    return tuple(t.lu_unpack(*t.linalg.lu_factor(x)))


@call([((3, 3), (3, 2)), ((2, 3, 3), (2, 3, 2)), ((2, 3, 3), (3, 3))])
def lu_solve(t, a, b):
    f = t.linalg.lu_solve
    made = t.linalg.lu_factor(a)
    plain = f(*made, b), f(*made, b, adjoint=True)
    return (*plain, f(*made, H(b), left=False), f(*made, H(b), left=False, adjoint=True))


@call([((3, 3), (3, 2)), ((2, 3, 3), (2, 3, 2))])
def lu_solve_old(t, a, b):
    return t.lu_solve(b, *t.linalg.lu_factor(a))


@call(SQUARE, EMPTY_SQUARE)
def eigh(t, x):
    values, vectors = t.linalg.eigh(hermitian(x))
    return values, (vectors * values.sin().unsqueeze(-2)) @ H(vectors)


@call(SQUARE)
def eigh_upper(t, x):
    values, vectors = t.linalg.eigh(hermitian(x), UPLO="U")
    return values, (vectors * values.exp().unsqueeze(-2)) @ H(vectors)


@call(SQUARE, EMPTY_SQUARE)
def eigvalsh(t, x):
    return t.linalg.eigvalsh(hermitian(x))


@call(SQUARE, EMPTY_SQUARE)
def eig(t, x):
    values, vectors = t.linalg.eig(x)
    return (
        (vectors * values.unsqueeze(-2) ** 2) @ t.linalg.inv(vectors),
        vectors.abs().sum((-1, -2)),
        (values**2).sum(-1),
    )


@call(SQUARE, EMPTY_SQUARE)
def eigvals(t, x):
    values = t.linalg.eigvals(x)
    return (values**3).sum(-1)


@call(ANY, EMPTY)
def svd(t, x):
    u, s, vh = t.linalg.svd(x, full_matrices=False)
    return s, (u * s.sin().unsqueeze(-2)) @ vh, u @ H(u), H(vh) @ vh


@call([((3, 3),), ((2, 3, 3),)])
def svd_full(t, x):
    u, s, vh = t.linalg.svd(x)
    return s, u @ vh


@call(ANY)
def svd_old(t, x):
    u, s, v = t.svd(x)
    return s, (u * s.unsqueeze(-2) ** 2) @ H(v)


@call(ANY, EMPTY)
def svdvals(t, x):
    return t.linalg.svdvals(x)


@call(ANY, EMPTY)
def pinv(t, x):
    return t.linalg.pinv(x), x.pinverse()


@call([((3, 3),), ((2, 3, 3),)])
def pinv_of_hermitian(t, x):
    return t.linalg.pinv(hermitian(x), hermitian=True), t.linalg.pinv(hermitian(x), atol=0.1, rtol=0.01)


@call(ANY, EMPTY)
def matrix_rank(t, x):
    f = t.linalg.matrix_rank
    return f(x), f(x, atol=0.5), f(x, rtol=0.5), f(x, tol=1.0), f(x @ H(x), hermitian=True)


@call([((3, 3),), ((2, 3, 3),)])
def cond(t, x):
    return tuple(t.linalg.cond(x, p) for p in (None, 2, -2, "nuc"))


@call([((3, 3),), ((2, 3, 3),)])
def cond_by_inverse(t, x):
    """Values only: torch's own gradient fails here."""
    return tuple(t.linalg.cond(x.detach(), p) for p in ("fro", 1, -1, float("inf"), -float("inf")))


@call([((4, 2), (4, 3)), ((3, 3), (3, 1)), ((2, 4), (2, 3)), ((2, 4, 2), (2, 4, 1)), ((2, 4, 2), (2, 4))])
def lstsq(t, a, b):
    found = t.linalg.lstsq(a, b, driver="gelsd")
    return found.solution, found.rank, found.singular_values


@call([((4, 2), (4, 3)), ((2, 4, 2), (2, 4, 1))])
def lstsq_residuals(t, a, b):
    return t.linalg.lstsq(a, b, driver="gels").residuals


@call(SQUARE, EMPTY_SQUARE, [((5, 5),)])
def matrix_exp(t, x):
    return t.linalg.matrix_exp(x), t.matrix_exp(3 * x)


@call(SQUARE)
def matrix_power(t, x):
    return tuple(t.linalg.matrix_power(well(t, x), n) for n in (1, 2, 3, 5, -1, -2)) + (
        t.linalg.matrix_power(x.detach(), 0),
    )


NORMS = ("fro", "nuc", 1, -1, 2, -2, float("inf"), -float("inf"))


@call(ANY)
def matrix_norm(t, x):
    f = t.linalg.matrix_norm
    kept = tuple(f(x, p, keepdim=True) for p in NORMS)
    return (*(f(x, p) for p in NORMS), *kept, *(f(x, p, dim=(-1, 0)) for p in NORMS))


@call(ANY)
def norm(t, x):
    f = t.linalg.norm
    return (
        f(x),
        f(x, 2, dim=0),
        f(x, "fro", dim=(-2, -1)),
        f(x, 1, dim=(-2, -1), keepdim=True),
        f(x, 3, dim=-1),
        t.norm(x),
    )


@call([((3,), (3,)), ((2, 3), (2, 3)), ((2, 3), (1, 3)), ((2, 1, 3), (4, 3, 3))][:3])
def cross(t, a, b):
    return t.linalg.cross(a, b)


@call([((3, 2), (3, 2)), ((2, 3, 3), (2, 3, 1))])
def cross_along(t, a, b):
    return t.linalg.cross(a, b, dim=-2), t.cross(a, b, -2)


@call([((4,),), ((2, 3),), ((2,),)])
def vander(t, x):
    return t.linalg.vander(x), t.linalg.vander(x, N=3), t.linalg.vander(x, N=2)


@call([((2, 3, 6),)])
def tensorinv(t, x):
    return t.linalg.tensorinv(x, ind=2)


@call([((2, 3, 6), (2, 3)), ((2, 3, 2, 3), (2, 3))])
def tensorsolve(t, a, b):
    return t.linalg.tensorsolve(a, b)


@call([((2, 2, 3, 3), (2, 3))])
def tensorsolve_dims(t, a, b):
    return t.linalg.tensorsolve(a, b, dims=(0, 2))


@call(ANY)
def diagonal(t, x):
    return t.linalg.diagonal(x), t.linalg.diagonal(x, offset=1, dim1=-1, dim2=0)


@call([((4, 4), (4, 2)), ((2, 5, 5), (2, 5, 1))])
def ldl(t, x, b):
    a = hermitian(x.detach())
    made = t.linalg.ldl_factor(a, hermitian=True)
    plain = t.linalg.ldl_factor_ex(x.detach() + x.detach().mT)
    solved = t.linalg.ldl_solve(*plain[:2], b.detach())
    return (
        made.LD.tril(),
        made.pivots,
        plain.LD.tril(),
        *plain[1:],
        t.linalg.ldl_solve(*made, b.detach(), hermitian=True),
        solved,
    )


@call(SQUARE)
def geqrf(t, x):
    a, tau = t.geqrf(x.detach())
    q = t.linalg.householder_product(a, tau)
    return q @ a.triu(), (q @ H(q)).abs()


def arrays(shapes: tuple[tuple[int, ...], ...], dtype: str, seed: int = 0) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    made = [rng.normal(size=shape) for shape in shapes]
    if dtype.startswith("complex"):
        made = [a + 1j * rng.normal(size=a.shape) for a in made]
    return [np.asarray(a).astype(dtype) for a in made]
