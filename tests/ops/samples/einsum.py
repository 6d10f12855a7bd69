"""Samples of einsum: products, diagonals, ellipses, broadcasting, sublists, many operands."""

from . import Sample, samples

EQUATIONS = (
    ("ij,jk->ik", (2, 3), (3, 4)),
    ("ij,jk", (2, 3), (3, 4)),
    ("ba,ac", (2, 3), (3, 4)),
    ("aB,Bc", (2, 3), (3, 4)),
    ("ij,jk->ki", (2, 3), (3, 4)),
    ("bij,bjk->bik", (2, 3, 4), (2, 4, 2)),
    ("bhid,bhjd->bhij", (2, 2, 3, 4), (2, 2, 5, 4)),
    ("bhid,bjhd->bihj", (2, 2, 3, 4), (2, 5, 2, 4)),
    ("ij->ji", (2, 3)),
    ("ij->", (2, 3)),
    ("ij->j", (2, 3)),
    ("ii->i", (3, 3)),
    ("ii", (3, 3)),
    ("bii->bi", (2, 3, 3)),
    ("iij,ij->j", (3, 3, 2), (3, 2)),
    ("iii->i", (2, 2, 2)),
    ("i,i->", (3,), (3,)),
    ("i,j->ij", (2,), (3,)),
    ("i,j->ji", (2,), (3,)),
    ("ij,ij->ij", (2, 3), (2, 3)),
    ("ij,ij->", (2, 3), (2, 3)),
    ("bi,bi->b", (2, 3), (2, 3)),
    ("ij,kl->ik", (2, 3), (2, 4)),
    ("...i,ij->...j", (4, 2, 3), (3, 2)),
    ("...ij,...jk->...ik", (5, 1, 2, 3), (4, 3, 2)),
    ("...ij,...jk", (2, 2, 3), (2, 3, 2)),
    ("i...j->j...i", (2, 3, 1, 4)),
    ("...i->i", (2, 3, 4)),
    ("ij->...ij", (2, 3)),
    (" i j , j k -> i k ", (2, 3), (3, 4)),
    ("ij,jk->ik", (2, 3), (1, 4)),
    ("ij,ij->ij", (2, 1), (1, 3)),
    (",ij->ij", (), (2, 3)),
    (",", (), ()),
    ("ij,jk,kl->il", (2, 3), (3, 4), (4, 2)),
    ("ijk,ilm,njm,nlk,abc->", (2, 3, 2), (2, 2, 3), (2, 3, 3), (2, 2, 2), (1, 2, 1)),
    ("bn,anm,bm->ba", (2, 3), (4, 3, 5), (2, 5)),
    ("i,i,i->i", (3,), (3,), (3,)),
    ("ij,jk->ik", (2, 0), (0, 3)),
    ("ij,jk->ik", (0, 2), (2, 3)),
    ("a,b,c,d,e,f->abcdef", (2,), (1,), (2,), (1,), (2,), (1,)),
)


@samples("einsum")
def _(rng):
    for equation, *shapes in EQUATIONS:
        yield Sample((equation, *(rng.normal(size=shape) for shape in shapes)))
    a, b = rng.normal(size=(2, 3)), rng.normal(size=(3, 4))
    yield Sample(("ij,jk->ik", [a, b]))
    yield Sample((a, [0, 1], b, [1, 2], [0, 2]))
    yield Sample((a, [0, 51], b, [51, 2]))
    yield Sample((a, [..., 1], b, [1, 2], [..., 2]))
