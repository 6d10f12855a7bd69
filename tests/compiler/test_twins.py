"""Twins of arguments: the same layout, other numbers, and these again when something was written."""

import numpy as np
import pytest

from rushlight.compiler.twins import Twins, checksum, checksums, differing, memory_of

KINDS = ["float32", "float64", "complex64", "int64", "uint8", "bool"]


def numbers(dtype, n=12):
    return (np.arange(n) % 5).astype(dtype)


@pytest.mark.parametrize("turn", [0, 1])
@pytest.mark.parametrize("dtype", KINDS)
def test_other_numbers_within_range(dtype, turn):
    x = numbers(dtype)
    (y,) = Twins([x], turn).arrays
    assert y.dtype == x.dtype and y.strides == x.strides and (y != x).any()
    if x.dtype.kind in "iu":
        assert x.min() <= y.min() and y.max() <= x.max() and y.sum() != x.sum()


@pytest.mark.parametrize("turn", [0, 1])
def test_views_of_one_memory_stay_so(turn):
    x = np.arange(24, dtype=np.float32).reshape(4, 6)
    a, b = Twins([x.T[1:], x[::2]], turn).arrays
    assert a.shape == (5, 4) and np.shares_memory(a, b)
    a[:] = 7
    assert (b[:, 1:] == 7).all() and (b[:, 0] != 7).all()


@pytest.mark.parametrize("kept", [False, True])
def test_what_was_written_is_restored(kept):
    x, y = numbers("float32"), numbers("int64")
    twins = Twins([x, y])
    before = [a.copy() for a in twins.arrays]
    if kept:
        twins.keep({id(x)})
        x[:] = 0  # which no longer says what its twin held
    assert twins.written() == set()
    twins.arrays[0][3] = 100
    assert twins.written() == {id(x)}
    twins.restore()
    for a, b in zip(twins.arrays, before, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("shape", [(), (0, 3), (700, 1000), (1, 1, 600_000)])
def test_checksums_tell_one_byte(shape):
    x = np.zeros(shape, np.float32)
    for view in (x, x.T, x[..., ::2] if shape else x):
        before = checksum(view)
        assert before == checksum(view.copy())
        if view.size:
            view[(-1,) * view.ndim] = 1
            assert checksum(view) != before
            view[(-1,) * view.ndim] = 0


def test_memory_that_differs():
    x, y = numbers("float32"), numbers("float32")
    owners = memory_of([x[1:], y, x])
    assert owners.keys() == {id(x), id(y)}
    before = checksums(owners)
    y[0] = 9
    assert differing(owners, before) == {id(y)}
