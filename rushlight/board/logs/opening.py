"""Opening what lies in a folder that anybody may have filled."""

from __future__ import annotations

import os
import stat
from io import FileIO
from pathlib import Path

MOST_BYTES = 1 << 28  # a longer record is not read
_FLAGS = sum(getattr(os, name, 0) for name in ("O_NONBLOCK", "O_NOFOLLOW", "O_CLOEXEC", "O_BINARY"))


def open_regular(path: Path) -> FileIO:
    """Open a file to be read, if it is one: a FIFO would wait for a writer, a link may lead anywhere.

    Raises OSError.
    """
    number = os.open(path, os.O_RDONLY | _FLAGS)
    if not stat.S_ISREG(os.fstat(number).st_mode):
        os.close(number)
        raise OSError(f"{path} is no regular file")
    return FileIO(number, "rb")
