"""What board.py asks of a fresh process: python -m benchmarks.board_child write|store|... PATH COUNT."""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from .child import status

TAGS = ("loss/train", "loss/valid", "accuracy/train", "accuracy/valid")


def write(path: str, count: int) -> dict[str, float]:
    """A run of `count` scalars under four tags, by our Writer."""
    from rushlight.board import Writer

    start = time.perf_counter()
    with Writer(path) as writer:
        for k in range(count):
            writer.add_scalar(TAGS[k & 3], (k % 1000) * 0.001, k >> 2)
    return {"seconds": time.perf_counter() - start}


def store(path: str, count: int) -> dict[str, float]:
    """Our Store, until it has read all; `first`: seconds until a part of every tag is there."""
    from rushlight.board.events import records
    from rushlight.board.logs.store import Store

    records.masked_crc(b"")  # llvmlite and the machine code, as theirs is imported
    before, start = status("VmRSS"), time.perf_counter()
    found = Store(path)
    found.poll()
    first = time.perf_counter() - start
    while found.poll().more:
        pass
    seconds = time.perf_counter() - start
    (run,) = found.runs.values()
    assert sum(series.count for series in run.series.values()) == count
    return result(before, seconds, first)


def accumulator(path: str, count: int, keep: int | None = None) -> dict[str, float]:
    """TensorBoard's EventAccumulator; keep: its size_guidance for scalars, by default 10,000 a tag."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    before, start = status("VmRSS"), time.perf_counter()
    reader = EventAccumulator(path, size_guidance=None if keep is None else {"scalars": keep}).Reload()
    seconds = time.perf_counter() - start
    assert reader.Scalars(TAGS[3])[-1].step == (count >> 2) - 1
    return result(before, seconds)


def everything(path: str, count: int) -> dict[str, float]:
    """The same, keeping all."""
    return accumulator(path, count, 0)


def server(path: str, count: int) -> dict[str, float]:
    """tensorboard-data-server, started and asked as TensorBoard does; the memory is that of its process."""
    from tensorboard import context
    from tensorboard.data import server_ingester
    from tensorboard.data.provider import RunTagFilter

    start = time.perf_counter()
    ingester = server_ingester.SubprocessServerDataIngester(
        server_binary=server_ingester.get_server_binary(),
        logdir=path,
        reload_interval=1,
        channel_creds_type=creds(),
        samples_per_plugin=None,
        extra_flags=None,
    )
    ingester.start()
    provider: Any = ingester.data_provider
    pid = child_of(os.getpid())
    ask, wanted = context.RequestContext(), RunTagFilter(tags=[TAGS[3]])
    while True:
        found = provider.list_scalars(ask, experiment_id="", plugin_name="scalars", run_tag_filter=wanted)
        if any(one.max_step == (count >> 2) - 1 for run in found.values() for one in run.values()):
            break
        time.sleep(0.005)
    seconds = time.perf_counter() - start
    peak = status("VmHWM", pid)
    return {"seconds": seconds, "first": seconds, "growth": peak, "peak": peak}


def creds() -> Any:
    """How a data server of this machine is spoken to."""
    from tensorboard.util import grpc_util

    return grpc_util.ChannelCredsType.LOCAL


def child_of(pid: int) -> int:
    """The one process that a process started."""
    (found,) = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(found)


def result(before: float, seconds: float, first: float | None = None) -> dict[str, float]:
    """Seconds, and megabytes: the peak, and how much it lies above what was there before."""
    peak = status("VmHWM")
    return {"seconds": seconds, "first": first or seconds, "growth": peak - before, "peak": peak}


if __name__ == "__main__":
    jobs = {
        "write": write,
        "store": store,
        "accumulator": accumulator,
        "everything": everything,
        "server": server,
    }
    print(json.dumps(jobs[sys.argv[1]](sys.argv[2], int(sys.argv[3]))))
