"""The routes of profiles: traces are found, read, added up; nothing else is opened."""

import gzip
import json
import os

import numpy as np
import pytest

pytest.importorskip("uvicorn")

from rushlight.board import Writer
from tests.board.asking import until

from ..logs.test_traces import x


def write(path, events, packed=False):
    path.parent.mkdir(parents=True, exist_ok=True)
    data = json.dumps({"traceEvents": events}).encode()
    path.write_bytes(gzip.compress(data) if packed else data)


def traces(asking):
    return asking.json("/api/traces")["traces"]


EVENTS = [x("a", 0, 10, args={"line": "n.py:1"}), x("b", 2, 3, args={"module": "Net"})]


def test_traces_are_found_and_shown(asking, tmp_path):
    with Writer(tmp_path / "run") as writer:
        writer.add_scalar("loss", 1.0)
    write(tmp_path / "run" / "w.1.pt.trace.json", EVENTS)
    write(tmp_path / "elsewhere" / "t.trace.json.gz", EVENTS, packed=True)
    write(tmp_path / "run" / ".w.2.pt.trace.json", EVENTS)  # begun, not finished
    until(lambda: len(traces(asking)) == 2)
    assert [(t["trace"], t["run"]) for t in traces(asking)] == [
        ("elsewhere/t.trace.json.gz", "elsewhere"),
        ("run/w.1.pt.trace.json", "run"),
    ]
    assert asking.json("/api/runs")["tags"]["profile"] == {"": [0]}
    for name in ("elsewhere/t.trace.json.gz", "run/w.1.pt.trace.json"):
        head, numbers = asking.packed("/api/trace", {"trace": name})
        columns = dict(zip(head["columns"], numbers.reshape(len(head["columns"]), -1), strict=True))
        assert (
            columns["start"].tolist() == [0, 2]
            and columns["depth"].tolist() == [0, 1]
            and head["count"] == head["all"] == 2
        )
        assert [head["texts"][int(k)] for k in columns["name"]] == ["a", "b"]
    rows = asking.json("/api/trace/table", {"trace": name, "by": "op", "span": [1, 5]})["rows"]
    assert rows == [{"key": "b", "calls": 1, "own": 3, "total": 3, "bytes": 0}]
    tree = asking.json("/api/trace/flame", {"trace": name})["tree"]
    assert tree == ["all", 10, 0, 0, [["a", 10, 7, 1, [["b", 3, 3, 1, []]]]]]


def test_a_trace_that_changes_is_read_again(asking, tmp_path):
    write(tmp_path / "a.trace.json", EVENTS)
    until(lambda: traces(asking))
    assert asking.packed("/api/trace", {"trace": "a.trace.json"})[0]["all"] == 2
    write(tmp_path / "a.trace.json", [*EVENTS, x("c", 20, 1)])
    until(lambda: asking.packed("/api/trace", {"trace": "a.trace.json"})[0]["all"] == 3)


def test_only_the_longest_of_too_many_are_sent(asking, tmp_path, monkeypatch):
    monkeypatch.setattr("rushlight.board.server.profile.MOST_DRAWN", 10)
    write(tmp_path / "a.trace.json", [x("e", 100 * k, k + 1) for k in range(50)])
    until(lambda: traces(asking))
    head, numbers = asking.packed("/api/trace", {"trace": "a.trace.json"})
    assert head["count"] == 10 and head["all"] == 50
    np.testing.assert_array_equal(numbers.reshape(12, -1)[1], np.arange(41, 51))


@pytest.mark.parametrize(
    "path, question, status",
    [
        ("/api/trace", {}, 400),
        ("/api/trace", {"trace": "absent"}, 404),
        ("/api/trace", {"trace": "../secret.trace.json"}, 404),
        ("/api/trace", {"trace": "/etc/passwd"}, 404),
        ("/api/trace/table", {"trace": "a.trace.json", "by": "colour"}, 400),
        ("/api/trace/table", {"trace": "a.trace.json", "by": ["op"]}, 400),
        ("/api/trace/table", {"trace": "a.trace.json", "span": [1]}, 400),
        ("/api/trace/flame", {"trace": "a.trace.json", "span": ["a", None]}, 400),
        ("/api/trace/flame", {"trace": "a.trace.json", "by": "node"}, 400),
        ("/api/trace", {"trace": "bad.trace.json"}, 422),
    ],
)
def test_bad_questions(asking, tmp_path, path, question, status):
    write(tmp_path / "a.trace.json", EVENTS)
    (tmp_path.parent / "secret.trace.json").write_text("[]")
    (tmp_path / "bad.trace.json").write_bytes(b"\xff{{{")
    until(lambda: len(traces(asking)) == 2)
    answer = asking.ask(path, question)
    assert answer.status == status and answer.body


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="no links here")
def test_links_are_not_followed(asking, tmp_path):
    write(tmp_path.parent / "outside" / "o.trace.json", EVENTS)
    (tmp_path / "link.trace.json").symlink_to(tmp_path.parent / "outside" / "o.trace.json")
    write(tmp_path / "a.trace.json", EVENTS)
    until(lambda: traces(asking))
    assert [t["trace"] for t in traces(asking)] == ["a.trace.json"]
