"""Views made in machine code: the same memory in another shape, or None where NumPy says what is wrong."""

from __future__ import annotations

import gc
import sys
from typing import Any

import numpy as np
import pytest

from rushlight.kernels import layout, native, views

pytestmark = pytest.mark.skipif(not native.on(), reason="no machine code here")


def reshaped(*args: Any) -> Any:
    return layout.builtin("reshaped", views.address("reshaped"))(*args)


def transposed(*args: Any) -> Any:
    return layout.builtin("transposed", views.address("transposed"))(*args)


KINDS = [np.dtype(k) for k in ("f4", "f8", "f2", "i8", "i1", "?", "c8", "V2")]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "shape",
    [(24,), (4, 6), (2, 3, 4), (1,) * 5 + (24,), (-1,), (4, -1), (-1, 2, 3), (24, -1), (1, -1, 1)],
)
def test_reshaped(kind: np.dtype, shape: tuple[int, ...]) -> None:
    a = np.zeros((2, 12), kind)
    for v in (reshaped(a, *shape), reshaped(a, shape)):
        want = a.reshape(shape)
        assert v.shape == want.shape and v.strides == want.strides and v.dtype is a.dtype
        assert v.base is a and v.ctypes.data == a.ctypes.data
        assert v.flags.c_contiguous and v.flags.writeable and not v.flags.owndata


def test_reshaped_of_one_and_of_nothing() -> None:
    one, nothing = np.array([5], np.float32).reshape(()), np.zeros((3, 0, 2), np.float32)
    assert reshaped(one, 1, 1).tolist() == [[5]] and reshaped(np.array([5], np.float32), ()).shape == ()
    assert reshaped(nothing, 0, 7).shape == (0, 7) and reshaped(nothing, 3, 0).shape == (3, 0)
    assert reshaped(nothing, 3, -1).shape == (3, 0)


@pytest.mark.parametrize(
    "shape",
    [(5,), (7, -1), (-1, -1), (-2, 3), (0, -1), (24, 0), (2.0, 12), ("24",), (None,), ([24],), (1 << 70,)]
    + [(1,) * 33, (-24,), (True, 24)],
)
def test_shapes_that_are_not_taken(shape: tuple[Any, ...]) -> None:
    a = np.zeros((2, 12), np.float32)
    assert reshaped(a, *shape) is None and reshaped(a, shape) is None


def test_what_is_not_reshaped() -> None:
    a = np.zeros((4, 6), np.float32)
    for bad in (a.T, a[:, ::2], a[::-1], [1, 2], 3.0, None):
        assert reshaped(bad, -1) is None
    assert reshaped(a) is None


@pytest.mark.parametrize("kind", KINDS)
def test_transposed(kind: np.dtype) -> None:
    for a in (np.zeros((3, 5), kind), np.zeros((6, 8), kind)[::2, 1::3], np.zeros((4, 3), kind)[::-1]):
        v = transposed(a)
        assert v.shape == a.T.shape and v.strides == a.T.strides and v.dtype is a.dtype
        assert v.ctypes.data == a.ctypes.data and v.base is not None
        assert v.flags.c_contiguous == a.T.flags.c_contiguous and v.flags.writeable
    assert transposed(np.zeros((0, 3), kind)).shape == (3, 0)


def test_what_is_not_transposed() -> None:
    for bad in (np.zeros(3), np.zeros((2, 3, 4)), np.zeros(()), [[1]], None):
        assert transposed(bad) is None
    assert transposed(np.zeros((2, 3)), 1) is None


def test_a_view_writes_through_unless_its_array_may_not_be_written() -> None:
    a = np.zeros((2, 3), np.float32)
    reshaped(a, 6)[4] = 7
    transposed(a)[0, 1] = 8
    assert a.tolist() == [[0, 0, 0], [8, 7, 0]]
    a.flags.writeable = False
    assert not reshaped(a, 6).flags.writeable and not transposed(a).flags.writeable


@pytest.fixture
def no_collection():
    """No garbage of other tests goes, with what it refers to, while references are counted."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_collection")
def test_views_hold_their_array_and_no_more() -> None:
    a = np.zeros((2, 3), np.float32)
    before = sys.getrefcount(a), sys.getrefcount(a.dtype), sys.getrefcount(None)
    for _ in range(1000):
        v = reshaped(a, 3, 2), transposed(a), reshaped(a, 5), transposed(None)
        assert sys.getrefcount(a) == before[0] + 2
        del v
    assert sys.getrefcount(a) == before[0]
    assert abs(sys.getrefcount(a.dtype) - before[1]) < 50
    assert abs(sys.getrefcount(None) - before[2]) < 500 or sys.version_info >= (3, 12)
