"""Samples of torch.fft."""

from . import Sample, samples

ONE = ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft")
NORMS = ("backward", "ortho", "forward")


@samples(*ONE)
def _(rng):
    for shape in ((6,), (5,), (2, 5, 4), (3, 2)):
        yield Sample((rng.normal(size=shape),))
    for norm in NORMS:
        yield Sample((rng.normal(size=(3, 4)),), dict(norm=norm, dim=0))
    for n in (1, 2, 3, 7, 8):
        yield Sample((rng.normal(size=(2, 4)), n))
        yield Sample((rng.normal(size=(4, 2)),), dict(n=n, dim=-2, norm="ortho"))


@samples(*(f"{name}2" for name in ONE))
def _(rng):
    yield Sample((rng.normal(size=(3, 4)),))
    yield Sample((rng.normal(size=(2, 4, 3)),))
    yield Sample((rng.normal(size=(4, 2, 3)), None, (0, 2)))
    yield Sample((rng.normal(size=(4, 2, 3)), (5, 4), (2, 0), "forward"))
    yield Sample((rng.normal(size=(3, 4)), (2, -1)))
    for norm in NORMS:
        yield Sample((rng.normal(size=(3, 5)),), dict(norm=norm))


@samples(*(f"{name}n" for name in ONE if name != "ihfft"))  # torch's ihfftn forgets out= in one dimension
def _(rng):
    yield Sample((rng.normal(size=(5,)),))
    yield Sample((rng.normal(size=(2, 3, 4)), (4,)))


@samples(*(f"{name}n" for name in ONE))
def _(rng):
    yield Sample((rng.normal(size=(3, 4)),))
    yield Sample((rng.normal(size=(2, 3, 4)),))
    yield Sample((rng.normal(size=(2, 3, 4)), (2, 6)))
    yield Sample((rng.normal(size=(2, 3, 4)), (4, -1, 3), (0, 2, 1)))
    for norm in NORMS:
        yield Sample((rng.normal(size=(2, 3, 4)),), dict(norm=norm, dim=(1, -3)))


@samples("fftn", "ifftn")
def _(rng):
    yield Sample((rng.normal(size=()),))
    yield Sample((rng.normal(size=(2, 3)),), dict(dim=()))


@samples("fftshift", "ifftshift")
def _(rng):
    for shape in ((4,), (5,), (3, 4), (2, 3, 5), (0, 3)):
        yield Sample((rng.normal(size=shape),))
    yield Sample((rng.normal(size=(3, 4)),), dict(dim=0))
    yield Sample((rng.normal(size=(3, 4)), -1))
    yield Sample((rng.normal(size=(2, 3, 4)), (0, -1)))
