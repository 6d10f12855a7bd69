"""interpolate and its older names as torch has them, to the second derivative, and its errors."""

import numpy as np
import pytest

import rushlight

from .spatial_calls import agree, function, of_numpy

IMAGE = np.random.default_rng(0).standard_normal((2, 3, 6, 5))


@pytest.mark.parametrize("mode", ["nearest", "nearest-exact", "area", "bilinear", "bicubic"])
@pytest.mark.parametrize("size", [(9, 11), (3, 2), (6, 10), 4])
def test_images(mode, size):
    agree("interpolate", [IMAGE], size=size, mode=mode)
    if mode in ("bilinear", "bicubic"):
        agree("interpolate", [IMAGE], size=size, mode=mode, align_corners=True)
        agree("interpolate", [IMAGE], size=size, mode=mode, antialias=True)


@pytest.mark.parametrize("mode", ["nearest", "nearest-exact", "area", "bilinear", "bicubic"])
@pytest.mark.parametrize("recompute", [None, True])
def test_scale_factors(mode, recompute):
    for scale in (2, 0.5, 1.7, (1.5, 2.3)):
        agree("interpolate", [IMAGE], scale_factor=scale, mode=mode, recompute_scale_factor=recompute)


def test_sequences_and_volumes():
    volume = np.random.default_rng(0).standard_normal((1, 2, 3, 4, 5))
    for mode in ("nearest", "nearest-exact", "area", "trilinear"):
        agree("interpolate", [volume], size=(5, 3, 7), mode=mode)
    for mode in ("nearest", "nearest-exact", "area", "linear"):
        agree("interpolate", [volume[0, 0]], scale_factor=1.5, mode=mode)


@pytest.mark.filterwarnings("ignore")
def test_older_names():
    agree("upsample", [IMAGE], scale_factor=2, mode="bilinear")
    agree("upsample_nearest", [IMAGE], scale_factor=2)
    agree("upsample_bilinear", [IMAGE], size=(7, 8))


def test_bytes_are_rounded():
    x = of_numpy(np.array([[[[0, 255], [10, 20]]]], np.uint8))
    y = function("interpolate")(x, 3, mode="bilinear", align_corners=True)
    assert y.numpy().tolist() == [[[[0, 128, 255], [5, 72, 138], [10, 15, 20]]]]


WRONG = [
    ((1, 1, 4, 4), {}, ValueError, "either size or scale_factor"),
    ((1, 1, 4, 4), {"size": 2, "scale_factor": 2}, ValueError, "only one of size or scale_factor"),
    ((1, 1, 4, 4), {"size": (2, 2, 2)}, ValueError, "same number of spatial dimensions"),
    ((1, 1, 4, 4), {"scale_factor": (2,)}, ValueError, "same number of spatial dimensions"),
    (
        (1, 1, 4, 4),
        {"size": 2, "mode": "linear"},
        NotImplementedError,
        "Got 4D input, but linear mode needs 3D",
    ),
    (
        (1, 1, 4),
        {"size": 2, "mode": "bilinear"},
        NotImplementedError,
        "Got 3D input, but bilinear mode needs 4D",
    ),
    ((1, 1, 4, 4), {"size": 2, "mode": "foo"}, NotImplementedError, r"\(got foo\)"),
    ((4, 4), {"size": 2}, NotImplementedError, r"\(got 2D\)"),
    ((1, 1, 4, 4), {"size": 2, "align_corners": True}, ValueError, "align_corners option can only be set"),
    ((1, 1, 4, 4), {"size": 2, "antialias": True}, ValueError, "Anti-alias option is restricted"),
    ((1, 1, 4, 4), {"size": 0}, RuntimeError, "should be greater than 0"),
    (
        (1, 1, 4, 4),
        {"size": 8, "recompute_scale_factor": True},
        ValueError,
        "not meaningful with an explicit",
    ),
]


@pytest.mark.parametrize(("shape", "kwargs", "kind", "message"), WRONG)
def test_errors_say_what_was_given(shape, kwargs, kind, message):
    with pytest.raises(kind, match=message):
        function("interpolate")(rushlight.ones(*shape), **kwargs)
    torch = pytest.importorskip("torch")
    with pytest.raises(kind):
        torch.nn.functional.interpolate(torch.ones(*shape), **kwargs)
