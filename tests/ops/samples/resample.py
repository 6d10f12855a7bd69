"""Samples of resizing: every mode, by size and by scale factor."""

from . import Sample, samples


@samples("interpolate")
def _(rng):
    x = rng.normal(size=(1, 2, 4, 5))
    for mode in ("nearest", "nearest-exact", "area", "bilinear", "bicubic"):
        yield Sample((x, (6, 3)), {"mode": mode}, tolerance=1e-4)
        yield Sample((x,), {"scale_factor": 1.6, "mode": mode}, tolerance=1e-4)
    for mode in ("bilinear", "bicubic"):
        yield Sample((x, (3, 7)), {"mode": mode, "align_corners": True}, tolerance=1e-4)
        yield Sample((x, (2, 3)), {"mode": mode, "antialias": True}, tolerance=1e-4)
    yield Sample((x[0], 7), {"mode": "linear"}, tolerance=1e-4)
    yield Sample((x[None], (2, 3, 7)), {"mode": "trilinear"}, tolerance=1e-4)


@samples("upsample", "upsample_nearest", "upsample_bilinear")
def _(rng):
    yield Sample((rng.normal(size=(1, 2, 3, 4)),), {"scale_factor": 2}, tolerance=1e-4)
    yield Sample((rng.normal(size=(1, 2, 3, 4)), (5, 6)), tolerance=1e-4)
