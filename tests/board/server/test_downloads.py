"""Files of all points."""

import csv
import io
import json
import math
from urllib.parse import urlencode

import pytest

from rushlight.board import Writer
from rushlight.board.server.downloads import _quoted
from tests.board.asking import until


@pytest.fixture
def run(asking, tmp_path):
    with Writer(tmp_path / "a,b") as writer:
        for k, x in enumerate([0.1, math.nan, math.inf, -math.inf, 1e-30]):
            writer.add_scalar("x/loss", x, k, walltime=100.0 + k)
    until(lambda: asking.json("/api/table", {"tags": ["x/loss"], "runs": ["a,b"]})["rows"])


def test_csv(asking, run):
    status, _, body = asking.ask("/api/download?" + urlencode({"tag": "x/loss", "run": "a,b"}))
    rows = list(csv.reader(io.StringIO(body.decode())))
    assert status == 200 and rows[1] == ["a,b", "0", "100.0", "0.100000001"]
    assert [row[3] for row in rows[2:]] == ["NaN", "Infinity", "-Infinity", "1e-30"]


def test_json_by_a_form(asking, run):
    form = urlencode([("tag", "x/loss"), ("format", "json"), ("run", "a,b"), ("run", "absent")]).encode()
    status, _, body = asking.ask("/api/download", form)
    found = json.loads(body)
    assert status == 200 and found["tag"] == "x/loss"
    assert [point[3] for point in found["points"]] == [0.100000001, None, "Infinity", "-Infinity", 1e-30]


@pytest.mark.parametrize(
    "query, status",
    [
        ("", 404),
        ("tag=x/loss", 404),
        ("tag=x/loss&run=../a", 404),
        ("tag=x/loss&run=a,b&format=exe", 400),
        ("run=a,b", 404),
    ],
)
def test_bad_questions(asking, run, query, status):
    assert asking.ask("/api/download?" + query).status == status


@pytest.mark.parametrize("text", ["=1+1", "+x", "-x", "@x"])
def test_no_name_becomes_a_formula(text):
    assert _quoted(text).startswith("'")
