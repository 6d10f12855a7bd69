"""The machine as /proc and nvidia-smi tell it, and one that tells nothing."""

import os
import socket
import subprocess
import sys
import time

import pytest

from rushlight.board import system

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")


@pytest.fixture
def fake(tmp_path, monkeypatch):
    """fake(stat="..."): a /proc with these files."""
    monkeypatch.setattr(system, "PROC", tmp_path)

    def write(**files):
        for name, text in files.items():
            path = tmp_path / name.replace("_", "/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    return write


def test_processor_ticks(fake):
    fake(stat="cpu  10 1 5 80 4 0 0 0 0 0\ncpu0 10 1 5 80 4 0 0 0\nintr 5\nbtime 100\n")
    assert system.cpu_ticks() == {"cpu": (16, 100), "cpu0": (16, 100)}


def test_memory_counts_caches_as_free(fake):
    memory = "MemTotal: 1000 kB\nMemFree: 100 kB\nMemAvailable: 700 kB\n"
    fake(meminfo=memory + "SwapTotal: 50 kB\nSwapFree: 20 kB\n")
    assert system.memory() == {
        "used": 300 << 10,
        "total": 1000 << 10,
        "swap_used": 30 << 10,
        "swap_total": 50 << 10,
    }


def test_disks_and_network(fake):
    row = "{} {} {} 5 0 {} 0 3 0 {} 0 0 0 0"
    names = ["sda", "sda1", "loop0", "nvme0n1"]
    fake(diskstats="\n".join(row.format(8, k, name, 10, 20) for k, name in enumerate(names)))
    assert system.disk_bytes() == (2 * 10 * 512, 2 * 20 * 512)
    fake(net_dev="Inter-|\n face |\n lo: 9 0 0 0 0 0 0 0 9 0\n eth0:7 0 0 0 0 0 0 0 8 0\n")
    assert system.network_bytes() == (7, 8)


def test_a_machine_that_tells_nothing(fake, tmp_path):
    sample = system.Sampler(tmp_path).sample({1})
    for part in ("cpu", "memory", "io", "network"):
        assert sample[part] is None
    assert sample["cores"] == sample["processes"] == [] and system.all_processes() == {}
    assert any("/proc" in text for text in system.missing())


def test_a_process_with_a_strange_name(fake):
    fake(**{"7_stat": "7 (a) b (c) S 3 0 0 0 0 0 0 0 0 0 5 6 0 0 0 0 2 0 300 0 9 0"})
    process = system.read_process(7, 1000.0)
    assert (process.name, process.parent, process.ticks, process.threads) == ("a) b (c", 3, 11, 2)
    assert process.started == 1000 + 300 / system._TICK
    fake(**{"8_stat": "8 (short) S 1"})
    assert system.read_process(8, 0.0) is None and system.read_process(9, 0.0) is None


@linux
def test_the_tree_of_a_training(tmp_path):
    script = tmp_path / "train.py"
    script.write_text("import subprocess, sys\nsubprocess.run([sys.executable, '-c', 'input()'])\n")
    training = subprocess.Popen([sys.executable, script, "--key", "secret"], stdin=subprocess.PIPE)
    try:
        name = f"events.out.tfevents.{time.time():.0f}.{socket.gethostname()}.{training.pid}.0"
        assert system.writers([name]) == {training.pid}
        sampler, deadline = system.Sampler(tmp_path), time.monotonic() + 10
        while len(found := sampler.sample({training.pid})["processes"]) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert found[0]["name"].endswith("train.py") and found[1]["parent"] == training.pid
        assert "secret" not in str(found) and found[0]["memory"] > 1 << 20
    finally:
        training.communicate(b"\n", timeout=20)
    assert system.writers([name]) == set()


@linux
def test_which_processes_are_no_writers():
    now, host, pid = int(time.time()), socket.gethostname(), os.getpid()
    others = [
        f"events.out.tfevents.100.{host}.{pid}.0",  # a process of that number, long ago
        f"events.out.tfevents.{now}.another-host.{pid}.0",
        f"events.out.tfevents.{now}.{host}",
        f"events.out.tfevents.{'9' * 400}.{host}.{pid}.0",
        f"events.out.tfevents.{now}.{host}.{'9' * 400}.0",
    ]
    assert system.writers(others) == set()
    assert system.writers([f"events.out.tfevents.{now}.{host}.{pid}.3.v2"]) == {pid}


def test_gpus_are_parsed():
    known, odd = "0, NVIDIA H200, 37, 1024, 143771, 41, 120.53", "1, Odd, [N/A], 5, [N/A], [N/A], [N/A]"
    first, second = system.parse_gpus(f"{known}\n{odd}\nnonsense\n")
    assert first == {
        "index": "0",
        "name": "NVIDIA H200",
        "busy": 0.37,
        "used": 1 << 30,
        "total": 143771 << 20,
        "temperature": 41.0,
        "power": 120.53,
    }
    assert second["busy"] is None and second["total"] is None and second["used"] == 5 << 20


@pytest.mark.skipif(os.name != "posix", reason="writes a shell script")
@pytest.mark.parametrize(
    "body, count", [("echo '0, Card, 5, 1, 2, 30, 40'", 1), ("exit 9", 0), ("printf '\\377,'", 0)]
)
def test_nvidia_smi_is_asked(tmp_path, monkeypatch, body, count):
    program = tmp_path / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n{body}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert len(system.gpus()) == count
    assert not any("nvidia-smi" in text for text in system.missing())
    monkeypatch.setenv("PATH", "")
    assert system.gpus() == [] and any("nvidia-smi" in text for text in system.missing())
