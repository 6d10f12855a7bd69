"""How much of the processors other processes take: on a busy machine ratios mean little."""

from __future__ import annotations

import os
import time

MUCH = 0.1  # of one processor


def used() -> tuple[float, float, float]:
    """Now, and the processor seconds used so far by all processes and by this one; Linux only, else 0."""
    try:
        with open("/proc/stat") as lines:
            user, nice, system, _idle, _wait, irq, soft, steal = map(int, lines.readline().split()[1:9])
    except OSError:
        return time.perf_counter(), 0.0, 0.0
    ticks = (user + nice + system + irq + soft + steal) / os.sysconf("SC_CLK_TCK")
    own = os.times()
    return time.perf_counter(), ticks, own.user + own.system + own.children_user + own.children_system


def others(before: tuple[float, float, float]) -> float:
    """Processors that others used since `before`, on average."""
    (t0, all0, own0), (t1, all1, own1) = before, used()
    return max(0.0, (all1 - all0) - (own1 - own0)) / max(t1 - t0, 0.05)
