"""The builder: what is written as loops, branches and variables runs as such."""

import ctypes

import numpy as np
import pytest

from rushlight.kernels import llvm, native
from rushlight.kernels.ir import Module
from rushlight.kernels.targets import NAMED
from rushlight.kernels.types import f32, f64, i16, i64, u8

pytestmark = pytest.mark.skipif(not native.on(), reason="machine code is off")


def built(write, returns=ctypes.c_int64, *arguments):
    """A function that `write(module)` defines as @it, as ctypes calls it."""

    m = Module()
    write(m)
    address = llvm.build(("test_ir", str(m)), lambda: m)["it"]
    return ctypes.CFUNCTYPE(returns, *arguments)(address)


def test_sum_with_a_masked_tail():
    def write(m):
        f = m.function("it", f32, x=f32.pointer, n=i64)
        x, n = f.args
        total = f.var(f.const(f32.x(16), 0))
        whole = n & -16
        for i in f.range(0, whole, 16):
            total += x.load(i, 16)
        with f.when(n > whole):
            total += x.load(whole, 16, f.below(n - whole, 16))
        f.ret(total.now.fold(lambda a, b: a + b))

    f = built(write, ctypes.c_float, ctypes.c_void_p, ctypes.c_int64)
    for n in (0, 1, 15, 16, 17, 1003):
        x = np.arange(n, dtype=np.float32)
        assert f(x.ctypes.data, n) == x.sum()


def test_a_loop_that_is_left_and_both_sides_of_a_branch():
    def write(m):
        f = m.function("it", i64, n=i64)
        k, steps = f.var(f.args[0]), f.var(0)
        for _ in f.forever():
            f.leave(k == 1)
            with f.when((k & 1) == 1):
                k.set(k * 3 + 1)
            with f.otherwise():
                k.set(k >> 1)
            steps += 1
        f.ret(steps)

    assert built(write, ctypes.c_int64, ctypes.c_int64)(27) == 111


def test_nested_loops_early_return_and_a_variable_only_read():
    def write(m):
        f = m.function("it", i64, n=i64)
        (n,) = f.args
        total, one = f.var(0), f.var(1)
        with f.when(n < 0):
            f.ret(-1)
        for i in f.range(0, n):
            for j in f.range(0, i):
                with f.when(j != 2):
                    total += one.now
        f.ret(total)

    f = built(write, ctypes.c_int64, ctypes.c_int64)
    for n in (-3, 0, 1, 10):
        assert f(n) == (-1 if n < 0 else sum(j != 2 for i in range(n) for j in range(i)))


def test_a_variable_changed_behind_the_way_out():
    """At `leave` in a later turn the variable has what the turn before it left there."""

    def write(m):
        f = m.function("it", i64, n=i64)
        k, last = f.var(0), f.var(-5)
        for _ in f.forever():
            f.leave(k == f.args[0])
            last.set(k * 10)
            k += 1
        f.ret(last)

    f = built(write, ctypes.c_int64, ctypes.c_int64)
    assert (f(0), f(1), f(4)) == (-5, 0, 30)


def test_variables_swapped_in_a_loop():
    def write(m):
        f = m.function("it", i64, n=i64)
        a, b = f.var(0), f.var(1)
        for _ in f.range(0, f.args[0]):
            old = a.now
            a.set(b)
            b.set(old + b.now)
        f.ret(a)

    f = built(write, ctypes.c_int64, ctypes.c_int64)
    assert [f(n) for n in range(8)] == [0, 1, 1, 2, 3, 5, 8, 13]


@pytest.mark.parametrize("value", [0.1, -0.0, float("inf"), float("nan"), 1e-45, 3.4e38])
def test_constants_keep_their_bits(value):
    def write(m):
        f = m.function("it", f32)
        f.ret(f.const(f32, value))

    with np.errstate(over="ignore"):
        want = np.float32(value)
    assert np.float32(built(write, ctypes.c_float)()).tobytes() == want.tobytes()


@pytest.mark.parametrize("value", [-1.5, 0.0, 2.9, 1e30, -1e30, float("nan")])
def test_floats_become_integers_without_poison(value):
    def write(m):
        f = m.function("it", i64, x=f64)
        f.ret(f.args[0].to(i16).to(i64))

    want = 0 if value != value else int(np.clip(np.trunc(value), -32768, 32767))
    assert built(write, ctypes.c_int64, ctypes.c_double)(value) == want


def test_unsigned_numbers_compare_and_grow_as_such():
    def write(m):
        f = m.function("it", i64, x=u8, y=u8)
        x, y = f.args
        f.ret((x < y).to(i64) * 1000 + x.to(i64))

    assert built(write, ctypes.c_int64, ctypes.c_int8, ctypes.c_int8)(-1, 1) == 255


def test_a_value_is_no_python_truth():
    f = Module().function("it", i64, n=i64)
    with pytest.raises(TypeError, match="f.when"):
        if f.args[0] == 1:
            pass


def test_nothing_follows_a_return():
    f = Module().function("it", i64)
    f.ret(0)
    with pytest.raises(AssertionError, match="nothing can follow a return"):
        f.ret(1)


@pytest.mark.parametrize("target", NAMED.values(), ids=NAMED)
def test_every_target_assembles(target):
    m = Module()
    f = m.function("it", x=f32.pointer, n=i64)
    x, n = f.args
    lanes = target.lanes(f32)
    for i in f.range(0, n, lanes):
        x.store(x.load(i, lanes, f.below(n - i, lanes)) * 2.0, i, f.below(n - i, lanes))
    f.ret()
    assert llvm.assemble(llvm.text_of(m, target), target)[:4] == b"\x7fELF"


@pytest.mark.parametrize("lanes", [1, 2, 4])
def test_lanes_are_numbered_also_where_there_is_one(lanes):
    def write(m):
        f = m.function("it", i64, x=i64)
        numbers = f.iota(lanes, i64) + f.args[0].splat(lanes)
        f.ret(numbers if lanes == 1 else numbers.lane(lanes - 1))

    assert built(write, ctypes.c_int64, ctypes.c_int64)(5) == 5 + lanes - 1
