"""Samples of views."""

import numpy as np

from . import Sample, samples


@samples("view", "reshape")
def _(rng):
    x = rng.normal(size=(2, 3, 4))
    for shape in ((6, 4), (-1,), (2, -1), (2, 12), (1, 24), (2, 3, 2, 2), (2, 3, 4)):
        yield Sample((x, shape))
    yield Sample((rng.normal(size=(0, 3)), (3, 0)))
    yield Sample((np.asarray(rng.normal()), (1, 1)))
    yield Sample((np.asarray(rng.normal()), ()))
    yield Sample((rng.normal(size=(4, 6)).T[:, :2], (2, 3, 2)))


@samples("reshape")
def _(rng):
    yield Sample((rng.normal(size=(3, 4)).T, (12,)))
    yield Sample((rng.normal(size=(3, 4))[:, ::2], (-1,)))


@samples("flatten")
def _(rng):
    for shape in ((2, 3, 4), (3,), (), (0, 2)):
        yield Sample((np.asarray(rng.normal(size=shape)),))
    yield Sample((rng.normal(size=(2, 3, 4)), 1))
    yield Sample((rng.normal(size=(2, 3, 4)), 0, 1))
    yield Sample((rng.normal(size=(2, 3, 4)), -2, -1))
    yield Sample((rng.normal(size=(2, 3, 4)), 1, 1))


@samples("unflatten")
def _(rng):
    yield Sample((rng.normal(size=(2, 6)), 1, (2, 3)))
    yield Sample((rng.normal(size=(2, 6)), -1, (3, -1)))
    yield Sample((rng.normal(size=(2, 6)), 0, (1, 2)))


@samples("ravel")
def _(rng):
    for x in (rng.normal(size=(2, 3)), rng.normal(size=(2, 3)).T, np.asarray(1.0), rng.normal(size=3)):
        yield Sample((x,))


@samples("view_as", "reshape_as")
def _(rng):
    yield Sample((rng.normal(size=(2, 6)), rng.normal(size=(3, 4))))


@samples("expand_as")
def _(rng):
    yield Sample((rng.normal(size=(2, 1)), rng.normal(size=(3, 2, 4))))


@samples("transpose", "transpose_copy")
def _(rng):
    x = rng.normal(size=(2, 3, 4))
    for i, j in ((0, 1), (1, 2), (-1, 0), (1, 1), (2, -3)):
        yield Sample((x, i, j))
    yield Sample((np.asarray(1.0), 0, -1))


@samples("t", "t_copy", "T")
def _(rng):
    for shape in ((2, 3), (3,), ()):
        yield Sample((np.asarray(rng.normal(size=shape)),))


@samples("mT", "mH", "adjoint")
def _(rng):
    yield Sample((rng.normal(size=(2, 3)),))
    yield Sample((rng.normal(size=(2, 3, 4)),))


@samples("H")
def _(rng):
    yield Sample((rng.normal(size=(2, 3)),))


@samples("permute", "permute_copy")
def _(rng):
    x = rng.normal(size=(2, 3, 4))
    for dims in ((2, 0, 1), (0, 1, 2), (-1, 0, 1)):
        yield Sample((x, dims))
    yield Sample((np.asarray(1.0), ()))


@samples("movedim")
def _(rng):
    x = rng.normal(size=(2, 3, 4))
    yield Sample((x, 0, 2))
    yield Sample((x, -1, 0))
    yield Sample((x, (0, 1), (2, 0)))


@samples("unsqueeze", "unsqueeze_copy")
def _(rng):
    for dim in (0, 1, 2, -1, -3):
        yield Sample((rng.normal(size=(2, 3)), dim))
    yield Sample((np.asarray(1.0), 0))


@samples("squeeze", "squeeze_copy")
def _(rng):
    x = rng.normal(size=(1, 3, 1, 2))
    yield Sample((x,))
    for dim in (0, 1, -2, (0, 2), (0, 1), ()):
        yield Sample((x, dim))
    yield Sample((np.asarray(1.0),))
    yield Sample((np.asarray(1.0), 0))


@samples("expand", "expand_copy")
def _(rng):
    x = rng.normal(size=(2, 1))
    for size in ((2, 3), (-1, 3), (4, 2, 3), (4, -1, -1), (2, 1), (2, 0)):
        yield Sample((x, size))
    yield Sample((np.asarray(1.0), (2, 2)))


@samples("select", "select_copy")
def _(rng):
    x = rng.normal(size=(2, 3, 4))
    for dim, i in ((0, 1), (1, -1), (-1, 2), (2, 0)):
        yield Sample((x, dim, i))
    yield Sample((rng.normal(size=3), 0, 1))


@samples("narrow", "narrow_copy")
def _(rng):
    x = rng.normal(size=(4, 5))
    for dim, start, length in ((0, 1, 2), (1, 0, 5), (-1, -3, 2), (0, 4, 0)):
        yield Sample((x, dim, start, length))


@samples("unbind", "unbind_copy")
def _(rng):
    for dim in (0, 1, -1):
        yield Sample((rng.normal(size=(2, 3)), dim))
    yield Sample((rng.normal(size=(0, 3)),))


@samples("split")
def _(rng):
    x = rng.normal(size=(5, 4))
    for parts in (2, 5, 9, (1, 4), (0, 5)):
        yield Sample((x, parts))
    yield Sample((x, 3), dict(dim=1))
    yield Sample((x, [1, 3], -1))
    yield Sample((rng.normal(size=(0, 3)), 2))


@samples("split_copy")
def _(rng):
    yield Sample((rng.normal(size=(5, 4)), 2))
    yield Sample((rng.normal(size=(5, 4)), 3), dict(dim=1))


@samples("split_with_sizes", "split_with_sizes_copy")
def _(rng):
    yield Sample((rng.normal(size=(5, 4)), (1, 4)))
    yield Sample((rng.normal(size=(5, 4)), (1, 3)), dict(dim=1))


@samples("chunk")
def _(rng):
    for chunks in (1, 2, 3, 4, 9):
        yield Sample((rng.normal(size=(5, 4)), chunks))
    yield Sample((rng.normal(size=(5, 4)), 2, -1))
    yield Sample((rng.normal(size=(0, 3)), 2))


@samples("as_strided", "as_strided_copy")
def _(rng):
    x = rng.normal(size=(3, 4))
    yield Sample((x, (2, 2), (4, 1)))
    yield Sample((x, (3, 3), (1, 2)))
    yield Sample((x, (2, 3), (0, 1)))
    yield Sample((x, (), ()))
    yield Sample((x, (5, 3), (1, 1)))


@samples("unfold", "unfold_copy")
def _(rng):
    x = rng.normal(size=(3, 7))
    for dim, size, step in ((1, 3, 2), (1, 2, 1), (-1, 7, 1), (0, 1, 1), (1, 2, 3), (1, 0, 1)):
        yield Sample((x, dim, size, step))
    yield Sample((np.asarray(1.0), 0, 1, 1))


@samples("select_scatter")
def _(rng):
    x = rng.normal(size=(2, 3))
    yield Sample((x, rng.normal(size=3), 0, 1))
    yield Sample((x, rng.normal(size=2), -1, -2))


@samples("slice_scatter")
def _(rng):
    x = rng.normal(size=(4, 5))
    yield Sample((x, rng.normal(size=(2, 5))), dict(start=1, end=3))
    yield Sample((x, rng.normal(size=(4, 2)), 1, 0, 4, 2))
    yield Sample((x, rng.normal(size=(4, 5)), -1))
    yield Sample((x, rng.normal(size=(4, 2))), dict(dim=1, start=-2))


@samples("diagonal_scatter")
def _(rng):
    yield Sample((rng.normal(size=(3, 4)), rng.normal(size=3)))
    yield Sample((rng.normal(size=(3, 4)), rng.normal(size=3), 1))
    yield Sample((rng.normal(size=(2, 3, 4)), rng.normal(size=(2, 3)), 0, 1, 2))


@samples("as_strided_scatter")
def _(rng):
    # integers: torch's gradient of its first input is wrong (it lets through what was overwritten)
    yield Sample((rng.integers(0, 9, (3, 4)), rng.integers(0, 9, (2, 2)), (2, 2), (4, 1)))


@samples("view_copy")
def _(rng):
    yield Sample((rng.normal(size=(3, 4)), (2, 6)))


@samples("alias_copy")
def _(rng):
    yield Sample((rng.normal(size=(3, 4)),))


@samples("clone")
def _(rng):
    yield Sample((rng.normal(size=(3, 4)),))
    yield Sample((rng.normal(size=(3, 4)).T,))


@samples("contiguous")
def _(rng):
    yield Sample((rng.normal(size=(3, 4)),))
    yield Sample((rng.normal(size=(3, 4)).T,))


@samples("sum_to_size")
def _(rng):
    for size in ((3, 4), (1, 4), (4,), (1, 1), (3, 1)):
        yield Sample((rng.normal(size=(3, 4)), size))
