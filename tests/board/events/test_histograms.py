"""Histograms: read from both encodings, brought to other bins, summed up by quantiles."""

import numpy as np
import pytest

from rushlight.board.events.decoding import decode_value
from rushlight.board.events.histograms import MOST_BUCKETS, decode_histogram, quantiles, rebinned


def test_legacy_buckets_are_cut_to_least_and_most(make):
    value = make.histogram("h", [-1.0, 0.0, 1.0, 1.7e308], [0.0, 4.0, 2.0, 1.0], -0.5, 1.5)
    rows = decode_histogram(decode_value(value))
    np.testing.assert_array_equal(rows, [[-0.5, 0, 4], [0, 1, 2], [1, 1.5, 1]])


def test_tensor_rows(make):
    rows = np.array([[0, 1, 5], [1, 2, 0], [2, 2, 3]], np.float64)
    found = decode_histogram(decode_value(make.tensor("h", "histograms", rows)))
    np.testing.assert_array_equal(found, rows[[0, 2]])


def test_what_is_not_finite_is_left_out(make):
    rows = np.array([[np.nan, 1, 5], [0, 1, np.inf], [0, 1, -3], [2, 1, 3], [0, 1, 7]], np.float64)
    found = decode_histogram(decode_value(make.tensor("h", "histograms", rows)))
    np.testing.assert_array_equal(found, [[0, 1, 7]])


def test_a_million_buckets_become_few_and_keep_their_sum(make):
    edges = np.linspace(0, 1, 1_000_001)
    rows = np.stack([edges[:-1], edges[1:], np.ones(1_000_000)], 1)
    found = decode_histogram(decode_value(make.tensor("h", "histograms", rows)))
    assert len(found) <= MOST_BUCKETS and found[:, 2].sum() == 1_000_000
    assert found[0, 0] == 0 and found[-1, 1] == 1


@pytest.mark.parametrize("array", [np.zeros((3, 2)), np.zeros(3), np.array(["a"], object)])
def test_what_is_no_histogram_is_refused(make, array):
    with pytest.raises(ValueError, match="histogram"):
        decode_histogram(decode_value(make.tensor("h", "histograms", array)))


def test_limits_without_counts_are_refused(make):
    with pytest.raises(ValueError, match="3 bucket limits has 2 counts"):
        decode_histogram(decode_value(make.histogram("h", [0, 1, 2], [1, 2], 0, 2)))


def test_rebinning_spreads_evenly_and_loses_nothing():
    rows = np.array([[0, 4, 8], [4, 4, 3], [3, 6, 6]], float)  # one without width, one overlapping
    counts = rebinned(rows, np.array([0.0, 1, 2, 4, 6]))
    np.testing.assert_allclose(counts, [2, 2, 6, 7])
    edge = rebinned(np.array([[2.0, 2.0, 5.0]]), np.array([0.0, 1.0, 2.0]))  # at the last edge
    np.testing.assert_array_equal(edge, [0, 5])
    np.testing.assert_array_equal(rebinned(np.zeros((0, 3)), np.array([0.0, 1])), [0])


def test_quantiles():
    rows = np.array([[0, 1, 1], [1, 3, 2], [5, 5, 1]], float)
    np.testing.assert_allclose(quantiles(rows, (0, 0.25, 0.5, 0.9, 1)), [0, 1, 2, 5, 5])
    assert np.isnan(quantiles(np.zeros((0, 3)))).all()


def test_quantiles_agree_with_tensorboards(make):
    compressor = pytest.importorskip("tensorboard.plugins.distribution.compressor")
    values = np.random.default_rng(0).normal(size=2000)
    counts, edges = np.histogram(values, 30)
    rows = np.stack([edges[:-1], edges[1:], counts], 1)
    theirs = dict(compressor.compress_histogram(rows))
    for share in (0.0668, 0.1587, 0.5, 0.8413, 0.9332):
        assert quantiles(rows, (share,))[0] == pytest.approx(theirs[round(share * 10_000)], abs=1e-6)
