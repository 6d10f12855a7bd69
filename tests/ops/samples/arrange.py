"""Samples of rearrangements, triangles, diagonals, fills and positions."""

import numpy as np

from . import Sample, samples

I = np.array  # noqa: E741 (short for the many index arrays below)


@samples("repeat")
def _(rng):
    x = rng.normal(size=(2, 3))
    for counts in ((2, 1), (1, 1), (3, 1, 2), (0, 1)):
        yield Sample((x, counts))
    yield Sample((np.asarray(rng.normal()), (2, 3)))
    yield Sample((x[:0], (2, 2)))


@samples("tile")
def _(rng):
    x = rng.normal(size=(2, 3))
    for counts in ((2,), (2, 1), (3, 1, 2), ()):
        yield Sample((x, counts))


@samples("repeat_interleave")
def _(rng):
    x = rng.normal(size=(2, 3))
    yield Sample((x, 2))
    yield Sample((x, 2), dict(dim=-1))
    yield Sample((x, I([1, 2])), dict(dim=0))
    yield Sample((x, I([2, 0, 1])), dict(dim=1, output_size=3))
    yield Sample((x, I([2])), dict(dim=1))
    yield Sample((x, I(2)), dict(dim=1))
    yield Sample((x, I([1, 0, 3, 1, 1, 0])))
    yield Sample((I([2, 0, 1]),))


@samples("flip")
def _(rng):
    x = rng.normal(size=(2, 3, 4))
    for dims in ((0,), (1, 2), (-1,), ()):
        yield Sample((x, dims))
    yield Sample((np.asarray(rng.normal()), (0,)))


@samples("fliplr", "flipud", "rot90", "tril", "triu")
def _(rng):
    yield Sample((rng.normal(size=(3, 4)),))
    yield Sample((rng.normal(size=(2, 3, 4)),))
    yield Sample((rng.normal(size=(0, 4)),))


@samples("tril", "triu")
def _(rng):
    for diagonal in (-5, -1, 1, 2, 7):
        yield Sample((rng.normal(size=(3, 4)), diagonal))
    yield Sample((rng.normal(size=(2, 4, 3)),), dict(diagonal=1))


@samples("rot90")
def _(rng):
    for k in range(-2, 6):
        yield Sample((rng.normal(size=(3, 4)), k))
    yield Sample((rng.normal(size=(2, 3, 4)), 1, (2, 0)))


@samples("roll")
def _(rng):
    x = rng.normal(size=(3, 4))
    yield Sample((x, 1))
    yield Sample((x, -2, 1))
    yield Sample((x, (1, 2), (0, 1)))
    yield Sample((x, (1, 2), (-1, -1)))
    yield Sample((x[:0], 1, 0))
    yield Sample((np.asarray(rng.normal()), 3))


@samples("diag")
def _(rng):
    for shape in ((3,), (3, 4), (0,)):
        for diagonal in (-1, 0, 2):
            yield Sample((rng.normal(size=shape), diagonal))


@samples("diag_embed")
def _(rng):
    yield Sample((rng.normal(size=3),))
    yield Sample((rng.normal(size=(2, 3)), 1))
    yield Sample((rng.normal(size=(2, 3)), -1, 0, 2))
    yield Sample((rng.normal(size=(2, 3)),), dict(dim1=-1, dim2=0))
    yield Sample((rng.normal(size=(0, 3)),))


@samples("diagflat")
def _(rng):
    for shape in ((3,), (2, 2), ()):
        yield Sample((np.asarray(rng.normal(size=shape)),))
        yield Sample((np.asarray(rng.normal(size=shape)), -1))


@samples("diagonal", "diagonal_copy")
def _(rng):
    yield Sample((rng.normal(size=(3, 4)),))
    yield Sample((rng.normal(size=(3, 4)), 1))
    yield Sample((rng.normal(size=(3, 4)), -2))
    yield Sample((rng.normal(size=(3, 4)), 9))
    yield Sample((rng.normal(size=(2, 3, 4)), 0, 1, 2))
    yield Sample((rng.normal(size=(2, 3, 4)), 1, -1, 0))
    yield Sample((rng.normal(size=(0, 4)),))


@samples("meshgrid")
def _(rng):
    a, b, c = rng.normal(size=2), rng.normal(size=3), rng.normal(size=4)
    for indexing in ("ij", "xy"):
        yield Sample((a,), dict(indexing=indexing))
        yield Sample((a, b), dict(indexing=indexing))
        yield Sample((a, b, c), dict(indexing=indexing))
        yield Sample(([a, np.asarray(2.0)],), dict(indexing=indexing))


@samples("broadcast_tensors")
def _(rng):
    yield Sample((rng.normal(size=(2, 1)), rng.normal(size=3)))
    yield Sample((rng.normal(size=(2, 1)), rng.normal(size=(4, 1, 3)), np.asarray(1.0)))


@samples("cartesian_prod")
def _(rng):
    yield Sample((rng.normal(size=2), rng.normal(size=3)))
    yield Sample((rng.normal(size=2), rng.normal(size=3), rng.normal(size=1)))
    yield Sample((rng.normal(size=2),))


@samples("combinations")
def _(rng):
    x = rng.normal(size=4)
    for r in (1, 2, 3, 5):
        yield Sample((x,), dict(r=r))
        yield Sample((x, r, True))


@samples("atleast_1d", "atleast_2d", "atleast_3d")
def _(rng):
    for shape in ((), (3,), (2, 3), (2, 3, 4)):
        yield Sample((np.asarray(rng.normal(size=shape)),))
    yield Sample((np.asarray(1.0), rng.normal(size=3)))
    yield Sample(([np.asarray(1.0), rng.normal(size=(2, 2))],))


@samples("fill")
def _(rng):
    yield Sample((rng.normal(size=(2, 3)), 1.5))
    yield Sample((rng.normal(size=(2, 3)), np.asarray(rng.normal())))
    yield Sample((np.asarray(rng.normal()), 2))
    yield Sample((rng.normal(size=0), 2))


@samples("copy")
def _(rng):
    yield Sample((rng.normal(size=(2, 3)), rng.normal(size=(2, 3))))
    yield Sample((rng.normal(size=(2, 3)), rng.normal(size=3)))
    yield Sample((rng.normal(size=(2, 3)), rng.normal(size=(2, 1)).astype(np.float32)), gradcheck=False)
    yield Sample((np.asarray(rng.normal()), np.asarray(rng.normal())))


@samples("zero")
def _(rng):
    yield Sample((rng.normal(size=(2, 3)),))
    yield Sample((np.asarray(rng.normal()),))


@samples("nonzero", "argwhere")
def _(rng):
    for shape in ((3, 4), (5,), (), (0, 2), (2, 3, 2)):
        yield Sample((np.asarray(rng.integers(0, 2, shape) * 1.5),))


@samples("nonzero")
def _(rng):
    for shape in ((3, 4), (), (0, 2)):
        yield Sample((np.asarray(rng.integers(0, 2, shape) * 1.5),), dict(as_tuple=True))


@samples("nonzero_static")
def _(rng):
    for size in (0, 2, 20):
        yield Sample((rng.integers(0, 2, (3, 4)) * 1.5,), dict(size=size))
        yield Sample((rng.integers(0, 2, (3, 4)) * 1.5,), dict(size=size, fill_value=-7))


@samples("unravel_index")
def _(rng):
    for indices in (I([1, 5, 7, -1]), I(4), I([[0, 1]])):
        yield Sample((indices, (2, 3)))
    yield Sample((I([3, 7]), 6))
    yield Sample((I([3, 7]), (2, 2, 3)))


@samples("one_hot")
def _(rng):
    for classes in (-1, 4):
        yield Sample((I([0, 2, 1]), classes))
        yield Sample((I([[0, 2], [1, 1]]), classes))
        yield Sample((I(2), classes))
    yield Sample((I([], np.int64), 3))


@samples("tril_indices", "triu_indices")
def _(rng):
    for row, col, offset in ((3, 4, 0), (3, 4, 1), (4, 3, -1), (0, 3, 0), (3, 3, 9), (3, 3, -9)):
        yield Sample((row, col, offset))
