"""Samples of products: every pairing of ranks, broadcasting, empty sizes, transposed operands."""

import numpy as np

from . import Sample, samples

PAIRS = (
    ((3,), (3,)),
    ((3,), (3, 2)),
    ((2, 3), (3,)),
    ((2, 3), (3, 4)),
    ((1, 3), (3, 1)),
    ((4, 2, 3), (3,)),
    ((3,), (4, 3, 2)),
    ((4, 2, 3), (3, 5)),
    ((2, 3), (4, 3, 5)),
    ((4, 2, 3), (4, 3, 5)),
    ((1, 2, 3), (4, 3, 5)),
    ((2, 1, 2, 3), (3, 3, 2)),
    ((2, 3, 2, 3), (3,)),
    ((3,), (2, 2, 3, 2)),
    ((2, 0), (0, 3)),
    ((0, 3), (3, 2)),
    ((0,), (0,)),
    ((2, 2, 0), (2, 0, 3)),
    ((0, 2, 3), (3, 2)),
    ((2, 0, 3), (3,)),
)


@samples("matmul")
def _(rng):
    for a, b in PAIRS:
        yield Sample((rng.normal(size=a), rng.normal(size=b)))
    yield Sample((rng.normal(size=(3, 2)).T, rng.normal(size=(4, 3)).T))
    yield Sample(
        (rng.normal(size=(2, 3, 4)).swapaxes(1, 2), rng.normal(size=(3, 2)).T[:, :1].repeat(3, 0).T.T)
    )


@samples("mm")
def _(rng):
    for a, b in (((2, 3), (3, 4)), ((1, 1), (1, 1)), ((2, 0), (0, 3)), ((0, 2), (2, 3)), ((5, 1), (1, 5))):
        yield Sample((rng.normal(size=a), rng.normal(size=b)))
    yield Sample((rng.normal(size=(3, 2)).T, rng.normal(size=(4, 3)).T))


@samples("bmm")
def _(rng):
    for a, b in (
        ((4, 2, 3), (4, 3, 5)),
        ((1, 2, 3), (1, 3, 2)),
        ((0, 2, 3), (0, 3, 2)),
        ((2, 3, 0), (2, 0, 2)),
    ):
        yield Sample((rng.normal(size=a), rng.normal(size=b)))
    yield Sample((rng.normal(size=(2, 3, 2)).swapaxes(1, 2), rng.normal(size=(2, 4, 3)).swapaxes(1, 2)))


@samples("mv")
def _(rng):
    for n, k in ((2, 3), (1, 1), (0, 2), (2, 0)):
        yield Sample((rng.normal(size=(n, k)), rng.normal(size=k)))


@samples("dot", "vdot")
def _(rng):
    for n in (0, 1, 4):
        yield Sample((rng.normal(size=n), rng.normal(size=n)))


@samples("addmm")
def _(rng):
    a, b = rng.normal(size=(2, 3)), rng.normal(size=(3, 4))
    for shape in ((2, 4), (4,), (1,), (), (2, 1), (1, 4)):
        yield Sample((rng.normal(size=shape), a, b))
    yield Sample((rng.normal(size=(2, 4)), a, b), dict(beta=2, alpha=3))
    yield Sample((rng.normal(size=4), a, b), dict(beta=0.5, alpha=-1.5))
    yield Sample((rng.normal(size=(2, 4)), a, b), dict(beta=0))
    yield Sample((rng.normal(size=2), rng.normal(size=(3, 0)), rng.normal(size=(0, 2))), dict(beta=2))


@samples("addmv")
def _(rng):
    a, v = rng.normal(size=(2, 3)), rng.normal(size=3)
    for shape in ((2,), (1,), ()):
        yield Sample((rng.normal(size=shape), a, v))
    yield Sample((rng.normal(size=2), a, v), dict(beta=0.5, alpha=2))
    yield Sample((rng.normal(size=2), a, v), dict(beta=0))


@samples("addr")
def _(rng):
    u, v = rng.normal(size=2), rng.normal(size=3)
    for shape in ((2, 3), (3,), (1,), ()):
        yield Sample((rng.normal(size=shape), u, v))
    yield Sample((rng.normal(size=(2, 3)), u, v), dict(beta=0.5, alpha=2))
    yield Sample((rng.normal(size=(2, 3)), u, v), dict(beta=0, alpha=2))


@samples("baddbmm")
def _(rng):
    a, b = rng.normal(size=(2, 2, 3)), rng.normal(size=(2, 3, 4))
    for shape in ((2, 2, 4), (4,), (2, 1), (1, 2, 4), ()):
        yield Sample((rng.normal(size=shape), a, b))
    yield Sample((rng.normal(size=(2, 2, 4)), a, b), dict(beta=0.5, alpha=-2))
    yield Sample((rng.normal(size=(2, 2, 4)), a, b), dict(beta=0))


@samples("addbmm")
def _(rng):
    a, b = rng.normal(size=(2, 2, 3)), rng.normal(size=(2, 3, 4))
    yield Sample((rng.normal(size=(2, 4)), a, b))
    for shape in ((4,), (2, 1), ()):  # written in place, torch's bfloat16 resizes these
        yield Sample((rng.normal(size=shape).astype(np.float32), a.astype(np.float32), b.astype(np.float32)))
    yield Sample((rng.normal(size=(2, 4)), a, b), dict(beta=0.5, alpha=-2))


@samples("outer")
def _(rng):
    for n, m in ((2, 3), (1, 1), (0, 2), (3, 0)):
        yield Sample((rng.normal(size=n), rng.normal(size=m)))


@samples("inner")
def _(rng):
    for a, b in (
        ((3,), (3,)),
        ((2, 3), (3,)),
        ((3,), (2, 3)),
        ((2, 3), (4, 3)),
        ((2, 2, 3), (2, 1, 3)),
        ((), (2,)),
        ((), ()),
    ):
        yield Sample((rng.normal(size=a), rng.normal(size=b)))


@samples("kron")
def _(rng):
    for a, b in (((2, 3), (2, 2)), ((2,), (3,)), ((2,), (2, 1, 3)), ((), (2, 2)), ((0, 2), (2, 2))):
        yield Sample((rng.normal(size=a), rng.normal(size=b)))


@samples("tensordot")
def _(rng):
    a, b = rng.normal(size=(2, 3, 4)), rng.normal(size=(3, 4, 5))
    yield Sample((a, b))
    yield Sample((a, b), dict(dims=([1, 2], [0, 1])))
    yield Sample((a, b), dict(dims=([-1], [1])))
    yield Sample((a, rng.normal(size=(4, 2))), dict(dims=1))
    yield Sample((rng.normal(size=(2, 3)), rng.normal(size=2)), dict(dims=0))
    yield Sample((rng.normal(size=(2, 3)), rng.normal(size=(2, 1))), dict(dims=([1], [1])))
    yield Sample((rng.normal(size=(2, 0)), rng.normal(size=(0, 2))), dict(dims=1))


@samples("vecdot")
def _(rng):
    yield Sample((rng.normal(size=(2, 3)), rng.normal(size=(2, 3))))
    yield Sample((rng.normal(size=(2, 3)), rng.normal(size=3)))
    yield Sample((rng.normal(size=(2, 3)), rng.normal(size=(2, 1))), dict(dim=0))
    yield Sample((rng.normal(size=(2, 0)), rng.normal(size=(2, 0))))


@samples("multi_dot")
def _(rng):
    def chain(*sizes):
        return [rng.normal(size=pair) for pair in zip(sizes, sizes[1:], strict=False)]

    yield Sample((chain(2, 3, 4),))
    yield Sample((chain(5, 2, 6, 3, 4),))
    yield Sample(([rng.normal(size=3), *chain(3, 2, 4)],))
    yield Sample(([*chain(2, 3), rng.normal(size=3)],))
    yield Sample(([rng.normal(size=2), *chain(2, 3), rng.normal(size=3)],))
    yield Sample(([rng.normal(size=2), rng.normal(size=2)],))


@samples("chain_matmul")
def _(rng):
    yield Sample((rng.normal(size=(2, 3)), rng.normal(size=(3, 4)), rng.normal(size=(4, 2))))


@samples("linear")
def _(rng):
    w, b = rng.normal(size=(4, 3)), rng.normal(size=4)
    for shape in ((2, 3), (3,), (2, 2, 3), (0, 3), (2, 0, 3), (1, 2, 2, 3)):
        yield Sample((rng.normal(size=shape), w, b))
        yield Sample((rng.normal(size=shape), w))
    yield Sample((rng.normal(size=(2, 3)), rng.normal(size=3)))
    yield Sample((rng.normal(size=(2, 2, 3)), rng.normal(size=3)))
    yield Sample((rng.normal(size=(2, 3)), w, rng.normal(size=(2, 4))))
    yield Sample((rng.normal(size=(2, 3)), w, rng.normal(size=1)))
    yield Sample((rng.normal(size=(3, 2)).T, rng.normal(size=(3, 4)).T, b))
    yield Sample((rng.normal(size=(2, 0)), rng.normal(size=(4, 0)), b))


@samples("bilinear")
def _(rng):
    w, b = rng.normal(size=(4, 3, 2)), rng.normal(size=4)
    for lead in ((5,), (), (2, 3)):
        yield Sample((rng.normal(size=(*lead, 3)), rng.normal(size=(*lead, 2)), w, b))
    yield Sample((np.zeros((0, 3)), np.zeros((0, 2)), w), gradcheck=False)
    yield Sample((rng.normal(size=(5, 3)), rng.normal(size=(5, 2)), w))


@samples("__rmatmul__")
def _(rng):
    yield Sample((rng.normal(size=(3, 2)), rng.normal(size=(4, 3))))
