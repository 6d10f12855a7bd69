"""Adding rows into places that repeat: against a plain loop, over every way it is done."""

import numpy as np
import pytest

from rushlight.arrays.accumulate import add_at, add_rows, spread_rows


def by_loop(table, places, rows):
    expected = table.astype(np.complex128)
    for p, row in zip(places, rows, strict=True):
        expected[p] += row
    return expected


@pytest.mark.parametrize("dtype", ["float64", "float32", "int64", "int8", "complex64"])
@pytest.mark.parametrize(
    ("count", "size", "width"),
    [
        (0, 5, 3),
        (1, 5, 300),
        (7, 5, 3),
        (700, 5, 20),
        (700, 500, 20),
        (5000, 3, 9),
        (900, 1, 9),
        (300, 9000, 16),
    ],
)
def test_rows(count, size, width, dtype):
    rng = np.random.default_rng(count)
    places = rng.integers(0, size, count)
    rows = rng.integers(-3, 4, (count, width)).astype(dtype)
    table = rng.integers(-9, 9, (size, width)).astype(dtype)
    with np.errstate(all="ignore"):
        expected = by_loop(table, places, rows)
        expected = (expected if table.dtype.kind == "c" else expected.real).astype(dtype)
    add_rows(table, places, rows)
    assert np.array_equal(table, expected)


def test_rows_in_rising_order():
    table, rows = np.zeros((100, 100)), np.ones((50, 100))
    add_rows(table, np.arange(0, 100, 2), rows)
    assert table[::2].all() and not table[1::2].any()


def test_booleans_are_ored():
    table = np.array([[False], [True], [False]])
    add_rows(table, np.array([0, 0, 1]), np.array([[False], [True], [False]]))
    assert table.tolist() == [[True], [True], [False]]


def test_half_types_add_up_in_float32():
    import ml_dtypes

    for kind in (np.float16, ml_dtypes.bfloat16):
        flat = np.zeros(2, kind)
        add_at(flat, np.zeros(1000, np.int64), np.full(1000, 0.25, kind))
        assert float(flat[0]) == 250.0


def test_rows_spread():
    assert spread_rows(np.array([2, 0]), 3).tolist() == [6, 7, 8, 0, 1, 2]


def test_order_of_addition_is_kept():
    """Rows for one place are added one after the other, so results do not depend on the rest."""
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(60, 200)).astype(np.float32)
    table = np.zeros((2, 200), np.float32)
    add_rows(table, np.tile([0, 1], 30), rows)
    expected = np.zeros(200, np.float32)
    for row in rows[::2]:
        expected = expected + row
    assert np.array_equal(table[0], expected)
