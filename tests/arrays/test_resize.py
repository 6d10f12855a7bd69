"""Resizing kernels against torch over generated sizes, scales and modes, and their gradients."""

from random import Random

import numpy as np
import pytest

from rushlight.arrays.axis_map import AxisMap, places
from rushlight.arrays.resize import cubic_kernel, output_sizes, resize, resize_gradient, resize_map

MODES = {1: ["linear"], 2: ["bilinear", "bicubic"], 3: ["trilinear"]}
ALONG_AN_AXIS = {"bilinear": "linear", "trilinear": "linear", "bicubic": "cubic"}


def random_case(seed):
    """Sizes, and the arguments that torch's interpolate takes."""
    random = Random(seed)
    axes = random.choice([1, 2, 2, 3])
    mode = random.choice(["nearest", "nearest-exact", "area", *MODES[axes] * 3])
    options = {"align_corners": random.random() < 0.5} if mode in MODES[axes] else {}
    if mode in ("bilinear", "bicubic") and random.random() < 0.4:
        options["antialias"] = True
    sizes = tuple(random.randint(1, 12) for _ in range(axes))
    scales = tuple(random.choice([0.3, 0.5, 0.7, 1.3, 1.5, 2.0, 2.6, 3.3]) for _ in sizes)
    if mode != "area" and random.random() < 0.5 and min(output_sizes(sizes, scales)) > 0:
        return mode, sizes, {**options, "scale_factor": scales}
    return mode, sizes, {**options, "size": tuple(random.randint(1, 16) for _ in sizes)}


def maps_of(mode, sizes, options, precise):
    scales = options.get("scale_factor", (None,) * len(sizes))
    counts = options.get("size") or output_sizes(sizes, scales)
    corners, antialias = options.get("align_corners", False), options.get("antialias", False)
    kind = ALONG_AN_AXIS.get(mode, mode)
    if mode == "nearest" and len(sizes) == 2:  # torch's 2d kernel leaves an axis alone that keeps its size
        scales = [None if n == count else scale for n, count, scale in zip(sizes, counts, scales)]
    axes = zip(sizes, counts, scales)
    return [resize_map(kind, n, count, scale, corners, antialias, precise) for n, count, scale in axes]


def is_sound_in_torch(mode, sizes, options):
    """torch 2.13 contradicts itself where an antialiased width becomes 1, or a scaled axis keeps its size."""
    counts = options.get("size") or output_sizes(sizes, options["scale_factor"])
    kept = "scale_factor" in options and any(n == count for n, count in zip(sizes, counts))
    if options.get("antialias"):
        return counts[-1] != 1 and not kept
    return not (mode == "nearest" and kept)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("first", range(0, 300, 60))
def test_agrees_with_torch(first, dtype):
    torch = pytest.importorskip("torch")
    checked = 0
    for seed in range(first, first + 60):
        mode, sizes, options = random_case(seed)
        if not is_sound_in_torch(mode, sizes, options):
            continue
        rng = np.random.default_rng(seed)
        x = rng.standard_normal((2, *sizes, 3)).astype(dtype)
        x = np.moveaxis(x, -1, 1)
        given = torch.from_numpy(x.copy()).requires_grad_()
        expected = torch.nn.functional.interpolate(given, mode=mode, **options)
        maps = maps_of(mode, sizes, options, dtype == "float64")
        y = resize(x, maps)
        rtol, atol = (1e-4, 1e-5) if dtype == "float32" else (1e-7, 1e-10)
        case = f"{mode} {sizes} {options}"
        np.testing.assert_allclose(y, expected.detach().numpy(), rtol, atol, err_msg=case)
        g = rng.standard_normal(y.shape).astype(dtype)
        (dx,) = torch.autograd.grad(expected, given, torch.from_numpy(g))
        np.testing.assert_allclose(resize_gradient(g, maps), dx.numpy(), rtol, atol)
        assert y.dtype == dtype
        checked += 1
    assert checked > 40


@pytest.mark.parametrize("mode", ["nearest", "nearest-exact", "linear", "cubic", "area"])
@pytest.mark.parametrize("antialias", [False, True])
@pytest.mark.parametrize(("size", "count"), [(5, 9), (9, 5), (4, 4), (1, 3), (3, 1)])
def test_gradient_is_the_transpose_and_constants_stay(mode, antialias, size, count):
    if antialias and mode not in ("linear", "cubic"):
        return
    maps = [resize_map(mode, size, count, antialias=antialias, precise=True)]
    rng = np.random.default_rng(0)
    x, g = rng.standard_normal((2, size)), rng.standard_normal((2, count))
    assert np.sum(resize(x, maps) * g) == pytest.approx(np.sum(x * resize_gradient(g, maps)))
    np.testing.assert_allclose(resize(np.ones_like(x), maps), 1)


def test_a_ramp_stays_a_ramp():
    x = np.arange(5.0)[None]
    (corners,) = resize(x, [resize_map("linear", 5, 9, align_corners=True, precise=True)])
    np.testing.assert_allclose(corners, np.linspace(0, 4, 9))
    (cubic,) = resize(x, [resize_map("cubic", 5, 9, align_corners=True, precise=True)])
    np.testing.assert_allclose(cubic[3:6], np.linspace(0, 4, 9)[3:6])
    (averaged,) = resize(x[:, :1].repeat(5, 1), [resize_map("linear", 5, 1, antialias=True)])
    assert averaged == [0]


def test_the_cubic_is_one_at_zero_and_zero_at_other_integers():
    for a in (-0.75, -0.5):
        assert cubic_kernel(np.array([0.0, 1.0, -1.0, 2.0, 3.0]), a).tolist() == [1, 0, 0, 0, 0]
        weights = cubic_kernel(np.array([-1.3, -0.3, 0.7, 1.7]), a)
        assert weights.sum() == pytest.approx(1)


def test_nan_reaches_only_its_neighbours():
    x = np.zeros((1, 6))
    x[0, 2] = np.nan
    y = resize(x, [resize_map("linear", 6, 12, precise=True)])
    assert np.flatnonzero(np.isnan(y[0])).tolist() == [3, 4, 5, 6]


def test_half_types_keep_their_type():
    x = np.arange(4, dtype=np.float16)[None]
    y = resize(x, [resize_map("linear", 4, 8)])
    assert y.dtype == np.float16
    assert y.tolist() == [[0, 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3]]


def test_a_map_equals_its_matrix():
    rng = np.random.default_rng(0)
    targets, sources, weights = rng.integers(0, 5, 14), rng.integers(0, 7, 14), rng.standard_normal(14)
    matrix = np.zeros((5, 7))
    np.add.at(matrix, (targets, sources), weights)
    one = AxisMap(targets, sources, weights, 5, 7)
    x = rng.standard_normal((3, 7, 2))
    np.testing.assert_allclose(one(x, 1), np.einsum("ij,ajb->aib", matrix, x))
    np.testing.assert_allclose(one.transposed(one(x, 1), -2), np.einsum("ij,aib->ajb", matrix, one(x, 1)))
    assert one.transposed.transposed is one
    empty = AxisMap(targets[:0], sources[:0], None, 0, 3)
    assert empty(x[:, :3], 1).shape == (3, 0, 2)
    assert not empty.transposed(np.zeros((3, 0, 2)), 1).any()


def test_places_become_slices_where_they_rise_evenly():
    assert places(np.array([3, 5, 7])) == slice(3, 8, 2)
    assert places(np.array([4])) == slice(4, 5, 1)
    for uneven in ([1, 2, 4], [2, 2], [3, 2, 1]):
        assert isinstance(places(np.array(uneven)), np.ndarray)
