"""PR curves over HTTP."""

import numpy as np
import pytest


def ask(asking, tag, marks):
    head, numbers = asking.packed(
        "/api/curves", {"tag": tag, "curves": [{"run": "run", "mark": m} for m in marks]}
    )
    points = sum(line["points"] for line in head["lines"])
    assert len(numbers) == 6 * points
    return head["lines"], numbers.reshape(-1, points) if points and len(marks) == 1 else numbers


def test_torchs_curve(asking, tmp_path):
    tensorboard = pytest.importorskip("torch.utils.tensorboard")
    labels, predictions = np.array([1, 0, 1, 1, 0]), np.array([0.9, 0.2, 0.8, 0.3, 0.4])
    with tensorboard.SummaryWriter(tmp_path / "run") as writer:
        writer.add_pr_curve("c", labels, predictions, 3, num_thresholds=11)
    lines, rows = ask(asking, "c", asking.entries("pr_curves", "c")["mark"])
    assert lines == [{"run": "run", "points": 11, "error": ""}]
    tp, fp, tn, fn, precision, recall = rows
    assert (tp[0], fp[0], tn[0], fn[0]) == (3, 2, 0, 0)
    np.testing.assert_array_equal(tp + fp + tn + fn, 5)
    np.testing.assert_allclose(recall, tp / 3, atol=1e-6)
    assert precision[5] == 1


def test_wrong_shapes_are_errors_of_their_run(asking, write, make):
    arrays = [
        np.zeros((5, 3), np.float32),
        np.zeros((6, 0), np.float32),
        np.zeros(6, np.float32),
        np.array([["a"]], object),
        np.ones((6, 4), np.float32),
    ]
    write("run", *((k, make.tensor("c", "pr_curves", array)) for k, array in enumerate(arrays)))
    lines, _ = ask(asking, "c", asking.entries("pr_curves", "c", count=5)["mark"])
    assert [bool(line["error"]) for line in lines] == [True, True, True, True, False]
    assert lines[-1]["points"] == 4


def test_curves_must_be_named(asking):
    for curves in ([3], [{}], [{"run": "a"}], "x", [{"run": 1, "mark": "x"}]):
        assert asking.ask("/api/curves", {"tag": "c", "curves": curves}).status == 400
