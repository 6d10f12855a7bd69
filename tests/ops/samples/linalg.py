"""Samples of torch.linalg where the result is unique; the others are in tests/ops/linalg_calls.py."""

import numpy as np

from . import Sample, samples

SQUARE = ((3, 3), (2, 3, 3), (1, 1))
EMPTY = (
    np.zeros((0, 0), np.float32),
    np.zeros((0, 2, 2), np.float32),
)  # torch asks nothing of the type of nothing
ANY = ((3, 3), (4, 2), (2, 4), (2, 3, 2))
INF = float("inf")


def well(rng, shape):
    """Well-conditioned square matrices."""
    return rng.normal(size=shape) + 4 * np.eye(shape[-1])


def positive(rng, shape):
    x = rng.normal(size=shape)
    return x @ np.swapaxes(x, -2, -1) + 2 * np.eye(shape[-1])


@samples("inverse", "det", "slogdet")
def _(rng):
    for shape in SQUARE:
        yield Sample((well(rng, shape) * 0.5,), tolerance=1e-4)
    for nothing in EMPTY:
        yield Sample((nothing,))


@samples("matrix_exp", "eigvals")  # in other types torch gives nan, or another order
def _(rng):
    for shape in SQUARE:
        yield Sample(((well(rng, shape) * 0.5).astype(np.float32),), tolerance=1e-3)


@samples("logdet")
def _(rng):
    for shape in SQUARE:
        yield Sample((positive(rng, shape),), tolerance=1e-4)


@samples("det")
def _(rng):
    yield Sample((np.diag([1.0, 2.0, 0.0]),))


@samples("cholesky", "eigvalsh")
def _(rng):
    for shape in SQUARE:
        yield Sample((positive(rng, shape),), gradcheck=False, tolerance=1e-4)  # only one triangle is read
    for nothing in EMPTY:
        yield Sample((nothing,))


@samples("cholesky")
def _(rng):
    yield Sample((positive(rng, (3, 3)), True), gradcheck=False, tolerance=1e-4)


@samples("cholesky_solve")
def _(rng):
    low = np.tril(well(rng, (3, 3)))  # the gradient fills the other triangle too, as torch's does
    yield Sample((rng.normal(size=(3, 2)), low), gradcheck=False)
    yield Sample((rng.normal(size=(2, 3, 2)), np.tril(well(rng, (2, 3, 3)))), gradcheck=False)
    yield Sample((rng.normal(size=(3, 2)), low.T, True), gradcheck=False)


@samples("cholesky_inverse")
def _(rng):
    low = np.tril(well(rng, (3, 3))).astype(np.float32)  # a complex one would need a real diagonal
    yield Sample((low,), gradcheck=False)
    yield Sample((np.tril(well(rng, (2, 3, 3))).astype(np.float32),), gradcheck=False)
    yield Sample((low.T, True), gradcheck=False)


@samples("solve_triangular")
def _(rng):
    a, b = well(rng, (3, 3)), rng.normal(size=(3, 2))
    for upper in (True, False):
        yield Sample((a, b), dict(upper=upper))
        yield Sample((a, b.T), dict(upper=upper, left=False))
        yield Sample((0.2 * a, b), dict(upper=upper, unitriangular=True))
    yield Sample((well(rng, (2, 3, 3)), b), dict(upper=True))


@samples("triangular_solve")
def _(rng):
    a, b = well(rng, (3, 3)), rng.normal(size=(3, 2))
    yield Sample((b, a))
    yield Sample((b, a, False))
    yield Sample((b, a), dict(transpose=True))
    yield Sample((b, 0.2 * a), dict(unitriangular=True))


@samples("tensorinv")
def _(rng):
    yield Sample((well(rng, (6, 6)).reshape(2, 3, 6),))
    yield Sample((well(rng, (6, 6)).reshape(6, 3, 2), 1))


@samples("tensorsolve")
def _(rng):
    yield Sample((well(rng, (6, 6)).reshape(2, 3, 6), rng.normal(size=(2, 3))))
    yield Sample((well(rng, (6, 6)).reshape(2, 3, 3, 2), rng.normal(size=(2, 3))))


@samples("svdvals", "pinv", "pinverse")
def _(rng):
    for shape in ANY:
        yield Sample((rng.normal(size=shape),), tolerance=1e-4)
    yield Sample((np.zeros((0, 3), np.float32),))


@samples("matrix_rank")
def _(rng):
    for shape in ANY:
        yield Sample((rng.normal(size=shape),))
    yield Sample((np.diag([1.0, 0.5, 0.0]),))
    yield Sample((np.diag([1.0, 0.5, 0.1]),), dict(atol=0.2))
    yield Sample((np.diag([1.0, 0.5, 0.1]),), dict(rtol=0.2))
    yield Sample((np.diag([1.0, -0.5, 0.1]),), dict(atol=0.2, hermitian=True))
    yield Sample((np.diag([1.0, 0.5, 0.1]), 0.2))


@samples("cond")
def _(rng):
    for p in (None, 2, -2):
        yield Sample((well(rng, (3, 3)), p), tolerance=1e-4)
    for p in ("fro", 1, -1, INF, -INF):  # torch's own gradient fails for these
        yield Sample((np.round(well(rng, (3, 3))).astype(np.float32), p), gradcheck=False)


@samples("matrix_norm")
def _(rng):
    for ord in ("fro", "nuc", 1, -1, 2, -2, INF, -INF):
        yield Sample((rng.normal(size=(2, 3, 4)), ord), tolerance=1e-4)
    yield Sample((rng.normal(size=(2, 3, 4)), 1), dict(dim=(2, 0), keepdim=True))
    yield Sample((rng.normal(size=(2, 3, 4)), "nuc"), dict(dim=(2, 0), keepdim=True), tolerance=1e-4)
    yield Sample((np.zeros((0, 3)),))


@samples("matrix_power")
def _(rng):
    for n in (1, 2, 3, 5, -1, -2):
        yield Sample((well(rng, (2, 3, 3)), n), tolerance=1e-4)


@samples("vander")
def _(rng):
    yield Sample((rng.normal(size=4),))
    yield Sample((rng.normal(size=(2, 3)),), dict(N=5))
    yield Sample((rng.normal(size=(2, 3)),), dict(N=2))


@samples("cross")
def _(rng):
    yield Sample((rng.normal(size=(2, 3)), rng.normal(size=(2, 3))))
    yield Sample((rng.normal(size=(3, 3)), rng.normal(size=(3, 3))), dict(dim=1))
    yield Sample((rng.normal(size=(3, 2)), rng.normal(size=(3, 1))), dict(dim=0))


@samples("qr")
def _(rng):
    for shape in ANY:
        yield Sample((rng.normal(size=shape),), tolerance=1e-4, gradcheck=shape[-2] >= shape[-1])
    yield Sample((rng.normal(size=(3, 3)), False), tolerance=1e-4)


@samples("geqrf", "lu")
def _(rng):
    for shape in ANY:
        yield Sample((rng.normal(size=shape),), tolerance=1e-4)


@samples("orgqr")
def _(rng):
    yield Sample((rng.normal(size=(4, 2)), rng.normal(size=2)))
    yield Sample((rng.normal(size=(2, 3, 3)), rng.normal(size=(2, 2))))


@samples("ormqr")
def _(rng):
    a, tau = rng.normal(size=(4, 2)), rng.normal(size=2)
    yield Sample((a, tau, rng.normal(size=(4, 3))))
    yield Sample((a, tau, rng.normal(size=(4, 3))), dict(transpose=True))
    yield Sample((a, tau, rng.normal(size=(3, 4)), False))


@samples("lu_unpack")
def _(rng):
    pivots = np.array([2, 3, 3], np.int32)
    yield Sample((rng.normal(size=(3, 3)), pivots))
    yield Sample((rng.normal(size=(3, 4)), pivots))
    yield Sample((rng.normal(size=(4, 3)), pivots))
    yield Sample((rng.normal(size=(3, 3)), pivots), dict(unpack_pivots=False))


@samples("lu_solve")
def _(rng):
    pivots = np.array([2, 3, 3], np.int32)
    yield Sample((rng.normal(size=(3, 2)), well(rng, (3, 3)), pivots))
    yield Sample((rng.normal(size=(2, 3, 2)), well(rng, (2, 3, 3)), np.stack([pivots, pivots])))


@samples("svd")
def _(rng):
    for shape in ((3, 3), (4, 2)):  # where the signs agree
        yield Sample((rng.normal(size=shape),), tolerance=1e-4)
