"""Series keep extremes in bounded memory, at one density."""

import numpy as np
import pytest

from rushlight.board.logs.series import Points, Series, shown, thinned


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
    assert np.diff(kept.step[: series._used]).max() < 2 << series.level  # nowhere thinner than elsewhere


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
    assert (series.low, series.high, series.total, series.finite) == (-2, 3, 100, 150)
    assert series.odd.count == 100 and not np.isfinite(series.odd.value).any()
    series.cut(10)
    assert series.odd.step.max() < 10
