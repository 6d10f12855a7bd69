"""Extremes and their places against NumPy's argmax and argmin: ties, nan, infinities, every dimension."""

from __future__ import annotations

import numpy as np
import pytest

from rushlight.arrays.extremes import extremes
from rushlight.kernels import native

pytestmark = pytest.mark.skipif(not native.on(), reason="no machine code here")

SHAPES = [(1,), (5,), (3, 4), (64, 100), (7, 33), (4, 17, 5), (2, 3, 40), (1000,), (33, 3), (3, 5, 6, 7)]


def check(x: np.ndarray) -> None:
    for y in (x, x.T):
        for at in range(y.ndim):
            for largest, find in ((True, y.argmax), (False, y.argmin)):
                both = extremes(y, at, largest)
                assert both is not None
                expected = np.asarray(find(at))
                assert (both[1] == expected).all()
                line = np.take_along_axis(y, np.expand_dims(expected, at), at).squeeze(at)
                np.testing.assert_array_equal(both[0], line)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", [np.float32, np.float64, np.int64, np.int32])
def test_the_first_of_equals(kind: type, shape: tuple[int, ...]) -> None:
    check(np.random.default_rng(0).integers(-5, 5, shape).astype(kind))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_nan_wins(kind: type, shape: tuple[int, ...]) -> None:
    r = np.random.default_rng(0)
    x = r.standard_normal(shape).astype(kind)
    check(x)
    check(np.where(r.random(shape) < 0.1, kind(np.nan), x))
    check(np.full(shape, np.nan, kind))
    check(np.full(shape, -np.inf, kind))


def test_other_types_are_left_to_numpy() -> None:
    assert extremes(np.zeros(3, np.uint8), 0, True) is None
    assert extremes(np.zeros((0, 3), np.float32), 1, True) is None
