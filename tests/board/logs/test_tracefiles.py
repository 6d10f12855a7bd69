"""Traces are found, and what is new among them."""

import pytest

from rushlight.board.logs.tracefiles import TraceFiles


@pytest.fixture
def files(tmp_path):
    return Looking(tmp_path)


class Looking(TraceFiles):
    """Every look looks."""

    def look(self):
        self._next = 0.0
        return super().look()


def test_new_changed_and_gone(files, tmp_path):
    assert files.look() == set()
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "t.pt.trace.json").write_text("[]")
    (tmp_path / "t.trace.json.gz").write_text("[]")
    for other in (".t.trace.json", "t.json", "trace.json.gz"):
        (tmp_path / other).write_text("[]")
    assert files.look() == {"a/b", "."} and files.files.keys() == {"a/b/t.pt.trace.json", "t.trace.json.gz"}
    assert files.look() == set()
    (tmp_path / "t.trace.json.gz").write_text("[1]")
    assert files.look() == {"."}
    (tmp_path / "a" / "b" / "t.pt.trace.json").unlink()
    assert files.look() == {"a/b"} and len(files.files) == 1


def test_it_looks_once_in_a_while(tmp_path):
    files = TraceFiles(tmp_path)
    files.look()
    (tmp_path / "t.trace.json").write_text("[]")
    assert files.look() == set()


def test_a_folder_with_a_traces_name_is_none(files, tmp_path):
    (tmp_path / "x.trace.json").mkdir()
    assert files.look() == set()
