"""Sums in every memory layout, against float64, to a few units in the last place."""

import numpy as np
import pytest

from rushlight.arrays.summing import add_reduce

LAYOUTS = {
    "vector": (lambda r: r.random(1_000_003), (0,)),
    "rows": (lambda r: r.random((100, 5000)), (1,)),
    "columns": (lambda r: r.random((100_000, 7)), (0,)),
    "everything": (lambda r: r.random((700, 1100)), (0, 1)),
    "every other": (lambda r: r.random((700, 1100))[:, ::2], (0, 1)),
    "a strip": (lambda r: r.random((100_000, 9))[:, :3], (0, 1)),
    "transposed": (lambda r: r.random((900, 300)).T, (0,)),
    "channels": (lambda r: r.random((200, 3, 24, 24)), (0, 2, 3)),
    "middle": (lambda r: r.random((20, 5000, 3)), (1,)),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("keepdims", [False, True])
def test_sums_are_accurate(layout, keepdims):
    make, axes = LAYOUTS[layout]
    x = make(np.random.default_rng(0)).astype(np.float32)
    exact = x.astype(np.float64).sum(axes, keepdims=keepdims)
    found = add_reduce(x, axes, keepdims)
    assert found.shape == exact.shape and found.dtype == np.float32
    assert np.abs(found / exact - 1).max() < 6e-7


def test_sums_of_nothing_and_of_infinities():
    assert add_reduce(np.zeros((0, 3), np.float32), (0,)).tolist() == [0, 0, 0]
    assert add_reduce(np.zeros((3, 0), np.float32), (1,)).tolist() == [0, 0, 0]
    big = np.ones((3, 5000), np.float32)
    big[0, 7], big[1, 7], big[2, 7], big[2, 9] = np.inf, np.nan, np.inf, -np.inf
    found = add_reduce(big, (1,))
    assert found[0] == np.inf and np.isnan(found[1:]).all()
