"""Samples of grid_sample and affine_grid."""

import itertools

from . import Sample, samples


@samples("grid_sample")
def _(rng):
    # positions that half types hold exactly, away from ties: torch rounds every step to them, we the result
    for mode, padding in itertools.product(("bilinear", "nearest"), ("zeros", "border", "reflection")):
        grid = (2 * rng.integers(-12, 12, (2, 3, 2, 2)) + 1) / 16
        yield Sample((rng.normal(size=(2, 3, 4, 4)), grid, mode, padding, False), gradcheck=False)
    for padding in ("zeros", "border"):
        grid = (2 * rng.integers(-5, 5, (2, 3, 2, 2)) + 1) / 16
        yield Sample((rng.normal(size=(2, 3, 2, 4)), grid, "bilinear", padding, False), gradcheck=False)


@samples("grid_sample")
def _(rng):
    paddings = ("zeros", "border", "reflection")
    for mode, padding, align in itertools.product(
        ("bilinear", "nearest", "bicubic"), paddings, (False, True)
    ):
        smooth = mode != "nearest" and (mode, padding) != ("bicubic", "reflection")
        image, grid = rng.normal(size=(2, 3, 4, 5)), rng.uniform(-1.6, 1.6, (2, 3, 2, 2))
        yield Sample((image, grid, mode, padding, align), gradcheck=smooth, tolerance=1e-4)
    for mode, padding in itertools.product(("bilinear", "nearest"), paddings):
        volume, grid = rng.normal(size=(1, 2, 3, 4, 2)), rng.uniform(-1.4, 1.4, (1, 2, 1, 3, 3))
        yield Sample(
            (volume, grid), dict(mode=mode, padding_mode=padding, align_corners=False), tolerance=1e-4
        )
    yield Sample((rng.normal(size=(1, 1, 1, 1)), rng.uniform(-2, 2, (1, 3, 3, 2))), dict(align_corners=True))
    yield Sample((rng.normal(size=(1, 2, 2, 3)), rng.uniform(-1, 1, (1, 0, 3, 2))), dict(align_corners=True))


@samples("affine_grid")
def _(rng):
    for align in (False, True):
        yield Sample((rng.normal(size=(2, 2, 3)), (2, 3, 4, 5), align))
        yield Sample((rng.normal(size=(1, 3, 4)), (1, 1, 2, 3, 4)), dict(align_corners=align))
        yield Sample((rng.normal(size=(1, 2, 3)), (1, 1, 1, 2)), dict(align_corners=align))
