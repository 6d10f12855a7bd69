"""Kernels for aarch64, run by an emulator, against NumPy. Slow: `rush.py test -m slow`.

Needs Debian's qemu-user-static and gcc-aarch64-linux-gnu; skipped where they are not there.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rushlight.scalar as s
from rushlight.kernels import native, total
from rushlight.kernels.elements import Elements, flat, strided
from rushlight.kernels.ir import Module
from rushlight.kernels.launch import entry
from rushlight.kernels.types import Type, f32, f64, i1, i64
from tests.kernels import qemu
from tests.kernels.fuzzing import differences, read
from tests.kernels.test_fuzz import run

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not native.on(), reason="machine code is off"),
    pytest.mark.skipif(bool(qemu.missing()), reason=qemu.missing()),
]
A, B = s.var("a"), s.var("b")
KINDS = [(f32, np.float32), (f64, np.float64)]

#: expressions, what they are, and inputs for which they are defined
MATH: dict[str, tuple[Any, Any, str]] = {
    "exp": (s.exp(A), np.exp, "any"),
    "expm1": (s.expm1(A), np.expm1, "any"),
    "log": (s.log(A), np.log, "positive"),
    "log1p": (s.log1p(A), np.log1p, "positive"),
    "sin": (s.sin(A), np.sin, "any"),
    "cos": (s.cos(A), np.cos, "any"),
    "tanh": (s.tanh(A), np.tanh, "any"),
    "sqrt": (s.sqrt(A), np.sqrt, "positive"),
    "arctan": (s.atan(A), np.arctan, "any"),
    "product": (A * B + 1, lambda a, b: a * b + 1, "any"),
    "quotient": (A / B, np.divide, "positive"),
    "power": (A**B, np.power, "positive"),
}


def numbers(n: int, kind: Any, domain: str, seed: int) -> np.ndarray:
    x = np.random.default_rng(seed).standard_normal(n) * 3
    return (np.abs(x) + 0.1 if domain == "positive" else x).astype(kind)


def spec(root: Any, t: Type, output: Type | None = None) -> Elements:
    names = ("a", "b") if "b" in str(s.program(root)) or root.fn.kind is s.TRUTH else ("a",)
    return Elements(root, names, (t,) * len(names), t, output or t)


def looping(write: Any, elements: Elements) -> Path:
    """The program of a pointwise loop."""

    def make(target: Any) -> Module:
        m = Module()
        write(m, "kernel", elements, target) if write is flat else write(m, "kernel", elements)
        return m

    return qemu.program(make)


@pytest.mark.parametrize(("t", "kind"), KINDS, ids=["float", "double"])
@pytest.mark.parametrize("name", MATH)
def test_pointwise(name: str, t: Type, kind: Any) -> None:
    root, wanted, domain = MATH[name]
    elements = spec(root, t)
    path, slow = looping(flat, elements), looping(strided, elements)
    for n in (1, 2, 3, 4, 5, 8, 31, 1000):
        inputs = [numbers(n, kind, domain, seed) for seed in range(len(elements.names))]
        want = wanted(*(x.astype(np.float64) for x in inputs))
        out, steps = np.zeros(n, kind), np.dtype(kind).itemsize
        pairs = [v for x in inputs for v in (x, steps)]
        qemu.call(path, n, 400, out, steps, *pairs)
        np.testing.assert_allclose(out, want, rtol=8 * np.finfo(kind).eps, atol=4 * np.finfo(kind).eps)
        room = np.zeros(3 * n, kind)
        qemu.call(slow, n, 400, room, 3 * steps, *pairs)
        np.testing.assert_allclose(room[::3], want, rtol=8 * np.finfo(kind).eps, atol=4 * np.finfo(kind).eps)
        assert not room[1::3].any() and not room[2::3].any()


@pytest.mark.parametrize(("t", "kind"), KINDS, ids=["float", "double"])
def test_truth_values_and_one_number_for_all(t: Type, kind: Any) -> None:
    path = looping(flat, spec(A < B, t, i1))
    for n in (1, 7, 100):
        x, y, out = numbers(n, kind, "any", 0), numbers(1, kind, "any", 1), np.full(n, 9, np.int8)
        qemu.call(path, n, 64, out, 1, x, x.itemsize, y, 0)
        np.testing.assert_array_equal(out, (x < y).astype(np.int8))


@pytest.mark.parametrize(("t", "kind"), KINDS, ids=["float", "double"])
def test_sum_of_everything(t: Type, kind: Any) -> None:
    def make(target: Any) -> Module:
        m = Module()
        name = total.block(m, t, target)
        f, lo, hi, _, (x, sums, n) = entry(m, "kernel", x=t.pointer, sums=t.pointer, n=i64)
        for k in f.range(lo, hi):
            left = n - k * 100
            sums.at(k).store(f.call(name, t, x.at(k * 100), (left < 100).select(left, 100)))
        f.ret()
        return m

    path = qemu.program(make)
    for n in (1, 3, 4, 15, 16, 17, 99, 100, 1001):
        x, blocks = numbers(n, kind, "any", n), -(-n // 100)
        sums = np.zeros(blocks, kind)
        qemu.call(path, blocks, 3, x, sums, n)
        want = [x[100 * k : 100 * (k + 1)].astype(np.float64).sum() for k in range(blocks)]
        np.testing.assert_allclose(sums, want, rtol=1e-4 if kind is np.float32 else 1e-12, atol=1e-5)


#: families of random calls, and kernels that they must have run
FAMILIES = {
    "softmaxes norms reductions": ("rows", "norm forward", "norm backward", "sums of rows"),
    "products": ("direct", "dots"),
    "large_products": ("packed", "bands"),
    "convolutions": ("conv", "conv pack", "conv weight"),
    "known_convolutions": ("winograd", "depthwise", "depthwise weights", "conv points"),
    "poolings": ("pool planes", "spread planes"),
    "attentions": ("attention", "attention backward"),
    "recurrents": ("recurrent", "recurrent backward"),
    "lookups scatters": ("take", "gather", "scatter", "scatter_add"),
    "orders": ("scan lines", "scan columns", "topk"),
    "copies conversions": ("copy tiles", "convert"),
}


@pytest.mark.parametrize("families", FAMILIES)
def test_random_calls(families: str, tmp_path: Path) -> None:
    """As in test_fuzz: values and gradients of NumPy, canaries around all memory."""
    jobs = [
        f"{family}:{seed}"
        for family in families.split()
        for seed in range(3 if families != "known_convolutions" else 24)
    ]
    assert run(tmp_path / "numpy", "none", jobs, RUSHLIGHT_JIT="0") == ""
    assert run(tmp_path / "arm", "aarch64", jobs, RUSHLIGHT_CACHE="") == ""
    launched = Path(f"{tmp_path / 'arm'}.at").read_text()
    assert [k for k in FAMILIES[families] if f"'{k}'" not in launched] == [], launched
    found, wanted = read(tmp_path / "arm"), read(tmp_path / "numpy")
    assert [w for w in map(differences, found, wanted) if w] == []


# -- the checks can fail ------------------------------------------------------------------------------


def test_a_number_too_many_is_noticed() -> None:
    path = looping(flat, spec(A * 2, f32))
    x, out = np.ones(10, np.float32), np.zeros(9, np.float32)
    with pytest.raises(AssertionError, match="canary"):
        qemu.call(path, 10, 100, out, 4, x, 4)


def test_programs_are_those_of_another_processor() -> None:
    header = looping(flat, spec(A + 1, f64)).read_bytes()[:20]
    assert header[:4] == b"\x7fELF" and header[18] == 183  # EM_AARCH64
