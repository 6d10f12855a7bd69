"""Layouts of custom scalars, as torch writes them, and hostile ones."""

import numpy as np
import pytest

from rushlight.board.events.decoding import decode_value
from rushlight.board.events.layouts import MOST_CHARTS, decode_layout
from rushlight.io import protobuf


def test_torchs_layout():
    summary = pytest.importorskip("torch.utils.tensorboard.summary")
    charts = {"both": ["Multiline", ["loss/.*", "lr"]], "band": ["Margin", ["a", "a/low", "a/high"]]}
    (value,) = summary.custom_scalars({"Losses": charts}).value
    (category,) = decode_layout(decode_value(value.SerializeToString()))
    assert category["title"] == "Losses" and not category["closed"]
    assert category["charts"] == [
        {"title": "both", "tags": ["loss/.*", "lr"]},
        {"title": "band", "margins": [["a", "a/low", "a/high"]]},
    ]


def test_too_many_charts_are_refused(make):
    category = protobuf.data(2, protobuf.data(2, protobuf.text(1, "x")) * (MOST_CHARTS + 1))
    with pytest.raises(ValueError, match="at most 500 charts"):
        decode_layout(decode_value(make.tensor("c", "custom_scalars", np.array([category], object))))


@pytest.mark.parametrize("array", [np.zeros(2), np.array([b"\xff\xff"], object), np.array([], object)])
def test_what_is_no_layout_is_refused(make, array):
    with pytest.raises(ValueError):
        decode_layout(decode_value(make.tensor("c", "custom_scalars", array)))
