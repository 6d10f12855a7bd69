"""The disk cache of machine code: what is read is run, so nothing else than what was written may be read."""

import os
import re
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rushlight.kernels import cache

NAME = "0123456789abcdef" * 2 + "01234567"
ENTRY = cache.Entry(bytes(range(256)) * 20, ["kernel"], ["expf", "memcpy"])
POSIX = pytest.mark.skipif(os.name != "posix", reason="owners and modes of POSIX")
NOT_ROOT = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser may write anywhere"
)


@pytest.fixture(autouse=True)
def where(tmp_path, monkeypatch):
    folder = tmp_path / "kept"
    monkeypatch.setenv("RUSHLIGHT_CACHE", str(folder))
    monkeypatch.setattr(cache, "_written", [0])
    return folder


def kept(where, name=NAME):
    return where / (name + cache.SUFFIX)


def age(path, seconds):
    os.utime(path, (time.time() - seconds,) * 2)


# -- one file ------------------------------------------------------------------------------------------


def test_what_is_written_is_read(where):
    assert cache.read(NAME) is None
    cache.write(NAME, ENTRY)
    assert cache.read(NAME) == ENTRY
    other = cache.Entry(b"", [], [])
    cache.write(NAME, other)
    assert cache.read(NAME) == other
    assert {f.name for f in where.iterdir()} == {kept(where).name, cache.STAMP}


@pytest.mark.parametrize("at", [0, 5, 12, 40, 43, 47, 50, 60, 1000, -1])
def test_a_changed_byte_is_found(where, at):
    cache.write(NAME, ENTRY)
    data = bytearray(kept(where).read_bytes())
    data[at] ^= 0x10
    kept(where).write_bytes(data)
    assert cache.read(NAME) is None


@pytest.mark.parametrize("size", [0, 1, 10, 11, 12, 42, 43, 44, 47, 60, 5000])
def test_a_shortened_file_is_found(where, size):
    cache.write(NAME, ENTRY)
    data = kept(where).read_bytes()
    assert size < len(data)
    kept(where).write_bytes(data[:size])
    assert cache.read(NAME) is None
    cache.write(NAME, ENTRY)
    assert cache.read(NAME) == ENTRY


FOREIGN = [b"\x7fELF" + bytes(500), cache.MAGIC + bytes(32), b"x", bytes(range(256)) * 16]


@pytest.mark.parametrize("data", FOREIGN, ids=("elf", "zeros", "short", "long"))
def test_foreign_files_are_no_entries(where, data):
    where.mkdir()
    kept(where).write_bytes(data)
    assert cache.read(NAME) is None


def test_an_entry_under_another_name_is_none(where):
    cache.write(NAME, ENTRY)
    os.rename(kept(where), kept(where, "f" * 40))
    assert cache.read("f" * 40) is None


@POSIX
def test_the_folder_and_its_files_are_the_users_only(where):
    before = os.umask(0)
    try:
        cache.write(NAME, ENTRY)
    finally:
        os.umask(before)
    assert stat.S_IMODE(where.stat().st_mode) == 0o700
    assert stat.S_IMODE(kept(where).stat().st_mode) == 0o600


@POSIX
def test_files_of_another_owner_are_not_read(where, monkeypatch):
    cache.write(NAME, ENTRY)
    other = os.geteuid() + 1
    monkeypatch.setattr(os, "geteuid", lambda: other)
    assert cache.read(NAME) is None


@POSIX
@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_files_that_others_may_write_are_not_read(where, mode):
    cache.write(NAME, ENTRY)
    kept(where).chmod(mode)
    assert cache.read(NAME) is None


@POSIX
def test_links_pipes_and_folders_are_not_read(where):
    cache.write("a" * 40, ENTRY)
    kept(where).symlink_to(kept(where, "a" * 40))
    os.mkfifo(kept(where, "b" * 40))
    kept(where, "c" * 40).mkdir()
    assert [cache.read(name) for name in (NAME, "b" * 40, "c" * 40)] == [None] * 3
    cache.write("c" * 40, ENTRY)  # cannot be: and nothing is left behind
    assert not list(where.glob("*" + cache.UNFINISHED))


# -- the folder ----------------------------------------------------------------------------------------


def test_an_empty_variable_switches_it_off(monkeypatch, tmp_path):
    monkeypatch.setenv("RUSHLIGHT_CACHE", "")
    monkeypatch.chdir(tmp_path)
    assert cache.folder() is None
    cache.write(NAME, ENTRY)
    assert cache.read(NAME) is None and not list(tmp_path.iterdir())


def test_without_a_home_there_is_none(monkeypatch):
    def no_home():
        raise RuntimeError("Could not determine home directory.")

    for name in ("RUSHLIGHT_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(cache.Path, "home", no_home)
    assert cache.folder() is None and cache.read(NAME) is None
    cache.write(NAME, ENTRY)


def test_the_users_folder(monkeypatch, tmp_path):
    monkeypatch.delenv("RUSHLIGHT_CACHE")
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(tmp_path))
    assert cache.folder().name == "rushlight"
    if sys.platform == "linux":
        assert cache.folder() == tmp_path / "rushlight"


@NOT_ROOT
def test_a_folder_that_cannot_be_written(where):
    where.mkdir(mode=0o500)
    cache.write(NAME, ENTRY)
    assert cache.read(NAME) is None


def test_a_folder_that_cannot_be(where, monkeypatch):
    where.write_text("a file")
    cache.write(NAME, ENTRY)
    assert cache.read(NAME) is None and cache.files(where) == [] and cache.clear(where) == 0
    monkeypatch.setenv("RUSHLIGHT_CACHE", "/proc/none/such")
    cache.write(NAME, ENTRY)
    assert cache.read(NAME) is None


def test_a_full_disk_leaves_nothing(where, monkeypatch):
    def full(handle, mode):
        os.close(handle)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cache.os, "fdopen", full)
    cache.write(NAME, ENTRY)
    assert cache.read(NAME) is None and not list(where.iterdir())


WRITER = """
import sys
from rushlight.kernels import cache
number, rounds = int(sys.argv[1]), int(sys.argv[2])
cache.BOUND = 200_000
for k in range(rounds):
    same = cache.Entry(bytes([k % 251]) * 5000, ["same"], [])
    cache.write("a" * 40, same)
    found = cache.read("a" * 40)
    assert found is None or (found.exports, len(set(found.code)), len(found.code)) == (["same"], 1, 5000)
    name = f"{number:08x}{k:032x}"
    cache.write(name, cache.Entry(name.encode() * 100, [name], []))
    found = cache.read(name)
    assert found is None or found.code == name.encode() * 100
    if k % 20 == 0:
        cache.trim(cache.folder())
"""


def test_processes_at_once_do_no_harm(where):
    command = [sys.executable, "-c", WRITER]
    running = [
        subprocess.Popen([*command, str(k), "150"], stderr=subprocess.PIPE, text=True) for k in range(3)
    ]
    errors = [p.communicate()[1] for p in running]
    assert [p.returncode for p in running] == [0] * 3, errors
    assert not list(where.glob("*" + cache.UNFINISHED))
    for f in cache.files(where):
        assert cache.read(f.path.name.removesuffix(cache.SUFFIX)) is not None


def write_many(where, count, size=1000):
    for k in range(count):
        name = f"{k:040x}"
        cache.write(name, cache.Entry(bytes(size), [], []))
        age(kept(where, name), (count - k) * cache.DAY)


def names(where):
    return [int(f.path.stem, 16) for f in cache.files(where)]


def test_what_was_used_longest_ago_goes_first(where, monkeypatch):
    write_many(where, 10)
    assert names(where) == list(range(10))
    assert cache.read(f"{2:040x}") is not None  # used now
    monkeypatch.setattr(cache, "BOUND", 5500)
    cache.trim(where)
    assert names(where) == [6, 7, 8, 9, 2]
    cache.trim(where)
    assert names(where) == [6, 7, 8, 9, 2]


def test_what_is_not_the_caches_is_left_alone(where, monkeypatch):
    write_many(where, 3)
    others = ["thesis.txt", "photo.code", "0123.o", NAME, "deadbeef.code.txt"]
    for name in others:
        (where / name).write_bytes(bytes(5000))
        age(where / name, 1000 * cache.DAY)
    monkeypatch.setattr(cache, "BOUND", 0)
    cache.trim(where)
    assert names(where) == []
    monkeypatch.setattr(cache, "BOUND", 100_000)
    write_many(where, 3)
    assert cache.clear(where) > 3000
    assert sorted(f.name for f in where.iterdir()) == sorted(others)


def test_what_dead_writers_left_goes_after_a_day(where):
    cache.write(NAME, ENTRY)
    for name, seconds in (("old", 2 * cache.DAY), ("new", 60)):
        (where / (name + cache.UNFINISHED)).write_bytes(b"half")
        age(where / (name + cache.UNFINISHED), seconds)
    cache.trim(where)
    assert [f.name for f in where.glob("*" + cache.UNFINISHED)] == ["new" + cache.UNFINISHED]


def test_trimming_is_rare(where, monkeypatch):
    calls = []
    monkeypatch.setattr(cache, "trim", calls.append)
    write_many(where, 20)
    assert len(calls) == 1  # of a new folder
    age(where / cache.STAMP, 2 * cache.DAY)
    write_many(where, 20)
    assert len(calls) == 2  # once a day
    monkeypatch.setattr(cache, "BOUND", 16 * 5000)
    write_many(where, 20)
    assert 4 <= len(calls) <= 8  # a sixteenth of the bound was written


def test_reading_notes_the_use_once_an_hour(where):
    cache.write(NAME, ENTRY)
    age(kept(where), 60)
    before = kept(where).stat().st_mtime
    assert cache.read(NAME) and kept(where).stat().st_mtime == before
    age(kept(where), 2 * cache.HOUR)
    assert cache.read(NAME) and time.time() - kept(where).stat().st_mtime < 60


# -- what a name depends on ----------------------------------------------------------------------------


@pytest.fixture
def built(monkeypatch):
    """Builds a small module for a target; whether that had to be compiled."""
    llvm = pytest.importorskip("rushlight.kernels.llvm")
    pytest.importorskip("llvmlite")
    from rushlight.kernels.ir import Module
    from rushlight.kernels.targets import NAMED
    from rushlight.kernels.types import i64

    monkeypatch.setattr(llvm, "link", lambda code, exports, *rest: dict.fromkeys(exports, 0))

    def build(key="key", target="baseline"):
        made = []

        def make():
            made.append(1)
            m = Module()
            f = m.function("twice", i64, x=i64)
            f.ret(f.args[0] * 2)
            return m

        assert llvm.build(key, make, NAMED[target]) == {"twice": 0}
        return bool(made)

    return build


def test_code_is_made_once(built, where):
    assert built() and not built()
    assert built(key="another")
    cache.clear(where)
    assert built()


def test_another_processor_has_other_code(built):
    assert built(target="avx2") and built(target="avx512") and not built(target="avx2")


@pytest.mark.parametrize("what", ["version", "__version__"])
def test_another_llvm_or_version_has_other_code(built, monkeypatch, what):
    assert built() and not built()
    monkeypatch.setattr(cache, what, (lambda name: "99.0") if what == "version" else "99.0")
    cache.generation.cache_clear()
    try:
        assert built()
    finally:
        cache.generation.cache_clear()


def test_another_generator_has_other_code(built, monkeypatch, tmp_path):
    package = tmp_path / "package" / "kernels"
    package.mkdir(parents=True)
    source = package / "cache.py"
    source.write_text("x = 1\n")
    monkeypatch.setattr(cache, "__file__", str(source))
    cache.generation.cache_clear()
    assert built() and not built()
    source.write_text("x = 22\n")
    cache.generation.cache_clear()
    assert built()
    monkeypatch.undo()
    cache.generation.cache_clear()


def test_whatever_writes_code_is_among_the_sources():
    package = Path(cache.__file__).parents[1]
    writes = re.compile(r"^from \S*\.ir import ", re.MULTILINE)
    writers = [p for p in package.rglob("*.py") if writes.search(p.read_text(encoding="utf-8"))]
    assert len(writers) > 50
    assert set(writers) <= set(cache.sources())
