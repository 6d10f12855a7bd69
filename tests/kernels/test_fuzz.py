"""Random calls in machine code, in guarded memory and for each processor, against the same calls on NumPy.

RUSHLIGHT_FUZZ=100-300 has other seeds than the usual: for a long hunt.
"""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from rushlight.kernels import native, targets
from tests.kernels import guarded
from tests.kernels.fuzzing import differences, read

pytestmark = pytest.mark.skipif(
    not native.on() or sys.platform != "linux", reason="machine code is off, or no Linux memory to guard"
)
ROOT = Path(__file__).parents[2]
FAMILIES = {
    "arithmetic": ["unary", "activations", "binary", "quotients", "reductions"],
    "layers": ["softmaxes", "norms", "poolings", "attentions", "recurrents"],
    "products": ["products", "large_products", "convolutions", "known_convolutions"],
    "moves": ["lookups", "scatters", "orders", "copies", "conversions", "optimizers"],
}
FIRST, LAST = (int(n) for n in os.environ.get("RUSHLIGHT_FUZZ", "0-2").split("-"))


def run(file: Path, side: str, jobs: list[str], **variables: str) -> str:
    """Make calls in a process of their own; what went wrong, or nothing."""
    one = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    environment = {**os.environ, "RUSHLIGHT_ALLOCATOR": "0", **one, **variables}
    command = [sys.executable, "-m", "tests.kernels.fuzzing", str(file), side, *jobs]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, env=environment, cwd=ROOT)
    if done.returncode == 0 and not done.stderr:
        return ""
    last = Path(f"{file}.at").read_text().strip() if Path(f"{file}.at").exists() else "the start"
    return f"exit code {done.returncode} at {last}\n{done.stderr[-2000:]}"


def runs_here(cpu: str) -> bool:
    """Whether this machine runs code for a named processor; the host's name is empty."""
    features = targets.binding().get_host_cpu_features()
    needed = {"avx512": ("avx512vl", "avx512dq", "avx512bw", "avx512cd"), "avx2": ("avx2", "fma", "bmi2")}
    return not cpu or platform.machine() == "x86_64" and all(features.get(n) for n in needed.get(cpu, ()))


@pytest.mark.parametrize("families", FAMILIES)
@pytest.mark.parametrize(
    ("cpu", "side"), [("", "start"), ("", "end"), ("avx512", "end"), ("avx2", "end"), ("baseline", "end")]
)
def test_random_calls(cpu: str, side: str, families: str, tmp_path: Path) -> None:
    """Values and gradients of NumPy; the same bits with 1, 2, 3 threads; no byte beside any array."""
    if not runs_here(cpu):
        pytest.skip("another processor")
    if (cpu, side) == ("", "end") and families != "products":
        pytest.skip("code that named processors share, but for products of half types")
    jobs = [f"{family}:{seed}" for family in FAMILIES[families] for seed in range(FIRST, LAST + 1)]
    assert run(tmp_path / "numpy", "none", jobs, RUSHLIGHT_JIT="0") == ""
    chosen = {"RUSHLIGHT_CPU": cpu} if cpu else {}
    assert run(tmp_path / "native", side, jobs, **chosen) == ""
    found, wanted = read(tmp_path / "native"), read(tmp_path / "numpy")
    wrong = [differences(a, b) for a, b in zip(found, wanted, strict=True)]
    assert [w for w in wrong if w] == []
    failed = [w.label for w in wanted if w.arrays and w.arrays[0].dtype.kind == "U"]
    assert len(failed) < len(wanted) / 50, failed  # calls that are errors say little


# -- the checks can fail ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("side", "offset", "code"),
    [
        *(("end", 39, 0), ("end", 40, -11), ("end", -1, 3)),
        *(("start", 0, 0), ("start", -1, -11), ("start", 40, 3), ("start", guarded.PAGE, -11)),
    ],
)
def test_a_byte_beside_an_array_is_noticed(side: str, offset: int, code: int) -> None:
    """A crash (signal 11) on a guard page, exit code 3 for a dead canary."""
    command = [sys.executable, "-m", "tests.kernels.guarded", side, str(offset)]
    assert subprocess.run(command, capture_output=True, cwd=ROOT).returncode == code


def test_all_arrays_of_machine_code_are_guarded() -> None:
    program = """
import os, sys
import rushlight as torch
from tests.kernels import guarded
guarded.install("end")
x = torch.ones(1001)
w = torch.ones(1001, requires_grad=True)
for y in (torch.exp(x), x + 1, torch.softmax(x, 0), torch.outer(x, x), (x * w).sum(), x.cumsum(0)):
    assert (y.data_ptr() + y.numel() * 4) % guarded.PAGE == 0, y
os._exit(0)
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "RUSHLIGHT_ALLOCATOR": "0"},
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_crash_names_the_call(tmp_path: Path) -> None:
    said = run(tmp_path / "x", "end", ["crashing:0"])
    assert said.startswith("exit code -11 at crashing 0 (1): a read too far")


def test_wrong_numbers_are_found(tmp_path: Path) -> None:
    for side in ("none", "end"):
        assert run(tmp_path / side, side, ["softmaxes:1"]) == ""
    good, bad = read(tmp_path / "none"), read(tmp_path / "end")
    assert [differences(a, b) for a, b in zip(bad, good, strict=True)] == [""] * len(good)
    values = good[0].arrays[0].copy()
    values.flat[0] += 0.05
    assert "1 of" in differences(bad[0]._replace(arrays=[values, *bad[0].arrays[1:]]), good[0])
