"""The number of threads: what is asked for is what is told, and what NumPy's OpenBLAS gets."""

import subprocess
import sys

import pytest

import rushlight as torch
from rushlight import threads


def test_set_and_get():
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize(("n", "error"), [(0, RuntimeError), (1.5, TypeError)])
def test_refused(n, error):
    with pytest.raises(error, match="set_num_threads expects"):
        torch.set_num_threads(n)


@pytest.mark.parametrize(("variable", "n"), [("3", 3), ("5,2", 5), ("0", None), ("", None), ("many", None)])
def test_the_variable_of_openmp(monkeypatch, variable, n):
    monkeypatch.setenv("OMP_NUM_THREADS", variable)
    monkeypatch.setattr(threads, "_chosen", None)
    assert threads.get() == (n or threads.available())


GROUPS = {  # files of a machine, and the processors they grant
    "none": ({}, None),
    "v2": ({"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/cpu.max": "250000 100000\n"}, 2.5),
    "v2, no limit": ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "max 100000\n"}, None),
    "v2, the group above": (
        {
            "proc/self/cgroup": "0::/a/b\n",
            "sys/fs/cgroup/a/b/cpu.max": "max 100000\n",
            "sys/fs/cgroup/a/cpu.max": "50000 100000\n",
        },
        0.5,
    ),
    "v2 in a container that sees the host's path": (
        {"proc/self/cgroup": "0::/docker/0123\n", "sys/fs/cgroup/cpu.max": "400000 100000\n"},
        4.0,
    ),
    "v1": (
        {
            "proc/self/cgroup": "4:memory:/x\n3:cpu,cpuacct:/job\n1:cpuset:/\n",
            "sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_quota_us": "300000\n",
            "sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_period_us": "100000\n",
        },
        3.0,
    ),
    "v1, no limit": (
        {
            "proc/self/cgroup": "3:cpu:/\n0::/\n",
            "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
            "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
        },
        None,
    ),
    "damaged": ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "100000 0\n"}, None),
}


@pytest.mark.parametrize(("files", "processors"), GROUPS.values(), ids=GROUPS)
def test_control_groups(tmp_path, files, processors):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert threads.granted(tmp_path) == processors


@pytest.mark.parametrize(("share", "n"), [(None, 4), (8.0, 4), (2.9, 2), (0.5, 1)])
def test_a_share_of_time_is_whole_processors(monkeypatch, share, n):
    monkeypatch.setattr(threads.os, "sched_getaffinity", lambda process: range(4), raising=False)
    monkeypatch.setattr(threads, "granted", lambda: share)
    assert threads.available() == n


def test_a_pool_follows_and_openblas_rests(monkeypatch):
    told, blas = [], []
    monkeypatch.setattr(threads, "followers", [])
    monkeypatch.setattr(threads, "_chosen", None)
    monkeypatch.setattr(threads, "tell_blas", blas.append)
    threads.choose(3)
    threads.follow(told.append)
    threads.choose(2)
    assert told == [3, 2] and blas == [3, 1, 1]


def test_openblas_is_told():
    if not threads._openblas():
        pytest.skip("this NumPy brings no OpenBLAS of its own")
    program = (
        "import rushlight as torch; from rushlight import threads; torch.set_num_threads(1); "
        "print([getattr(lib, 'scipy_openblas_get_num_threads64_')() for lib in threads._openblas()])"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert told.strip() == "[1]"
