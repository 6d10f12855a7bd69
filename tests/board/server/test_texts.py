"""Text over HTTP: strings and tables of them, cut where they are too long."""

import numpy as np
import pytest

from rushlight.board.server.texts import MOST_LETTERS


def text(asking, tag, step=0, count=1):
    mark = asking.entries("text", tag, count=count)["mark"][step]
    return asking.json("/api/text", {"run": "run", "tag": tag, "mark": mark})


def test_strings_and_tables(asking, write, make):
    write(
        "run",
        (
            1,
            make.text("one", b"*a*"),
            make.text("list", [b"a", b"b"]),
            make.text("table", [[b"a", b"b"], [b"c", b"\xff"]]),
            make.text("cube", [[[b"a", b"b"]], [[b"c", b"d"]]]),
            make.text("none", []),
        ),
    )
    assert text(asking, "one")["rows"] == [["*a*"]]
    assert text(asking, "list")["rows"] == [["a"], ["b"]]
    assert text(asking, "table")["rows"] == [["a", "b"], ["c", "\ufffd"]]
    cube = text(asking, "cube")
    assert cube["rows"] == [["a", "b"]] and cube["dims"] == 3
    assert text(asking, "none")["rows"] == []


def test_ten_megabytes_are_cut(asking, write, make):
    write("run", (1, make.text("long", [b"word " * 2_000_000])))
    found = text(asking, "long")
    assert found["letters"] == 10_000_000 and found["cut"]
    assert len(found["rows"][0][0]) == MOST_LETTERS


def test_many_cells_are_cut(asking, write, make):
    write("run", (1, make.text("tall", [b"x"] * 20_000), make.text("wide", [[b"x"] * 20_000])))
    assert len(text(asking, "tall")["rows"]) == 5000
    assert len(text(asking, "wide")["rows"][0]) == 5000


def test_numbers_are_no_text(asking, write, make):
    write("run", (1, make.tensor("t", "text", np.zeros(3))))
    assert "not of float64" in text(asking, "t")["error"]


def test_what_torch_writes(asking, tmp_path):
    tensorboard = pytest.importorskip("torch.utils.tensorboard")
    with tensorboard.SummaryWriter(tmp_path / "run") as writer:
        writer.add_text("t", "# Größe", 2)
    assert text(asking, "t/text_summary")["rows"] == [["# Größe"]]
