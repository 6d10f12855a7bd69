"""What a captured call leaves to NumPy: the bits are a kernel's, and no kernel is made for it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rushlight.compiler.elements import EXACT, is_exact
from rushlight.kernels import native
from rushlight.ops.declare import registry
from rushlight.ops.elementwise import Pointwise

pytestmark = pytest.mark.skipif(not native.on(), reason="no machine code here")

ROOT = Path(__file__).parents[2]
SPECIAL = (0.0, -0.0, 1.0, -1.5, np.inf, -np.inf, np.nan, 5e-324, 1e-40, 3.4e38, -3.4e38, 0.1, 1 / 3)
OPS = [n for n, op in registry.items() if isinstance(op, Pointwise) and is_exact(op.folded)]


def given(op: Any, dtype: str) -> list[np.ndarray]:
    """All combinations of numbers that are out of the ordinary, and ordinary ones."""
    rng = np.random.default_rng(0)
    values = np.array([*SPECIAL, *rng.standard_normal(20)] if dtype[0] == "f" else [0, 1, 2, 7, 100, 127])
    grid = np.meshgrid(*[values.astype(dtype)] * len(op.tensors))
    return [(a > 0 if n in op.conditions else a).ravel() for n, a in zip(op.tensors, grid, strict=True)]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("dtype", ["f4", "f8", "i4"])
@pytest.mark.parametrize("name", OPS)
def test_numpy_gives_the_bits_of_kernels(name: str, dtype: str) -> None:
    op = registry[name]
    assert isinstance(op, Pointwise)
    same_bits(op.evaluate, op.by_numpy, *given(op, dtype))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("exponent", [1, 2])
def test_powers_are_products(exponent: int) -> None:
    op = registry["pow"]
    assert isinstance(op, Pointwise)
    x = np.random.default_rng(0).standard_normal(1000).astype(np.float32)
    same_bits(op.by_numpy, lambda x, n: x * x if n == 2 else x, x, exponent)


def same_bits(f: Any, other: Any, *args: Any) -> None:
    """Two functions give one dtype and layout, and the same bits, but for those of nan."""
    got, want = f(*args), other(*args)
    assert (got.dtype, got.strides) == (want.dtype, want.strides)
    np.testing.assert_array_equal(got, want)
    if got.dtype.kind == "f":
        number = ~np.isnan(want)
        np.testing.assert_array_equal(np.signbit(got[number]), np.signbit(want[number]))


def test_results_lie_in_rows_where_inputs_do_or_are_stretched() -> None:
    rows, stretched = np.ones((3, 4), np.float32), np.broadcast_to(np.float32(2), (3, 4))
    for name, args in (("mul", (rows, stretched)), ("mul", (stretched, stretched)), ("neg", (stretched,))):
        op: Any = registry[name]
        assert op.by_numpy(*args).strides == op.evaluate(*args).strides == (16, 4)


def test_every_function_is_tested() -> None:
    assert {op.folded.fn for n in OPS if isinstance(op := registry[n], Pointwise)} >= EXACT


STEP = """
import rushlight as torch
from rushlight.kernels import llvm

w1, w2 = torch.randn(40, 30).requires_grad_(), torch.randn(30, 10).requires_grad_()

def step(x, y):
    loss = (x.mm(w1).clamp(min=0).mm(w2) - y).pow(2).sum()
    loss.backward()
    with torch.no_grad():
        for w in (w1, w2):
            w.sub_(1e-6 * w.grad)
            w.grad = None
    return loss

x, y = torch.randn(20, 40), torch.randn(20, 10)
torch.compile(step)(x, y)
eager = {"rushlight_new", "call_method"}  # loops over any arrays, and calls of ops
assert not eager & llvm.symbols.keys(), llvm.symbols.keys()
step(x, y)
assert eager <= llvm.symbols.keys()
assert type(torch.Tensor.__dict__["mm"]).__name__ == "method_descriptor"
"""


def test_a_captured_step_makes_no_code_of_eager_mode(tmp_path: Path) -> None:
    env = {**os.environ, "RUSHLIGHT_CACHE": str(tmp_path), "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", STEP], env=env, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
