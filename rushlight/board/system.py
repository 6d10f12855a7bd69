"""What the machine does: processors, memory, disk, network, the processes of a training, GPUs.

Read from Linux's /proc (see `man 5 proc`) and from `nvidia-smi`; of another system only what Python's
standard library knows. A part that can't be read is None, and `missing` says so; nothing here raises because
of it.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import socket
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PROC = Path("/proc")
GPU_FIELDS = ("index", "name", "utilization.gpu", "memory.used", "memory.total", "temperature.gpu",
              "power.draw")  # fmt: skip
GPU_EVERY = 2.0  # seconds between two questions to nvidia-smi
PROCESSES = 40  # of a training that are listed
SECTOR = 512  # bytes, of /proc/diskstats whatever the disk's own are
_TICK = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096
_DISK = re.compile(r"(sd[a-z]+|vd[a-z]+|xvd[a-z]+|nvme\d+n\d+|mmcblk\d+)")
_LOG_NAME = re.compile(r"tfevents\.(\d+)\.(.+?)\.(\d+)(?:\.|$)")  # time, host, process


@dataclass
class Process:
    """One line of /proc/PID/stat. `ticks` of processor time, `started` in seconds since 1970."""

    pid: int
    parent: int
    name: str
    ticks: int
    started: float
    memory: int  # resident bytes
    threads: int


@dataclass
class Counters:
    """What only counts up; two of them a while apart give rates."""

    when: float
    cpu: dict[str, tuple[int, int]]  # busy and all ticks, by "cpu", "cpu0" ...
    disk: tuple[int, int] | None  # bytes read, written
    network: tuple[int, int] | None  # bytes received, sent
    ticks: dict[int, int] = field(default_factory=dict)  # of processes


def missing() -> list[str]:
    """What this machine doesn't tell, and why, in words."""
    found = []
    if not (PROC / "stat").exists():
        lacking = f"which {platform.system() or 'this system'} lacks."
        found.append(f"Processors, memory and processes are read from /proc, {lacking}")
    if shutil.which("nvidia-smi") is None:
        found.append("There is no nvidia-smi here, so no GPU is shown.")
    return found


def facts(root: Path) -> dict[str, Any]:
    """What doesn't change: host, processors, the log folder."""
    count = os.cpu_count() or 1
    return {"host": socket.gethostname(), "processors": count, "model": _model(), "folder": str(root)}


def _model() -> str:
    for line in _lines("cpuinfo"):
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return ""


def _lines(name: str) -> list[str]:
    try:
        return (PROC / name).read_text(errors="replace").splitlines()
    except OSError:
        return []


class Sampler:
    """`sample(pids)` gives what happened since the one before; pids: the processes that write the logs."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._before: Counters | None = None
        self._gpus: list[dict[str, Any]] = []
        self._asked = -GPU_EVERY

    def sample(self, pids: set[int]) -> dict[str, Any]:
        """Shares are from 0 to 1, sizes and rates in bytes (a second), times in seconds since 1970."""
        processes = _tree(all_processes(), pids) if pids else []
        now = Counters(time.monotonic(), cpu_ticks(), disk_bytes(), network_bytes(),
                       {p.pid: p.ticks for p in processes})  # fmt: skip
        before, self._before = self._before or now, now
        lapse = max(now.when - before.when, 1e-9)
        return {
            "time": time.time(),
            "cpu": _share(before, now, "cpu"),
            "cores": [_share(before, now, core) for core in now.cpu if core != "cpu"],
            "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
            "memory": memory(),
            "disk": self._disk(),
            "io": _rates(before.disk, now.disk, lapse),
            "network": _rates(before.network, now.network, lapse),
            "processes": [_listed(p, before, lapse) for p in processes[:PROCESSES]],
            "gpus": self._read_gpus(),
        }

    def _disk(self) -> dict[str, int] | None:
        try:
            found = shutil.disk_usage(self.root)
        except OSError:
            return None
        return {"used": found.used, "total": found.total}

    def _read_gpus(self) -> list[dict[str, Any]]:
        if time.monotonic() - self._asked >= GPU_EVERY:
            self._gpus, self._asked = gpus(), time.monotonic()
        return self._gpus


def _share(before: Counters, now: Counters, core: str) -> float | None:
    if core not in now.cpu or core not in before.cpu:
        return None
    busy, all = (a - b for a, b in zip(now.cpu[core], before.cpu[core], strict=True))
    return min(max(busy / all, 0.0), 1.0) if all > 0 else 0.0


def _rates(before: tuple[int, int] | None, now: tuple[int, int] | None, lapse: float) -> list[float] | None:
    if before is None or now is None:
        return None
    return [max(b - a, 0) / lapse for a, b in zip(before, now, strict=True)]


def cpu_ticks() -> dict[str, tuple[int, int]]:
    """(busy, all) ticks since boot of "cpu" (all processors), "cpu0", ... Waiting for disks is idle."""
    found = {}
    for line in _lines("stat"):
        name, *numbers = line.split()
        if name.startswith("cpu") and len(numbers) >= 5:
            ticks = [int(n) for n in numbers[:8]]  # what guests take is in user's already
            found[name] = (sum(ticks) - ticks[3] - ticks[4], sum(ticks))
    return found


def memory() -> dict[str, int] | None:
    """Bytes of main memory and swap. What caches take counts as free."""
    sizes = {}
    for line in _lines("meminfo"):
        name, _, rest = line.partition(":")
        number = rest.split()[:1]
        if number and number[0].isdigit():
            sizes[name] = int(number[0]) * 1024
    if "MemTotal" not in sizes or "MemAvailable" not in sizes:
        return None
    swap = sizes.get("SwapTotal", 0)
    return {
        "used": sizes["MemTotal"] - sizes["MemAvailable"],
        "total": sizes["MemTotal"],
        "swap_used": swap - sizes.get("SwapFree", swap),
        "swap_total": swap,
    }


def disk_bytes() -> tuple[int, int] | None:
    """Bytes read from and written to all disks since boot; partitions and loops aren't counted again."""
    rows = [line.split() for line in _lines("diskstats")]
    rows = [row for row in rows if len(row) >= 10 and _DISK.fullmatch(row[2])]
    return (sum(int(r[5]) for r in rows) * SECTOR, sum(int(r[9]) for r in rows) * SECTOR) if rows else None


def network_bytes() -> tuple[int, int] | None:
    """Bytes received and sent since boot, by all interfaces but the loopback."""
    rows = [line.partition(":") for line in _lines("net/dev")]
    numbers = [rest.split() for name, colon, rest in rows if colon and name.strip() != "lo"]
    numbers = [row for row in numbers if len(row) >= 9]
    return (sum(int(r[0]) for r in numbers), sum(int(r[8]) for r in numbers)) if numbers else None


def all_processes() -> dict[int, Process]:
    """Every process that can be read."""
    boot = next((float(line.split()[1]) for line in _lines("stat") if line.startswith("btime ")), 0.0)
    try:
        pids = [int(name) for name in os.listdir(PROC) if name.isdigit()]
    except OSError:
        return {}
    found = (read_process(pid, boot) for pid in pids)
    return {process.pid: process for process in found if process is not None}


def read_process(pid: int, boot: float) -> Process | None:
    """A process; None if it has gone. boot: when the machine started, in seconds since 1970."""
    try:
        text = (PROC / str(pid) / "stat").read_text(errors="replace")
    except OSError:
        return None
    name, _, rest = text.partition("(")[2].rpartition(")")  # the name may hold spaces and brackets
    parts = rest.split()
    if len(parts) < 22:
        return None
    numbers = [int(parts[k]) for k in (1, 11, 12, 17, 19, 21)]
    parent, user, system, threads, started, pages = numbers
    return Process(pid, parent, name, user + system, boot + started / _TICK, pages * _PAGE, threads)


def _tree(processes: dict[int, Process], pids: set[int]) -> list[Process]:
    """Those of `pids` and all below them, each parent before its children."""
    children: dict[int, list[Process]] = {}
    for process in processes.values():
        children.setdefault(process.parent, []).append(process)
    waiting = sorted((processes[pid] for pid in pids if pid in processes), key=lambda p: -p.pid)
    found: dict[int, Process] = {}
    while waiting:
        process = waiting.pop()
        if process.pid not in found:
            found[process.pid] = process
            waiting += sorted(children.get(process.pid, []), key=lambda p: -p.pid)
    return list(found.values())


def _listed(process: Process, before: Counters, lapse: float) -> dict[str, Any]:
    ticks = process.ticks - before.ticks.get(process.pid, process.ticks)
    return {
        "pid": process.pid,
        "parent": process.parent,
        "name": command(process),
        "cpu": max(ticks, 0) / _TICK / lapse,
        "memory": process.memory,
        "threads": process.threads,
        "started": process.started,
    }


def command(process: Process) -> str:
    """The program and its script, "python train.py"; not its options, which may hold what is secret."""
    try:
        words = (PROC / str(process.pid) / "cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        words = []
    program = os.path.basename(words[0]) if words and words[0] else process.name
    script = next((w for w in words[1:3] if w.endswith(".py")), "")
    return f"{program} {os.path.basename(script)}".strip()[:120]


def writers(names: list[str]) -> set[int]:
    """The processes of this machine that write event files of these names (they hold time, host, process).

    A process that started after its file is another one with the same number.
    """
    boot = next((float(line.split()[1]) for line in _lines("stat") if line.startswith("btime ")), 0.0)
    found = set()
    for name in names:
        match = _LOG_NAME.search(name)
        if match is None or match[2] != socket.gethostname() or len(match[1]) > 12 or len(match[3]) > 10:
            continue
        process = read_process(int(match[3]), boot)
        if process is not None and process.started <= int(match[1]) + 2:
            found.add(process.pid)
    return found


def gpus() -> list[dict[str, Any]]:
    """What nvidia-smi says of each GPU; none where there is no nvidia-smi or it doesn't answer."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    query = [program, f"--query-gpu={','.join(GPU_FIELDS)}", "--format=csv,noheader,nounits"]
    try:
        answer = subprocess.run(query, capture_output=True, timeout=5, check=False)
    except (OSError, subprocess.SubprocessError):
        return []
    return parse_gpus(answer.stdout.decode(errors="replace")) if answer.returncode == 0 else []


def parse_gpus(text: str) -> list[dict[str, Any]]:
    """nvidia-smi's CSV: a GPU a line. A value it doesn't know ("[N/A]") is None."""
    found = []
    for line in text.splitlines():
        parts = [part.strip() for part in line.split(",")]
        if len(parts) != len(GPU_FIELDS):
            continue
        busy, used, total, heat, power = map(_number, parts[2:])
        found.append({
            "index": parts[0],
            "name": parts[1],
            "busy": None if busy is None else busy / 100,
            "used": None if used is None else int(used * (1 << 20)),
            "total": None if total is None else int(total * (1 << 20)),
            "temperature": heat,
            "power": power,
        })  # fmt: skip
    return found


def _number(text: str) -> float | None:
    return float(text) if re.fullmatch(r"-?\d+(\.\d+)?", text) else None
