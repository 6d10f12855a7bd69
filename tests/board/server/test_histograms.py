"""Histograms over HTTP: common bins, bands, and hostile ones."""

import numpy as np

from rushlight.board.events.histograms import QUANTILES


def parts(head, numbers):
    n, bins = head["steps"], head["bins"]
    step, wall, total, bands, counts = np.split(numbers, np.cumsum([n, n, n, n * head["bands"]]))
    return step, wall, total, bands.reshape(n, head["bands"]), counts.reshape(n, bins)


def test_all_steps_on_common_bins(asking, write, make):
    write(
        "run",
        (1, make.histogram("h", [0.0, 1.0, 2.0], [0, 3, 1], 0, 2)),
        (2, make.tensor("h", "histograms", np.array([[3, 4, 5]], np.float64))),
    )
    asking.entries("histograms", "h", count=2)
    head, numbers = asking.packed("/api/histograms", {"run": "run", "tag": "h", "bins": 4})
    assert (head["low"], head["high"], head["steps"], head["failed"]) == (0, 4, 2, 0)
    step, wall, total, bands, counts = parts(head, numbers)
    np.testing.assert_array_equal(step, [1, 2])
    np.testing.assert_array_equal(total, [4, 5])
    np.testing.assert_array_equal(counts, [[3, 1, 0, 0], [0, 0, 0, 5]])
    assert bands.shape == (2, len(QUANTILES)) and bands[1, 4] == 3.5


def test_torchs_histograms(asking, tmp_path):
    import pytest

    tensorboard = pytest.importorskip("torch.utils.tensorboard")
    values = np.random.default_rng(0).normal(size=5000)
    with tensorboard.SummaryWriter(tmp_path / "run") as writer:
        for step in range(3):
            writer.add_histogram("h", values + step, step)
    asking.entries("histograms", "h", count=3)
    head, numbers = asking.packed("/api/histograms", {"run": "run", "tag": "h"})
    _, _, total, bands, counts = parts(head, numbers)
    np.testing.assert_allclose(total, 5000)
    np.testing.assert_allclose(np.diff(bands[:, 4]), 1, atol=0.1)
    assert head["low"] == values.min() and np.isclose(head["high"], values.max() + 2)


def test_hostile_histograms_cost_only_their_step(asking, write, make):
    huge = np.array([[-1.7e308, 1.7e308, 1e300], [0, 1, 1]], np.float64)
    write(
        "run",
        (1, make.tensor("h", "histograms", np.full((4, 3), np.nan))),
        (2, make.tensor("h", "histograms", np.zeros((4, 2)))),
        (3, make.tensor("h", "histograms", huge)),
        (4, make.histogram("h", [1.0, 2.0], [1, 2, 3], 0, 1)),
        (5, make.legacy("h", 5, b"\xff\xff")),
        (6, make.histogram("h", [np.nan, np.inf], [1, 2], np.nan, np.inf)),
    )
    asking.entries("histograms", "h", count=6)
    head, numbers = asking.packed("/api/histograms", {"run": "run", "tag": "h"})
    assert (head["steps"], head["failed"]) == (3, 3)
    assert np.isfinite([head["low"], head["high"]]).all() and head["error"].startswith("step 2: malformed")
    assert np.isfinite(parts(head, numbers)[4]).all()


def test_one_value_alone_has_a_range(asking, write, make):
    write("run", (1, make.tensor("h", "histograms", np.array([[5, 5, 2]], np.float64))))
    asking.entries("histograms", "h")
    head, numbers = asking.packed("/api/histograms", {"run": "run", "tag": "h", "bins": 3})
    assert head["low"] < 5 < head["high"]
    np.testing.assert_array_equal(parts(head, numbers)[4], [[0, 2, 0]])


def test_a_tag_that_is_absent_is_empty(asking):
    head, numbers = asking.packed("/api/histograms", {"run": "x", "tag": "h"})
    assert head["steps"] == 0 and not len(numbers)


def test_what_one_question_reads_is_bounded(monkeypatch):
    from pathlib import Path

    from rushlight.board.logs.entries import Entry, Place
    from rushlight.board.server import histograms

    monkeypatch.setattr(histograms, "MOST_READ", 1000)
    entries = [Entry(k, 0.0, Place(Path("x"), 0, 100)) for k in range(40)]
    assert [entry.step for entry in histograms.affordable(entries)] == [3, 7, 11, 15, 19, 23, 27, 31, 35, 39]
    assert histograms.affordable(entries[:10]) == entries[:10]
