"""Only regular files are opened, and never through a link."""

import os
import sys

import pytest

from rushlight.board.logs.opening import open_regular


def test_a_regular_file(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    with open_regular(tmp_path / "a") as file:
        assert file.read() == b"abc"


@pytest.mark.skipif(sys.platform == "win32", reason="links and pipes of POSIX")
@pytest.mark.parametrize("kind", ["link", "pipe", "folder", "device"])
def test_nothing_else(tmp_path, kind):
    path = tmp_path / "x"
    (tmp_path / "a").write_bytes(b"abc")
    if kind == "link":
        path.symlink_to(tmp_path / "a")
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path = "/dev/zero"
    with pytest.raises(OSError):
        open_regular(path)
