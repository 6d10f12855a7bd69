"""Fused programs have the bits of their steps run one by one, in any layout, and touch nothing else."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rushlight
import rushlight.scalar as s
from rushlight.kernels import fused_form, fused_loops, native
from rushlight.kernels.fused_space import collapse
from rushlight.kernels.targets import NAMED
from rushlight.kernels.types import f16, f32, f64, i1, i64, u16

pytestmark = pytest.mark.skipif(not native.on(), reason="machine code is off")
if native.on():
    from rushlight.kernels.fused import Operand, Step, plan, run, supported
    from tests.kernels import fused_programs
    from tests.kernels.fused_programs import check, strides
    from tests.kernels.test_fuzz import runs_here

ROOT = Path(__file__).parents[2]
X, Y, K = (s.var(n) for n in "xyk")
RNG = np.random.default_rng(0)


def floats(*shape: int) -> np.ndarray:
    return np.asarray(RNG.standard_normal(shape), np.float32)


def operand(name: str, x: np.ndarray, type: Any = f32) -> Any:
    return Operand(name, type, strides(x))


def planned(expr: Any, shape: tuple[int, ...], out: np.ndarray, **inputs: np.ndarray) -> Any:
    """The plan of out = expr in float32."""
    given = [operand(n, np.broadcast_to(x, shape)) for n, x in inputs.items()]
    return plan(shape, [Step("out", expr, f32, f32)], given, [operand("out", out)])


# -- bits -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", range(0, 200, 50))
def test_random_programs(first: int) -> None:
    """Those of odd seeds have reductions."""
    known = [check(seed) for seed in range(first, first + 50)]
    assert sum(known) > 35


def test_large_programs_with_any_number_of_threads() -> None:
    before = rushlight.get_num_threads()
    try:
        for seed in range(1000, 1040):
            check(seed, 150_000, (1, 2, 3))
    finally:
        rushlight.set_num_threads(before)


@pytest.mark.parametrize(
    ("cpu", "side"), [("", "start"), ("", "end"), ("avx512", "end"), ("avx2", "end"), ("baseline", "end")]
)
def test_nothing_beside_the_arrays_is_touched(cpu: str, side: str) -> None:
    if sys.platform != "linux" or not runs_here(cpu):
        pytest.skip("another system or processor")
    chosen = {"RUSHLIGHT_CPU": cpu} if cpu else {}
    done = subprocess.run(
        [sys.executable, "-m", "tests.kernels.fused_programs", side, "200", "300"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "RUSHLIGHT_ALLOCATOR": "0", **chosen},
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_check_can_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fused_programs, "run", lambda *args: None)
    with pytest.raises(AssertionError):
        check(1)


# -- layouts --------------------------------------------------------------------------------------------


def test_dimensions_are_merged_dropped_and_ordered_as_the_first_operand_lies() -> None:
    assert collapse((2, 3, 4), [(12, 4, 1), (12, 4, 1)])[:2] == ((24,), ((1,), (1,)))
    assert collapse((2, 3, 4), [(12, 4, 1), (0, 4, 1)])[:2] == ((2, 12), ((12, 1), (0, 1)))
    assert collapse((4, 3), [(1, 4), (1, 4)])[:2] == ((12,), ((1,), (1,)))  # all transposed alike
    assert collapse((4, 1, 3), [(3, 7, 1), (0, 0, 0)])[:2] == ((12,), ((1,), (0,)))
    assert collapse((), [(), ()])[:2] == ((1,), ((1,), (1,)))
    assert collapse((2, 3), [(3, 1), (1, 2)])[:2] == ((2, 3), ((3, 1), (1, 2)))


def test_what_lies_in_a_row_needs_no_table() -> None:
    x, out = floats(6, 7), np.empty((6, 7), np.float32)
    (launch,) = planned(X + 1, (6, 7), out, x=x).launches
    assert (launch.total, launch.grain) == (42, 1 << 14)
    assert planned(s.exp(X), (6, 7), out, x=x).launches[0].grain == 1 << 13
    turned = planned(X + Y, (7, 6), out.T, x=x.T, y=floats())
    assert turned.launches[0].total == 42


def test_other_shapes_have_the_same_code() -> None:
    kernel = lambda plan: plan.launches[0].kernel  # noqa: E731
    made = [planned(X + Y, (n, m), floats(n, m), x=floats(n, m), y=floats(m)) for n, m in ((3, 5), (64, 99))]
    assert kernel(made[0]) is kernel(made[1])
    out = floats(3, 5)
    named = plan(
        (3, 5),
        [Step("b", K + X, f32, f32)],
        [operand("k", out), Operand("x", f32, (0, 1))],
        [operand("b", out)],
    )
    assert kernel(named) is kernel(made[0])  # names do not matter
    across = planned(X + Y, (3, 5), floats(3, 5), x=floats(3, 5), y=floats(3, 1))
    assert kernel(across) is not kernel(made[0])


@pytest.mark.parametrize("shape", [(0,), (3, 0), (0, 5), (2, 0, 3)])
def test_empty(shape: tuple[int, ...]) -> None:
    x, out = floats(*shape), floats(*shape)
    for y in (floats(*shape), floats(*shape[1:]), floats()):
        run(planned(X + Y, shape, out, x=x, y=y), [out], [x, y])


def test_long_rows_are_cut_into_blocks() -> None:
    wide = floats(2, 100_003)
    x, out = wide[:, ::2], np.zeros((2, 50_002), np.float32)
    made = planned(X * 2, x.shape, out, x=x)
    assert made.launches[0].total == 8
    run(made, [out], [x])
    np.testing.assert_array_equal(out, x * 2)


def test_an_output_in_its_inputs_memory() -> None:
    for shape in ((1000,), (30, 33)):
        x, y = floats(*shape), floats(shape[-1])
        total = x + y
        steps = [Step("a", X + Y, f32, f32), Step("b", s.var("a") * X, f32, f32)]
        given = [operand("x", x), operand("y", np.broadcast_to(y, shape))]
        wanted, out = total * x, np.empty_like(x)
        run(plan(shape, steps, given, [operand("a", x), operand("b", out)]), [x, out], [x, y])
        np.testing.assert_array_equal(x, total)
        np.testing.assert_array_equal(out, wanted)


def test_an_input_as_output_is_a_copy() -> None:
    x, out = floats(5, 40), floats(40, 5)
    run(plan((40, 5), [], [operand("x", x.T)], [operand("x", out)]), [out], [x])
    np.testing.assert_array_equal(out, x.T)


# -- numbers and types ----------------------------------------------------------------------------------


def test_numbers_change_from_call_to_call() -> None:
    x, out = floats(100), floats(100)
    made = plan((100,), [Step("out", X * K, f32, f32)], [operand("x", x)], [operand("out", out)], ("k",))
    for k in (2.0, 0.1):
        run(made, [out], [x], [k])
        np.testing.assert_array_equal(out, x * np.float32(k))


def test_half_floats_are_rounded_at_each_step() -> None:
    x, out = floats(50).astype(np.float16), np.empty(50, np.float16)
    steps = [Step("a", X * 1.001, f32, f16), Step("b", s.var("a") * 1.001, f32, f16)]
    run(plan((50,), steps, [operand("x", x, f16)], [operand("b", out, f16)]), [out], [x])
    once = (x.astype(np.float32) * np.float32(1.001)).astype(np.float16)
    np.testing.assert_array_equal(out, (once.astype(np.float32) * np.float32(1.001)).astype(np.float16))


def test_a_condition_is_asked_before_it_is_rounded() -> None:
    tiny, out = np.array([1e-300, 0.0, np.nan]), np.empty(3, np.float32)
    made = plan(
        (3,), [Step("out", s.where(X, 1, 2), f32, f32)], [operand("x", tiny, f64)], [operand("out", out)]
    )
    run(made, [out], [tiny])
    np.testing.assert_array_equal(out, [1, 2, 1])


def test_what_is_supported() -> None:
    x = [Operand("x", f32, (1,))]
    out = lambda t: [Operand("y", t, (1,))]  # noqa: E731
    assert supported((3,), [Step("y", X + 1, f32, f32)], x, out(f32))
    assert supported((3,), [Step("y", X, i64, i64)], x, out(i64))
    assert not supported((3,), [Step("y", s.lgamma(X), f32, f32)], x, out(f32))
    assert not supported((3,), [Step("y", X, f64, f16)], x, out(f16))
    assert not supported((3,), [Step("y", X + 1, f16, f16)], x, out(f16))
    assert not supported((3,), [Step("y", X, f32, u16)], x, out(u16))
    assert not supported((3,), [Step("y", X / 2, i64, i64)], x, out(i64))
    assert not supported((1,) * 7, [Step("y", X + 1, f32, f32)], x, out(f32))
    assert not supported((3,), [], x, [])


def test_more_arrays_than_the_launcher_takes() -> None:
    arrays = [floats(3, 50) for _ in range(60)]
    names = [f"a{k}" for k in range(60)]
    out, total = floats(3, 50), s.var("a0")
    for name in names[1:]:
        total = total + s.var(name)
    given = [operand(n, a) for n, a in zip(names, arrays, strict=True)]
    (launch,) = plan((3, 50), [Step("t", total, f32, f32)], given, [operand("t", out)]).launches
    launch.kernel(0, 1)  # compiles it
    slots = np.array([a.ctypes.data for a in (launch.table, out, *arrays)])
    code = ctypes.CFUNCTYPE(None, ctypes.c_void_p, *[ctypes.c_int64] * 3)(launch.kernel.address)
    code(slots.ctypes.data, 0, launch.total, 0)
    np.testing.assert_array_equal(out, np.sum(arrays, 0))


def test_truth_values_lie_in_bytes_on_every_processor() -> None:
    form = fused_form.Form(
        (Step("y", X < Y, f64, i1),),
        (fused_form.Place("y", i1, fused_form.DENSE),),
        tuple(fused_form.Place(n, f64, fused_form.DENSE) for n in "xy"),
        (),
        0,
        -1,
    )
    for target in NAMED.values():
        assert "store <" in str(fused_loops.write(form, target))
