"""Machine code kept on disk from one process to the next, by a name that says all it depends on.

What is read here is run: so a file counts only if it belongs to this user, nobody else may write it, and its
digest covers its name as well as its contents. Everything else in the folder is left alone.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import re
import stat
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from ..version import __version__

MAGIC = b"rushlight3\n"
BOUND = 256 << 20  # bytes; the files used longest ago go first
HOUR, DAY = 3600, 86400
SUFFIX, UNFINISHED = ".code", ".unfinished"
STAMP = "trimmed"  # an empty file: when the folder was last looked through


class Entry(NamedTuple):
    """An object file, the names it offers, and those it needs."""

    code: bytes
    exports: list[str]
    imports: list[str]


class File(NamedTuple):
    """A file of the cache: when it was last used (give or take an hour), its bytes, and where it is."""

    used: float
    size: int
    path: Path


def folder() -> Path | None:
    """Where the files are: RUSHLIGHT_CACHE, or the user's cache folder; None where the variable is empty."""
    named = os.environ.get("RUSHLIGHT_CACHE")
    try:
        if named is not None:
            return Path(named).expanduser() if named else None
        return _users() / "rushlight"
    except RuntimeError:  # there is no home
        return None


def _users() -> Path:
    """Where this system keeps what can be made again."""
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


@functools.cache
def generation() -> str:
    """What writes the code: this version, these files, and LLVM."""
    files = sorted(f for f in sources() if f.exists())
    stats = [(f.name, f.stat().st_size, f.stat().st_mtime_ns) for f in files]
    return repr((__version__, stats, version("llvmlite")))


def sources() -> list[Path]:
    """The files that machine code comes from: any change of one makes all of it anew."""
    here = Path(__file__).parent
    return [here.parent / "scalar.py", *here.glob("*.py"), *(here.parent / "autograd").glob("*.py")]


# -- one file ------------------------------------------------------------------------------------------


def read(name: str) -> Entry | None:
    """The entry of this name; None where there is none, or one that is damaged or not this user's."""
    where = folder()
    if where is None:
        return None
    try:
        data = _contents(where / (name + SUFFIX))
    except OSError:
        return None
    return None if data is None else _decode(name, data)


def _contents(path: Path) -> bytes | None:
    """What is in a plain file that this user, and nobody else, may have written."""
    with open(path, "rb", opener=_open) as f:
        facts = os.fstat(f.fileno())
        if not stat.S_ISREG(facts.st_mode) or not _is_ours(facts) or facts.st_size > BOUND:
            return None
        if time.time() - facts.st_mtime > HOUR:
            with contextlib.suppress(OSError):
                os.utime(path)  # used now
        return f.read()


def _open(path: str, flags: int) -> int:
    """Open a file; no link is followed, no pipe waited for."""
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))


def _is_ours(facts: os.stat_result) -> bool:
    if not hasattr(os, "geteuid"):
        return True  # Windows: the folder lies in the user's own
    return facts.st_uid == os.geteuid() and not facts.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def write(name: str, entry: Entry) -> None:
    """Keep an entry: whole or not at all, whoever else writes it. A disk that refuses is no error."""
    where = folder()
    if where is None:
        return
    data = _encode(name, entry)
    with contextlib.suppress(OSError):
        where.mkdir(mode=0o700, parents=True, exist_ok=True)
        _replace(where, name + SUFFIX, data)
        _trim_if_due(where, len(data))


def _replace(where: Path, name: str, data: bytes) -> None:
    """Write a file under another name (mkstemp: only this user may read it), then give it its own."""
    handle, unfinished = tempfile.mkstemp(dir=where, suffix=UNFINISHED)
    try:
        with os.fdopen(handle, "wb") as f:
            f.write(data)
        os.replace(unfinished, where / name)
    except OSError:
        os.unlink(unfinished)
        raise


def _encode(name: str, entry: Entry) -> bytes:
    head = json.dumps([entry.exports, entry.imports]).encode()
    body = len(head).to_bytes(4, "little") + head + entry.code
    return MAGIC + _digest(name, body) + body


def _decode(name: str, data: bytes) -> Entry | None:
    start = len(MAGIC) + 32
    magic, digest, body = data[: len(MAGIC)], data[len(MAGIC) : start], data[start:]
    if magic != MAGIC or digest != _digest(name, body):
        return None
    size = int.from_bytes(body[:4], "little")
    exports, imports = json.loads(body[4 : 4 + size])
    return Entry(body[4 + size :], exports, imports)


def _digest(name: str, body: bytes) -> bytes:
    """BLAKE2 of both: three times as fast as SHA-256 where the processor has no instructions for that."""
    return hashlib.blake2b(body, key=name.encode(), digest_size=32).digest()


# -- the folder ----------------------------------------------------------------------------------------


def files(where: Path) -> list[File]:
    """The files of the cache in a folder, used longest ago first; none of anything else in it."""
    return sorted(_files(where, rf"[0-9a-f]+{re.escape(SUFFIX)}"))


def _files(where: Path, pattern: str) -> Iterator[File]:
    try:
        found = list(os.scandir(where))
    except OSError:
        return
    for item in found:
        with contextlib.suppress(OSError):  # another process was faster
            if re.fullmatch(pattern, item.name) and item.is_file(follow_symlinks=False):
                facts = item.stat(follow_symlinks=False)
                yield File(facts.st_mtime, facts.st_size, Path(item.path))


def clear(where: Path) -> int:
    """Remove all files of the cache from a folder; how many bytes they had."""
    return sum(_remove(f) for f in [*files(where), *_files(where, STAMP)])


def trim(where: Path) -> None:
    """Remove what was used longest ago while there is too much, and what writers that died have left."""
    for f in _files(where, rf".*{re.escape(UNFINISHED)}"):
        if time.time() - f.used > DAY:
            _remove(f)
    known = files(where)
    excess = sum(f.size for f in known) - BOUND
    for f in known:
        if excess <= 0:
            return
        excess -= _remove(f)


def _remove(f: File) -> int:
    """Remove a file; the bytes gained."""
    try:
        f.path.unlink(missing_ok=True)
    except OSError:
        return 0
    return f.size


_written = [0]  # bytes, since this process last looked through the folder


def _trim_if_due(where: Path, size: int) -> None:
    """Look through the folder once a day, and whenever this process has written a sixteenth of BOUND."""
    _written[0] += size
    stamp = where / STAMP
    if _written[0] > BOUND // 16 or not stamp.exists() or time.time() - stamp.stat().st_mtime > DAY:
        _written[0] = 0
        stamp.touch()
        trim(where)
