"""Runs changed through the server: everybody hears of it, and nothing else can be changed."""

import json
import os

import pytest

from rushlight.board import Writer
from tests.board.asking import until


@pytest.fixture
def two(asking, tmp_path):
    """Two runs at rest, "a" and "b"."""
    for name in ("a", "b"):
        with Writer(tmp_path / name) as writer:
            writer.add_scalar("loss", 1.0, 1)
        for path in (tmp_path / name).iterdir():
            os.utime(path, (1, 1))
    until(lambda: len(asking.json("/api/table", {"tags": ["loss"], "runs": ["a", "b"]})["rows"]) == 2)
    until(lambda: asking.json("/api/changes")["sets"] == [{"scalars": ["loss"]}])


def test_annotations_are_a_small_change(asking, two):
    before = asking.json("/api/changes")
    assert before["all"] and before["sets"] == [{"scalars": ["loss"]}]
    asking.json("/api/annotate", {"runs": ["a"], "label": "x", "colour": "#112233"})
    after = asking.json(f"/api/changes?since={before['version']}&epoch={before['epoch']}")
    assert not after["all"] and [run["name"] for run in after["runs"]] == ["a"]
    assert after["runs"][0]["label"] == "x" and after["runs"][0]["colour"] == "#112233"
    again = asking.json(f"/api/changes?since={after['version']}&epoch={after['epoch']}")
    assert again["runs"] == []
    for stale in ("since=999&epoch=other", "since=x&epoch=" + before["epoch"], "since=-1", ""):
        assert asking.json("/api/changes?" + stale)["all"]


def test_pages_are_told(asking, two):
    with asking.socket() as socket:
        socket.send(json.dumps({"type": "ping"}))
        socket.recv(5)
        asking.json("/api/annotate", {"runs": ["a"], "note": "x"})
        assert json.loads(socket.recv(5)) == {"type": "runs"}


def test_delete_and_restore(asking, two, tmp_path):
    before = asking.json("/api/changes")
    answer = asking.json("/api/delete", {"runs": ["a", "absent"]})
    assert [one["name"] for one in answer["deleted"]] == ["a"] and "absent" in answer["refused"]
    assert not (tmp_path / "a").exists()
    after = asking.json(f"/api/changes?since={before['version']}&epoch={before['epoch']}")
    assert after["gone"] == ["a"]
    assert [one["name"] for one in asking.json("/api/trash")["deleted"]] == ["a"]
    asking.json("/api/restore", {"ids": [answer["deleted"][0]["id"]]})
    until(lambda: len(asking.json("/api/changes")["runs"]) == 2)
    assert asking.json("/api/trash")["deleted"] == []


def test_a_run_being_written_needs_a_second_word(asking, two, tmp_path):
    with Writer(tmp_path / "a") as writer:
        writer.add_scalar("loss", 2.0, 2)
        writer.flush()
        until(lambda: asking.json("/api/table", {"tags": ["loss"], "runs": ["a"]})["rows"][0][-1] == 2)
        assert asking.json("/api/delete", {"runs": ["a"]})["busy"] == ["a"] and (tmp_path / "a").exists()
        assert asking.json("/api/delete", {"runs": ["a"], "force": True})["deleted"]


@pytest.mark.parametrize("path, question, status", [
    ("/api/annotate", {"runs": ["absent"], "label": "x"}, 404),
    ("/api/annotate", {"runs": ["a"], "label": 3}, 400),
    ("/api/annotate", {"runs": ["a"], "label": "\ud800"}, 400),
    ("/api/annotate", {"runs": ["a"], "colour": "red;}"}, 400),
    ("/api/annotate", {"runs": "a"}, 400),
    ("/api/annotate", [], 400),
    ("/api/delete", {"runs": [1]}, 400),
    ("/api/delete", {}, 400),
    ("/api/restore", {"ids": ["../../etc"]}, 404),
    ("/api/restore", {"ids": "x"}, 400),
])  # fmt: skip
def test_bad_questions_get_reasons(asking, two, path, question, status):
    answer = asking.ask(path, question)
    assert answer.status == status and answer.body


@pytest.mark.parametrize("names", [["../outside"], ["/etc"], [".."], ["a/../../outside"], ["."], ["a\0"]])
def test_only_known_runs_are_deleted(asking, two, tmp_path, names):
    outside = tmp_path.parent / "outside"
    outside.mkdir(exist_ok=True)
    answer = asking.json("/api/delete", {"runs": names, "force": True})
    assert answer["deleted"] == [] and outside.exists() and (tmp_path / "a").exists()
