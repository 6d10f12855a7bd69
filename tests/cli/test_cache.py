"""`rushlight cache`: what is on disk, and its removal."""

import doctest
import os
import time

import pytest

from rushlight.cli import cache as command
from rushlight.cli import main
from rushlight.kernels import cache


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("RUSHLIGHT_CACHE", str(tmp_path / "kernels"))
    return tmp_path / "kernels"


def report(capsys, *arguments):
    assert main(["cache", *arguments]) == 0
    return capsys.readouterr().out


def fill(folder):
    for k in range(3):
        cache.write(f"{k:040x}", cache.Entry(bytes(1000), ["kernel"], []))
        used = time.time() - (3 - k) * 86400
        os.utime(folder / f"{k:040x}.code", (used, used))


def test_a_folder_that_is_not_there_yet(folder, capsys):
    out = report(capsys)
    assert str(folder) in out and "kernels    0\n" in out and "use" not in out.split("generation")[0]
    assert report(capsys, "--clear") == "removed 0 kernels, 0 bytes\n" and not folder.exists()


def test_what_is_there_is_counted(folder, capsys):
    fill(folder)
    lines = [line.split(maxsplit=1) for line in report(capsys).splitlines()]
    assert [name for name, _ in lines[:4]] == ["folder", "kernels", "size", "generation"]
    assert lines[1][1] == "3" and lines[2][1].startswith("3.") and "at most 256 MB" in lines[2][1]
    assert lines[4] == ["oldest", "use 3 days ago"] and lines[5] == ["newest", "use 1 day ago"]


def test_clear_removes_kernels_only(folder, capsys):
    fill(folder)
    (folder / "notes.txt").write_text("mine")
    assert report(capsys, "--clear").startswith("removed 3 kernels, 3.")
    assert [f.name for f in folder.iterdir()] == ["notes.txt"]
    assert "kernels    0\n" in report(capsys)


def test_where_it_is_switched_off(monkeypatch, capsys):
    monkeypatch.setenv("RUSHLIGHT_CACHE", "")
    assert report(capsys).startswith("folder     none: RUSHLIGHT_CACHE is empty")
    assert report(capsys, "--clear") == "removed 0 kernels, 0 bytes\n"


def test_the_examples_in_docstrings():
    result = doctest.testmod(command)
    assert result.attempted == 2 and not result.failed


SIZES = [(0, "0 bytes"), (999, "999 bytes"), (1024, "1 KB"), (1000 << 10, "0.977 MB"), (5 << 30, "5 GB")]


@pytest.mark.parametrize("count, text", SIZES)
def test_sizes(count, text):
    assert command.size(count) == text


def test_a_moment_just_past():
    assert command.ago(time.time()) == command.ago(time.time() + 5) == "less than a minute ago"
    assert command.ago(time.time() - 61) == "1 minute ago"


def test_a_wrong_option(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["cache", "--clean"])
    assert stop.value.code == 2 and "--clean" in capsys.readouterr().err
