"""Strided copies against NumPy's, element for element, with canaries around what is written."""

from __future__ import annotations

import numpy as np
import pytest

from rushlight.arrays.copying import fill, joined, row_major
from rushlight.kernels import native

pytestmark = pytest.mark.skipif(not native.on(), reason="no machine code here")

TYPES = [np.uint8, np.float16, np.float32, np.float64, np.bool_, np.complex64, np.complex128]


def numbers(shape: tuple[int, ...], kind: type = np.float32) -> np.ndarray:
    return (np.random.default_rng(0).random(shape) * 200).astype(kind)


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize(
    ("shape", "order"),
    [
        ((64, 100), (1, 0)),
        ((130, 71), (1, 0)),
        ((17, 1000), (1, 0)),
        ((3, 999), (1, 0)),
        ((999, 3), (1, 0)),
        ((3, 28, 12, 64), (0, 2, 1, 3)),
        ((4, 3, 50, 50), (0, 2, 3, 1)),
        ((4, 50, 50, 3), (0, 3, 1, 2)),
        ((4, 40, 20, 20), (0, 2, 3, 1)),
        ((5, 6, 7, 8, 9), (4, 2, 0, 3, 1)),
        ((2, 3, 4, 5, 6, 7), (5, 4, 3, 2, 1, 0)),
        ((300, 1, 300), (2, 1, 0)),
    ],
)
def test_permuted_copies_hold_the_same_elements(
    kind: type, shape: tuple[int, ...], order: tuple[int, ...]
) -> None:
    x = numbers(shape, kind).transpose(order)
    y = row_major(x)
    assert y.flags.c_contiguous
    np.testing.assert_array_equal(y, x)


@pytest.mark.parametrize("kind", TYPES)
def test_views_of_all_kinds_are_copied(kind: type) -> None:
    x = numbers((300, 400), kind)
    stretched = [np.broadcast_to(x[0], (50, 400)), np.broadcast_to(x[:, :1], (300, 50))]
    for view in (x[:, ::2], x[::-1], x[:, ::-1], x[5:, 3:], x[::2, ::3].T, x.T[::-1], x[:0], *stretched):
        np.testing.assert_array_equal(row_major(view), view)


@pytest.mark.parametrize("channels", [2, 3, 4, 5])
@pytest.mark.parametrize("kind", TYPES)
def test_planes_become_pixels_and_back(channels: int, kind: type) -> None:
    planes = numbers((2, channels, 37, 41), kind)
    pixels = row_major(planes.transpose(0, 2, 3, 1))
    np.testing.assert_array_equal(pixels, planes.transpose(0, 2, 3, 1))
    np.testing.assert_array_equal(row_major(pixels.transpose(0, 3, 1, 2)), planes)


def test_a_vector_backwards() -> None:
    x = numbers((5001,))
    np.testing.assert_array_equal(row_major(x[::-1]), x[::-1])


def test_a_long_run_is_copied_to_its_last_element() -> None:
    x = numbers((1_000_003,))
    np.testing.assert_array_equal(row_major(x), x)


@pytest.mark.parametrize("columns", [1, 3, 15, 16, 17, 100])
@pytest.mark.parametrize("turned", [False, True])
def test_nothing_beside_the_destination_is_written(columns: int, turned: bool) -> None:
    x = numbers((columns, 200)).T if turned else numbers((200, columns))
    room = np.full((202, columns + 2), -1, np.float32)
    fill(room[1:-1, 1:-1], x)
    np.testing.assert_array_equal(room[1:-1, 1:-1], x)
    room[1:-1, 1:-1] = -1
    assert (room == -1).all()


@pytest.mark.parametrize("at", [0, 1, 2, -1])
def test_joined_is_concatenate(at: int) -> None:
    parts = [numbers((40, 50, 60)) + i for i in range(3)]
    np.testing.assert_array_equal(joined(parts, at), np.concatenate(parts, at))


def test_joined_refuses_what_numpy_refuses() -> None:
    with pytest.raises(ValueError, match="must match"):
        joined([numbers((300, 400)), numbers((301, 401))], 0)
