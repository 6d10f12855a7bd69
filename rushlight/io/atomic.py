"""Writing files so that a write that is cut off never replaces a good one."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from collections.abc import Iterator
from typing import BinaryIO

PathLike = str | os.PathLike[str]


def is_path(f: object) -> bool:
    """Whether `f` names a file (else it is taken for a file object)."""
    return isinstance(f, str | os.PathLike)


@contextlib.contextmanager
def replacing(path: PathLike) -> Iterator[BinaryIO]:
    """Open a file to write; it takes the place of `path` only when the block ends without an exception.

    The bytes go to a new file in the same directory, are flushed to the disk, and the new file is renamed
    over the old one: at every moment `path` holds all of the old or all of the new. A link is followed, the
    old file's permissions are kept, and what is no regular file (a pipe, /dev/null) is simply written to.
    """
    target = os.path.realpath(path)
    if os.path.exists(target) and not os.path.isfile(target):
        with open(target, "wb") as file:
            yield file
        return
    check_directory(target, path)
    part = f"{target}.{secrets.token_hex(6)}.part"
    try:
        with open(part, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        keep_mode(target, part)
        os.replace(part, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(part)
        raise
    sync_directory(os.path.dirname(target))


def check_directory(target: str, given: PathLike) -> None:
    """Raise RuntimeError (torch's type) unless the directory that `target` lies in exists."""
    directory = os.path.dirname(target)
    if not os.path.isdir(directory):
        raise RuntimeError(
            f"save: parent directory {directory} of {os.fspath(given)!r} does not exist; make it first"
        )


def keep_mode(target: str, part: str) -> None:
    """Give the new file the permissions of the one it replaces; a new name keeps what the umask gave."""
    with contextlib.suppress(FileNotFoundError):
        os.chmod(part, stat.S_IMODE(os.stat(target).st_mode))


def sync_directory(directory: str) -> None:
    """Flush the rename itself; where a directory cannot be opened (Windows) there is nothing to do."""
    with contextlib.suppress(OSError):
        handle = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
