"""Layouts of custom scalars over HTTP, put together from several runs."""

import numpy as np
import pytest


def test_layouts_of_two_runs_are_one(asking, tmp_path):
    tensorboard = pytest.importorskip("torch.utils.tensorboard")
    for run, tags in (("a", ["x"]), ("b", ["x", "y"])):
        with tensorboard.SummaryWriter(tmp_path / run) as writer:
            writer.add_custom_scalars({"All": {"same": ["Multiline", ["x"]], "own": ["Multiline", tags]}})
    for run in "ab":
        asking.entries("custom_scalars", "custom_scalars__config__", run)
    answer = asking.json("/api/layouts", {"runs": ["a", "b", "absent"]})
    (category,) = answer["categories"]
    assert category["charts"] == [
        {"title": "same", "tags": ["x"]},
        {"title": "own", "tags": ["x"]},
        {"title": "own", "tags": ["x", "y"]},
    ]


def test_a_malformed_layout_is_named(asking, write, make):
    write("run", (0, make.tensor("custom_scalars__config__", "custom_scalars", np.zeros(3))))
    asking.entries("custom_scalars", "custom_scalars__config__")
    answer = asking.json("/api/layouts", {"runs": ["run"]})
    assert answer["categories"] == [] and answer["errors"][0].startswith("run: malformed")
