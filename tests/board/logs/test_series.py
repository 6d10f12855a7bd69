"""Series keep extremes in bounded memory, at one density."""

import numpy as np
import pytest

from rushlight.board.logs.filling import fill, fill_slowly
from rushlight.board.logs.points import NONE, Points, shown, thinned
from rushlight.board.logs.series import Series
from rushlight.kernels.series import STATE


def some(first, count, rng):
    step = np.arange(first, first + count)
    return Points(step, step * 0.5, rng.standard_normal(count).astype(np.float32))


def fed(limit, parts, rng):
    series, every = Series(limit), []
    for count in parts:
        every.append(some(series.count, count, rng))
        series.append(every[-1])
    return series, Points(*(np.concatenate(columns) for columns in zip(*every, strict=True)))


def test_below_the_limit_all_points_are_kept():
    series, every = fed(1000, [1, 0, 7, 300, 1], np.random.default_rng(0))
    for kept, given in zip(series.all(), every, strict=True):
        np.testing.assert_array_equal(kept, given)


@pytest.mark.parametrize("limit", [4, 5, 64, 1000])
@pytest.mark.parametrize("seed", range(4))
def test_extremes_survive_and_memory_is_bounded(limit, seed):
    rng = np.random.default_rng(seed)
    series, every = fed(limit, rng.integers(0, 3000, 40).tolist(), rng)
    kept = series.all()
    assert series.count == every.count
    assert kept.count < limit + (1 << series.level)
    assert kept.value.max() == every.value.max() and kept.value.min() == every.value.min()
    assert kept.step[-1] == every.step[-1]
    assert (np.diff(kept.step) > 0).all()
    assert np.diff(series.snapshot().whole.step).max() < 2 << series.level  # nowhere thinner than elsewhere


def test_each_bucket_keeps_its_lowest_and_highest():
    rng = np.random.default_rng(1)
    points = some(0, 1000, rng)
    kept = thinned(points, 100)
    bucket = 20
    for k in range(1000 // bucket):
        part, here = points.cut(k * bucket, (k + 1) * bucket), kept.cut(2 * k, 2 * k + 2)
        assert sorted(here.value) == [part.value.min(), part.value.max()]
    assert kept.step[-1] == 999


def test_nan_does_not_hide_the_extremes():
    value = np.full(64, np.nan, np.float32)
    value[[5, 40]] = 7, -7
    series = Series(16)
    series.append(Points(np.arange(64), np.zeros(64), value))
    assert {7, -7} <= set(series.all().value.tolist())


def test_a_lower_limit_thins_what_is_there():
    series, every = fed(4000, [4000], np.random.default_rng(2))
    series.settle(100)
    assert len(series) <= 100 and series.all().value.max() == every.value.max()


def test_a_run_that_starts_again_forgets_what_it_had_said():
    series, _ = fed(100, [1000], np.random.default_rng(3))
    series.cut(500)
    assert series.all().step.max() < 500
    series.append(some(500, 3, np.random.default_rng(4)))
    assert series.all().step[-1] == 502


def test_a_bucket_that_is_not_full_takes_no_memory():
    rng = np.random.default_rng(5)
    series, every = fed(8, [1] * 300 + [5000, 3, 100_000, 7, 60_000], rng)
    assert len(series) < 8 + 64 and series.count == every.count
    kept = series.all()
    assert kept.value.max() == every.value.max() and kept.value.min() == every.value.min()
    assert kept.step[-1] == every.step[-1] and (np.diff(kept.step) > 0).all()


def test_weights_count_all_points():
    rng = np.random.default_rng(6)
    for limit in (8, 64, 100_000):
        series, every = fed(limit, rng.integers(0, 900, 30).tolist(), rng)
        kept = series.snapshot()
        assert kept.weights().sum() == pytest.approx(every.count)
        assert shown(kept.points(), kept.weights(), 50).weight.sum() == pytest.approx(every.count)


def test_what_is_shown_has_the_means_of_what_it_stands_for():
    rng = np.random.default_rng(7)
    points = some(0, 1000, rng)
    points.value[17] = np.nan
    part = shown(points, np.ones(1000), 100)
    np.testing.assert_allclose(part.mean[:2], np.nanmean(points.value[:20]), rtol=1e-6)
    assert (part.mean[0::2][:50] == part.mean[1::2][:50]).all()
    for kept, given in zip(shown(points, np.ones(1000), 1000).points, points, strict=True):
        np.testing.assert_array_equal(kept, given)


def test_sums_and_what_is_no_number():
    series = Series(8)
    value = np.array([1, np.nan, 3, np.inf, -np.inf, -2] * 50, np.float32)
    series.append(Points(np.arange(300), np.arange(300.0), value))
    assert (series.bounds, series.total, series.finite) == ((-2, 3), 100, 150)
    assert series.odd.count == 100 and not np.isfinite(series.odd.value).any()
    series.cut(10)
    assert series.odd.step.max() < 10


def hard(rng, count):
    """Values with ties, NaNs and infinities."""
    value = rng.integers(-4, 5, count).astype(np.float32)
    value[rng.random(count) < 0.15] = rng.choice([np.nan, np.inf, -np.inf])
    return Points(np.arange(count), rng.random(count), value)


def fill_alike(seed):
    """Random points into buckets, by machine code and in Python: both must keep the same."""
    rng = np.random.default_rng(seed)
    bucket, room = 1 << int(rng.integers(1, 7)), int(rng.integers(1, 30)) * 4
    states, columns = [np.zeros((), STATE) for _ in range(2)], []
    for state, how in zip(states, (fill, fill_slowly), strict=True):
        state["least"], state["most"] = np.inf, -np.inf
        kept = Points(*(np.zeros(room, part.dtype) for part in NONE))
        again = np.random.default_rng(seed)
        for count in again.integers(0, 200, 5).tolist():
            how(state, hard(again, count), kept, bucket, room)
        columns.append(kept)
    assert states[0]["used"] > 0 or room < 2 * bucket
    for name in STATE.names:
        np.testing.assert_array_equal(states[0][name], states[1][name], name)
    for native, python in zip(*columns, strict=True):
        np.testing.assert_array_equal(native, python)


@pytest.mark.parametrize("seed", range(30))
def test_machine_code_and_python_fill_the_same_buckets(seed):
    fill_alike(seed)


@pytest.mark.parametrize("seed", range(20))
def test_buckets_by_machine_code_against_numpy(seed):
    """Against the lowest and highest by NumPy, NaNs counted as neither."""
    rng = np.random.default_rng(seed)
    bucket, points = 1 << int(rng.integers(1, 6)), hard(rng, 640)
    series = Series(1 << 20)
    series.level = bucket.bit_length() - 1
    first = int(rng.integers(1, 639))
    for part in (points.cut(0, first), points.cut(first)):
        series.append(part)
    kept = series.snapshot().whole
    for k in range(640 // bucket):
        value = points.value[k * bucket : (k + 1) * bucket]
        places = kept.step[2 * k : 2 * k + 2] - k * bucket
        assert places[0] < places[1]
        if not np.isnan(value).all():
            assert np.nanmin(value) in value[places] and np.nanmax(value) in value[places]
    good = points.value[np.isfinite(points.value)].astype(np.float64)
    assert (series.finite, series.bounds) == (len(good), (good.min(), good.max()))
    assert series.total == good.sum()


def test_a_snapshot_does_not_change_any_more():
    rng = np.random.default_rng(8)
    series, _ = fed(64, [50, 70], rng)
    before = series.snapshot()
    copy = before.points().copy()
    series.append(some(series.count, 500, rng))
    series.settle(16)
    for kept, as_it_was in zip(before.points(), copy, strict=True):
        np.testing.assert_array_equal(kept, as_it_was)
