"""Entries: how they are listed and found again, and what is said of those that are gone."""

from typing import Any

import numpy as np
import pytest

pytest.importorskip("starlette")

from rushlight.board.events import messages
from rushlight.board.events.decoding import decode
from rushlight.board.events.histograms import decode_histogram
from rushlight.board.events.layouts import decode_layout
from rushlight.board.events.media import items
from rushlight.board.events.meshes import decode_rows
from rushlight.board.logs.entries import Entry
from rushlight.board.server.curves import decode_curve
from rushlight.board.server.entries import Cache, Unreadable, decoded
from rushlight.board.server.texts import table
from rushlight.io import protobuf


def test_entries_are_listed_with_marks(asking, write, make):
    write("run", (1, make.text("t", [b"a"])), (5, make.text("t", [b"b"])))
    line = asking.entries("text", "t", count=2)
    assert line["step"] == [1, 5] and line["wall"] == [1001, 1005] and len(set(line["mark"])) == 2


PATHS = ["entries", "describe", "text", "histograms", "curves", "layouts", "meshes", "mesh"]
NONSENSE = {"kind": 3, "tag": [], "runs": [], "run": {}, "name": 1, "mark": None, "curves": [], "bins": 1e999}


@pytest.mark.parametrize("path", PATHS)
def test_bad_questions_get_words(asking, path):
    for question in (
        {},
        [],
        {"run": "x"},
        {"runs": 3, "curves": 3, "tag": "x"},
        {"runs": [3], "bins": "many"},
    ):
        answer = asking.ask(f"/api/{path}", question)
        assert answer.status == 400 and answer.body
    assert asking.ask(f"/api/{path}", NONSENSE).status in (200, 400)


def test_a_wrong_mark_is_an_error_of_that_card(asking, write, make):
    write("run", (1, make.text("t", [b"a"])))
    asking.entries("text", "t")
    for mark in ("", "0-0", "../../etc/passwd", "\ud800"):
        answer = asking.json("/api/text", {"run": "run", "tag": "t", "mark": mark})
        assert answer == {"error": "this entry is not kept any more"}


def test_a_file_deleted_while_asked(asking, write, make, tmp_path):
    path = write("run", (1, make.text("t", [b"a"])))
    write("other", (1, make.text("t", [b"a"])))
    mark = asking.entries("text", "t")["mark"][0]
    path.unlink()
    answer = asking.json("/api/text", {"run": "run", "tag": "t", "mark": mark})
    assert "cannot be read" in answer["error"] or "not kept" in answer["error"]
    assert asking.json("/api/runs")


def test_a_file_written_anew_while_asked(asking, write, make):
    path = write("run", (1, make.text("t", [b"a"])))
    mark = asking.entries("text", "t")["mark"][0]
    content = path.read_bytes()
    path.write_bytes(content[:-30] + bytes(30))
    answer = asking.json("/api/text", {"run": "run", "tag": "t", "mark": mark})
    assert "error" in answer


def test_a_record_too_long_is_not_read(asking, write, make, monkeypatch):
    from rushlight.board.server import texts

    monkeypatch.setattr(texts, "LONGEST", 1 << 20)
    write("run", (1, make.text("t", [b"a" * (2 << 20)])))
    mark = asking.entries("text", "t")["mark"][0]
    answer = asking.json("/api/text", {"run": "run", "tag": "t", "mark": mark})
    assert answer == {"error": "a record of 2 MB is too long; at most 1 MB"}


def test_times_that_are_no_numbers(asking, write, make, tmp_path):
    from rushlight.board.events import messages
    from rushlight.board.events.records import frame

    write("run", (1, make.text("t", [b"a"])))
    with (tmp_path / "run" / "events.out.tfevents.1.test").open("ab") as file:
        file.write(frame([messages.event(float("nan"), 2, make.text("t", [b"late"]))]))
    line = asking.entries("text", "t", count=2)
    assert line["wall"][1] is None
    answer = asking.json("/api/text", {"run": "run", "tag": "t", "mark": line["mark"][1]})
    assert answer["rows"] == [["late"]]


def test_the_cache_is_bounded_and_forgets_the_oldest():
    cache = Cache(100)
    made = []

    def get(key, weight):
        return cache.get(key, lambda: made.append(key) or key, lambda _: weight)

    for key in range(10):
        get(key, 25)
    assert cache.used == 100
    get(9, 25)
    get(6, 25)
    assert made == list(range(10))
    get(0, 25)
    assert made[-1] == 0 and cache.used == 100
    get("large", 26)
    get("large", 26)  # more than a quarter of the room: never kept
    assert made[-2:] == ["large", "large"]


class Remembered:
    """A place whose record is a value in memory."""

    start = 0

    def __init__(self, value):
        self.value, self.length = value, len(value)

    def read(self):
        event = decode(messages.event(1.0, 2, self.value))
        for value in event.values:
            value.tag = "t"
        return event


def test_mutated_values_are_unreadable_or_read(make):
    """Bytes changed, cut and doubled at random: nothing but Unreadable ever comes out of `decoded`."""
    rng = np.random.default_rng(0)
    rows, strings = np.ones((4, 3)), np.array([b"1", b"1", make.png(1, 1)], object)
    layout = np.array(
        [protobuf.data(2, protobuf.text(1, "x") + protobuf.data(2, protobuf.text(1, "y")))], object
    )
    values = [
        (make.histogram("t", [1.0, 2.0], [1.0, 2.0], 0.0, 2.0), decode_histogram),
        (make.tensor("t", "histograms", rows), decode_histogram),
        (make.image("t", make.png(1, 1)), items),
        (make.tensor("t", "images", strings), items),
        (make.text("t", [[b"a", b"b"]]), table),
        (make.tensor("t", "pr_curves", np.ones((6, 3), np.float32)), decode_curve),
        (make.mesh("t", "vertices", np.ones((1, 4, 3), np.float32)), decode_rows),
        (make.tensor("t", "custom_scalars", layout), decode_layout),
    ]
    outcomes = [_outcome(rng, *values[k % len(values)]) for k in range(4000)]
    assert outcomes.count("read") > 400 and outcomes.count("unreadable") > 400


def _outcome(rng, value, decoder):
    """What becomes of a value when a few of its bytes are others."""
    changed = bytearray(value)
    for _ in range(rng.integers(1, 4)):
        changed[rng.integers(len(changed))] = rng.integers(256)
    place: Any = Remembered(bytes(changed[: rng.integers(len(changed)) if rng.random() < 0.2 else None]))
    try:
        decoded(Entry(2, 1.0, place), "t", decoder)
    except Unreadable as error:
        assert str(error)
        return "unreadable"
    return "read"
