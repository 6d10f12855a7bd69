"""Elements and slices by position against NumPy's indexing; sums in the order of the positions."""

from __future__ import annotations

import numpy as np
import pytest

import rushlight
from rushlight.arrays import gathering
from rushlight.kernels import native, positions

pytestmark = pytest.mark.skipif(not native.on(), reason="no machine code here")

TYPES = [np.float32, np.float64, np.int64, np.int32]
SHAPES = [
    ((1000,), 0),
    ((50, 1), 0),
    ((50, 7), 0),
    ((60, 100), 0),
    ((60, 100), 1),
    ((5, 40, 33), 1),
    ((5, 40, 33), 2),
]
rng = np.random.default_rng(0)


def numbers(shape: tuple[int, ...], kind: type) -> np.ndarray:
    return (rng.random(shape) * 200 - 100).astype(kind)


def guarded(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A copy of `x` between two canaries, and the whole."""
    room = np.full(x.size + 64, 77, x.dtype)
    inside = room[32:-32].reshape(x.shape)
    inside[...] = x
    return inside, room


def canaries_live(room: np.ndarray) -> bool:
    return bool((room[:32] == 77).all() and (room[-32:] == 77).all())


@pytest.mark.parametrize("kind", [*TYPES, np.uint8, np.float16, np.bool_])
@pytest.mark.parametrize("position", [np.int64, np.int32])
@pytest.mark.parametrize(("shape", "at"), SHAPES)
def test_take(kind: type, position: type, shape: tuple[int, ...], at: int) -> None:
    x = numbers(shape, kind)
    for count in ((0,), (1,), (300,), (20, 30)):
        index = rng.integers(0, shape[at], count).astype(position)
        np.testing.assert_array_equal(gathering.take(x, index, at), np.take(x, index, at))


@pytest.mark.parametrize("kind", [*TYPES, np.uint8])
@pytest.mark.parametrize(("shape", "at"), SHAPES)
def test_gather(kind: type, shape: tuple[int, ...], at: int) -> None:
    x = numbers(shape, kind)
    index = rng.integers(0, shape[at], (*shape[:at], 300, *shape[at + 1 :]))
    found = gathering.gather(x, index, at)
    assert found is not None
    np.testing.assert_array_equal(found, np.take_along_axis(x, index, at))


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize(("shape", "at"), SHAPES)
def test_scatter(kind: type, shape: tuple[int, ...], at: int) -> None:
    index = rng.integers(0, shape[at], (*shape[:at], 300, *shape[at + 1 :]))
    values = numbers(index.shape, kind)
    where = list(np.indices(index.shape))
    where[at] = index
    for adds in (False, True):
        out, room = guarded(numbers(shape, kind))
        want = out.copy()
        assert gathering.scatter(out, index, at, values, adds)
        if adds:
            np.add.at(want, tuple(where), values)
        else:
            want[tuple(where)] = values
        np.testing.assert_array_equal(out, want)
        assert canaries_live(room)


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize(("shape", "at"), SHAPES)
@pytest.mark.parametrize("count", [50, 3000])
def test_slices_add_up_in_order(kind: type, shape: tuple[int, ...], at: int, count: int) -> None:
    index = rng.integers(0, shape[at], count)
    values = numbers((*shape[:at], count, *shape[at + 1 :]), kind)
    out, room = guarded(numbers(shape, kind))
    want = out.copy()
    if not gathering.add(out, index, at, values):
        pytest.skip("too few")
    for j, place in enumerate(index):
        spot = (slice(None),) * at
        want[(*spot, place)] += values[(*spot, j)]
    np.testing.assert_array_equal(out, want)
    assert canaries_live(room)


@pytest.mark.parametrize("kind", [*TYPES, np.uint8, np.float16])
@pytest.mark.parametrize(("shape", "at"), SHAPES)
def test_of_slices_for_one_place_the_last_stays(kind: type, shape: tuple[int, ...], at: int) -> None:
    index = rng.integers(0, shape[at], 3000)
    values = numbers((*shape[:at], 3000, *shape[at + 1 :]), kind)
    out, room = guarded(numbers(shape, kind))
    want = out.copy()
    assert gathering.put(out, index, at, values)
    for j, place in enumerate(index):
        want[(*(slice(None),) * at, place)] = values[(*(slice(None),) * at, j)]
    np.testing.assert_array_equal(out, want)
    assert canaries_live(room)


@pytest.mark.parametrize("kind", [np.int64, np.int32])
@pytest.mark.parametrize("count", [1, 7, 100])
def test_positions_are_settled(kind: type, count: int) -> None:
    index = rng.integers(-50, 50, count).astype(kind)
    out, alarm = np.ones(count, np.int64), np.zeros(3, np.int64)
    for adds in (False, True):
        positions.settled(index.itemsize, adds)(count, count, out, index, alarm, 50, 3)
        np.testing.assert_array_equal(out, (1 + adds) * 3 * np.where(index < 0, index + 50, index))
    assert not alarm.any()
    for wrong, nearest in ((50, 49), (-51, 0), (10**8, 49)):
        index[count // 2] = wrong
        positions.settled(index.itemsize, False)(count, count, out, index, alarm, 50, 1)
        assert alarm.tolist() == [1, wrong, 50] and out[count // 2] == nearest


def test_the_number_of_threads_changes_no_bit() -> None:
    index, values = rng.integers(0, 100, 5000), numbers((5000, 64), np.float32)
    found = []
    for threads in (1, 2, 3):
        rushlight.set_num_threads(threads)
        out = np.zeros((100, 64), np.float32)
        assert gathering.add(out, index, 0, values)
        found.append(out.tobytes())
    rushlight.set_num_threads(1)
    assert found[0] == found[1] == found[2]


def test_positions_from_the_end_and_out_of_range_are_numpys() -> None:
    x, index = numbers((50, 8), np.float32), rng.integers(-50, 50, 400)
    np.testing.assert_array_equal(gathering.take_wrapped(x, index, 0), x[index])
    index[7] = 50
    with pytest.raises(IndexError):
        gathering.take_wrapped(x, index, 0)


def test_memory_that_is_shared_is_left_to_numpy() -> None:
    x = numbers((100, 20), np.float32)
    assert not gathering.add(x, rng.integers(0, 100, 100), 0, x)
    assert not gathering.scatter(x, rng.integers(0, 20, (100, 20)), 1, x, adds=True)
