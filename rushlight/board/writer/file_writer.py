"""`FileWriter`: one event file, for programs that reach below SummaryWriter and write messages themselves."""

from __future__ import annotations

import os
import time
from typing import Any

from ...io import protobuf
from ..events import messages
from .sink import Job, Sink
from .values import Values, whole


class FileWriter:
    """Writes Events and Summaries, as bytes or as protobuf messages, to a file in `log_dir`."""

    def __init__(
        self,
        log_dir: str | os.PathLike[str],
        max_queue: int = 10,
        flush_secs: float = 120,
        filename_suffix: str = "",
        said: set[str] | None = None,
    ) -> None:
        self.sink = Sink(log_dir, filename_suffix, said)
        self._log_dir = str(log_dir)

    def get_logdir(self) -> str:
        """The folder."""
        return self._log_dir

    def add_values(self, values: Values, step: Any = None, walltime: float | None = None) -> None:
        """An event of Summary.Values that the thread makes."""
        wall, k = now(walltime), whole(step)
        self.sink.put_job(Job(lambda: messages.event(wall, k, *values.make()), values.size))

    def add_event(self, event: Any, step: Any = None, walltime: float | None = None) -> None:
        """An Event; of its own time and step, the time is replaced, and the step if one is given."""
        data = serialized(event) + protobuf.double(1, now(walltime))  # of two, the last one counts
        data += b"" if step is None else protobuf.uint(2, whole(step))
        self.sink.put_job(Job(lambda: data, len(data)))

    def add_summary(self, summary: Any, global_step: Any = None, walltime: float | None = None) -> None:
        """A Summary."""
        data = messages.head(now(walltime), whole(global_step)) + protobuf.data(5, serialized(summary))
        self.sink.put_job(Job(lambda: data, len(data)))

    def flush(self) -> None:
        """Return when everything added so far is in the file."""
        self.sink.flush()

    def close(self) -> None:
        """Write what waits; at most 10 s if the disk doesn't answer."""
        self.sink.close()

    def reopen(self) -> None:
        """Nothing: one that was closed goes on when it is written to."""


def serialized(message: Any) -> bytes:
    """The bytes of a protobuf message, or bytes as they are."""
    return bytes(message) if isinstance(message, bytes | bytearray) else message.SerializeToString()


def now(walltime: float | None) -> float:
    """The time given, or that of the clock, in seconds since 1970."""
    return time.time() if walltime is None else float(walltime)
