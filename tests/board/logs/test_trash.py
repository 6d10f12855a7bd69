"""Deleting moves, undoing moves back, and nothing else is touched."""

import os
import sys

import pytest

from rushlight.board.logs.store import Store
from rushlight.board.logs.trash import BeingWritten, Trash


@pytest.fixture
def logs(write, tmp_path):
    """A store with the runs a, a/sub and ".", all long at rest."""
    for run in ("a", "a/sub", "."):
        os.utime(write(run, {"loss": [1]}), (1, 1))
    (tmp_path / "a" / "weights.pt").write_text("mine")
    store = Store(tmp_path)
    while store.poll().more:
        pass
    return store


def files(root):
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


def delete(store, name, force=False):
    others = {run.folder for key, run in store.runs.items() if key != name}
    return Trash(store.root).delete(store.runs[name], others, force)


def test_a_folder_goes_and_comes_back(logs, tmp_path):
    before = files(tmp_path)
    deleted = delete(logs, "a/sub")
    assert not (tmp_path / "a" / "sub").exists()
    assert [one.name for one in Trash(tmp_path).all()] == ["a/sub"]
    assert Trash(tmp_path).restore(deleted.id) == "a/sub"
    assert files(tmp_path) == before and Trash(tmp_path).all() == []


@pytest.mark.parametrize("name", ["a", "."])
def test_where_other_runs_lie_within_only_its_files_go(logs, tmp_path, name):
    before = files(tmp_path)
    deleted = delete(logs, name)
    event = "events.out.tfevents.1"
    gone = event if name == "." else f"a/{event}"
    assert {path for path in files(tmp_path) if not path.startswith(".trash")} == before - {gone}
    Trash(tmp_path).restore(deleted.id)
    assert files(tmp_path) == before


def test_a_run_being_written_is_refused(logs, write, tmp_path):
    write("a/sub", {"loss": [2]})
    logs._swept = -1e9
    logs.poll()
    with pytest.raises(BeingWritten):
        delete(logs, "a/sub")
    assert (tmp_path / "a" / "sub").exists()
    delete(logs, "a/sub", force=True)
    assert not (tmp_path / "a" / "sub").exists()


def test_what_is_there_again_is_not_written_over(logs, tmp_path):
    deleted = delete(logs, "a/sub")
    (tmp_path / "a" / "sub").mkdir()
    with pytest.raises(FileExistsError):
        Trash(tmp_path).restore(deleted.id)
    assert [one.id for one in Trash(tmp_path).all()] == [deleted.id]


@pytest.mark.parametrize("id", ["", ".", "..", "../a", "/etc", "x\0y"])
def test_only_what_is_in_the_trash_comes_back(logs, tmp_path, id):
    delete(logs, "a/sub")
    with pytest.raises(LookupError):
        Trash(tmp_path).restore(id)


@pytest.mark.parametrize("path", ["../outside", "/etc/x", "a/../../x"])
def test_a_forged_entry_moves_nothing_out(logs, tmp_path, path):
    place = tmp_path / ".trash" / "f"
    place.mkdir(parents=True)
    (place / "0").write_text("x")
    (place / "about.json").write_text(f'{{"name": "a", "when": 1, "moved": ["{path}"]}}')
    with pytest.raises(LookupError):
        Trash(tmp_path).restore("f")
    assert Trash(tmp_path).all() == []


@pytest.mark.skipif(sys.platform == "win32", reason="links of POSIX")
def test_links_are_not_followed(logs, tmp_path, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside")
    (tmp_path / "a" / "sub").rename(outside / "sub")
    (tmp_path / "a" / "sub").symlink_to(outside / "sub")
    with pytest.raises(OSError, match="link"):
        delete(logs, "a/sub")
    (tmp_path / ".trash").symlink_to(outside)
    with pytest.raises(OSError, match="link"):
        delete(logs, "a")
    assert files(outside) == {"sub/events.out.tfevents.1"}
