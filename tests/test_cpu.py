"""torch.cpu: the answers of torch's, and the figures of the allocator."""

import os
import subprocess
import sys

import pytest

import rushlight
from rushlight import cpu

CALLS = [
    "is_available()",
    "device_count()",
    "is_initialized()",
    "current_device()",
    "synchronize()",
    "synchronize('cpu')",
    "set_device('cpu')",
    "current_stream().wait_stream(None)",
    "Event().query()",
    "Event().wait()",
]
FIGURES = ["memory_allocated", "max_memory_allocated", "memory_reserved", "max_memory_reserved"]


@pytest.mark.parametrize("call", CALLS)
def test_answers_as_torch(call):
    torch = pytest.importorskip("torch")
    ours, theirs = eval(f"cpu.{call}", {"cpu": cpu}), eval(f"cpu.{call}", {"cpu": torch.cpu})
    assert ours == theirs and type(ours) is type(theirs)


def test_streams_run_as_written():
    with cpu.stream(cpu.current_stream()):
        assert rushlight.ones(2).sum() == 2
    assert cpu.Stream().record_event().query()


def test_figures_add_up():
    stats = cpu.memory_stats()
    now, made, freed = (stats[f"allocation.all.{name}"] for name in ("current", "allocated", "freed"))
    assert now == made - freed
    assert stats["allocated_bytes.all.current"] <= stats["allocated_bytes.all.peak"]
    assert stats["cache.bytes"] <= stats["cache.limit"]
    assert all(isinstance(getattr(cpu, name)("cpu"), int) for name in FIGURES)
    cpu.reset_peak_memory_stats()
    cpu.empty_cache()


PROGRAM = """
import rushlight as torch
from rushlight.kernels import allocator
allocator.install()
a = torch.ones(1 << 20)
n = torch.cpu.memory_allocated()
assert n >= 4 << 20 and torch.cpu.max_memory_allocated() >= n, n
del a
assert torch.cpu.memory_allocated() <= n - (4 << 20)
assert torch.cpu.memory_reserved() >= 4 << 20 and torch.cpu.max_memory_reserved() >= n
torch.cpu.reset_peak_memory_stats()
assert torch.cpu.max_memory_allocated() < 4 << 20
hits = torch.cpu.memory_stats()["cache.hits"]
torch.ones(1 << 20)
assert torch.cpu.memory_stats()["cache.hits"] > hits
torch.cpu.set_cache_limit(1 << 20)
assert torch.cpu.memory_stats()["cache.bytes"] <= 1 << 20 == torch.cpu.memory_stats()["cache.limit"]
torch.cpu.empty_cache()
assert torch.cpu.memory_reserved() == torch.cpu.memory_allocated()
"""


def run(program, **variables):
    command, environment = [sys.executable, "-c", program], os.environ | variables
    return subprocess.run(command, env=environment, capture_output=True, text=True)


def test_figures_follow_tensors():
    pytest.importorskip("llvmlite")
    done = run(PROGRAM, RUSHLIGHT_ALLOCATOR="1000", RUSHLIGHT_JIT="1")
    assert done.returncode == 0, done.stderr


def test_without_the_allocator_all_is_zero():
    done = run(
        "import rushlight as torch; torch.cpu.empty_cache(); torch.cpu.set_cache_limit(1);"
        "torch.cpu.reset_peak_memory_stats(); print(set(torch.cpu.memory_stats().values()))",
        RUSHLIGHT_ALLOCATOR="0",
    )
    assert done.stdout == "{0}\n", done.stderr


def test_what_is_wrong_is_said():
    with pytest.raises(ValueError, match=r"torch\.cpu\.set_cache_limit: -1 bytes"):
        cpu.set_cache_limit(-1)
    with pytest.raises(AttributeError, match=r"torch\.cpu.*memory_alocated.*memory_allocated"):
        cpu.memory_alocated  # noqa: B018
    assert [name for name in cpu.__all__ if not hasattr(cpu, name)] == []
