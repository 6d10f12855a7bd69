"""Which files are event files, and which are left alone."""

import os
import sys

import pytest

from rushlight.board.logs.discovery import Folders

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="names and links of POSIX")


def made(path, content=b""):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_folders_by_their_path(tmp_path):
    made(tmp_path / "events.tfevents.1")
    made(tmp_path / "a" / "b" / "x.tfevents.2")
    made(tmp_path / "a" / "notes.txt")
    made(tmp_path / ".trash" / "1" / "x.tfevents.2")
    found = Folders(tmp_path).look().runs
    assert set(found) == {".", "a/b"} and found["a/b"][0] == tmp_path / "a" / "b"


def test_links_and_pipes_are_not_followed(tmp_path):
    outside = made(tmp_path / "outside" / "secret.tfevents.1")
    root = tmp_path / "root"
    root.mkdir()
    (root / "link.tfevents.1").symlink_to(outside)
    (root / "folder").symlink_to(outside.parent)
    (root / "loop").symlink_to(root)
    os.mkfifo(root / "pipe.tfevents.1")
    assert Folders(root).look().runs == {}


def test_strange_names(tmp_path):
    made(tmp_path / "a\nb" / "x.tfevents")
    made(tmp_path / "🔥" / "x.tfevents")
    try:
        os.mkdir(os.fsencode(tmp_path) + b"/bad\xff")
    except OSError:
        pytest.skip("this file system takes UTF-8 only")
    open(os.fsencode(tmp_path) + b"/bad\xff/x.tfevents", "wb").close()
    found = Folders(tmp_path).look().runs
    assert set(found) == {"a\nb", "🔥", "bad\\xff"}
    for name in found:
        name.encode()  # no lone surrogates, which no answer could carry


def test_a_new_file_in_a_known_folder_is_found(tmp_path):
    made(tmp_path / "a" / "x.tfevents.1")
    os.utime(tmp_path / "a", (1, 1))  # long unchanged
    folders = Folders(tmp_path)
    assert len(folders.look().runs["a"][1]) == 1
    made(tmp_path / "a" / "x.tfevents.2")
    assert len(folders.look().runs["a"][1]) == 2
    (tmp_path / "a" / "x.tfevents.1").unlink()
    assert len(folders.look().runs["a"][1]) == 1


def test_deep_folders_end(tmp_path):
    path = tmp_path
    for _ in range(40):
        path = path / "d"
    made(path / "x.tfevents")
    assert Folders(tmp_path).look().runs == {}
