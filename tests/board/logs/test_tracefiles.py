"""Traces are found, and what is new among them."""

import os

import pytest

from rushlight.board.logs.discovery import Folders
from rushlight.board.logs.tracefiles import TraceFiles


@pytest.fixture
def look(tmp_path):
    """A function that looks: the folders with news, and the names of all traces."""
    folders, files = Folders(tmp_path), TraceFiles()
    return lambda: (files.update(folders.look().traces), set(files.files))


def test_new_changed_and_gone(look, tmp_path):
    assert look() == (set(), set())
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "t.pt.trace.json").write_text("[]")
    (tmp_path / "t.trace.json.gz").write_text("[]")
    for other in (".t.trace.json", "t.json", "trace.json.gz"):
        (tmp_path / other).write_text("[]")
    both = {"a/b/t.pt.trace.json", "t.trace.json.gz"}
    assert look() == ({"a/b", "."}, both)
    assert look() == (set(), both)
    (tmp_path / "t.trace.json.gz").write_text("[1]")
    assert look() == ({"."}, both)
    (tmp_path / "a" / "b" / "t.pt.trace.json").unlink()
    assert look() == ({"a/b"}, {"t.trace.json.gz"})


def test_a_trace_that_grows_in_a_folder_long_unchanged(look, tmp_path):
    (tmp_path / "t.trace.json").write_text("[")
    os.utime(tmp_path, (1, 1))
    look()
    with (tmp_path / "t.trace.json").open("a") as file:
        file.write("]")
    assert look()[0] == {"."}


def test_folders_and_links_with_a_traces_name_are_none(look, tmp_path):
    (tmp_path / "x.trace.json").mkdir()
    (tmp_path / "y.trace.json").symlink_to("/etc/passwd")
    assert look() == (set(), set())
