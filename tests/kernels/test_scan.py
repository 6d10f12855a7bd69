"""Scans against NumPy's accumulate, bit for bit, and the k first against a stable sort."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import rushlight
from rushlight.arrays import scanning
from rushlight.kernels import native

pytestmark = pytest.mark.skipif(not native.on(), reason="no machine code here")

SHAPES = [
    ((64,), 0),
    ((1001,), 0),
    ((3, 50), 1),
    ((17, 33), 1),
    ((17, 33), 0),
    ((70, 1), 0),
    ((4, 9, 19), 1),
    ((9, 8, 3), 1),
]
TYPES = [np.float32, np.float64, np.int64, np.int32]
KEPT = {np.dtype(np.float32): np.float64}


def numbers(shape: tuple[int, ...], kind: Any, special: bool = True) -> np.ndarray:
    x = (np.random.default_rng(0).standard_normal(shape) * 3).astype(kind)
    if special and x.dtype.kind == "f":
        x.flat[20:60:13] = [np.inf, -np.inf, np.nan, -0.0]
    return x


@pytest.mark.parametrize(("shape", "at"), SHAPES)
@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("reverse", [False, True])
def test_sums_and_products(shape: tuple[int, ...], at: int, kind: Any, reverse: bool) -> None:
    x = numbers(shape, kind)
    for how, ufunc in (("sum", np.add), ("prod", np.multiply)):
        y = np.flip(x, at) if reverse else x
        with np.errstate(all="ignore"):
            want = ufunc.accumulate(y, at, dtype=KEPT.get(x.dtype, x.dtype)).astype(kind)
        found = scanning.scan(how, x, at, reverse)
        np.testing.assert_array_equal(found, np.flip(want, at) if reverse else want)


@pytest.mark.parametrize(("shape", "at"), SHAPES)
@pytest.mark.parametrize("kind", TYPES)
def test_extremes_name_the_last_of_equal_ones(shape: tuple[int, ...], at: int, kind: Any) -> None:
    x = np.round(numbers(shape, kind))
    for how, ufunc in (("max", np.maximum), ("min", np.minimum)):
        found = scanning.extreme(how, x, at)
        assert found is not None
        np.testing.assert_array_equal(found[0], ufunc.accumulate(x, at))
        taken = np.take_along_axis(x, found[1], at)
        np.testing.assert_array_equal(taken, found[0])
        sizes = [1] * x.ndim
        sizes[at] = -1
        same = (x == found[0]) | np.isnan(x)
        want = np.maximum.accumulate(np.where(same, np.arange(shape[at]).reshape(sizes), 0), at)
        np.testing.assert_array_equal(found[1], want)


@pytest.mark.parametrize("shape", [(1, 100), (7, 97), (3, 4, 1000)])
@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("k", [1, 2, 5, 24])
@pytest.mark.parametrize("largest", [False, True])
def test_the_k_first_are_those_of_a_stable_sort(shape: Any, kind: Any, k: int, largest: bool) -> None:
    x = np.round(numbers(shape, kind))
    rank = np.argsort(np.argsort(x, -1, kind="stable"), -1)  # nan last
    if largest:
        n = shape[-1]
        order = n - 1 - np.argsort(x[..., ::-1], -1, kind="stable")[..., ::-1]
    else:
        order = np.argsort(rank, -1)
    found = scanning.topk(x, k, largest)
    assert found is not None
    np.testing.assert_array_equal(found[1], order[..., :k])
    np.testing.assert_array_equal(found[0], np.take_along_axis(x, order[..., :k], -1))


def test_what_is_left_to_numpy() -> None:
    assert scanning.scan("sum", np.ones(8, np.float32), 0) is None
    assert scanning.scan("sum", np.ones(80, np.complex64), 0) is None
    assert scanning.topk(np.ones((3, 40), np.float32), 30, True) is None
    assert scanning.topk(np.ones((3, 40), np.float32), 0, True) is None


def test_the_number_of_threads_changes_no_bit() -> None:
    x = numbers((300, 1000), np.float32, False)
    found = []
    for threads in (1, 2, 3):
        rushlight.set_num_threads(threads)
        parts = [scanning.scan("sum", x, at) for at in (0, 1)] + list(scanning.topk(x, 5, True) or ())
        found.append(b"".join(p.tobytes() for p in parts if p is not None))
    rushlight.set_num_threads(1)
    assert found[0] == found[1] == found[2]
