"""Machine code kept on disk from one process to the next, by a name that says all it depends on."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

MAGIC = b"rushlight1\n"
BOUND = 256 << 20  # bytes; the files used longest ago go first


class Entry(NamedTuple):
    """An object file, the names it offers, and those it needs."""

    code: bytes
    exports: list[str]
    imports: list[str]


def folder() -> Path | None:
    """Where the files are: RUSHLIGHT_CACHE, or the user's cache folder; None where the variable is empty."""
    named = os.environ.get("RUSHLIGHT_CACHE")
    if named is not None:
        return Path(named) if named else None
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "rushlight"


@functools.cache
def generation() -> str:
    """What writes the code: these files, and LLVM."""
    here = Path(__file__).parent
    files = sorted([*here.glob("*.py"), here.parent / "scalar.py"])
    stats = [(f.name, f.stat().st_size, f.stat().st_mtime_ns) for f in files]
    return repr((stats, version("llvmlite")))


def read(name: str) -> Entry | None:
    """The entry of this name; None where there is none, or one that is damaged."""
    where = folder()
    if where is None:
        return None
    path = where / name
    try:
        data = path.read_bytes()
    except OSError:
        return None
    found = _decode(data)
    if found is not None:
        try:
            os.utime(path)  # used now
        except OSError:
            pass
    return found


def write(name: str, entry: Entry) -> None:
    """Keep an entry: whole or not at all, whoever else writes it. A disk that refuses is no error."""
    where = folder()
    if where is None:
        return
    try:
        where.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=where)
        with os.fdopen(handle, "wb") as f:
            f.write(_encode(entry))
        os.replace(temporary, where / name)
        _trim(where)
    except OSError:
        return


def _encode(entry: Entry) -> bytes:
    head = json.dumps([entry.exports, entry.imports]).encode()
    body = len(head).to_bytes(4, "little") + head + entry.code
    return MAGIC + hashlib.sha256(body).digest() + body


def _decode(data: bytes) -> Entry | None:
    start = len(MAGIC) + 32
    body = data[start:]
    if data[: len(MAGIC)] != MAGIC or hashlib.sha256(body).digest() != data[len(MAGIC) : start]:
        return None
    size = int.from_bytes(body[:4], "little")
    exports, imports = json.loads(body[4 : 4 + size])
    return Entry(body[4 + size :], exports, imports)


def _trim(where: Path) -> None:
    """Remove what was used longest ago while there is too much."""
    files = sorted((f.stat().st_mtime, f.stat().st_size, f) for f in where.iterdir() if f.is_file())
    total = sum(size for _, size, _ in files)
    for _, size, path in files:
        if total <= BOUND:
            return
        path.unlink(missing_ok=True)
        total -= size
